//! A text file of the repository, as the rules see it. It never knows where on the disk it is.

/// A file's path from the root of the repository, and its text.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// The end of the path, without the dot; empty when there is none.
    pub(crate) fn extension(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    /// The lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_is_that_of_the_file() {
        let extension = |path: &str| {
            Source {
                path: path.to_owned(),
                text: String::new(),
            }
            .extension()
            .to_owned()
        };
        assert_eq!(extension("a.b/c.rs"), "rs");
        assert_eq!(extension("a.b/c"), "");
    }
}
