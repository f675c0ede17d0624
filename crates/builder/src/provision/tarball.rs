use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, BufReader, Read},
    os::unix::{
        ffi::OsStrExt,
        fs::{OpenOptionsExt, symlink},
    },
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;
use tar::{Archive, Entry, EntryType};

use super::stage::Budget;
use crate::{Error, state};

/// The longest path of an entry.
const MAX_PATH: usize = 2048;
/// The first bytes of a gzip stream.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Unpacks the tar archive `file`, plain or gzip, into the new directory `to`. False when it is no such archive,
/// or one that a tree of files, directories and links does not come from: with `..`, absolute or repeated names,
/// entries below a link, hard links, devices; or one beyond the budget.
///
/// Nothing is written outside `to`: every entry lies in a directory that was made here.
pub(super) fn unpack(file: &Path, to: &Path, budget: &mut Budget) -> Result<bool, Error> {
    let mut start = Vec::new();
    let open = || File::open(file).map_err(Error::file("read", file));
    let read = open()?.take(2).read_to_end(&mut start);
    read.map_err(Error::file("read", file))?;
    let limit = budget.bytes;
    let reader: Box<dyn Read> = if start == GZIP {
        Box::new(MultiGzDecoder::new(BufReader::new(open()?)))
    } else {
        Box::new(BufReader::new(open()?))
    };
    let mut tree = Tree {
        root: to.to_owned(),
        directories: BTreeSet::new(),
        entries: 0,
    };
    state::create_directory(to)?;
    let mut archive = Archive::new(reader.take(limit));
    let Ok(entries) = archive.entries() else {
        return Ok(false);
    };
    for entry in entries {
        let Ok(mut entry) = entry else {
            return Ok(false);
        };
        let Some(left) = budget.entries.checked_sub(1) else {
            return Ok(false);
        };
        budget.entries = left;
        if !tree.add(&mut entry, &mut budget.bytes)? {
            return Ok(false);
        }
    }
    Ok(tree.entries > 0)
}

/// What was made so far.
struct Tree {
    root: PathBuf,
    directories: BTreeSet<PathBuf>,
    entries: usize,
}

impl Tree {
    fn add(&mut self, entry: &mut Entry<'_, impl Read>, bytes: &mut u64) -> Result<bool, Error> {
        let kind = entry.header().entry_type();
        if kind == EntryType::XGlobalHeader {
            return Ok(true);
        }
        let Some(inside) = plain(&entry.path_bytes()) else {
            return Ok(false);
        };
        let place = self.root.join(&inside);
        let parent = inside.parent().unwrap_or(Path::new(""));
        if !self.directory(parent)? {
            return Ok(false);
        }
        let is_root = inside.as_os_str().is_empty();
        if is_root && kind != EntryType::Directory {
            return Ok(false);
        }
        self.entries += 1;
        match kind {
            EntryType::Directory => self.directory(&inside),
            EntryType::Regular | EntryType::Continuous => file(entry, &place, bytes),
            EntryType::Symlink => link(entry, &place),
            _ => Ok(false),
        }
    }

    /// Makes a directory and those above it; false when something else is in the way.
    fn directory(&mut self, inside: &Path) -> Result<bool, Error> {
        let mut above = PathBuf::new();
        for part in inside {
            above.push(part);
            if self.directories.contains(&above) {
                continue;
            }
            let place = self.root.join(&above);
            match fs::create_dir(&place) {
                Ok(()) => self.directories.insert(above.clone()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
                Err(error) => return Err(Error::file("create", &place)(error)),
            };
        }
        Ok(true)
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
            name => inside.push(std::ffi::OsStr::from_bytes(name)),
        }
    }
    Some(inside)
}

fn file(entry: &mut Entry<'_, impl Read>, place: &Path, bytes: &mut u64) -> Result<bool, Error> {
    let size = entry.size();
    let (Some(left), Ok(mode)) = (bytes.checked_sub(size), entry.header().mode()) else {
        return Ok(false);
    };
    *bytes = left;
    let mode = if mode & 0o100 == 0 { 0o644 } else { 0o755 };
    let mut file = match File::options()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(place)
    {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(Error::file("write", place)(error)),
    };
    let mut piece = vec![0; 64 << 10];
    loop {
        // What cannot be read is the archive's fault, what cannot be written is this machine's.
        let Ok(read) = entry.read(&mut piece) else {
            return Ok(false);
        };
        if read == 0 {
            return Ok(file.metadata().is_ok_and(|made| made.len() == size));
        }
        io::Write::write_all(&mut file, &piece[..read]).map_err(Error::file("write", place))?;
    }
}

