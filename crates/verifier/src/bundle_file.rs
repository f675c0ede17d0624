use std::{fs::File, io::Read as _, path::Path};

use seed_verdict::{Bundle, MAX_BUNDLE_BYTES};

use crate::Fault;

/// Reads the bundle in `file`.
///
/// # Errors
/// [`Fault::File`] when there is no such file, [`Fault::BundleMalformed`] when it is no bundle.
pub fn load_bundle(file: &Path) -> Result<Bundle, Fault> {
    let unreadable = |why: String| Fault::file("the bundle", file, why);
    // Looked at before it is opened: opening a pipe would wait for its writer.
    let metadata = file
        .metadata()
        .map_err(|error| unreadable(error.to_string()))?;
    if !metadata.is_file() {
        return Err(unreadable("not a file".to_owned()));
    }
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|file| {
            file.take(MAX_BUNDLE_BYTES as u64 + 1)
                .read_to_end(&mut bytes)
        })
        .map_err(|error| unreadable(error.to_string()))?;
    Bundle::from_json(&bytes).map_err(|error| Fault::BundleMalformed {
        file: file.to_owned(),
        error,
    })
}
