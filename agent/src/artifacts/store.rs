//! Files that can be made again: compiled modules and fetched blobs, under one budget.
//!
//! Each is authenticated by a keyed hash of its name and its bytes, with a key that only this
//! agent has; a file that was changed, cut short by a crash, or laid there by someone else is
//! removed and made again. The check is made once for each time that a file is opened, and what
//! is used often stays open. Over the budget the least recently used file goes; one that is in
//! use stays. Owns the folder; what the files are is the business of whoever names them.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Read as _, Write as _},
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use rand::{TryRng as _, rngs::SysRng};
use tempfile::NamedTempFile;

/// The files that stay open although nobody uses them right now.
const IDLE_OPEN_FILES: usize = 64;

const KEY_BYTES: usize = 32;
const SEAL_SUFFIX: &str = ".seal";
const INCOMING: &str = "incoming";

/// A folder of files that can be made again.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    key: [u8; KEY_BYTES],
    budget: u64,
    shelf: Mutex<Shelf>,
}

#[derive(Debug, Default)]
struct Shelf {
    entries: HashMap<String, Entry>,
    bytes: u64,
    /// Counts uses: the clock of "least recently".
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    bytes: u64,
    last_use: u64,
    pin: Pin,
    /// The file, where it has been checked and is open.
    open: Option<Arc<StoredFile>>,
}

/// Keeps a file from being removed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pin(Arc<()>);

/// A file that was checked, and stays as long as someone has this.
#[derive(Debug)]
pub(crate) struct StoredFile {
    path: PathBuf,
    file: File,
    pin: Pin,
}

impl StoredFile {
    /// Keeps the file from being removed, without keeping it open.
    pub(crate) fn pin(&self) -> Pin {
        self.pin.clone()
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A descriptor of its own for someone else: reading it moves nobody else's position.
    pub(crate) fn open(&self) -> io::Result<OwnedFd> {
        Ok(File::open(format!("/proc/self/fd/{}", self.file.as_raw_fd()))?.into())
    }
}

impl Entry {
    fn is_in_use(&self) -> bool {
        // One is the entry's own, and an open file has another.
        let idle = if self.open.is_some() { 2 } else { 1 };
        let is_lent = self
            .open
            .as_ref()
            .is_some_and(|file| Arc::strong_count(file) > 1);
        is_lent || Arc::strong_count(&self.pin.0) > idle
    }
}

impl Store {
    /// Opens the store in `folder`, which is made if it is not there; `key_file` holds the key, or
    /// will. Files are kept as long as they take no more than `budget` bytes together.
    pub(crate) fn open(folder: PathBuf, key_file: &Path, budget: u64) -> io::Result<Self> {
        fs::create_dir_all(folder.join(INCOMING))?;
        for half_made in fs::read_dir(folder.join(INCOMING))? {
            fs::remove_file(half_made?.path())?;
        }
        let store = Self {
            key: read_key(key_file)?,
            folder,
            budget,
            shelf: Mutex::default(),
        };
        store.take_stock()?;
        Ok(store)
    }

    /// Finds what an earlier daemon left, the longest unused first.
    fn take_stock(&self) -> io::Result<()> {
        let mut found = Vec::new();
        for file in fs::read_dir(&self.folder)? {
            let file = file?;
            let metadata = file.metadata()?;
            let Some(name) = file
                .file_name()
                .into_string()
                .ok()
                .filter(|_| metadata.is_file())
            else {
                continue;
            };
            match name.strip_suffix(SEAL_SUFFIX) {
                // A crash between the two leaves a seal without its file.
                Some(of) if !self.folder.join(of).exists() => fs::remove_file(file.path())?,
                Some(_) => {}
                None => found.push((metadata.modified()?, name, metadata.len())),
            }
        }
        found.sort();
        let mut shelf = self.shelf();
        for (_, name, bytes) in found {
            shelf.add(name, bytes, None);
        }
        self.make_room(&mut shelf);
        Ok(())
    }

    /// The file `name`, if it is open already: costs nothing.
    pub(crate) fn opened(&self, name: &str) -> Option<Arc<StoredFile>> {
        let mut shelf = self.shelf();
        let uses = shelf.next_use();
        let entry = shelf.entries.get_mut(name)?;
        entry.last_use = uses;
        entry.open.clone()
    }

    /// The file `name`, if it is there and is what was stored. Reads all of it when it is not
    /// open yet, so this may take time.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<StoredFile>> {
        if let Some(file) = self.opened(name) {
            return Some(file);
        }
        let pin = self.pin(name)?;
        match self.open_checked(name, pin) {
            Ok(Some(file)) => Some(self.keep_open(name, file)),
            Ok(None) => {
                tracing::warn!(
                    file = name,
                    "a stored file is not what was stored; it is made again"
                );
                self.remove(name);
                None
            }
            Err(error) => {
                tracing::warn!(file = name, %error, "cannot read a stored file; it is made again");
                self.remove(name);
                None
            }
        }
    }

    /// Keeps the file `name` from being removed, if it is there; does not look at it.
    pub(crate) fn pin(&self, name: &str) -> Option<Pin> {
        self.shelf()
            .entries
            .get(name)
            .map(|entry| entry.pin.clone())
    }

