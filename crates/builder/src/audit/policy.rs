use std::{collections::BTreeSet, path::Path};

use seed_primitives::Digest;
use serde::{Deserialize, Serialize};

use crate::{Error, state};

/// The most bytes an allow-list may have.
const MAX_ALLOW_LIST: u64 = 4 << 20;

/// What an audit is allowed to accept. It is part of the report, so that two reports show whether they were
/// made by the same rules.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AuditPolicy {
    /// Files of machine code (by SHA-256) that may stand at the beginning of everything.
    pub allowed_seeds: BTreeSet<Digest>,
    /// Pieces, archives or files that lie among the sources and are held to be inert, such as the fixtures of
    /// a test suite.
    #[serde(default)]
    pub allowed_inert: BTreeSet<Digest>,
    /// How many bytes may be neither text nor anything known.
    pub max_opaque_bytes: u64,
}

/// A list of what may be accepted, as a file that is pinned by its digest.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AllowList {
    /// The form of the file: 1.
    pub version: u32,
    /// Machine code that may stand at the beginning.
    #[serde(default)]
    pub seeds: Vec<Allowed>,
    /// What is held to be inert.
    #[serde(default)]
    pub inert: Vec<Allowed>,
    /// How many bytes may be opaque.
    #[serde(default)]
    pub max_opaque_bytes: u64,
}

/// One thing that may be accepted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Allowed {
    /// SHA-256 of the piece.
    pub digest: Digest,
    /// Why, for people.
    pub why: String,
}

impl AllowList {
    /// Reads the bytes of an allow-list, which must have `digest`.
    ///
    /// # Errors
    /// When they have another digest, or are no allow-list of version 1 with a reason for each entry.
    pub fn pinned(bytes: &[u8], digest: &Digest) -> Result<Self, Error> {
        let actual = Digest::of(bytes);
        if actual != *digest {
            return Err(Error::Usage(format!(
                "the allow-list has the digest {actual}, and {digest} is pinned"
            )));
        }
        let list: Self = serde_json::from_slice(bytes)
            .map_err(|error| Error::Usage(format!("the allow-list cannot be read: {error}")))?;
        if list.version != 1 {
            return Err(Error::Usage(format!(
                "the allow-list has version {}; this program reads version 1",
                list.version
            )));
        }
        let silent = list.seeds.iter().chain(&list.inert);
        match silent.into_iter().find(|entry| entry.why.trim().is_empty()) {
            Some(entry) => Err(Error::Usage(format!(
                "the allow-list gives no reason for {}",
                entry.digest
            ))),
            None => Ok(list),
        }
    }
}

impl AuditPolicy {
    /// This policy and what the allow-list at `path` accepts, if that has `digest`.
    ///
    /// # Errors
    /// Those of reading it and of [`AllowList::pinned`].
    pub fn with_list(self, path: &Path, digest: &Digest) -> Result<Self, Error> {
        let list = AllowList::pinned(&state::read(path, MAX_ALLOW_LIST)?, digest)?;
        Ok(self.with(&list))
    }

    /// This policy and everything `list` accepts.
    #[must_use]
    pub fn with(mut self, list: &AllowList) -> Self {
        let digests = |entries: &[Allowed]| -> Vec<Digest> {
            entries.iter().map(|entry| entry.digest).collect()
        };
        self.allowed_seeds.extend(digests(&list.seeds));
        self.allowed_inert.extend(digests(&list.inert));
        self.max_opaque_bytes = self.max_opaque_bytes.max(list.max_opaque_bytes);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_counts_only_under_its_digest() {
        let text = format!(
            r#"{{"version":1,"seeds":[{{"digest":"{}","why":"hex0"}}],"maxOpaqueBytes":7}}"#,
            Digest::of(b"seed")
        );
        let list = AllowList::pinned(text.as_bytes(), &Digest::of(text.as_bytes())).unwrap();
        let policy = AuditPolicy::default().with(&list);
        assert!(policy.allowed_seeds.contains(&Digest::of(b"seed")));
        assert_eq!(policy.max_opaque_bytes, 7);
        assert!(AllowList::pinned(text.as_bytes(), &Digest::of(b"other")).is_err());
    }

    #[test]
    fn refuses_lists_it_does_not_understand() {
        let silent = format!(
            r#"{{"version":1,"inert":[{{"digest":"{}","why":" "}}]}}"#,
            Digest::of(b"x")
        );
        for text in [
            "",
            "{}",
            r#"{"version":2}"#,
            r#"{"version":1,"seed":[]}"#,
            &silent,
        ] {
            let digest = Digest::of(text.as_bytes());
            assert!(
                AllowList::pinned(text.as_bytes(), &digest).is_err(),
                "{text}"
            );
        }
    }
}
