//! Git's listing of a tree, and writing it to disk exactly as it is.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{BufRead, Read, Write},
    os::unix::{ffi::OsStringExt, fs::PermissionsExt, fs::symlink},
    path::Path,
};

use seed_nix::Node;

use crate::{Error, disk};

const MAX_BLOB: u64 = 8 << 30;

/// One line of git's listing: a file, link, directory or submodule.
pub(crate) struct Entry {
    mode: String,
    pub(crate) object: String,
    path: Vec<u8>,
}

impl Entry {
    pub(crate) fn is_directory(&self) -> bool {
        self.mode == "040000"
    }
}

/// `<mode> SP <type> SP <object> TAB <path>`.
pub(crate) fn parse(line: &[u8]) -> Option<Entry> {
    let tab = line.iter().position(|byte| *byte == b'\t')?;
    let mut words = std::str::from_utf8(line.get(..tab)?).ok()?.split(' ');
    let (mode, _kind, object) = (words.next()?, words.next()?, words.next()?);
    Some(Entry {
        mode: mode.to_owned(),
        object: object.to_owned(),
        path: line.get(tab + 1..)?.to_vec(),
    })
}

/// Writes `entry` below `tree`, taking its contents, if it has any, from `blobs`.
pub(crate) fn write_entry(
    tree: &Path,
    entry: &Entry,
    blobs: &mut impl BufRead,
) -> Result<(), Error> {
    let shown = String::from_utf8_lossy(&entry.path)
        .escape_debug()
        .to_string();
    let names = entry.path.split(|byte| *byte == b'/');
    for name in names {
        if !Node::<()>::is_entry_name(name) || name.eq_ignore_ascii_case(b".git") {
            return Err(Error::Tree(format!("the impossible name `{shown}`")));
        }
    }
    let path = disk::join(tree, &entry.path);
    match entry.mode.as_str() {
        "040000" => fs::create_dir(&path).map_err(Error::file("create", &path)),
        "100644" | "100664" | "100755" => {
            let mut file = File::create_new(&path).map_err(Error::file("create", &path))?;
            copy_blob(entry, blobs, &mut file).map_err(Error::file("write", &path))?;
            let mode = if entry.mode == "100755" { 0o755 } else { 0o644 };
            file.set_permissions(fs::Permissions::from_mode(mode))
                .map_err(Error::file("write", &path))
        }
        "120000" => {
            let mut target = Vec::new();
            copy_blob(entry, blobs, &mut target).map_err(Error::file("read", &path))?;
            let target = OsString::from_vec(target);
            symlink(target, &path).map_err(Error::file("create", &path))
        }
        "160000" => Err(Error::Tree(format!("the submodule `{shown}`"))),
        mode => Err(Error::Tree(format!(
            "`{shown}` with the unknown mode {mode}"
        ))),
    }
}

/// Reads `<object> SP blob SP <size> LF <content> LF`.
fn copy_blob(entry: &Entry, blobs: &mut impl BufRead, out: &mut impl Write) -> std::io::Result<()> {
    let bad = || {
        std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "git delivered another object",
        )
    };
    let mut head = String::new();
    blobs.take(200).read_line(&mut head)?;
    let size: u64 = head
        .strip_suffix('\n')
        .and_then(|head| head.strip_prefix(&entry.object))
        .and_then(|rest| rest.strip_prefix(" blob "))
        .and_then(|size| size.parse().ok())
        .filter(|size| *size <= MAX_BLOB)
        .ok_or_else(bad)?;
    if std::io::copy(&mut blobs.take(size), out)? != size {
        return Err(bad());
    }
    let mut end = [0];
    blobs.read_exact(&mut end)?;
    if end == *b"\n" { Ok(()) } else { Err(bad()) }
}
