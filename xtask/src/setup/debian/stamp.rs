//! What a finished toolchain was made of: a small text file in it, written last. A folder without a stamp
//! is not finished. It names the packages for people; only the recipe and the linker decide.

use crate::failure::Result;
use crate::files;
use std::path::Path;

/// Goes up when the recipe changes, so that every older toolchain is made anew.
const RECIPE: u32 = 1;
const FILE_NAME: &str = "stamp";

/// The contents of the file, a line for each fact.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stamp(String);

impl Stamp {
    pub(crate) fn new(linker: &Path, versions: &[String]) -> Self {
        Self(format!("{}{}\n", deciding(linker), versions.join("\n")))
    }

    /// The stamp of a toolchain, if it has one.
    pub(crate) fn read(toolchain: &Path) -> Option<Self> {
        files::read_text(&toolchain.join(FILE_NAME)).ok().map(Self)
    }

    pub(crate) fn write(&self, toolchain: &Path) -> Result<()> {
        files::write(&toolchain.join(FILE_NAME), &self.0)
    }

    /// Whether this recipe would make the same for a host with this linker. Newer packages are no reason to
    /// make it anew: what works stays.
    pub(crate) fn fits(&self, linker: &Path) -> bool {
        self.0.starts_with(&deciding(linker))
    }
}

fn deciding(linker: &Path) -> String {
    format!("recipe {RECIPE}\nrust-lld {}\n", linker.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_linker_or_recipe_does_not_fit() {
        let stamp = Stamp::new(Path::new("/a/rust-lld"), &["rustc-web=1".to_owned()]);
        assert!(stamp.fits(Path::new("/a/rust-lld")));
        assert!(!stamp.fits(Path::new("/b/rust-lld")));
        assert!(
            !Stamp("recipe 0\nrust-lld /a/rust-lld\n".to_owned()).fits(Path::new("/a/rust-lld"))
        );
        assert!(stamp.0.ends_with("rustc-web=1\n"));
    }
}
