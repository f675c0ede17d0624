use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use seed_primitives::{BuilderId, Digest, ReleaseId, System};

use crate::{Conflict, Error, state};

const MAX_BYTES: u64 = 256 << 20;

/// What a key has signed, for ever: one line per builder, release and system, appended and synced before the
/// signature exists.
///
/// The file is locked while it is open, so two agents pointed at one journal take turns; a line that a crash
/// cut short was never followed by a signature and is cut off.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    signed: BTreeMap<(BuilderId, ReleaseId, System), Digest>,
}

impl Drop for Journal {
    /// Closing alone would leave it locked while a child process, on its way to its own program, shares the file.
    fn drop(&mut self) {
        // What cannot be unlocked is still unlocked when the last of them has closed it.
        let _ = self.file.unlock();
    }
}

impl Journal {
    /// Opens, or begins, the journal at `path`.
    ///
    /// # Errors
    /// When the file cannot be used, another process has it open, or a complete line of it is not ours or
    /// contradicts an earlier one.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(Error::file("open", path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(Error::Locked(path.to_owned())),
            Err(std::fs::TryLockError::Error(error)) => {
                return Err(Error::file("lock", path)(error));
            }
        }
        let mut text = Vec::new();
        (&mut file)
            .take(MAX_BYTES)
            .read_to_end(&mut text)
            .map_err(Error::file("read", path))?;
        let whole = text
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64)
                .map_err(Error::file("repair", path))?;
            file.seek(SeekFrom::End(0))
                .map_err(Error::file("repair", path))?;
        }
        let mut journal = Self {
            path: path.to_owned(),
            file,
            signed: BTreeMap::new(),
        };
        for (index, line) in text[..whole]
            .split_inclusive(|byte| *byte == b'\n')
            .enumerate()
        {
            let damaged = || Error::Journal {
                path: path.to_owned(),
                line: index + 1,
            };
            let (key, digest) = parse(line).ok_or_else(damaged)?;
            if journal
                .signed
                .insert(key, digest)
                .is_some_and(|before| before != digest)
            {
                return Err(damaged());
            }
        }
        state::sync_directory(state::parent(path))?;
        Ok(journal)
    }

    /// Notes that `builder` is about to sign `digest` for `release` and `system`; returns once that is on
    /// disk. The same digest may be noted any number of times.
    ///
    /// # Errors
    /// [`Error::Equivocation`] when another digest was noted before, and those of writing.
    pub fn note(
        &mut self,
        builder: BuilderId,
        release: ReleaseId,
        system: &System,
        digest: Digest,
    ) -> Result<(), Error> {
        let key = (builder, release, system.clone());
        match self.signed.get(&key) {
            Some(before) if *before == digest => return Ok(()),
            Some(before) => {
                return Err(Error::Equivocation(Box::new(Conflict {
                    place: self.path.display().to_string(),
                    release,
                    system: system.clone(),
                    signed: *before,
                    digest,
                })));
            }
            None => {}
        }
        let line = format!("{builder} {release} {system} {digest}\n");
        self.file
            .write_all(line.as_bytes())
            .and_then(|()| self.file.sync_all())
            .map_err(Error::file("write", &self.path))?;
        self.signed.insert(key, digest);
        Ok(())
    }
}

fn parse(line: &[u8]) -> Option<((BuilderId, ReleaseId, System), Digest)> {
    let text = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let mut words = text.split(' ');
    let key = (
        words.next()?.parse().ok()?,
        words.next()?.parse().ok()?,
        words.next()?.parse().ok()?,
    );
    let digest = words.next()?.parse().ok()?;
    words.next().is_none().then_some((key, digest))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn builder() -> BuilderId {
        "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
            .parse()
            .unwrap()
    }

    fn release(byte: u8) -> ReleaseId {
        format!("0x{}", hex::encode([byte; 32])).parse().unwrap()
    }

    fn system() -> System {
        "x86_64-linux".parse().unwrap()
    }

    #[test]
    fn refuses_a_second_digest_also_after_reopening() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        let mut journal = Journal::open(&path).unwrap();
        journal.note(builder(), release(1), &system(), one).unwrap();
        journal.note(builder(), release(1), &system(), one).unwrap();
        journal.note(builder(), release(2), &system(), two).unwrap();
        assert!(matches!(
            journal.note(builder(), release(1), &system(), two),
            Err(Error::Equivocation(_))
        ));
        drop(journal);
        let mut journal = Journal::open(&path).unwrap();
        assert!(matches!(
            journal.note(builder(), release(1), &system(), two),
            Err(Error::Equivocation(_))
        ));
        journal.note(builder(), release(1), &system(), one).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
    }

    #[test]
    fn a_second_agent_cannot_open_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let _first = Journal::open(&path).unwrap();
        assert!(matches!(Journal::open(&path), Err(Error::Locked(_))));
    }

    /// As a child process does between its start and its program: it shares the open file for that long.
    #[test]
    fn a_closed_journal_is_free_although_a_child_still_shares_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let journal = Journal::open(&path).unwrap();
        let _shared = journal.file.try_clone().unwrap();
        drop(journal);
        Journal::open(&path).unwrap();
    }

    #[test]
    fn cuts_off_a_torn_line_and_refuses_a_damaged_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        Journal::open(&path)
            .unwrap()
            .note(builder(), release(1), &system(), Digest::of(b"1"))
            .unwrap();
        let whole = fs::read(&path).unwrap();
        for cut in 1..whole.len() {
            fs::write(&path, [whole.as_slice(), &whole[..cut]].concat()).unwrap();
            let mut journal = Journal::open(&path).unwrap();
            journal
                .note(builder(), release(2), &system(), Digest::of(b"2"))
                .unwrap();
            drop(journal);
            assert_eq!(Journal::open(&path).unwrap().signed.len(), 2);
        }
        for bad in [
            &b"x\n"[..],
            b"\n",
            &[&whole[..whole.len() - 1], b" x\n"].concat(),
        ] {
            fs::write(&path, [&whole, bad].concat()).unwrap();
            assert!(matches!(
                Journal::open(&path),
                Err(Error::Journal { line: 2, .. })
            ));
        }
        let other = String::from_utf8(whole.clone())
            .unwrap()
            .replace(&Digest::of(b"1").to_hex(), &Digest::of(b"2").to_hex());
        fs::write(&path, [whole, other.into_bytes()].concat()).unwrap();
        assert!(matches!(
            Journal::open(&path),
            Err(Error::Journal { line: 2, .. })
        ));
    }
}
