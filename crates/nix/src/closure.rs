use seed_primitives::Digest;
use thiserror::Error;

use crate::{NarHash, StorePath};

/// One store path of a closure, with the hash of its contents.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClosureEntry {
    /// The path.
    pub path: StorePath,
    /// The hash and size of its NAR serialisation.
    pub nar: NarHash,
}

/// Why a list of store paths has no closure digest.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ClosureError {
    /// There is no path at all: nothing was built, and nothing may be attested.
    #[error("the closure is empty")]
    Empty,
    /// A path occurs twice.
    #[error("{0} occurs twice in the closure")]
    Duplicate(StorePath),
}

/// The closure digest: SHA-256 over the lines `<store path> sha256:<hex nar hash> <nar size>\n`, sorted
/// bytewise (`docs/protocol.md`, "Closure digest"). Takes the entries in any order.
///
/// # Errors
/// [`ClosureError`] for an empty closure or a path that occurs twice.
pub fn closure_digest(entries: &[ClosureEntry]) -> Result<Digest, ClosureError> {
    if entries.is_empty() {
        return Err(ClosureError::Empty);
    }
    let mut paths: Vec<_> = entries.iter().map(|entry| &entry.path).collect();
    paths.sort();
    for (first, second) in paths.iter().zip(paths.iter().skip(1)) {
        if first == second {
            return Err(ClosureError::Duplicate((*first).clone()));
        }
    }
    let mut lines: Vec<String> = entries
        .iter()
        .map(|entry| format!("{} {} {}\n", entry.path, entry.nar.digest, entry.nar.size))
        .collect();
    lines.sort();
    Ok(Digest::of(lines.concat().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, size: u64) -> ClosureEntry {
        ClosureEntry {
            path: format!("/nix/store/00000000000000000000000000000000-{name}")
                .parse()
                .unwrap(),
            nar: NarHash {
                digest: Digest::of(name.as_bytes()),
                size,
            },
        }
    }

    #[test]
    fn hashes_sorted_lines() {
        let lines = format!(
            "/nix/store/00000000000000000000000000000000-a {} 1\n/nix/store/00000000000000000000000000000000-b {} 22\n",
            Digest::of(b"a"),
            Digest::of(b"b")
        );
        let digest = closure_digest(&[entry("b", 22), entry("a", 1)]).unwrap();
        assert_eq!(digest, Digest::of(lines.as_bytes()));
    }

    #[test]
    fn refuses_empty_and_repeated() {
        assert_eq!(closure_digest(&[]), Err(ClosureError::Empty));
        let twice = [entry("a", 1), entry("b", 1), entry("a", 2)];
        assert_eq!(
            closure_digest(&twice),
            Err(ClosureError::Duplicate(entry("a", 1).path))
        );
    }
}
