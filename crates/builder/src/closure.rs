use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use seed_image::PackedPath;
use seed_nix::{ClosureEntry, NarHash, StorePath, nar_hash};

use crate::{
    Error,
    disk::{DiskFile, read_tree},
    nix::{PathInfo, on_disk},
};

/// Everything `roots` refer to, themselves among it, in the store at `store`: file trees and NAR hashes are
/// read from disk, references from the database.
///
/// # Errors
/// When a path is not in the database, cannot be read, or is not what the database says.
pub fn closure_of(
    store: &Path,
    roots: &BTreeSet<StorePath>,
    infos: &BTreeMap<StorePath, PathInfo>,
) -> Result<Vec<PackedPath<DiskFile>>, Error> {
    let mut wanted: BTreeSet<StorePath> = roots.clone();
    let mut found: BTreeMap<StorePath, PackedPath<DiskFile>> = BTreeMap::new();
    while let Some(path) = wanted.pop_first() {
        let info = infos.get(&path).ok_or_else(|| Error::NixAnswer {
            command: "nix path-info --json",
            reason: format!("{path} is not in the store"),
        })?;
        wanted.extend(
            info.references
                .iter()
                .filter(|used| **used != path && !found.contains_key(used))
                .cloned(),
        );
        let node = read_tree(&on_disk(store, &path))?;
        let nar = nar_hash(&node).map_err(Error::file("hash", &on_disk(store, &path)))?;
        check_recorded(&path, &nar, info)?;
        let entry = ClosureEntry {
            path: path.clone(),
            nar,
        };
        found.insert(
            path,
            PackedPath {
                entry,
                references: info.references.clone(),
                node,
            },
        );
    }
    Ok(found.into_values().collect())
}

/// Refuses a path whose contents are not those on record.
pub(crate) fn check_recorded(
    path: &StorePath,
    nar: &NarHash,
    info: &PathInfo,
) -> Result<(), Error> {
    if *nar == info.nar {
        return Ok(());
    }
    Err(Error::Audit(format!(
        "{path} hashes to {}, but {} is on record",
        nar.digest, info.nar.digest
    )))
}
