use std::{fs::File, io::Write as _, path::Path};

use crate::Fault;

/// Writes a file that was not there, whole or not at all.
pub(super) fn write_new(file: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let output = |error: std::io::Error| Fault::Output {
        place: file.to_string_lossy().into_owned(),
        why: error.to_string(),
    };
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
    let written: Result<File, _> = fresh.persist_noclobber(file);
    written.map(drop).map_err(|error| match error.error.kind() {
        std::io::ErrorKind::AlreadyExists => Fault::OutputExists(file.to_owned()),
        _ => output(error.error),
    })
}
