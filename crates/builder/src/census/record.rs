use std::path::Path;

use seed_primitives::{Digest, canonical_json};
use serde::{Deserialize, Serialize};

use crate::{Error, state};

/// The form of a census.
const VERSION: u32 = 1;
/// The most bytes a census may have.
const MAX_BYTES: u64 = 256 << 20;

/// Where a program that was started came from. What decides is the file itself, not what its path says: inside a
/// sandbox anything can be mounted anywhere.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// A file of the store, known by device and inode.
    Store,
    /// Not in the store when the build was done, and born while it ran.
    Made,
    /// Not in the store, and older than the build.
    Foreign,
    /// A file of the store that was started outside of every sandbox.
    Unconfined,
    /// Started outside of every sandbox: Nix, and what it starts for itself.
    Driver,
}

/// One program that was started: a file of machine code, an interpreter or a script.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Its store path and what follows, for [`Origin::Store`] and [`Origin::Unconfined`]; else where it was, as
    /// far as could still be told. Control characters are escaped.
    pub path: String,
    /// Where it came from.
    pub origin: Origin,
    /// SHA-256 of the file.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
}

/// Every program that was started while one derivation and all it needed were built.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Census {
    /// The form of this document.
    pub version: u32,
    /// The derivation that was built.
    pub derivation: String,
    /// Every program, each once, ascending.
    pub programs: Vec<Program>,
    /// Mount points of file systems that the kernel would not watch.
    pub unwatched: Vec<String>,
}

/// What the watching process leaves behind.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) enum Sightings {
    Seen {
        programs: Vec<Program>,
        unwatched: Vec<String>,
    },
    Failed(String),
}

impl Census {
    /// Reads the census in the file at `path`.
    ///
    /// # Errors
    /// When it cannot be read, or is none of version 1 in canonical form.
    pub fn read(path: &Path) -> Result<Self, Error> {
        Self::from_json(&state::read(path, MAX_BYTES)?)
    }

    /// Reads a census that [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// When the bytes are none of version 1 in canonical form, or list a program twice.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        let bad = |reason: String| Error::Usage(format!("this is no census: {reason}"));
        let census: Self = serde_json::from_slice(bytes).map_err(|error| bad(error.to_string()))?;
        if census.version != VERSION {
            return Err(bad(format!(
                "it has version {}, and this program reads version {VERSION}",
                census.version
            )));
        }
        if census.to_json() != bytes.trim_ascii_end() {
            return Err(bad("it is not in canonical form".to_owned()));
        }
        if !census.programs.is_sorted_by(|one, next| one < next) {
            return Err(bad("its programs are not in ascending order".to_owned()));
        }
        Ok(census)
    }

    /// The canonical JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Strings, integers and lists always have a JSON form.
        canonical_json(self).unwrap_or_default()
    }
}

/// What was seen while `derivation` was built, from the file that the watching process left at `path`.
///
/// # Errors
/// [`Error::Census`] when it left nothing, or that it failed. Never an empty census.
pub(crate) fn read_sightings(path: &Path, derivation: &str) -> Result<Census, Error> {
    let left = state::read_if_there(path, MAX_BYTES)?;
    let left = left.ok_or_else(|| Error::Census("the watching process left nothing".to_owned()))?;
    let seen: Sightings =
        serde_json::from_slice(&left).map_err(|error| Error::Census(error.to_string()))?;
    match seen {
        Sightings::Seen {
            programs,
            unwatched,
        } => Ok(Census {
            version: VERSION,
            derivation: derivation.to_owned(),
            programs,
            unwatched,
        }),
        Sightings::Failed(reason) => Err(Error::Census(reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn census(names: &[&str]) -> Census {
        let program = |name: &&str| Program {
            path: (*name).to_owned(),
            origin: Origin::Made,
            digest: Digest::of(b"x"),
            size: 1,
        };
        Census {
            version: VERSION,
            derivation: "/nix/store/c860dgvrq9lfwimyzrsjhf1ng4a8c2rx-a.drv".to_owned(),
            programs: names.iter().map(program).collect(),
            unwatched: vec![],
        }
    }

    #[test]
    fn reads_its_one_form_and_no_other() {
        let good = census(&["/a", "/b"]);
        assert_eq!(Census::from_json(&good.to_json()).unwrap(), good);
        for bad in [census(&["/b", "/a"]), census(&["/a", "/a"])] {
            assert!(Census::from_json(&bad.to_json()).is_err());
        }
        let other = Census { version: 2, ..good };
        for bad in [&other.to_json()[..], b"", b"{}", b"[]"] {
            assert!(matches!(Census::from_json(bad), Err(Error::Usage(_))));
        }
    }

    #[test]
    fn a_watch_that_failed_or_left_nothing_is_no_empty_census() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("seen");
        assert!(matches!(read_sightings(&file, "d"), Err(Error::Census(_))));
        for text in ["", "{}", r#"{"failed":"overflow"}"#] {
            std::fs::write(&file, text).unwrap();
            assert!(matches!(read_sightings(&file, "d"), Err(Error::Census(_))));
        }
        std::fs::write(&file, r#"{"seen":{"programs":[],"unwatched":[]}}"#).unwrap();
        assert!(read_sightings(&file, "d").unwrap().programs.is_empty());
    }
}
