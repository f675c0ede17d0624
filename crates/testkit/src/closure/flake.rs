use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Closure, ClosureError};

const FLAKE: &str = include_str!("flake.nix");
const PART: &str = include_str!("part.bc");

/// Writes the flake of `closure` into the directory `folder`, which must not exist: `packages.x86_64-linux.seed`
/// is its last path. The flake has no inputs and holds its own bootstrap.
///
/// # Errors
/// [`ClosureError::Write`] when something cannot be written.
pub fn write_flake(closure: &Closure, folder: &Path) -> Result<(), ClosureError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ClosureError::Write { path, source }
    };
    let list = folder.join("closure.json");
    let json = serde_json::to_string_pretty(closure.parts())
        .map_err(io::Error::from)
        .map_err(failed(&list))?;
    fs::create_dir(folder).map_err(failed(folder))?;
    let bootstrap = folder.join("bootstrap");
    copy(&bootstrap_sources(), &bootstrap).map_err(failed(&bootstrap))?;
    let files = [
        (folder.join("flake.nix"), FLAKE),
        (folder.join("part.bc"), PART),
        (list, &json),
    ];
    for (path, text) in files {
        fs::write(&path, text).map_err(failed(&path))?;
    }
    Ok(())
}

/// `examples/bootstrap` of this checkout.
fn bootstrap_sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/bootstrap")
}

/// Copies files and directories, with their executable bit. A link would lead out of the flake.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &target)?;
        } else {
            let what = format!("{} is no plain file", entry.path().display());
            return Err(io::Error::other(what));
        }
    }
    Ok(())
}
