use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use seed_image::PackedPath;
use seed_nix::{ClosureEntry, Project, Step, StorePath, nar_hash, source_kind};

use crate::{
    Error,
    disk::{DiskFile, read_tree},
    nix::{PathInfo, on_disk},
};

/// Everything `roots` refer to, themselves among it, in the store at `store`: file trees are read from disk,
/// references and NAR hashes from the database. That the trees have these hashes is proved by whoever reads them:
/// the packer while it packs, `prove` where nothing is packed.
///
/// # Errors
/// When a path is not in the database, or its tree cannot be read.
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
        let entry = ClosureEntry {
            path: path.clone(),
            nar: info.nar,
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

/// Reads every path of `closure` and refuses one whose contents are not those on record.
///
/// # Errors
/// [`Error::Audit`] for such a path, and when one cannot be read.
pub(crate) fn prove(store: &Path, closure: &[PackedPath<DiskFile>]) -> Result<(), Error> {
    for PackedPath { entry, node, .. } in closure {
        let nar = nar_hash(node).map_err(Error::file("hash", &on_disk(store, &entry.path)))?;
        if nar != entry.nar {
            return Err(Error::Audit(format!(
                "{} hashes to {}, but {} is on record",
                entry.path, nar.digest, entry.nar.digest
            )));
        }
    }
    Ok(())
}

/// What the seed that is the last of `steps` holds for the project it names: the inputs of the project's own
/// derivations, without the sources that lie in `flake` itself. `None` when it names no project.
///
/// # Errors
/// When what it names is not in its graph, or the flake's directory cannot be read.
pub(crate) fn project_inputs(
    steps: &[Step],
    flake: &Path,
) -> Result<Option<BTreeSet<StorePath>>, Error> {
    let Some(project) = Project::of(steps)? else {
        return Ok(None);
    };
    let own_sources = own_sources(flake, &project.sources())?;
    Ok(Some(project.inputs(&own_sources)))
}

/// Which of `sources` are files or folders of the tree at `flake`, under their own name, or the tree itself: a
/// checkout brings these along.
fn own_sources(flake: &Path, sources: &BTreeSet<&StorePath>) -> Result<BTreeSet<StorePath>, Error> {
    let mut own = BTreeSet::new();
    for entry in walkdir::WalkDir::new(flake) {
        let entry = entry.map_err(|error| Error::file("read", flake)(error.into()))?;
        let name = match entry.depth() {
            0 => "source",
            _ => entry.file_name().to_str().unwrap_or_default(),
        };
        let mut candidates = sources
            .iter()
            .filter(|source| source.name() == name)
            .peekable();
        if candidates.peek().is_none() {
            continue;
        }
        let nar = nar_hash(&read_tree(entry.path())?).map_err(Error::file("hash", entry.path()))?;
        let found = candidates.filter(|source| source_kind(source, &nar, None, &[]).is_some());
        own.extend(found.map(|source| (*source).clone()));
    }
    Ok(own)
}
