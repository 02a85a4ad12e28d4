//! Computes one tile of a picture of the Mandelbrot set.
//!
//! ```text
//! mandelbrot-tile FILE --tile X,Y,WIDTH,HEIGHT --image WIDTH,HEIGHT --center RE,IM --span WIDTH
//!                 --iterations N
//! ```
//!
//! `--tile` is the part of the image to compute, in pixels; `--center` and `--span` are what the image shows:
//! the point in its middle, and its width on the complex plane. FILE gets a byte for each pixel, row by row:
//! 0 inside the set, and from 1 to 255 the longer it took to leave. What colours these are is the caller's
//! choice.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::str::FromStr;

/// An iteration that is this far out has left for good; far enough for smooth shades.
const ESCAPE_RADIUS: f64 = 256.0;
/// The largest side of an image, in pixels: a tile has to fit into the memory of a task.
const LARGEST_SIDE: u32 = 32_768;

/// What is to be computed.
#[derive(Debug, PartialEq)]
struct Wishes {
    file: String,
    /// Left, top, width, height.
    tile: [u32; 4],
    /// Width, height.
    image: [u32; 2],
    /// Real and imaginary part.
    center: [f64; 2],
    span: f64,
    iterations: u32,
}

fn main() -> ExitCode {
    let outcome = parse(std::env::args().skip(1)).and_then(|wishes| {
        let Wishes { file, .. } = &wishes;
        std::fs::write(file, compute(&wishes)).map_err(|error| format!("write {file}: {error}"))
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("mandelbrot-tile: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Wishes, String> {
    let file = arguments.next().ok_or("it needs a FILE to write")?;
    let mut values = BTreeMap::new();
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or(format!("{name} needs a value"))?;
        values.insert(name, value);
    }
    let mut take = |name: &str| values.remove(name).ok_or(format!("it needs {name}"));
    let wishes = Wishes {
        file,
        tile: numbers("--tile", &take("--tile")?)?,
        image: numbers("--image", &take("--image")?)?,
        center: numbers("--center", &take("--center")?)?,
        span: numbers::<f64, 1>("--span", &take("--span")?)?[0],
        iterations: numbers::<u32, 1>("--iterations", &take("--iterations")?)?[0],
    };
    if let Some(name) = values.keys().next() {
        return Err(format!("it knows no {name}"));
    }
    check(&wishes).map(|()| wishes)
}

/// `N` numbers with commas between.
fn numbers<T: FromStr, const N: usize>(name: &str, text: &str) -> Result<[T; N], String> {
    let numbers: Result<Vec<T>, _> = text.split(',').map(str::parse).collect();
    numbers
        .ok()
        .and_then(|numbers| numbers.try_into().ok())
        .ok_or(format!("{name} {text}: not {N} numbers"))
}

fn check(wishes: &Wishes) -> Result<(), String> {
    let [left, top, width, height] = wishes.tile;
    let [image_width, image_height] = wishes.image;
    if image_width > LARGEST_SIDE || image_height > LARGEST_SIDE {
        return Err(format!("an image has at most {LARGEST_SIDE} pixels a side"));
    }
    let is_inside = |start: u32, length: u32, limit: u32| {
        length > 0 && start.checked_add(length).is_some_and(|end| end <= limit)
    };
    if is_inside(left, width, image_width) && is_inside(top, height, image_height) {
        Ok(())
    } else {
        Err("the tile is empty or not inside the image".to_owned())
    }
}

/// The tile, a byte a pixel.
fn compute(wishes: &Wishes) -> Vec<u8> {
    let [left, top, width, height] = wishes.tile;
    let [image_width, image_height] = wishes.image.map(f64::from);
    let pixel = wishes.span / image_width;
    let [center_re, center_im] = wishes.center;
    let mut bytes = Vec::with_capacity(width as usize * height as usize);
    for y in top..top + height {
        // The imaginary axis points up, rows go down.
        let im = center_im - (f64::from(y) + 0.5 - image_height / 2.0) * pixel;
        for x in left..left + width {
            let re = center_re + (f64::from(x) + 0.5 - image_width / 2.0) * pixel;
            bytes.push(shade(re, im, wishes.iterations));
        }
    }
    bytes
}

/// 0 for a point that has not left after so many iterations; otherwise 1 to 255, by the logarithm of how
/// many it took.
fn shade(re: f64, im: f64, iterations: u32) -> u8 {
    if is_in_a_bulb(re, im) {
        return 0;
    }
    let (mut z_re, mut z_im) = (0.0, 0.0);
    for iteration in 0..iterations {
        let (re_squared, im_squared) = (z_re * z_re, z_im * z_im);
        let distance_squared = re_squared + im_squared;
        if distance_squared > ESCAPE_RADIUS * ESCAPE_RADIUS {
            // The fraction of an iteration by which it overshot: without it there were bands.
            let overshot = (distance_squared.ln() / 2.0 / ESCAPE_RADIUS.ln()).log2();
            let taken = f64::from(iteration) - overshot;
            let part = (taken.max(0.0) + 1.0).ln() / (f64::from(iterations) + 1.0).ln();
            // In range, and a float to an integer stays in range by itself.
            return (1.0 + part * 254.0) as u8;
        }
        z_im = 2.0 * z_re * z_im + im;
        z_re = re_squared - im_squared + re;
    }
    0
}

/// Most of the inside is the cardioid or the disc to its left; no need to iterate there.
fn is_in_a_bulb(re: f64, im: f64) -> bool {
    let q = (re - 0.25).powi(2) + im * im;
    q * (q + re - 0.25) <= im * im / 4.0 || (re + 1.0).powi(2) + im * im <= 1.0 / 16.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str =
        "out --tile 0,0,64,48 --image 64,48 --center -0.5,0 --span 3.5 --iterations 100";

    fn parsed(line: &str) -> Result<Wishes, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn points_inside_are_black_and_the_nearer_the_slower() {
        assert_eq!(shade(0.0, 0.0, 1000), 0);
        assert_eq!(shade(-1.0, 0.0, 1000), 0);
        // Not in a bulb: it is found by iterating.
        assert_eq!(shade(-0.125, 0.75, 1000), 0);
        let far = shade(2.0, 2.0, 1000);
        let near = shade(-0.75, 0.1, 1000);
        assert!(0 < far && far < near, "{far} {near}");
    }

    #[test]
    fn tiles_put_together_are_the_image() {
        let whole = parsed(WHOLE).expect("parses");
        let [width, height] = whole.image;
        let mut rows = Vec::new();
        for top in (0..height).step_by(24) {
            let tiles: Vec<Vec<u8>> = (0..width)
                .step_by(16)
                .map(|left| {
                    let tile = [left, top, 16, 24];
                    let file = String::new();
                    compute(&Wishes {
                        file,
                        tile,
                        ..whole
                    })
                })
                .collect();
            for row in 0..24 {
                for tile in &tiles {
                    rows.extend_from_slice(&tile[row * 16..][..16]);
                }
            }
        }
        assert_eq!(rows, compute(&whole));
    }

    #[test]
    fn the_image_is_symmetric_about_the_real_axis() {
        let image = compute(&parsed(WHOLE).expect("parses"));
        let rows: Vec<&[u8]> = image.chunks(64).collect();
        assert!(rows.iter().eq(rows.iter().rev()));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(parsed(WHOLE).is_ok());
        for (good, bad) in [
            ("out ", ""),
            ("--span 3.5", ""),
            ("0,0,64,48", "0,0,64"),
            ("0,0,64,48", "1,0,64,48"),
            ("0,0,64,48", "0,0,0,48"),
            ("0,0,64,48", "4294967295,0,64,48"),
            ("--image 64,48", "--image 40000,48"),
            ("100", "100 --depth 3"),
            ("100", ""),
        ] {
            assert!(parsed(&WHOLE.replacen(good, bad, 1)).is_err(), "{bad}");
        }
    }
}
