//! The image and the tiles that it is cut into.
//!
//! Owns where each tile is and what its task is told; knows nothing of colours and files.

use std::str::FromStr;

use stoker_sdk_scheduler::{Digest, ModuleReference, Task};

/// The largest side of an image, in pixels: what the guest takes.
const LARGEST_SIDE: u32 = 32_768;
/// The most tiles of an image.
const MOST_TILES: u32 = 4096;
/// How wide the whole set is on the complex plane, with some room: what a zoom of 1 shows.
const WHOLE_SPAN: f64 = 3.2;
/// What a tile's task needs beside a byte for each pixel.
const MEM_BYTES: u64 = 16 << 20;

/// Two sides: `1024x768` pixels, `8x8` tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sides {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// A point of the complex plane: `-0.75,0.1`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    re: f64,
    im: f64,
}

/// What the image shows, and how it is cut.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    pub(crate) image: Sides,
    pub(crate) tiles: Sides,
    pub(crate) center: Point,
    /// 1 shows the whole set.
    pub(crate) zoom: f64,
    pub(crate) iterations: u32,
}

/// The pixels of one tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) sides: Sides,
}

impl Grid {
    /// Refuses what makes no sense, or more than fits.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let Sides { width, height } = self.image;
        anyhow::ensure!(
            width <= LARGEST_SIDE && height <= LARGEST_SIDE,
            "an image has at most {LARGEST_SIDE} pixels a side"
        );
        anyhow::ensure!(
            self.tiles.width <= width && self.tiles.height <= height,
            "there are more tiles than pixels"
        );
        anyhow::ensure!(
            u64::from(self.tiles.width) * u64::from(self.tiles.height) <= u64::from(MOST_TILES),
            "an image has at most {MOST_TILES} tiles"
        );
        anyhow::ensure!(self.zoom > 0.0, "the zoom is more than 0");
        Ok(())
    }

    /// All tiles, row by row. Where the sides do not divide, the pixels left over are spread.
    pub(crate) fn tiles(&self) -> Vec<Tile> {
        let rows = cuts(self.image.height, self.tiles.height);
        let columns = cuts(self.image.width, self.tiles.width);
        let row = |(top, height): &(u32, u32)| {
            let tile = |(left, width): &(u32, u32)| Tile {
                left: *left,
                top: *top,
                sides: Sides {
                    width: *width,
                    height: *height,
                },
            };
            columns.iter().map(tile).collect::<Vec<Tile>>()
        };
        rows.iter().flat_map(row).collect()
    }

    /// The task that computes a tile and leaves it in the file of this name.
    pub(crate) fn task(&self, module: Digest, tile: &Tile, file: &str) -> Task {
        let Sides { width, height } = tile.sides;
        let (image, center) = (self.image, self.center);
        Task::new(ModuleReference::Blob(module))
            .name(file)
            .arg(file)
            .args([
                "--tile",
                &format!("{},{},{width},{height}", tile.left, tile.top),
            ])
            .args(["--image", &format!("{},{}", image.width, image.height)])
            .args(["--center", &format!("{},{}", center.re, center.im)])
            .args(["--span", &(WHOLE_SPAN / self.zoom).to_string()])
            .args(["--iterations", &self.iterations.to_string()])
            .mem(MEM_BYTES + 2 * tile.sides.area())
            .disk(MEM_BYTES + tile.sides.area())
            .output(file)
    }
}

impl Sides {
    /// How many there are in all.
    pub(crate) fn area(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// Cuts a side into parts of about the same length: where each begins, and its length.
fn cuts(side: u32, parts: u32) -> Vec<(u32, u32)> {
    let start = |part: u32| {
        let start = u64::from(side) * u64::from(part) / u64::from(parts);
        // No more than `side`, which fits.
        u32::try_from(start).unwrap_or(side)
    };
    let cut = |part| (start(part), start(part + 1) - start(part));
    (0..parts).map(cut).collect()
}

impl FromStr for Sides {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (width, height) = text.split_once('x').unwrap_or_default();
        match (width.parse(), height.parse()) {
            (Ok(width @ 1..), Ok(height @ 1..)) => Ok(Self { width, height }),
            _ => Err(format!("{text:?} is no width and height, as in 8x6")),
        }
    }
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (re, im) = text.split_once(',').unwrap_or_default();
        match (re.parse(), im.parse()) {
            (Ok(re), Ok(im)) => Ok(Self { re, im }),
            _ => Err(format!("{text:?} is no point, as in -0.75,0.1")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(image: &str, tiles: &str) -> Grid {
        Grid {
            image: image.parse().unwrap(),
            tiles: tiles.parse().unwrap(),
            center: "-0.65,0".parse().unwrap(),
            zoom: 2.0,
            iterations: 100,
        }
    }

    #[test]
    fn the_tiles_cover_each_pixel_once() {
        for (image, tiles) in [("8x6", "2x3"), ("7x5", "3x2"), ("5x5", "5x1")] {
            let grid = grid(image, tiles);
            let mut covered = vec![0; 8 * 8];
            for tile in grid.tiles() {
                for y in tile.top..tile.top + tile.sides.height {
                    for x in tile.left..tile.left + tile.sides.width {
                        covered[(y * grid.image.width + x) as usize] += 1;
                    }
                }
            }
            let pixels = usize::try_from(grid.image.area()).unwrap();
            assert!(covered[..pixels].iter().all(|count| *count == 1), "{image}");
            assert!(covered[pixels..].iter().all(|count| *count == 0), "{image}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in ["", "8", "8x", "0x8", "8x-8", "8x8x8", "wide"] {
            assert!(text.parse::<Sides>().is_err(), "{text:?}");
        }
        for text in ["", "1", "1,", "1,2,3", "here"] {
            assert!(text.parse::<Point>().is_err(), "{text:?}");
        }
        assert!(grid("8x8", "8x8").check().is_ok());
        assert!(grid("8x8", "9x1").check().is_err());
        assert!(grid("40000x8", "1x1").check().is_err());
        assert!(grid("100x100", "100x100").check().is_err());
        let zoom = 0.0;
        assert!(
            Grid {
                zoom,
                ..grid("8x8", "1x1")
            }
            .check()
            .is_err()
        );
    }
}
