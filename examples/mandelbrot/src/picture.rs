//! The picture: tiles of shades put together, and its file.
//!
//! Owns the colours. A pixel is a byte: 0 inside the set, otherwise how long it took to leave.

use std::{fs::File, io::BufWriter, path::Path};

use anyhow::{Context as _, ensure};

use crate::grid::{Sides, Tile};

/// Colours along the shades, from far out to the edge of the set; what is between is mixed.
const COLOURS: [[u8; 3]; 8] = [
    [3, 8, 40],
    [8, 40, 120],
    [30, 110, 190],
    [150, 215, 240],
    [250, 245, 220],
    [250, 180, 60],
    [180, 60, 20],
    [50, 5, 20],
];

/// An image of shades.
#[derive(Debug)]
pub(crate) struct Picture {
    sides: Sides,
    shades: Vec<u8>,
}

impl Picture {
    /// Nothing is drawn yet.
    pub(crate) fn new(sides: Sides) -> Self {
        let pixels = usize::try_from(sides.area()).unwrap_or(usize::MAX);
        Self {
            sides,
            shades: vec![0; pixels],
        }
    }

    /// Puts a tile where it belongs; refuses one of another size.
    pub(crate) fn draw(&mut self, tile: &Tile, shades: &[u8]) -> anyhow::Result<()> {
        let area = tile.sides.area();
        let size = shades.len();
        ensure!(
            size as u64 == area,
            "a tile of {area} pixels has {size} bytes"
        );
        let (width, image_width) = (tile.sides.width as usize, self.sides.width as usize);
        for (row, y) in shades.chunks_exact(width).zip(tile.top as usize..) {
            let start = y * image_width + tile.left as usize;
            self.shades[start..start + width].copy_from_slice(row);
        }
        Ok(())
    }

    /// Writes it as a PNG with a palette: a byte a pixel before it is compressed.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let context = || format!("cannot write {}", path.display());
        let file = BufWriter::new(File::create(path).with_context(context)?);
        let mut encoder = png::Encoder::new(file, self.sides.width, self.sides.height);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_palette(palette());
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header().with_context(context)?;
        writer
            .write_image_data(&self.shades)
            .with_context(context)?;
        writer.finish().with_context(context)
    }
}

/// The colour of each shade: red, green, blue.
fn palette() -> Vec<u8> {
    let outside = (0..255).flat_map(|shade: usize| {
        let steps = COLOURS.len() - 1;
        let (index, between) = (shade * steps / 255, shade * steps % 255);
        let mix = |channel: usize| {
            let [from, to] = [index, index + 1].map(|colour| usize::from(COLOURS[colour][channel]));
            let mixed = (from * (255 - between) + to * between) / 255;
            // Between two bytes lies a byte.
            u8::try_from(mixed).unwrap_or(u8::MAX)
        };
        [0, 1, 2].map(mix)
    });
    [0; 3].into_iter().chain(outside).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides(width: u32, height: u32) -> Sides {
        Sides { width, height }
    }

    #[test]
    fn a_tile_is_drawn_where_it_belongs() {
        let mut picture = Picture::new(sides(4, 3));
        let tile = Tile {
            left: 1,
            top: 1,
            sides: sides(2, 2),
        };
        picture.draw(&tile, &[1, 2, 3, 4]).unwrap();
        assert_eq!(picture.shades, [0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0]);
        let error = picture.draw(&tile, &[1, 2, 3]).unwrap_err();
        assert_eq!(error.to_string(), "a tile of 4 pixels has 3 bytes");
    }

    #[test]
    fn there_is_a_colour_for_each_byte() {
        let palette = palette();
        assert_eq!(palette.len(), 256 * 3);
        assert_eq!(
            palette[..6],
            [0, 0, 0, 3, 8, 40],
            "inside, and farthest out"
        );
    }

    #[test]
    fn the_file_holds_the_picture() {
        let mut picture = Picture::new(sides(3, 2));
        picture.shades = vec![0, 1, 2, 253, 254, 255];
        let file = tempfile::NamedTempFile::new().unwrap();
        picture.write(file.path()).unwrap();
        let opened = std::io::BufReader::new(File::open(file.path()).unwrap());
        let mut reader = png::Decoder::new(opened).read_info().unwrap();
        let mut shades = vec![0; 6];
        let frame = reader.next_frame(&mut shades).unwrap();
        assert_eq!((frame.width, frame.height), (3, 2));
        assert_eq!(frame.color_type, png::ColorType::Indexed);
        assert_eq!(shades, picture.shades);
    }
}
