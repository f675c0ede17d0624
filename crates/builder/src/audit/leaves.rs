use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use seed_nix::{Kind, Node, SourceKind, StorePath, nar_hash, scan};
use seed_primitives::Digest;

use super::{
    graph::Origin,
    report::{Leaf, LeafFinding, Verdict},
};
use crate::{
    Error,
    disk::{DiskFile, read_tree},
    nix::on_disk,
    state,
};

/// The largest file that is scanned; a larger one counts as opaque as a whole.
const MAX_SCANNED: u64 = 1 << 30;

/// Scans every leaf and judges what is not text.
pub(super) fn scan_leaves(
    store: &Path,
    leaves: &BTreeMap<StorePath, Origin>,
    allowed: &BTreeSet<Digest>,
) -> Result<Vec<Leaf>, Error> {
    leaves
        .iter()
        .map(|(path, origin)| {
            let place = on_disk(store, path);
            let node = read_tree(&place)?;
            let nar = nar_hash(&node).map_err(Error::file("hash", &place))?;
            let mut leaf = Leaf {
                path: path.to_string(),
                origin: match origin {
                    Origin::Source(SourceKind::Tree) => "tree",
                    Origin::Source(SourceKind::Text) => "text",
                    Origin::Source(SourceKind::Flat) | Origin::FixedOutput => "fixed-output",
                },
                nar_hash: nar.digest,
                nar_size: nar.size,
                text_bytes: 0,
                findings: Vec::new(),
            };
            scan_node("", &node, allowed, &mut leaf)?;
            Ok(leaf)
        })
        .collect()
}

fn scan_node(
    location: &str,
    node: &Node<DiskFile>,
    allowed: &BTreeSet<Digest>,
    leaf: &mut Leaf,
) -> Result<(), Error> {
    match node {
        Node::Symlink(_) => Ok(()),
        Node::Directory(entries) => {
            for (name, child) in entries {
                let name = String::from_utf8_lossy(name).escape_debug().to_string();
                let inside = if location.is_empty() {
                    name
                } else {
                    format!("{location}/{name}")
                };
                scan_node(&inside, child, allowed, leaf)?;
            }
            Ok(())
        }
        Node::File { size, contents, .. } if *size > MAX_SCANNED => {
            let nar = nar_hash(node).map_err(Error::file("hash", contents.path()))?;
            leaf.findings
                .push(judge(location, Kind::Opaque, nar.digest, *size, allowed));
            Ok(())
        }
        Node::File { size, contents, .. } => {
            let result = scan(location, &state::read(contents.path(), *size)?);
            leaf.text_bytes += result.text_bytes;
            let judged = result.findings.into_iter().map(|found| {
                judge(
                    &found.location,
                    found.kind,
                    found.digest,
                    found.size,
                    allowed,
                )
            });
            leaf.findings.extend(judged);
            Ok(())
        }
    }
}

fn judge(
    location: &str,
    kind: Kind,
    digest: Digest,
    size: u64,
    allowed: &BTreeSet<Digest>,
) -> LeafFinding {
    let verdict = match kind {
        _ if allowed.contains(&digest) => Verdict::Seed,
        Kind::Machine(_) => Verdict::Unexplained,
        Kind::Opaque => Verdict::Opaque,
    };
    let kind = match kind {
        Kind::Machine(code) => code.to_string(),
        Kind::Opaque => "opaque".to_owned(),
    };
    LeafFinding {
        location: location.to_owned(),
        kind,
        digest,
        size,
        verdict,
    }
}
