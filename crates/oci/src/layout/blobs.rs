use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use seed_primitives::Digest;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::{Files, Layout, read_only, storage};
use crate::{
    Error,
    archive::{Archive, Section},
};

/// What names of files begin with that are not complete yet.
pub(super) const TEMPORARY: &str = ".incomplete-";

/// `blobs/sha256/<hex>`.
pub(super) fn path(digest: &Digest) -> PathBuf {
    Path::new("blobs/sha256").join(digest.to_hex())
}

/// A file that is not there yet under its name, and vanishes unless it is given one.
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o644));
    }
    builder.prefix(TEMPORARY).tempfile_in(folder)
}

/// Writes `folder/name` in one step, unless it is there.
pub(super) fn write_new(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = temporary(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(folder.join(name)) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

impl Layout {
    /// The folder that is written to.
    pub(super) fn folder(&self) -> Result<&Path, Error> {
        match &self.files {
            Files::Folder(folder) => Ok(folder),
            Files::Archive(_) => Err(read_only(&self.place)),
        }
    }

    /// A file of an archive.
    pub(super) fn section(
        &self,
        archive: &Archive,
        relative: &Path,
        what: &str,
    ) -> Result<Section, Error> {
        let found = relative.to_str().and_then(|name| archive.section(name));
        found.ok_or_else(|| Error::NotFound {
            place: self.place.clone(),
            what: what.to_owned(),
        })
    }

    /// Opens a file below `folder` for reading. Nothing on the way to it may be a symbolic link.
    pub(super) fn open_file(
        &self,
        folder: &Path,
        relative: &Path,
        what: &str,
    ) -> Result<File, Error> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Error::NotFound {
                place: self.place.clone(),
                what: what.to_owned(),
            },
            _ => storage(&self.place, &format!("read {what}"), &error),
        };
        let mut path = folder.to_owned();
        for part in relative.components() {
            path.push(part);
            let kind = fs::symlink_metadata(&path).map_err(failed)?.file_type();
            if kind.is_symlink() {
                return Err(self.strange(what, "a symbolic link is in its place"));
            }
        }
        // Before the file is opened: opening a pipe would wait for its other end.
        if !fs::symlink_metadata(&path).map_err(failed)?.is_file() {
            return Err(self.strange(what, "something is in its place that is no file"));
        }
        File::open(&path).map_err(failed)
    }

    fn strange(&self, what: &str, why: &str) -> Error {
        Error::Malformed {
            place: self.place.clone(),
            what: what.to_owned(),
            why: why.to_owned(),
        }
    }

    /// The whole file, at most `limit` bytes.
    pub(super) fn read(&self, relative: &Path, what: &str, limit: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let limited = limit.saturating_add(1);
        let read = match &self.files {
            Files::Folder(folder) => {
                let file = self.open_file(folder, relative, what)?;
                file.take(limited).read_to_end(&mut bytes)
            }
            Files::Archive(archive) => {
                let section = self.section(archive, relative, what)?;
                section.take(limited).read_to_end(&mut bytes)
            }
        };
        read.map_err(|error| storage(&self.place, &format!("read {what}"), &error))?;
        if bytes.len() as u64 > limit {
            return Err(Error::TooLarge {
                place: self.place.clone(),
                what: what.to_owned(),
                limit,
            });
        }
        Ok(bytes)
    }

    /// Writes a file of the layout in one step, over what was there.
    pub(super) fn replace(&self, relative: &Path, bytes: &[u8]) -> Result<(), Error> {
        let failed = |error: io::Error| storage(&self.place, "write", &error);
        let mut file = self.temporary(relative)?;
        file.write_all(bytes).map_err(failed)?;
        self.name(file, relative)
    }

    fn temporary(&self, relative: &Path) -> Result<NamedTempFile, Error> {
        let mut folder = self.folder()?.to_owned();
        for part in relative.parent().into_iter().flat_map(Path::components) {
            folder.push(part);
            if fs::symlink_metadata(&folder).is_ok_and(|found| !found.is_dir()) {
                return Err(self.strange(&folder.display().to_string(), "it is not a folder"));
            }
        }
        fs::create_dir_all(&folder)
            .and_then(|()| temporary(&folder))
            .map_err(|error| storage(&self.place, "write", &error))
    }

    fn name(&self, file: NamedTempFile, relative: &Path) -> Result<(), Error> {
        let failed = |error: io::Error| storage(&self.place, "write", &error);
        file.as_file().sync_all().map_err(failed)?;
        file.persist(self.folder()?.join(relative))
            .map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// Stores `bytes`, over a copy that may be damaged.
    pub(crate) fn push_blob(&self, bytes: &[u8]) -> Result<Digest, Error> {
        let digest = Digest::of(bytes);
        self.replace(&path(&digest), bytes)?;
        Ok(digest)
    }

    /// Copies the file at `from`, hashing what is copied; the blob appears only if it is the right one.
    pub(crate) fn push_file(&self, from: &Path, digest: &Digest, size: u64) -> Result<(), Error> {
        let place = from.display().to_string();
        let unreadable = |error: io::Error| storage(&place, "read the file", &error);
        let mut source = File::open(from)
            .map_err(unreadable)?
            .take(size.saturating_add(1));
        let mut target = self.temporary(&path(digest))?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 128 << 10];
        let mut copied = 0_u64;
        loop {
            let read = source.read(&mut buffer).map_err(unreadable)?;
            if read == 0 {
                break;
            }
            let part = buffer.get(..read).unwrap_or_default();
            hasher.update(part);
            target
                .write_all(part)
                .map_err(|error| storage(&self.place, "write", &error))?;
            copied += read as u64;
        }
        if copied != size {
            return Err(Error::WrongSize {
                place,
                digest: *digest,
                expected: size,
                found: if copied > size {
                    format!("more than {size}")
                } else {
                    copied.to_string()
                },
            });
        }
        match Digest::from_bytes(hasher.finalize().into()) {
            Some(found) if found == *digest => self.name(target, &path(digest)),
            found => Err(Error::WrongDigest {
                place,
                expected: *digest,
                found: found.unwrap_or(*digest),
            }),
        }
    }
}
