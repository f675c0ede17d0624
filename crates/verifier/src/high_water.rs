use std::{
    fs::{self, File},
    io::{ErrorKind, Read as _, Write as _},
    path::{Path, PathBuf},
};

use seed_attestation::Domain;
use seed_primitives::{Digest, Source, SourceUri, Target, address_text, canonical_json};
use serde::{Deserialize, Serialize};

use crate::Fault;

/// Where marks are kept when no place is named.
pub const SYSTEM_STATE: &str = "/var/lib/nix-seed";
const MAX_BYTES: u64 = 4096;

/// The marks of this machine: per ledger, repository and target the highest sequence number that was accepted.
///
/// One small JSON file each, replaced as a whole under a lock, so that two verifiers at once cannot lower a mark.
#[derive(Clone, Debug)]
pub struct HighWaterMarks {
    folder: PathBuf,
}

/// The content of a file: what it is a mark of, and the mark.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Mark {
    of: Subject,
    sequence: u64,
}

#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Subject {
    chain_id: u64,
    #[serde(with = "address_text")]
    ledger: alloy_primitives::Address,
    target: Target,
    uri: SourceUri,
}

impl HighWaterMarks {
    /// The marks below `state`, which need not exist yet.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        Self {
            folder: state.join("high-water"),
        }
    }

    /// The mark of the repository and target of `source`, `None` where none was ever set.
    ///
    /// # Errors
    /// [`Fault::State`] when there is one that cannot be read: not the same as none.
    pub fn read(&self, domain: &Domain, source: &Source) -> Result<Option<u64>, Fault> {
        let subject = Subject::new(domain, source);
        let file = self.file(&subject);
        let mut text = Vec::new();
        match File::open(&file) {
            Ok(opened) => opened
                .take(MAX_BYTES)
                .read_to_end(&mut text)
                .map_err(|error| state(&file, error))?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(state(&file, error)),
        };
        let mark: Mark = serde_json::from_slice(&text).map_err(|error| state(&file, error))?;
        if mark.of != subject {
            return Err(state(&file, "it is the mark of something else"));
        }
        Ok(Some(mark.sequence))
    }

    /// Raises the mark of `source` to `sequence`; a higher one stays. On return it is on disk.
    ///
    /// # Errors
    /// [`Fault::State`]: the release must then not be accepted.
    pub fn raise(&self, domain: &Domain, source: &Source, sequence: u64) -> Result<(), Fault> {
        fs::create_dir_all(&self.folder).map_err(|error| state(&self.folder, error))?;
        let lock = self.folder.join("lock");
        let locked = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|error| state(&lock, error))?;
        if self
            .read(domain, source)?
            .is_none_or(|mark| mark < sequence)
        {
            let of = Subject::new(domain, source);
            let file = self.file(&of);
            self.replace(&file, &Mark { of, sequence })
                .map_err(|error| state(&file, error))?;
        }
        drop(locked);
        Ok(())
    }

    fn replace(&self, file: &Path, mark: &Mark) -> std::io::Result<()> {
        let mut fresh = tempfile::NamedTempFile::new_in(&self.folder)?;
        fresh.write_all(&canonical_json(mark)?)?;
        fresh.as_file().sync_all()?;
        fresh.persist(file).map_err(|error| error.error)?;
        File::open(&self.folder)?.sync_all()
    }

    fn file(&self, subject: &Subject) -> PathBuf {
        // A struct of texts and a number always has a JSON form.
        let name = Digest::of(&canonical_json(subject).unwrap_or_default());
        self.folder.join(format!("{}.json", name.to_hex()))
    }
}

impl Subject {
    fn new(domain: &Domain, source: &Source) -> Self {
        Self {
            chain_id: domain.chain_id,
            ledger: domain.ledger,
            target: source.target.clone(),
            uri: source.uri.clone(),
        }
    }
}

fn state(file: &Path, why: impl ToString) -> Fault {
    Fault::State {
        file: file.to_owned(),
        why: why.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Address;

    use super::*;

    fn source(uri: &str) -> Source {
        Source {
            uri: uri.parse().unwrap(),
            commit: "0123456789abcdef0123456789abcdef01234567".parse().unwrap(),
            nar_hash: Digest::of(b"tree"),
            flake_lock: Digest::of(b""),
            target: "seed".parse().unwrap(),
            recipe: Digest::of(b"recipe"),
        }
    }

    fn domain(chain_id: u64) -> Domain {
        Domain {
            chain_id,
            ledger: Address::repeat_byte(1),
        }
    }

    #[test]
    fn a_mark_rises_and_never_falls_and_is_of_one_source_only() {
        let folder = tempfile::tempdir().unwrap();
        let marks = HighWaterMarks::new(folder.path());
        let (one, two) = (source("https://a.example/x"), source("https://a.example/y"));
        assert_eq!(marks.read(&domain(1), &one), Ok(None));
        marks.raise(&domain(1), &one, 5).unwrap();
        marks.raise(&domain(1), &one, 3).unwrap();
        assert_eq!(marks.read(&domain(1), &one), Ok(Some(5)));
        assert_eq!(marks.read(&domain(1), &two), Ok(None));
        assert_eq!(marks.read(&domain(2), &one), Ok(None));
    }

    #[test]
    fn a_damaged_mark_is_an_error_and_not_an_absent_one() {
        let folder = tempfile::tempdir().unwrap();
        let marks = HighWaterMarks::new(folder.path());
        let one = source("https://a.example/x");
        marks.raise(&domain(1), &one, 5).unwrap();
        let file = marks.file(&Subject::new(&domain(1), &one));
        let text = fs::read_to_string(&file).unwrap();
        for damaged in [
            "",
            "{}",
            &text[1..],
            &text.replace(":5", ":-5"),
            &text.replace("/x", "/y"),
        ] {
            fs::write(&file, damaged).unwrap();
            assert_eq!(
                marks.read(&domain(1), &one).unwrap_err().code(),
                "state-unusable",
                "{damaged}"
            );
        }
    }
}
