//! Draws the Mandelbrot set on a Stoker cluster: each tile is a task, the tiles become a PNG.
//!
//! ```text
//! cargo xtask guests                             # the program that computes a tile, in Wasm
//! cargo run -p stoker-cli -- dev                 # a cluster, in another terminal
//! cargo run -p stoker-examples-mandelbrot        # writes mandelbrot.png; --help tells the rest
//! ```
//!
//! Written to be copied: [`grid`] says which tiles there are and what task computes each,
//! [`scheduler`] has the tasks done, [`picture`] puts together what they left.

mod grid;
mod picture;
mod scheduler;

use std::{
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    pin::pin,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use stoker_sdk_scheduler::{
    Driver, OutputFile, Role,
    artifacts::{ArtifactKind, Artifacts},
};

use crate::{
    grid::{Grid, Point, Sides},
    picture::Picture,
    scheduler::Farm,
};

/// How long to look for a master, at the start and whenever it is lost.
const WAIT: Duration = Duration::from_secs(60);
/// How often the progress is shown where it cannot be redrawn.
const PAUSE: Duration = Duration::from_secs(1);

/// Draw the Mandelbrot set on a Stoker cluster, a task for each tile
#[derive(Clone, Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The picture
    #[arg(long, short, default_value = "mandelbrot.png", value_name = "FILE")]
    output: PathBuf,
    /// A master; may be repeated [default: $STOKER_MASTER, or http://127.0.0.1:5050]
    #[arg(long, value_name = "URL")]
    master: Vec<String>,
    /// Its size in pixels
    #[arg(long, default_value = "1024x768", value_name = "WIDTHxHEIGHT")]
    size: Sides,
    /// How many tiles it is cut into
    #[arg(long, default_value = "8x8", value_name = "COLUMNSxROWS")]
    tiles: Sides,
    /// The point in its middle
    #[arg(
        long,
        default_value = "-0.65,0",
        value_name = "RE,IM",
        allow_hyphen_values = true
    )]
    center: Point,
    /// How near to look; 1 shows the whole set
    #[arg(long, default_value_t = 1.0)]
    zoom: f64,
    /// How long to wait for a point to leave
    #[arg(long, default_value_t = 1000, value_name = "COUNT")]
    iterations: u32,
    /// The role that the tasks are charged to
    #[arg(long, default_value = "default")]
    role: Role,
    /// The folder with mandelbrot-tile.wasm [default: where `cargo xtask guests` puts it]
    #[arg(
        long,
        value_name = "DIR",
        env = "STOKER_GUESTS_DIR",
        hide_env_values = true
    )]
    modules: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let started = Instant::now();
    let grid = Grid {
        image: arguments.size,
        tiles: arguments.tiles,
        center: arguments.center,
        zoom: arguments.zoom,
        iterations: arguments.iterations,
    };
    grid.check()?;
    let store = Artifacts::connect(&arguments.master, WAIT).await?;
    let module = arguments.modules.clone().unwrap_or_else(built_guests);
    let module = module.join("mandelbrot-tile.wasm");
    ensure!(
        module.is_file(),
        "there is no {}: run `cargo xtask guests`, or name another folder with --modules",
        module.display()
    );
    let module = store
        .upload_file(&module, ArtifactKind::Module, |_, _| {})
        .await?;

    let tiles = grid.tiles();
    let file = |number: usize| format!("tile-{number}");
    let numbered = tiles.iter().zip(0..);
    let farm =
        Farm::new(numbered.map(|(tile, number)| grid.task(module.digest, tile, &file(number))));
    let left = run(&arguments, farm, tiles.len()).await?.into_results()?;

    let mut picture = Picture::new(grid.image);
    for (tile, number) in tiles.iter().zip(0..) {
        let left = left.get(&file(number)).context("it was interrupted")?;
        picture.draw(tile, &fetch(&store, left).await?)?;
    }
    picture.write(&arguments.output)?;
    note(&format!(
        "{} from {} tiles in {:.1} s",
        arguments.output.display(),
        tiles.len(),
        started.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Runs the scheduler to its end, which an interrupt brings about early, and shows how far it is.
async fn run(arguments: &Arguments, farm: Farm, tiles: usize) -> anyhow::Result<Farm> {
    let done = farm.watch();
    let driver = Driver::builder(farm)
        .name("mandelbrot")
        .masters(&arguments.master)
        .roles([arguments.role.clone()])
        .ephemeral()
        .wait(WAIT)
        .build()?;
    let handle = driver.handle();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            // One that has ended by itself needs no stop.
            let _has_ended = handle.stop().await;
        }
    });
    let bar = ProgressBar::new(tiles as u64).with_style(
        ProgressStyle::with_template("{elapsed} {bar:40} {pos} of {len} tiles")
            .context("the template of the progress is wrong")?,
    );
    let is_terminal = std::io::stderr().is_terminal();
    let mut redraw = tokio::time::interval(if is_terminal { PAUSE / 10 } else { PAUSE });
    let mut run = pin!(driver.run());
    loop {
        tokio::select! {
            ended = &mut run => {
                bar.finish_and_clear();
                return Ok(ended?);
            }
            _ = redraw.tick() => {
                let done = *done.borrow();
                bar.set_position(done as u64);
                if !is_terminal {
                    note(&format!("{done} of {tiles} tiles"));
                }
            }
        }
    }
}

/// What a task left: small files came with its last update, others are in the store.
async fn fetch(store: &Artifacts, left: &OutputFile) -> anyhow::Result<Vec<u8>> {
    if let Some(content) = &left.content {
        return Ok(content.clone());
    }
    let mut bytes = Vec::new();
    store.download(left.digest, &mut bytes, |_, _| {}).await?;
    Ok(bytes)
}

/// Where `cargo xtask guests` puts the guests, seen from where cargo puts this program:
/// `target/debug/` and `target/guests/…`.
fn built_guests() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let target = program.ancestors().nth(2).unwrap_or(&program);
    target.join("guests/wasm32-wasip1/release")
}

/// A line on stderr. If no one reads it, nothing is lost.
fn note(line: &str) {
    drop(writeln!(std::io::stderr(), "mandelbrot: {line}"));
}
