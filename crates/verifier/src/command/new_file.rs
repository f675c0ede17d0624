use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::Fault;

/// Writes a file that was not there, whole or not at all.
pub(super) fn write_new(file: &Path, bytes: &[u8]) -> Result<(), Fault> {
    NewFile::prepare(file, bytes)?.keep()
}

/// A file that is whole and on disk, and not yet under its name. Dropped, it is gone.
#[derive(Debug)]
pub(super) struct NewFile {
    fresh: NamedTempFile,
    file: PathBuf,
}

impl NewFile {
    /// Writes everything that can be written without anybody seeing it.
    ///
    /// # Errors
    /// [`Fault::OutputExists`] when the name is taken, [`Fault::Output`] when it cannot be written.
    pub(super) fn prepare(file: &Path, bytes: &[u8]) -> Result<Self, Fault> {
        must_be_new(file)?;
        let output = |error: std::io::Error| failed(file, &error);
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut fresh = tempfile::Builder::new()
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(folder)
            .map_err(output)?;
        fresh.write_all(bytes).map_err(output)?;
        fresh.as_file().sync_all().map_err(output)?;
        Ok(Self {
            fresh,
            file: file.to_owned(),
        })
    }

    /// Gives it its name; whatever got the name meanwhile stays.
    pub(super) fn keep(self) -> Result<(), Fault> {
        let written = self.fresh.persist_noclobber(&self.file);
        written.map(drop).map_err(|error| match error.error.kind() {
            std::io::ErrorKind::AlreadyExists => Fault::OutputExists(self.file),
            _ => failed(&self.file, &error.error),
        })
    }
}

/// Refuses a name that is taken, even by a link to nowhere.
pub(super) fn must_be_new(file: &Path) -> Result<(), Fault> {
    match file.symlink_metadata() {
        Ok(_) => Err(Fault::OutputExists(file.to_owned())),
        Err(_) => Ok(()),
    }
}

fn failed(file: &Path, error: &std::io::Error) -> Fault {
    Fault::Output {
        place: file.to_string_lossy().into_owned(),
        why: error.to_string(),
    }
}
