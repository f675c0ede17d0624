//! Files of the state directory: written whole or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use crate::Error;

/// Reads a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    use io::Read;
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
        .map_err(Error::file("read", path))?;
    if bytes.len() as u64 > limit {
        let why = io::Error::new(
            io::ErrorKind::InvalidData,
            format!("more than {limit} bytes"),
        );
        return Err(Error::file("read", path)(why));
    }
    Ok(bytes)
}

/// Reads a file if it exists.
pub(crate) fn read_if_there(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Error> {
    match read(path, limit) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(Error::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a file through a temporary one beside it, so that a crash leaves the old file or the new one.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let directory = parent(path);
    let mut file =
        tempfile::NamedTempFile::new_in(directory).map_err(Error::file("write", path))?;
    let result = file
        .write_all(bytes)
        .and_then(|()| {
            file.as_file()
                .set_permissions(fs::Permissions::from_mode(0o644))
        })
        .and_then(|()| file.as_file().sync_all());
    result.map_err(Error::file("write", path))?;
    file.persist(path)
        .map_err(|error| Error::file("write", path)(error.error))?;
    sync_directory(directory)
}

/// Creates a directory and those above it.
pub(crate) fn create_directory(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(Error::file("create", path))
}

/// Removes a directory tree if it is there, also one with read-only directories as a Nix store has.
pub(crate) fn remove_tree(path: &Path) -> Result<(), Error> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    for entry in walkdir::WalkDir::new(path) {
        let entry = entry.map_err(|error| Error::file("remove", path)(error.into()))?;
        if entry.file_type().is_dir() {
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o700))
                .map_err(Error::file("remove", path))?;
        }
    }
    fs::remove_dir_all(path).map_err(Error::file("remove", path))
}

/// Puts a finished directory in its place and makes that durable.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(Error::file("rename", from))?;
    sync_directory(parent(to))
}

/// A locked file; free again when this is dropped, whoever else still shares the open file (a child process does, on
/// its way to its own program).
pub(crate) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // What cannot be unlocked is still unlocked when the last of them has closed it.
        let _ = self.0.unlock();
    }
}

/// An exclusive lock for as long as what is returned lives; never waits.
pub(crate) fn lock(path: &Path) -> Result<Lock, Error> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::file("open", path))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(fs::TryLockError::WouldBlock) => Err(Error::Locked(path.to_owned())),
        Err(fs::TryLockError::Error(error)) => Err(Error::file("lock", path)(error)),
    }
}

pub(crate) fn sync_directory(path: &Path) -> Result<(), Error> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(Error::file("write", path))
}

pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
