//! Paths of a store on disk.

use std::{
    fs,
    path::{Path, PathBuf},
};

use seed_nix::StorePath;

use crate::{Error, state};

/// Whether `path` lies in a store directory, and then the root of the store and the store path.
///
/// # Errors
/// When no part of the path is a store path.
pub(crate) fn split_store_path(path: &Path) -> Result<(PathBuf, StorePath), Error> {
    let absolute = std::path::absolute(path).map_err(Error::file("read", path))?;
    let mut below = absolute.as_path();
    while let Some(parent) = below.parent() {
        if parent.ends_with("nix/store") {
            let name = below.file_name().unwrap_or_default();
            let found = StorePath::from_basename(std::os::unix::ffi::OsStrExt::as_bytes(name));
            let root = parent.parent().and_then(Path::parent);
            if let (Ok(found), Some(root)) = (found, root) {
                return Ok((root.to_owned(), found));
            }
        }
        below = parent;
    }
    Err(Error::Usage(format!(
        "{} is not below a nix/store directory",
        path.display()
    )))
}

/// Where a store path lies on disk, in the store whose root is `root`.
pub(crate) fn on_disk(root: &Path, path: &StorePath) -> PathBuf {
    root.join("nix/store").join(path.to_basename())
}

/// Reads a `.drv` file of the store at `root`.
pub(crate) fn read_derivation(root: &Path, path: &StorePath) -> Result<Vec<u8>, Error> {
    let file = on_disk(root, path);
    fs::symlink_metadata(&file).map_err(Error::file("read", &file))?;
    state::read(&file, seed_nix::MAX_DERIVATION_BYTES as u64)
}
