use std::{fs, io::Read as _, path::Path};

use crate::Fault;

/// Reads a regular file of at most `max` bytes; `what` names it in errors, with its article.
pub(crate) fn read(what: &'static str, path: &Path, max: u64) -> Result<Vec<u8>, Fault> {
    let fault = |why: String| Fault::File {
        what,
        file: path.to_owned(),
        why,
    };
    let metadata = fs::metadata(path).map_err(|error| fault(error.to_string()))?;
    if !metadata.is_file() {
        return Err(fault("it is not a regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(max + 1).read_to_end(&mut bytes))
        .map_err(|error| fault(error.to_string()))?;
    if bytes.len() as u64 > max {
        return Err(fault(format!("it has more than {max} bytes")));
    }
    Ok(bytes)
}
