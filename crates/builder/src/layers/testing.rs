//! Paths for the tests of what is drawn from them.

use seed_nix::StorePath;

use super::PathSize;

/// The path called `name-` and this letter.
pub(super) fn path(letter: char) -> StorePath {
    format!("/nix/store/{}-name-{letter}", letter.to_string().repeat(32))
        .parse()
        .unwrap()
}

/// A path of this size, which needs the paths of these letters.
pub(super) fn size(size: u64, needs: &[char]) -> PathSize {
    PathSize {
        size,
        references: needs.iter().copied().map(path).collect(),
    }
}
