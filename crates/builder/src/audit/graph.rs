use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
};

use seed_nix::{
    BuiltOutput, GraphLoader, NarHash, Node, SourceKind, Step, StorePath, content_matches,
    copy_exactly, nar_hash, source_kind,
};
use seed_primitives::Digest;
use sha2::{Digest as _, Sha256};

use super::AuditSubject;
use crate::{
    Error,
    disk::{DiskFile, read_tree},
    nix::{PathInfo, on_disk, read_derivation},
};

/// How a leaf got into the store without being built.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Origin {
    Source(SourceKind),
    FixedOutput,
}

/// What the walk found.
#[derive(Default)]
pub(super) struct Walked {
    /// Every output that had to be built.
    pub(super) outputs: BTreeSet<StorePath>,
    /// Every source and fixed output, with the hash its contents were found to have.
    pub(super) leaves: BTreeMap<StorePath, (Origin, NarHash)>,
    /// Every output of every derivation that was needed, in build order, with the hash of its contents.
    pub(super) built: Vec<BuiltOutput>,
}

/// All derivations that `root` needs, paths recomputed, inputs before users.
pub(crate) fn load_graph(store: &Path, root: &StorePath) -> Result<Vec<Step>, Error> {
    let mut loader = GraphLoader::new(root.clone());
    while let Some(path) = loader.wanted() {
        loader.add(&path, &read_derivation(store, &path)?)?;
    }
    Ok(loader.finish()?)
}

/// The steps that had to run: what lies behind a fixed output did not, its content is proven by its hash.
pub(crate) fn needed(steps: &[Step]) -> Vec<&Step> {
    let mut wanted: BTreeSet<&StorePath> =
        steps.last().map(|step| &step.path).into_iter().collect();
    let mut result: Vec<&Step> = steps
        .iter()
        .rev()
        .filter(|step| {
            let needed = wanted.contains(&step.path);
            if needed && step.fixed.is_none() {
                wanted.extend(&step.input_derivations);
            }
            needed
        })
        .collect();
    result.reverse();
    result
}

/// Checks origin, purity and contents of everything that had to be there for the build.
pub(super) fn walk(
    subject: &AuditSubject<'_>,
    steps: &[Step],
    violations: &mut Vec<String>,
) -> Result<Walked, Error> {
    let mut walked = Walked::default();
    let by_path: BTreeMap<&StorePath, &Step> =
        steps.iter().map(|step| (&step.path, step)).collect();
    for step in needed(steps) {
        if step.fixed.is_some() {
            check_fixed(subject, step, &mut walked, violations)?;
            continue;
        }
        violations.extend(
            step.impurities
                .iter()
                .map(|impurity| format!("{}: {impurity}", step.path)),
        );
        for source in &step.input_sources {
            check_source(subject, source, &mut walked, violations)?;
        }
        let inputs = step
            .input_derivations
            .iter()
            .filter_map(|input| by_path.get(input))
            .flat_map(|input| input.outputs.values())
            .chain(&step.input_sources);
        let newest = inputs
            .filter_map(|path| subject.infos.get(path))
            .map(|info| info.registered)
            .max();
        for (name, output) in &step.outputs {
            walked.outputs.insert(output.clone());
            let Some((_, info)) = contents(subject, output, violations)? else {
                continue;
            };
            check_origin(output, info, newest.unwrap_or(0), violations);
            walked.built.push(built(step, name, output, info));
        }
    }
    // What is packed beside the graph, such as the inputs of a flake, is a source or does not belong there.
    for root in &subject.roots {
        if !walked.outputs.contains(root) {
            check_source(subject, root, &mut walked, violations)?;
        }
    }
    Ok(walked)
}

fn built(step: &Step, name: &str, output: &StorePath, info: &PathInfo) -> BuiltOutput {
    BuiltOutput {
        derivation: step.path.clone(),
        name: name.to_owned(),
        path: output.clone(),
        nar: info.nar,
    }
}

