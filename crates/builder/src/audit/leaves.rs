use std::{collections::BTreeMap, path::Path};

use seed_nix::{Finding, Kind, Limits, NarHash, Node, SourceKind, StorePath, scan};
use seed_primitives::Digest;

use super::{
    AuditPolicy,
    graph::Origin,
    report::{Leaf, LeafFinding, LeafOrigin, Verdict},
};
use crate::{
    Error,
    disk::{DiskFile, read_tree},
    nix::on_disk,
};

/// Scans every leaf and judges what is not text. What goes beyond a limit is noted as a violation.
pub(super) fn scan_leaves(
    store: &Path,
    leaves: &BTreeMap<StorePath, (Origin, NarHash)>,
    policy: &AuditPolicy,
    violations: &mut Vec<String>,
) -> Result<Vec<Leaf>, Error> {
    let limits = Limits::default();
    let mut scanned = Vec::with_capacity(leaves.len());
    for (path, (origin, nar)) in leaves {
        let node = read_tree(&on_disk(store, path))?;
        let mut leaf = Leaf {
            path: path.to_string(),
            origin: match origin {
                Origin::Source(SourceKind::Tree) => LeafOrigin::Tree,
                Origin::Source(SourceKind::Text) => LeafOrigin::Text,
                Origin::Source(SourceKind::Flat) | Origin::FixedOutput => LeafOrigin::FixedOutput,
            },
            nar_hash: nar.digest,
            nar_size: nar.size,
            text_bytes: 0,
            encoded_bytes: 0,
            findings: Vec::new(),
        };
        let mut scanner = Scanner {
            limits: &limits,
            policy,
            leaf: &mut leaf,
            violations,
        };
        scanner.node("", &node)?;
        scanned.push(leaf);
    }
    Ok(scanned)
}

struct Scanner<'a> {
    limits: &'a Limits,
    policy: &'a AuditPolicy,
    leaf: &'a mut Leaf,
    violations: &'a mut Vec<String>,
}

impl Scanner<'_> {
    fn node(&mut self, location: &str, node: &Node<DiskFile>) -> Result<(), Error> {
        match node {
            Node::Symlink(target) => self.words(location, target),
            Node::Directory(entries) => {
                for (name, child) in entries {
                    let shown = String::from_utf8_lossy(name).escape_debug().to_string();
                    let inside = if location.is_empty() {
                        shown
                    } else {
                        format!("{location}/{shown}")
                    };
                    self.words(&inside, name)?;
                    self.node(&inside, child)?;
                }
                Ok(())
            }
            Node::File { size, contents, .. } => {
                let result = scan(location, contents, *size, self.limits)
                    .map_err(Error::file("scan", contents.path()))?;
                self.leaf.text_bytes += result.text_bytes;
                self.leaf.encoded_bytes += result.encoded_bytes;
                for found in result.findings {
                    self.judge(found);
                }
                Ok(())
            }
        }
    }

    /// Names and targets of links are bytes too: what is no text among them is a finding.
    fn words(&mut self, location: &str, words: &[u8]) -> Result<(), Error> {
        let result = scan(location, &words.to_vec(), words.len() as u64, self.limits)
            .map_err(Error::file("scan", Path::new(location)))?;
        for found in result.findings {
            self.judge(found);
        }
        Ok(())
    }

    fn judge(&mut self, found: Finding) {
        let verdict = verdict(found.kind, &found.digest, self.policy);
        if let (Kind::Beyond(limit), Verdict::Unscanned) = (found.kind, verdict) {
            let path = &self.leaf.path;
            let place = if found.location.is_empty() {
                String::new()
            } else {
                format!("/{}", found.location)
            };
            self.violations.push(format!(
                "{path}{place} {} ({})",
                self.limits.explain(limit),
                found.digest
            ));
        }
        self.leaf.findings.push(LeafFinding {
            location: found.location,
            kind: found.kind.to_string(),
            digest: found.digest,
            size: found.size,
            verdict,
        });
    }
}

fn verdict(kind: Kind, digest: &Digest, policy: &AuditPolicy) -> Verdict {
    if policy.allowed_inert.contains(digest) {
        return Verdict::Inert;
    }
    let seed = policy.allowed_seeds.contains(digest);
    match kind {
        Kind::Machine(_) | Kind::Opaque if seed => Verdict::Seed,
        Kind::Machine(_) => Verdict::Unexplained,
        Kind::Opaque | Kind::Damaged(_) => Verdict::Opaque,
        Kind::Beyond(_) => Verdict::Unscanned,
    }
}

#[cfg(test)]
mod tests {
    use seed_nix::{Limit, MachineCode};

    use super::*;

    #[test]
    fn a_seed_is_a_piece_and_never_an_archive_that_was_not_followed() {
        let digest = Digest::of(b"x");
        let mut policy = AuditPolicy::default();
        let all = |policy: &AuditPolicy| {
            [
                Kind::Machine(MachineCode::Elf),
                Kind::Opaque,
                Kind::Beyond(Limit::Ratio),
            ]
            .map(|kind| verdict(kind, &digest, policy))
        };
        assert_eq!(
            all(&policy),
            [Verdict::Unexplained, Verdict::Opaque, Verdict::Unscanned]
        );
        policy.allowed_seeds.insert(digest);
        assert_eq!(
            all(&policy),
            [Verdict::Seed, Verdict::Seed, Verdict::Unscanned]
        );
        policy.allowed_inert.insert(digest);
        assert_eq!(all(&policy), [Verdict::Inert; 3]);
    }
}
