//! Amounts of bytes as people write them: `64MiB`, `1.5GiB`, `4096`.

use bytesize::ByteSize;

/// Reads an amount of bytes: a number, and optionally a unit (`B`, `KiB`, `MiB`, `GiB`, `TiB`, or
/// the decimal `KB`, `MB`, …).
///
/// # Errors
/// A sentence that names the text and what would be right.
pub fn parse(text: &str) -> Result<u64, String> {
    text.parse::<ByteSize>()
        .map(|size| size.as_u64())
        .map_err(|_| {
            format!("{text:?} is no size: write a number and a unit, as in 64MiB or 1.5GiB")
        })
}

/// Writes an amount of bytes for people, in the largest binary unit: `64.0 MiB`.
#[must_use]
pub fn display(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

/// Writes an amount of bytes exactly, in the largest binary unit without a remainder: `64MiB`,
/// `1000B`.
#[must_use]
pub fn exact(bytes: u64) -> String {
    const UNITS: [(u32, &str); 3] = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let exact = UNITS
        .iter()
        .find(|(shift, _)| bytes > 0 && bytes.is_multiple_of(1 << shift));
    match exact {
        Some((shift, unit)) => format!("{}{unit}", bytes >> shift),
        None => format!("{bytes}B"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn exact_sizes_read_back() {
        for (bytes, text) in [
            (0, "0B"),
            (1000, "1000B"),
            (64 << 10, "64KiB"),
            (3 << 30, "3GiB"),
        ] {
            assert_eq!(super::exact(bytes), text);
            assert_eq!(super::parse(text), Ok(bytes));
        }
    }

    #[test]
    fn sizes_are_read_with_and_without_a_unit() {
        assert_eq!(super::parse("4096"), Ok(4096));
        assert_eq!(super::parse("64MiB"), Ok(64 << 20));
        assert_eq!(super::parse("1.5GiB"), Ok(3 << 29));
        assert!(super::parse("many").unwrap_err().contains("64MiB"));
    }
}