/// A built output: here, unsigned, and not before its inputs.
fn check_origin(
    output: &StorePath,
    info: &PathInfo,
    newest_input: u64,
    violations: &mut Vec<String>,
) {
    if !info.ultimate {
        violations.push(format!("{output} was not built in this store"));
    }
    if info.signatures > 0 {
        violations.push(format!(
            "{output} carries {} signatures of other stores",
            info.signatures
        ));
    }
    if info.registered < newest_input {
        violations.push(format!(
            "{output} is older than something it was built from"
        ));
    }
}

/// A fixed output: whoever made it, its content has the address that the derivation promises.
fn check_fixed(
    subject: &AuditSubject<'_>,
    step: &Step,
    walked: &mut Walked,
    violations: &mut Vec<String>,
) -> Result<(), Error> {
    for (name, output) in &step.outputs {
        let Some((node, info)) = contents(subject, output, violations)? else {
            continue;
        };
        walked
            .leaves
            .insert(output.clone(), (Origin::FixedOutput, info.nar));
        walked.built.push(built(step, name, output, info));
        let place = on_disk(subject.store, output);
        let matches = match &step.fixed {
            Some(address) => {
                content_matches(address, &node).map_err(Error::file("hash", &place))?
            }
            None => false,
        };
        if !matches {
            violations.push(format!(
                "{output} does not have the content its derivation promises"
            ));
        }
    }
    Ok(())
}

/// A source and the sources it refers to: each path follows from its contents and references.
fn check_source(
    subject: &AuditSubject<'_>,
    source: &StorePath,
    walked: &mut Walked,
    violations: &mut Vec<String>,
) -> Result<(), Error> {
    let mut todo = vec![source.clone()];
    while let Some(source) = todo.pop() {
        if walked.leaves.contains_key(&source) || walked.outputs.contains(&source) {
            continue;
        }
        let Some((node, info)) = contents(subject, &source, violations)? else {
            continue;
        };
        let flat = match &node {
            Node::File {
                executable: false,
                size,
                contents,
            } => Some(digest_of(contents, *size)?),
            _ => None,
        };
        let references: Vec<StorePath> = info
            .references
            .iter()
            .filter(|path| **path != source)
            .cloned()
            .collect();
        let Some(kind) = source_kind(&source, &info.nar, flat.as_ref(), &references) else {
            violations.push(format!(
                "{source} is used as a source, but its path does not follow from its contents"
            ));
            continue;
        };
        walked
            .leaves
            .insert(source, (Origin::Source(kind), info.nar));
        todo.extend(references);
    }
    Ok(())
}

fn digest_of(contents: &DiskFile, size: u64) -> Result<Digest, Error> {
    let mut hasher = Sha256::new();
    let hashed = copy_exactly(contents, size, &mut |bytes| {
        hasher.update(bytes);
        Ok(())
    });
    hashed.map_err(Error::file("hash", contents.path()))?;
    let zero = || io::Error::new(io::ErrorKind::InvalidData, "it hashes to zero");
    Digest::from_bytes(hasher.finalize().into())
        .ok_or_else(zero)
        .map_err(Error::file("hash", contents.path()))
}

/// The file tree of a path and its record, or nothing after noting why not.
fn contents<'a>(
    subject: &AuditSubject<'a>,
    path: &StorePath,
    violations: &mut Vec<String>,
) -> Result<Option<(Node<DiskFile>, &'a PathInfo)>, Error> {
    let Some(info) = subject.infos.get(path) else {
        violations.push(format!("{path} is part of the build, but not in the store"));
        return Ok(None);
    };
    let place = on_disk(subject.store, path);
    let node = read_tree(&place)?;
    let nar = nar_hash(&node).map_err(Error::file("hash", &place))?;
    if nar != info.nar {
        violations.push(format!(
            "{path} hashes to {}, but {} is on record",
            nar.digest, info.nar.digest
        ));
        return Ok(None);
    }
    Ok(Some((node, info)))
}
