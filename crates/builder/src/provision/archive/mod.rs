//! Archives of sources: tar, plain or compressed, and zip, unpacked within bounds and never outside their own folder.

mod tarball;
mod tree;
mod zip;

use std::{
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use seed_nix::{Format, Limits, read_packed};

use super::stage::Budget;
use crate::{Error, state};
use tree::Tree;

/// How many bytes of a file say what it is.
const HEAD: u64 = 600;

/// Why an archive is not taken. The bytes are at fault, never this machine.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("it is no tar, plain or in gzip, bzip2, xz, lzma, lzip or zstd, and no zip")]
    NoArchive,
    #[error("it is damaged")]
    Damaged,
    #[error("`{0}` leads out of it or is no name")]
    Name(String),
    #[error("`{0}` is there twice, or below something that is no directory")]
    Repeated(String),
    #[error("`{0}` is neither a file nor a directory nor a symbolic link")]
    Kind(String),
    #[error("`{0}` is encrypted, or packed in a way that is not read")]
    Method(String),
    #[error("it unpacks to more than {0} bytes")]
    Bytes(u64),
    #[error("it holds more files than are allowed")]
    Entries,
}

/// Why unpacking ended early.
#[derive(Debug)]
enum Stop {
    Refused(Refusal),
    Failed(Error),
}

impl From<Refusal> for Stop {
    fn from(why: Refusal) -> Self {
        Self::Refused(why)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Unpacks the archive `file` into the new directory `to`; the inner error says why it is not taken: it is none,
/// is damaged, names something twice or outside of itself, holds what a source never holds, or goes beyond the
/// budget. As in an audit, nothing may grow 250 times once it has more than 64 MiB.
pub(super) fn unpack(file: &Path, to: &Path, budget: Budget) -> Result<Result<(), Refusal>, Error> {
    state::create_directory(to)?;
    match archive(file, to, budget) {
        Ok(()) => Ok(Ok(())),
        Err(Stop::Refused(why)) => Ok(Err(why)),
        Err(Stop::Failed(error)) => Err(error),
    }
}

fn archive(file: &Path, to: &Path, mut budget: Budget) -> Result<(), Stop> {
    let fault = || Error::file("read", file);
    let open = || File::open(file).map_err(fault());
    let source = open()?;
    let packed = source.metadata().map_err(fault())?.len();
    let mut head = Vec::new();
    source.take(HEAD).read_to_end(&mut head).map_err(fault())?;
    let growth = Limits::default();
    let most = packed.saturating_mul(growth.ratio).max(growth.ratio_from);
    budget.bytes = budget.bytes.min(most);
    let limits = Limits {
        // Headers and padding of a tar come on top of what it holds.
        unpacked: budget.bytes.saturating_mul(2).saturating_add(1 << 20),
        ..growth
    };
    let mut tree = Tree::new(to, budget);
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        zip::unpack(open()?, &limits, &mut tree)?;
    } else if let Some(format) = Format::of_packing(&head) {
        let mut input = BufReader::new(open()?);
        read_packed(format, &mut input, &limits, |tar| {
            tarball::unpack(tar, &mut tree)
        })?;
    } else {
        tarball::unpack(&mut BufReader::new(open()?), &mut tree)?;
    }
    if tree.is_empty() {
        return Err(Refusal::NoArchive.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    /// Unpacks `bytes` beside a folder that must stay as it is; at most ten entries.
    pub(super) fn unpacked(bytes: &[u8], limit: u64) -> (Result<(), Refusal>, tempfile::TempDir) {
        let work = tempfile::tempdir().unwrap();
        let file = work.path().join("archive");
        fs::write(&file, bytes).unwrap();
        let budget = Budget {
            bytes: limit,
            entries: 10,
        };
        let done = unpack(&file, &work.path().join("tree"), budget).unwrap();
        let mut left: Vec<_> = fs::read_dir(work.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["archive", "tree"]);
        (done, work)
    }

    #[test]
    fn what_is_no_archive_is_said_to_be_none() {
        for bytes in [&b"no archive"[..], b"", &[0x1f, 0x8b], &[0; 300]] {
            assert_eq!(unpacked(bytes, 1 << 20).0, Err(Refusal::NoArchive));
        }
        let damaged = [0x1f, 0x8b, 8, 0, 1];
        assert_eq!(unpacked(&damaged, 1 << 20).0, Err(Refusal::Damaged));
        let mut text = GzEncoder::new(Vec::new(), Compression::default());
        text.write_all(b"one text and no tar").unwrap();
        assert!(unpacked(&text.finish().unwrap(), 1 << 20).0.is_err());
    }
}
