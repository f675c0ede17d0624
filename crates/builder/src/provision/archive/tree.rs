use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{OpenOptionsExt, symlink},
    },
    path::{Path, PathBuf},
};

use super::{Refusal, Stop};
use crate::{Error, provision::stage::Budget};

/// The longest path of an entry.
pub(super) const MAX_PATH: usize = 2048;
/// The longest target of a link, which is what Linux allows.
pub(super) const MAX_TARGET: usize = 4095;
/// How much is copied at once.
const PIECE: usize = 64 << 10;

/// What was made so far below a folder. Every entry lies in a directory that was made here, so nothing is ever
/// written through a link.
pub(super) struct Tree {
    root: PathBuf,
    directories: BTreeSet<PathBuf>,
    budget: Budget,
    most: u64,
    empty: bool,
}

/// A place in the tree: plain names only, and the directories above it are there.
pub(super) struct Inside(PathBuf);

impl Tree {
    pub(super) fn new(root: &Path, budget: Budget) -> Self {
        Self {
            root: root.to_owned(),
            directories: BTreeSet::new(),
            most: budget.bytes,
            budget,
            empty: true,
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.empty
    }

    /// Takes one entry off the budget.
    pub(super) fn count(&mut self) -> Result<(), Stop> {
        let left = self.budget.entries.checked_sub(1);
        self.budget.entries = left.ok_or(Refusal::Entries)?;
        Ok(())
    }

    /// The place of the entry `name`, with the directories above it.
    pub(super) fn place(&mut self, name: &[u8]) -> Result<Inside, Stop> {
        let inside = plain(name).ok_or_else(|| Refusal::Name(shown(name)))?;
        let parent = inside.parent().unwrap_or(Path::new("")).to_owned();
        self.make(&parent)?;
        Ok(Inside(inside))
    }

    pub(super) fn directory(&mut self, inside: &Inside) -> Result<(), Stop> {
        self.empty = false;
        self.make(&inside.0)
    }

    /// A file with what `contents` give: `size` bytes where that is known.
    pub(super) fn file(
        &mut self,
        inside: &Inside,
        executable: bool,
        contents: &mut dyn Read,
        size: Option<u64>,
    ) -> Result<(), Stop> {
        if size.is_some_and(|size| size > self.budget.bytes) {
            return Err(Refusal::Bytes(self.most).into());
        }
        let place = self.fresh(inside)?;
        let mode = if executable { 0o755 } else { 0o644 };
        let mut options = File::options();
        let file = options.write(true).create_new(true).mode(mode).open(&place);
        let mut file = file.map_err(taken(inside, &place))?;
        let mut written = 0;
        let mut piece = vec![0; PIECE];
        loop {
            // What cannot be read is the archive's fault, what cannot be written is this machine's.
            let read = contents.read(&mut piece).map_err(|_| Refusal::Damaged)?;
            let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
                break;
            };
            let left = self.budget.bytes.checked_sub(read as u64);
            self.budget.bytes = left.ok_or(Refusal::Bytes(self.most))?;
            file.write_all(bytes)
                .map_err(Error::file("write", &place))?;
            written += read as u64;
        }
        match size {
            Some(size) if size != written => Err(Refusal::Damaged.into()),
            _ => Ok(()),
        }
    }

    pub(super) fn link(&mut self, inside: &Inside, target: &[u8]) -> Result<(), Stop> {
        if target.is_empty() || target.contains(&0) || target.len() > MAX_TARGET {
            return Err(Refusal::Name(shown(target)).into());
        }
        let place = self.fresh(inside)?;
        symlink(OsStr::from_bytes(target), &place).map_err(taken(inside, &place))
    }

    /// Where a file or link goes; the tree itself is neither.
    fn fresh(&mut self, inside: &Inside) -> Result<PathBuf, Stop> {
        if inside.0.as_os_str().is_empty() {
            return Err(Refusal::Kind(".".to_owned()).into());
        }
        self.empty = false;
        Ok(self.root.join(&inside.0))
    }

    /// Makes a directory and those above it.
    fn make(&mut self, inside: &Path) -> Result<(), Stop> {
        let mut above = PathBuf::new();
        for part in inside {
            above.push(part);
            if self.directories.contains(&above) {
                continue;
            }
            let place = self.root.join(&above);
            fs::create_dir(&place).map_err(taken(&Inside(above.clone()), &place))?;
            self.directories.insert(above.clone());
        }
        Ok(())
    }
}

/// What is in the way was made from the same archive.
fn taken(inside: &Inside, place: &Path) -> impl Fn(io::Error) -> Stop {
    let name = shown(inside.0.as_os_str().as_bytes());
    let place = place.to_owned();
    move |error| match error.kind() {
        io::ErrorKind::AlreadyExists => Refusal::Repeated(name.clone()).into(),
        _ => Error::file("write", &place)(error).into(),
    }
}

/// The path of an entry below the root: plain names only.
fn plain(path: &[u8]) -> Option<PathBuf> {
    if path.first() == Some(&b'/') || path.contains(&0) || path.len() > MAX_PATH {
        return None;
    }
    let mut inside = PathBuf::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return None,
            name if name.len() > 255 => return None,
            name => inside.push(OsStr::from_bytes(name)),
        }
    }
    Some(inside)
}

/// A name as it can be shown: one line, and not endless.
pub(super) fn shown(name: &[u8]) -> String {
    let start = name.get(..name.len().min(100)).unwrap_or_default();
    let rest = if start.len() < name.len() { "…" } else { "" };
    format!("{}{rest}", String::from_utf8_lossy(start).escape_debug())
}
