//! Passes data on: copies its inputs to its outputs, and shows what a guest can do to its files.
//!
//! ```text
//! copy FROM TO [FROM TO]…     copies files, and directories with all that is in them
//! copy --spoil PATH           tries to change the file PATH in every way, and prints what came of each
//! ```
//!
//! Directories that lead to TO are made. `--spoil` exits with 1 if anything worked.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.as_slice() {
        [flag, path] if flag == "--spoil" => return spoil(Path::new(path)),
        [] => Err("usage: copy FROM TO [FROM TO]…, or copy --spoil PATH".to_owned()),
        pairs if pairs.len() % 2 == 0 => pairs.chunks(2).try_for_each(|pair| {
            let (from, to) = (&pair[0], &pair[1]);
            copy(Path::new(from), Path::new(to)).map_err(|error| format!("{from} to {to}: {error}"))
        }),
        _ => Err("there is nowhere to copy the last one to".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("copy: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    if !fs::metadata(from)?.is_dir() {
        // Not `fs::copy`: it would copy permissions, which guests do not have.
        return io::copy(&mut File::open(from)?, &mut File::create(to)?).map(drop);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        copy(&from.join(&name), &to.join(&name))?;
    }
    Ok(())
}

/// Tries what must not be possible with an input that is read-only.
fn spoil(path: &Path) -> ExitCode {
    let folder = path.parent().unwrap_or(Path::new("."));
    let append = || {
        OpenOptions::new()
            .append(true)
            .open(path)?
            .write_all(b"more")
    };
    let overwrite = || {
        OpenOptions::new()
            .write(true)
            .open(path)?
            .write_all(b"other")
    };
    let attempts: [(&str, &dyn Fn() -> io::Result<()>); 8] = [
        ("append", &append),
        ("overwrite", &overwrite),
        ("truncate", &|| File::create(path).map(drop)),
        ("remove", &|| fs::remove_file(path)),
        ("move away", &|| fs::rename(path, "moved")),
        ("link", &|| fs::hard_link(path, "linked")),
        ("add beside it", &|| {
            File::create_new(folder.join("new")).map(drop)
        }),
        ("add a folder", &|| {
            fs::create_dir(folder.join("new-folder"))
        }),
    ];
    let mut worked = 0;
    for (what, attempt) in attempts {
        match attempt() {
            Ok(()) => {
                worked += 1;
                println!("{what}: done");
            }
            Err(error) => println!("{what}: {}", error.kind()),
        }
    }
    ExitCode::from(u8::from(worked > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_copied_with_all_that_is_in_it() {
        let root = std::env::temp_dir().join(format!("copy-{}", std::process::id()));
        fs::create_dir_all(root.join("from/inner")).expect("a folder");
        fs::write(root.join("from/inner/file"), "content").expect("a file");
        copy(&root.join("from"), &root.join("to/there")).expect("copies");
        let copied = fs::read_to_string(root.join("to/there/inner/file"));
        assert_eq!(copied.expect("a copy"), "content");
        fs::remove_dir_all(root).expect("removes");
    }
}
