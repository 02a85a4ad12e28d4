//! The reduce half of a word count.
//!
//! ```text
//! wordcount-reduce FOLDER FILE        adds up the counts of all files in FOLDER and writes them to FILE
//! ```
//!
//! How counts are written is said in the crate `wordcount`; counts that were cut are refused.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::Path;
use std::process::ExitCode;

use wordcount::Counts;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.as_slice() {
        [folder, file] => reduce(folder.as_ref(), file.as_ref()),
        _ => Err("usage: wordcount-reduce FOLDER FILE".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("wordcount-reduce: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn reduce(folder: &Path, output: &Path) -> Result<(), String> {
    let mut counts = Counts::default();
    let doing =
        |verb: &str, path: &Path, error: io::Error| format!("{verb} {}: {error}", path.display());
    for entry in fs::read_dir(folder).map_err(|error| doing("list", folder, error))? {
        let path = entry.map_err(|error| doing("list", folder, error))?.path();
        let read = File::open(&path).and_then(|file| counts.add_printed(BufReader::new(file)));
        read.map_err(|error| doing("read", &path, error))?;
    }
    let written = File::create(output).and_then(|file| counts.print(file));
    written.map_err(|error| doing("write", output, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of this test's own, which is gone when the test is over.
    struct Folder(std::path::PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
            fs::create_dir_all(path.join("maps")).expect("is made");
            Self(path)
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.0.join("maps").join(name), text).expect("is written");
        }

        fn reduce(&self) -> Result<String, String> {
            let output = self.0.join("counts");
            reduce(&self.0.join("maps"), &output)?;
            Ok(fs::read_to_string(output).expect("is there"))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn counts_of_all_files_are_added_up() {
        let folder = Folder::new("wordcount-reduce-sum");
        assert_eq!(folder.reduce(), Ok("total\t0\n".to_owned()));
        folder.write("0", "total\t3\nb\t2\na\t1\n");
        folder.write("1", "total\t2\na\t2\n");
        assert_eq!(folder.reduce(), Ok("total\t5\na\t3\nb\t2\n".to_owned()));
    }

    #[test]
    fn a_file_that_was_cut_is_named() {
        let folder = Folder::new("wordcount-reduce-cut");
        folder.write("7", "total\t3\nb\t2\n");
        let problem = folder.reduce().expect_err("is refused");
        assert!(problem.contains("/7: the counts add up to 2"), "{problem}");
    }
}
