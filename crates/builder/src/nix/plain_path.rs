use std::path::Path;

use crate::{Error, disk};

/// A directory whose path every version of Nix takes literally in a flake reference: the given one, or a copy
/// in a temporary directory where the path has other characters. (Nix 2.8 does not decode them, later
/// versions refuse links on the way.)
pub(super) struct PlainPath {
    pub(super) text: String,
    _copy: Option<tempfile::TempDir>,
}

impl PlainPath {
    pub(super) fn of(path: &Path) -> Result<Self, Error> {
        if let Some(text) = plain(path) {
            return Ok(Self { text, _copy: None });
        }
        let directory =
            tempfile::tempdir().map_err(Error::file("create", &std::env::temp_dir()))?;
        let copy = directory.path().join("source");
        let text = plain(&copy).ok_or_else(|| {
            Error::Usage(
                "the temporary directory's name has unusual characters; set TMPDIR".to_owned(),
            )
        })?;
        disk::copy_tree(path, &copy)?;
        Ok(Self {
            text,
            _copy: Some(directory),
        })
    }
}

fn plain(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-');
    text.bytes().all(good).then(|| text.to_owned())
}
