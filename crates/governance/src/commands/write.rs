use std::{fs::OpenOptions, io::Write as _, path::Path};

use crate::Fault;

/// Writes a file that is not there yet; what could not be written whole is removed again.
pub(crate) fn write_new(path: &Path, text: &str) -> Result<(), Fault> {
    let opened = OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Fault::OutputExists(path.to_owned()));
        }
        Err(error) => return Err(Fault::file("the output", path, error)),
    };
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    written.map_err(|error| {
        let _ = std::fs::remove_file(path);
        Fault::file("the output", path, error)
    })
}
