//! The full-source audit: is every byte of the closure accounted for by source text and allowed seeds?

mod diff;
mod graph;
mod leaves;
mod policy;
mod report;
mod text;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use seed_nix::{OutputTree, StorePath, closure_digest};
use seed_primitives::System;

use crate::{
    Error,
    closure::{closure_of, prove},
    nix::{DriverFile, NixVersion, PathInfo},
};
pub use diff::{AuditDiff, AuditDifference};
pub(crate) use graph::{load_graph, needed};
pub use policy::{AllowList, Allowed, AuditPolicy};
pub use report::{
    AuditReport, AuditedOutput, Driver, Grade, Leaf, LeafFinding, LeafOrigin, Verdict,
};

/// What is audited.
#[derive(Clone, Debug)]
pub struct AuditSubject<'a> {
    /// The root of the store: the directory above `nix/store`.
    pub store: &'a Path,
    /// The derivation everything came from.
    pub derivation: StorePath,
    /// The paths whose runtime closure becomes the image.
    pub roots: BTreeSet<StorePath>,
    /// What the store's database says.
    pub infos: &'a BTreeMap<StorePath, PathInfo>,
    /// The system the image is for.
    pub system: System,
    /// The Nix that drove the build.
    pub version: NixVersion,
    /// The machine code of that Nix.
    pub driver: Vec<DriverFile>,
}

/// Walks the derivation graph, recomputes every derivation path, output path and NAR hash, checks that every
/// output was built in this store and that every leaf proves its own contents, and scans the leaves.
///
/// Whatever speaks against the closure is in the report's `violations`; see [`AuditReport::refusal`].
///
/// # Errors
/// When the graph is not what it claims to be, or something cannot be read. That is not a verdict.
pub fn audit(subject: AuditSubject<'_>, policy: &AuditPolicy) -> Result<AuditReport, Error> {
    let steps = load_graph(subject.store, &subject.derivation)?;
    let closure = closure_of(subject.store, &subject.roots, subject.infos)?;
    prove(subject.store, &closure)?;
    let entries: Vec<_> = closure.iter().map(|path| path.entry.clone()).collect();
    let mut violations = Vec::new();
    let walked = graph::walk(&subject, &steps, &mut violations)?;
    for path in entries.iter().map(|entry| &entry.path) {
        if !walked.outputs.contains(path) && !walked.leaves.contains_key(path) {
            violations.push(format!(
                "{path} is in the closure, but nothing in the graph makes it"
            ));
        }
    }
    let leaves = leaves::scan_leaves(subject.store, &walked.leaves, policy, &mut violations)?;
    let target = subject.system.as_str();
    let cross = steps
        .iter()
        .any(|step| step.system != target && step.system != "builtin");
    let tree = OutputTree::new(walked.built);
    let report = AuditReport::new(
        report::Facts {
            system: subject.system.clone(),
            derivation: subject.derivation.to_string(),
            closure: closure_digest(&entries)?,
            closure_paths: entries.len(),
            derivations: steps.len(),
            built: walked.outputs.len(),
            cross,
            driver: Driver::new(subject.version, subject.driver),
            tree,
        },
        leaves,
        violations,
        policy,
    );
    Ok(report)
}
