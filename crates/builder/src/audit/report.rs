use std::collections::BTreeMap;

use seed_nix::{BuiltOutput, NarHash, OutputTree, StorePath};
use seed_primitives::{Digest, System, canonical_json};
use serde::{Deserialize, Serialize};

use super::AuditPolicy;
use crate::{
    CensusVerdict, Error,
    nix::{DriverFile, NixVersion},
};

/// The most bytes of machine code a closure may start from to count as grown from a hex seed.
const HEX_SEED_BYTES: u64 = 1024;

/// The form of the report.
const VERSION: u32 = 2;

/// How far down a closure is built from source.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
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
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Allowed by its digest, as the beginning of everything.
    Seed,
    /// Allowed by its digest, as something that lies among the sources and does nothing.
    Inert,
    /// Machine code that nothing accounts for.
    Unexplained,
    /// Neither text nor known: could be anything.
    Opaque,
    /// An archive that goes beyond a limit of the scan: could be anything, and is never accepted.
    Unscanned,
}

/// A piece of a leaf that is not text.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
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

/// How a leaf got into the store without being built.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeafOrigin {
    /// A source addressed by its tree.
    Tree,
    /// A source addressed by its text.
    Text,
    /// A fixed output: whoever made it, it has the promised hash.
    FixedOutput,
}

/// A store path that was not built: a source or a fixed output.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Leaf {
    /// The store path.
    pub path: String,
    /// How it got into the store.
    pub origin: LeafOrigin,
    /// The NAR hash, recomputed.
    pub nar_hash: Digest,
    /// The NAR size in bytes.
    pub nar_size: u64,
    /// How many bytes are text.
    pub text_bytes: u64,
    /// How many of them stand in long runs of base64 or hexadecimal digits.
    pub encoded_bytes: u64,
    /// Everything else.
    pub findings: Vec<LeafFinding>,
}

/// The machine code that drove the build without being built itself.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
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

/// One output of one derivation, and the hash of its contents.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AuditedOutput {
    /// The derivation.
    pub derivation: String,
    /// The output's name.
    pub name: String,
    /// Its store path.
    pub path: String,
    /// The NAR hash, recomputed.
    pub nar_hash: Digest,
    /// The NAR size in bytes.
    pub nar_size: u64,
}

/// The result of an audit; its canonical JSON is a blob of the evidence.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
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
    /// Why it is that grade, one sentence.
    pub grade_reason: String,
    /// What was allowed.
    pub policy: AuditPolicy,
    /// Bytes of allowed machine code, each digest counted once.
    pub seed_binary_bytes: u64,
    /// Bytes of machine code that nothing accounts for.
    pub unexplained_binary_bytes: u64,
    /// Bytes that are neither text nor known.
    pub opaque_bytes: u64,
    /// Bytes allowed because they are held to do nothing.
    pub inert_bytes: u64,
    /// Bytes of archives that go beyond a limit of the scan.
    pub unscanned_bytes: u64,
    /// Bytes of text.
    pub text_bytes: u64,
    /// Bytes of text in long runs of base64 or hexadecimal digits, which may carry anything.
    pub encoded_text_bytes: u64,
    /// The Nix that drove the build.
    pub driver: Driver,
    /// Every source and fixed output.
    pub leaves: Vec<Leaf>,
    /// Every output that was needed, in build order: inputs before users.
    pub outputs: Vec<AuditedOutput>,
    /// The Merkle root over `outputs`: two builders with the same root built the same.
    pub outputs_root: Digest,
    /// Whatever speaks against the closure, one sentence each; empty for a good one.
    pub violations: Vec<String>,
    /// What was started during the build and why it may be. Never in a report that is evidence: there it would make
    /// honest builders differ (docs/audit.md).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub census: Option<CensusVerdict>,
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
    pub(super) tree: OutputTree,
}

