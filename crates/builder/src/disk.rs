use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read},
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::{OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use seed_nix::{Contents, Node};

use crate::Error;

/// How deep a tree may be before it is taken for a trap.
const MAX_DEPTH: usize = 512;

/// A file on disk, opened again for every reading and never through a symbolic link.
#[derive(Clone, Debug)]
pub struct DiskFile(PathBuf);

impl DiskFile {
    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Contents for DiskFile {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        let mut options = File::options();
        options
            .read(true)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32);
        Ok(Box::new(options.open(&self.0)?))
    }
}

/// The tree at `path` as Nix sees it; symbolic links are read, never followed.
///
/// # Errors
/// When something cannot be read, is neither file, directory nor link, or lies absurdly deep.
pub fn read_tree(path: &Path) -> Result<Node<DiskFile>, Error> {
    read_node(path, 0)
}

fn read_node(path: &Path, depth: usize) -> Result<Node<DiskFile>, Error> {
    let metadata = fs::symlink_metadata(path).map_err(Error::file("read", path))?;
    let kind = metadata.file_type();
    if kind.is_symlink() {
        let target = fs::read_link(path).map_err(Error::file("read", path))?;
        return Ok(Node::Symlink(target.into_os_string().into_vec()));
    }
    if kind.is_file() {
        let executable = metadata.permissions().mode() & 0o100 != 0;
        return Ok(Node::File {
            executable,
            size: metadata.len(),
            contents: DiskFile(path.to_owned()),
        });
    }
    if !kind.is_dir() {
        return Err(Error::Tree(format!(
            "{}, which is neither file, directory nor link",
            path.display()
        )));
    }
    if depth >= MAX_DEPTH {
        return Err(Error::Tree(format!(
            "{}, more than {MAX_DEPTH} directories deep",
            path.display()
        )));
    }
    let mut entries = BTreeMap::new();
    for entry in fs::read_dir(path).map_err(Error::file("read", path))? {
        let name = entry.map_err(Error::file("read", path))?.file_name();
        let child = read_node(&path.join(&name), depth + 1)?;
        entries.insert(name.into_vec(), child);
    }
    Ok(Node::Directory(entries))
}

/// Copies a tree of files, directories and links, and sets its times as in every exported tree.
pub(crate) fn copy_tree(from: &Path, to: &Path) -> Result<(), Error> {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.map_err(|error| Error::file("read", from)(error.into()))?;
        let inside = entry.path().strip_prefix(from).unwrap_or(Path::new(""));
        let target = if inside.as_os_str().is_empty() {
            to.to_owned()
        } else {
            to.join(inside)
        };
        let kind = entry.file_type();
        let copied = if kind.is_dir() {
            fs::create_dir(&target)
        } else if kind.is_symlink() {
            fs::read_link(entry.path()).and_then(|link| std::os::unix::fs::symlink(link, &target))
        } else {
            fs::copy(entry.path(), &target).map(drop)
        };
        copied.map_err(Error::file("copy", entry.path()))?;
    }
    forget_times(to)
}

/// Sets every time stamp in `tree` to one second after the epoch, contents before directories: Nix hands the
/// newest one to the flake.
pub(crate) fn forget_times(tree: &Path) -> Result<(), Error> {
    let second = Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    };
    let times = Timestamps {
        last_access: second,
        last_modification: second,
    };
    for entry in walkdir::WalkDir::new(tree).contents_first(true) {
        let entry = entry.map_err(|error| Error::file("read", tree)(error.into()))?;
        utimensat(CWD, entry.path(), &times, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| Error::file("write", entry.path())(error.into()))?;
    }
    Ok(())
}

/// `directory` and `name`, where the name is bytes from elsewhere already checked to be a plain entry name.
pub(crate) fn join(directory: &Path, name: &[u8]) -> PathBuf {
    directory.join(OsStr::from_bytes(name))
}