fn link(entry: &Entry<'_, impl Read>, place: &Path) -> Result<bool, Error> {
    let Some(target) = entry.link_name_bytes() else {
        return Ok(false);
    };
    if target.is_empty() || target.contains(&0) || target.len() > 4095 {
        return Ok(false);
    }
    match symlink(std::ffi::OsStr::from_bytes(&target), place) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(Error::file("write", place)(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use tar::{Builder, Header};

    use super::*;

    fn header(path: &str, kind: EntryType, size: u64) -> Header {
        let mut header = Header::new_ustar();
        // Names as an attacker writes them, not as the library lets them through.
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o644);
        header.set_cksum();
        header
    }

    fn archive(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (path, kind, content) in entries {
            let is_link = matches!(kind, EntryType::Symlink | EntryType::Link);
            let size = if is_link { 0 } else { content.len() as u64 };
            let mut header = header(path, *kind, size);
            if is_link {
                header.set_link_name_literal(content).unwrap();
                header.set_cksum();
            }
            let body = if is_link { "" } else { content };
            builder.append(&header, body.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn unpacked(bytes: &[u8], limit: u64) -> (bool, tempfile::TempDir) {
        let work = tempfile::tempdir().unwrap();
        let file = work.path().join("archive");
        fs::write(&file, bytes).unwrap();
        let mut budget = Budget {
            bytes: limit,
            entries: 10,
        };
        let done = unpack(&file, &work.path().join("tree"), &mut budget).unwrap();
        assert!(!work.path().join("evil").exists());
        (done, work)
    }

    const FILE: EntryType = EntryType::Regular;

    #[test]
    fn unpacks_plain_and_gzip_alike() {
        let tar = archive(&[
            ("top/", EntryType::Directory, ""),
            ("top/a/b", FILE, "hello"),
            ("top/link", EntryType::Symlink, "a/b"),
        ]);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&tar).unwrap();
        for bytes in [&tar, &gzip.finish().unwrap()] {
            let (done, work) = unpacked(bytes, 1 << 20);
            assert!(done);
            let top = work.path().join("tree/top");
            assert_eq!(fs::read_to_string(top.join("a/b")).unwrap(), "hello");
            assert_eq!(fs::read_link(top.join("link")).unwrap(), Path::new("a/b"));
        }
    }

    #[test]
    fn refuses_what_leads_out_or_is_no_tree() {
        for (what, entries) in [
            ("a name that climbs", vec![("top/../../evil", FILE, "x")]),
            ("an absolute name", vec![("/tmp/evil", FILE, "x")]),
            (
                "a file below a link",
                vec![("l", EntryType::Symlink, ".."), ("l/evil", FILE, "x")],
            ),
            (
                "a link in the place of a directory",
                vec![("d/a", FILE, "x"), ("d", EntryType::Symlink, "..")],
            ),
            ("a name twice", vec![("a", FILE, "x"), ("a", FILE, "y")]),
            (
                "a file below a file",
                vec![("a", FILE, "x"), ("a/b", FILE, "y")],
            ),
            (
                "a hard link",
                vec![("a", FILE, "x"), ("b", EntryType::Link, "a")],
            ),
            ("a device", vec![("a", EntryType::Char, "")]),
            ("nothing", vec![]),
            ("the root as a file", vec![(".", FILE, "x")]),
            (
                "too many entries",
                vec![("a", EntryType::Directory, ""); 11],
            ),
        ] {
            assert!(!unpacked(&archive(&entries), 1 << 20).0, "{what}");
        }
        for bytes in [&b"no archive"[..], &GZIP, &[0x1f, 0x8b, 8, 0, 1], &[0; 300]] {
            assert!(!unpacked(bytes, 1 << 20).0);
        }
    }

    #[test]
    fn refuses_what_unpacks_to_more_than_allowed() {
        let zeros = "0".repeat(1 << 20);
        let tar = archive(&[("a", FILE, &zeros)]);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&tar).unwrap();
        let gzip = gzip.finish().unwrap();
        assert!(gzip.len() < 10_000);
        assert!(!unpacked(&gzip, 100_000).0);
        assert!(unpacked(&gzip, 2 << 20).0);
        // A size that the archive does not hold.
        let mut lying = archive(&[("a", FILE, "x")]);
        lying[124..136].copy_from_slice(b"77777777777\0");
        let mut fixed = Header::from_byte_slice(&lying[..512]).clone();
        fixed.set_cksum();
        lying[..512].copy_from_slice(fixed.as_bytes());
        assert!(!unpacked(&lying, u64::MAX).0);
    }
}