impl AuditReport {
    /// The most bytes a report may have, for those who write it and those who read it: more than a hundred thousand
    /// outputs. Reading one takes some eight times as much memory, and reports come from others.
    pub const MAX_BYTES: u64 = 24 << 20;

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
        let (inert, unscanned) = (bytes(Verdict::Inert), bytes(Verdict::Unscanned));
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
        let (grade, grade_reason) =
            grade(seed, unexplained + opaque + unscanned, inert, facts.cross);
        Self {
            version: VERSION,
            system: facts.system,
            derivation: facts.derivation,
            closure: facts.closure,
            closure_paths: facts.closure_paths,
            derivations: facts.derivations,
            built_outputs: facts.built,
            grade,
            grade_reason,
            policy: policy.clone(),
            seed_binary_bytes: seed,
            unexplained_binary_bytes: unexplained,
            opaque_bytes: opaque,
            inert_bytes: inert,
            unscanned_bytes: unscanned,
            text_bytes: leaves.iter().map(|leaf| leaf.text_bytes).sum(),
            encoded_text_bytes: leaves.iter().map(|leaf| leaf.encoded_bytes).sum(),
            driver: facts.driver,
            leaves,
            outputs: facts.tree.outputs().iter().map(AuditedOutput::of).collect(),
            outputs_root: facts.tree.root(),
            violations,
            census: None,
        }
    }

    /// Why the closure must not be attested: the first violations, or `None` for a good closure.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        let census = self.census.iter().flat_map(|census| &census.violations);
        let all: Vec<&str> = self
            .violations
            .iter()
            .chain(census)
            .map(String::as_str)
            .collect();
        if all.is_empty() {
            return None;
        }
        let shown = all.iter().take(3).copied().collect::<Vec<_>>().join("; ");
        let more = all.len().saturating_sub(3);
        Some(if more == 0 {
            shown
        } else {
            format!("{shown}; and {more} more")
        })
    }

    /// Reads a report that [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// When the bytes are none of this version in canonical form, or do not fit together.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        let bad = |reason: String| Error::Usage(format!("this is no audit report: {reason}"));
        let report: Self = serde_json::from_slice(bytes).map_err(|error| bad(error.to_string()))?;
        if report.version != VERSION {
            return Err(bad(format!(
                "it has version {}, and this program reads version {VERSION}",
                report.version
            )));
        }
        if report.to_json() != bytes.trim_ascii_end() {
            return Err(bad("it is not in canonical form".to_owned()));
        }
        if report.tree()?.root() != report.outputs_root {
            return Err(bad("its outputs do not hash to its root".to_owned()));
        }
        Ok(report)
    }

    /// The Merkle tree over the outputs.
    ///
    /// # Errors
    /// When one of them has no store path.
    pub fn tree(&self) -> Result<OutputTree, Error> {
        let path = |text: &str| {
            text.parse::<StorePath>().map_err(|_| {
                let shown = text.escape_debug();
                Error::Usage(format!(
                    "this is no audit report: `{shown}` is no store path"
                ))
            })
        };
        let outputs = self.outputs.iter().map(|output| {
            Ok(BuiltOutput {
                derivation: path(&output.derivation)?,
                name: output.name.clone(),
                path: path(&output.path)?,
                nar: NarHash {
                    digest: output.nar_hash,
                    size: output.nar_size,
                },
            })
        });
        Ok(OutputTree::new(outputs.collect::<Result<_, Error>>()?))
    }

    /// The canonical JSON as a blob of the evidence, which nobody could read if it were too long.
    ///
    /// # Errors
    /// [`Error::Audit`] when it has more than [`Self::MAX_BYTES`].
    pub fn evidence(&self) -> Result<Vec<u8>, Error> {
        let bytes = self.to_json();
        if bytes.len() as u64 <= Self::MAX_BYTES {
            return Ok(bytes);
        }
        Err(Error::Audit(format!(
            "the report on {} outputs and {} leaves has {} bytes, and none over {} is read by anybody",
            self.outputs.len(),
            self.leaves.len(),
            bytes.len(),
            Self::MAX_BYTES
        )))
    }

    /// The canonical JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Strings, integers and lists always have a JSON form.
        canonical_json(self).unwrap_or_default()
    }
}

impl AuditedOutput {
    pub(crate) fn of(output: &BuiltOutput) -> Self {
        Self {
            derivation: output.derivation.to_string(),
            name: output.name.clone(),
            path: output.path.to_string(),
            nar_hash: output.nar.digest,
            nar_size: output.nar.size,
        }
    }
}

/// The grade and why. What is only held to be inert costs the grade: nothing here shows that it did not run.
fn grade(seed: u64, unaccounted: u64, inert: u64, cross: bool) -> (Grade, String) {
    if unaccounted > 0 {
        let why = format!("{unaccounted} bytes among the sources are accounted for by nothing");
        return (Grade::Vendor, why);
    }
    if inert > 0 {
        let why = format!("{inert} bytes are held to be inert, and nothing shows that they are");
        return (Grade::Vendor, why);
    }
    if seed > HEX_SEED_BYTES {
        let why = format!("the seeds have {seed} bytes, more than {HEX_SEED_BYTES}");
        return (Grade::Vendor, why);
    }
    let why = format!("everything else is text, and the seeds have {seed} bytes");
    if cross {
        return (Grade::Cross, format!("{why}, partly on another system"));
    }
    (Grade::Hex0, why)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn report(bytes: usize) -> AuditReport {
        let facts = Facts {
            system: "x86_64-linux".parse().unwrap(),
            derivation: "/nix/store/00000000000000000000000000000000-seed.drv".to_owned(),
            closure: Digest::of(b"closure"),
            closure_paths: 1,
            derivations: 1,
            built: 0,
            cross: false,
            driver: Driver::new("2.26.3".parse().unwrap(), vec![]),
            tree: OutputTree::new(vec![]),
        };
        let mut report = AuditReport::new(facts, vec![], vec![], &AuditPolicy::default());
        report.grade_reason.clear();
        report.grade_reason = "x".repeat(bytes - report.to_json().len());
        report
    }

    #[test]
    fn whatever_is_written_as_evidence_can_be_read_and_nothing_longer_is_written() {
        let most = AuditReport::MAX_BYTES as usize;
        let longest = report(most);
        let bytes = longest.evidence().unwrap();
        assert_eq!(bytes.len(), most);
        assert_eq!(AuditReport::from_json(&bytes).unwrap(), longest);
        let refused = report(most + 1).evidence().unwrap_err();
        assert_eq!(refused.code(), "audit-refused");
        let said = refused.to_string();
        assert!(
            said.contains("25165825 bytes") && said.contains("25165824"),
            "{said}"
        );
    }
}