    /// A new file to be written and then inserted. It vanishes unless it is.
    pub(crate) fn new_file(&self) -> io::Result<NamedTempFile> {
        NamedTempFile::new_in(self.folder.join(INCOMING))
    }

    /// Stores a file that was written, and makes room for it.
    pub(crate) fn insert(&self, name: &str, written: NamedTempFile) -> io::Result<Arc<StoredFile>> {
        let seal = self.seal(name, &mut File::open(written.path())?)?;
        written
            .as_file()
            .set_permissions(Permissions::from_mode(0o400))?;
        let path = self.folder.join(name);
        // The seal first: a file without one would only be made again, but so would its seal.
        fs::write(self.seal_path(name), seal.as_bytes())?;
        written.persist(&path).map_err(|error| error.error)?;
        let file = File::open(&path)?;
        let bytes = file.metadata()?.len();
        let pin = Pin::default();
        let stored = Arc::new(StoredFile {
            path,
            file,
            pin: pin.clone(),
        });
        let mut shelf = self.shelf();
        shelf.drop_entry(name);
        shelf.add(name.to_owned(), bytes, Some((pin, Arc::clone(&stored))));
        self.make_room(&mut shelf);
        Ok(stored)
    }

    /// How many bytes all files take.
    pub(crate) fn bytes(&self) -> u64 {
        self.shelf().bytes
    }

    fn open_checked(&self, name: &str, pin: Pin) -> io::Result<Option<StoredFile>> {
        let path = self.folder.join(name);
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)?;
        let seal: [u8; blake3::OUT_LEN] = match fs::read(self.seal_path(name))?.try_into() {
            Ok(seal) => seal,
            Err(_) => return Ok(None),
        };
        // Comparing hashes takes the same time wherever they differ.
        if self.seal(name, &mut file)? != blake3::Hash::from_bytes(seal) {
            return Ok(None);
        }
        // So that the next start knows what was used last.
        file.set_modified(SystemTime::now())?;
        Ok(Some(StoredFile { path, file, pin }))
    }

    fn keep_open(&self, name: &str, file: StoredFile) -> Arc<StoredFile> {
        let file = Arc::new(file);
        let mut shelf = self.shelf();
        if let Some(entry) = shelf.entries.get_mut(name) {
            entry.open = Some(Arc::clone(&file));
        }
        shelf.close_idle();
        file
    }

    fn seal(&self, name: &str, file: &mut File) -> io::Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        let mut buffer = vec![0; 256 << 10];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hasher.finalize()),
                length => hasher.update(&buffer[..length]),
            };
        }
    }

    fn seal_path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}{SEAL_SUFFIX}"))
    }

    fn remove(&self, name: &str) {
        let mut shelf = self.shelf();
        shelf.drop_entry(name);
        self.remove_files(name);
    }

    fn make_room(&self, shelf: &mut Shelf) {
        while shelf.bytes > self.budget {
            let idle = shelf.entries.iter().filter(|(_, entry)| !entry.is_in_use());
            let Some(name) = idle
                .min_by_key(|(_, entry)| entry.last_use)
                .map(|(name, _)| name.clone())
            else {
                // All of it is in use: the budget is exceeded rather than a task disturbed.
                return;
            };
            shelf.drop_entry(&name);
            self.remove_files(&name);
        }
        shelf.close_idle();
    }

    fn remove_files(&self, name: &str) {
        for path in [self.folder.join(name), self.seal_path(name)] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(path = %path.display(), %error, "cannot remove a stored file");
                }
                Ok(()) | Err(_) => {}
            }
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // Nothing that runs under the lock can leave it half changed.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn next_use(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }

    fn add(&mut self, name: String, bytes: u64, open: Option<(Pin, Arc<StoredFile>)>) {
        let last_use = self.next_use();
        let (pin, open) = open.map_or_else(Default::default, |(pin, file)| (pin, Some(file)));
        self.bytes += bytes;
        self.entries.insert(
            name,
            Entry {
                bytes,
                last_use,
                pin,
                open,
            },
        );
    }

    fn drop_entry(&mut self, name: &str) {
        if let Some(entry) = self.entries.remove(name) {
            self.bytes -= entry.bytes;
        }
    }

    /// Closes the longest unused files, where too many are open for nothing.
    fn close_idle(&mut self) {
        let mut idle: Vec<(u64, &mut Entry)> = self
            .entries
            .values_mut()
            .filter(|entry| entry.open.is_some() && !entry.is_in_use())
            .map(|entry| (entry.last_use, entry))
            .collect();
        if idle.len() > IDLE_OPEN_FILES {
            idle.sort_unstable_by_key(|(last_use, _)| *last_use);
            let surplus = idle.len() - IDLE_OPEN_FILES;
            idle.into_iter()
                .take(surplus)
                .for_each(|(_, entry)| entry.open = None);
        }
    }
}

fn read_key(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    match fs::read(path) {
        Ok(bytes) => {
            if let Ok(key) = bytes.try_into() {
                return Ok(key);
            }
            let shown = path.display();
            tracing::warn!(path = %shown, "the key of stored files is broken; a new one is made");
            fs::remove_file(path)?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut key = [0; KEY_BYTES];
    SysRng.try_fill_bytes(&mut key).map_err(io::Error::other)?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?
        .write_all(&key)?;
    Ok(key)
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
