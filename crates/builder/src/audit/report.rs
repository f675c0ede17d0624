use std::collections::BTreeMap;

use seed_primitives::{Digest, System, canonical_json};
use serde::Serialize;

use super::AuditPolicy;
use crate::nix::{DriverFile, NixVersion};

/// The most bytes of machine code a closure may start from to count as grown from a hex seed.
const HEX_SEED_BYTES: u64 = 1024;

/// How far down a closure is built from source.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// From text and at most 1,024 bytes of allowed machine code, on the system it is for.
    Hex0,
    /// The same, but partly built on another system.
    Cross,
    /// From larger or unexplained binaries.
    Vendor,
}

/// What is to be thought of a piece of a leaf that is not text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Allowed by its digest.
    Seed,
    /// Machine code that nothing accounts for.
    Unexplained,
    /// Neither text nor known: could be anything.
    Opaque,
}

/// A piece of a leaf that is not text.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct LeafFinding {
    /// The file inside the leaf and the archive members around the piece, joined by `!/`; empty when the leaf
    /// is one file.
    pub location: String,
    /// `elf`, `wasm` … or `opaque`.
    pub kind: String,
    /// SHA-256 of the piece.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// The judgement.
    pub verdict: Verdict,
}

/// A store path that was not built: a source or a fixed output.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Leaf {
    /// The store path.
    pub path: String,
    /// `tree`, `text` or `fixed-output`.
    pub origin: &'static str,
    /// The NAR hash, recomputed.
    pub nar_hash: Digest,
    /// The NAR size in bytes.
    pub nar_size: u64,
    /// How many bytes are text.
    pub text_bytes: u64,
    /// Everything else.
    pub findings: Vec<LeafFinding>,
}

/// The machine code that drove the build without being built itself.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Driver {
    /// The version of Nix.
    pub version: String,
    /// The sum of all sizes.
    pub bytes: u64,
    /// Every file.
    pub files: Vec<DriverFile>,
}

impl Driver {
    pub(super) fn new(version: NixVersion, files: Vec<DriverFile>) -> Self {
        Self {
            version: version.to_string(),
            bytes: files.iter().map(|file| file.size).sum(),
            files,
        }
    }
}

/// The result of an audit; its canonical JSON is a blob of the evidence.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditReport {
    /// The form of this report.
    pub version: u32,
    /// The system the closure is for.
    pub system: System,
    /// The derivation everything came from.
    pub derivation: String,
    /// The closure digest, from recomputed hashes.
    pub closure: Digest,
    /// How many paths the closure has.
    pub closure_paths: usize,
    /// How many derivations the graph has; path and outputs of each were recomputed.
    pub derivations: usize,
    /// How many outputs were built in this store.
    pub built_outputs: usize,
    /// How far down everything is source.
    pub grade: Grade,
    /// Bytes of allowed machine code, each digest counted once.
    pub seed_binary_bytes: u64,
    /// Bytes of machine code that nothing accounts for.
    pub unexplained_binary_bytes: u64,
    /// Bytes that are neither text nor known.
    pub opaque_bytes: u64,
    /// Bytes of text.
    pub text_bytes: u64,
    /// The Nix that drove the build.
    pub driver: Driver,
    /// Every source and fixed output.
    pub leaves: Vec<Leaf>,
    /// Whatever speaks against the closure, one sentence each; empty for a good one.
    pub violations: Vec<String>,
}

/// What the walk established.
pub(super) struct Facts {
    pub(super) system: System,
    pub(super) derivation: String,
    pub(super) closure: Digest,
    pub(super) closure_paths: usize,
    pub(super) derivations: usize,
    pub(super) built: usize,
    pub(super) cross: bool,
    pub(super) driver: Driver,
}

impl AuditReport {
    pub(super) fn new(
        facts: Facts,
        leaves: Vec<Leaf>,
        mut violations: Vec<String>,
        policy: &AuditPolicy,
    ) -> Self {
        let bytes = |verdict| distinct_bytes(&leaves, verdict);
        let (seed, unexplained, opaque) = (
            bytes(Verdict::Seed),
            bytes(Verdict::Unexplained),
            bytes(Verdict::Opaque),
        );
        if unexplained > 0 {
            let place = first(&leaves, Verdict::Unexplained);
            violations.push(format!(
                "{unexplained} bytes of machine code are unexplained, first {place}"
            ));
        }
        if opaque > policy.max_opaque_bytes {
            let place = first(&leaves, Verdict::Opaque);
            let most = policy.max_opaque_bytes;
            violations.push(format!(
                "{opaque} bytes are opaque, more than the {most} allowed, first {place}"
            ));
        }
        let grade = match (
            seed <= HEX_SEED_BYTES && unexplained == 0 && opaque == 0,
            facts.cross,
        ) {
            (true, false) => Grade::Hex0,
            (true, true) => Grade::Cross,
            (false, _) => Grade::Vendor,
        };
        Self {
            version: 1,
            system: facts.system,
            derivation: facts.derivation,
            closure: facts.closure,
            closure_paths: facts.closure_paths,
            derivations: facts.derivations,
            built_outputs: facts.built,
            grade,
            seed_binary_bytes: seed,
            unexplained_binary_bytes: unexplained,
            opaque_bytes: opaque,
            text_bytes: leaves.iter().map(|leaf| leaf.text_bytes).sum(),
            driver: facts.driver,
            leaves,
            violations,
        }
    }

    /// Why the closure must not be attested: the first violations, or `None` for a good closure.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        if self.violations.is_empty() {
            return None;
        }
        let shown = self
            .violations
            .iter()
            .take(3)
            .cloned()
            .collect::<Vec<_>>()
            .join("; ");
        let more = self.violations.len().saturating_sub(3);
        Some(if more == 0 {
            shown
        } else {
            format!("{shown}; and {more} more")
        })
    }

    /// The canonical JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Strings, integers and lists always have a JSON form.
        canonical_json(self).unwrap_or_default()
    }
}

/// The sum of sizes over distinct digests: the same seed in two leaves is one seed.
fn distinct_bytes(leaves: &[Leaf], verdict: Verdict) -> u64 {
    let findings = leaves
        .iter()
        .flat_map(|leaf| &leaf.findings)
        .filter(|found| found.verdict == verdict);
    findings
        .map(|found| (found.digest, found.size))
        .collect::<BTreeMap<_, _>>()
        .into_values()
        .sum()
}

fn first(leaves: &[Leaf], verdict: Verdict) -> String {
    leaves
        .iter()
        .find_map(|leaf| {
            let found = leaf
                .findings
                .iter()
                .find(|found| found.verdict == verdict)?;
            let place = if found.location.is_empty() {
                String::new()
            } else {
                format!("/{}", found.location)
            };
            Some(format!(
                "{}{place} ({}, {})",
                leaf.path, found.kind, found.digest
            ))
        })
        .unwrap_or_default()
}
