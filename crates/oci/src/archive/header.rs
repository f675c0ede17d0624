use tar::{EntryType, Header};

use super::ArchiveFault;
use crate::text::shown;

/// The unit of a tar archive, in bytes.
pub(super) const BLOCK: usize = 512;
/// The most bytes of one extended header.
const MAX_EXTENDED: u64 = 64 << 10;
/// The most bytes of one file: what no layer exceeds.
const MAX_FILE: u64 = 64 << 30;

/// What a member is, as far as layouts need any.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    File,
    Folder,
    /// PAX records about the next member.
    Extended,
}

/// One header of the archive.
#[derive(Debug)]
pub(super) struct Member {
    /// In its normal form; of no meaning for an extended header.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) size: u64,
}

impl Member {
    /// Reads the header at offset `at`.
    pub(super) fn parse(block: &[u8; BLOCK], at: u64) -> Result<Self, ArchiveFault> {
        let fault = |why| ArchiveFault::Header { at, why };
        if at == 0
            && let Some(format) = compression(block)
        {
            return Err(ArchiveFault::Compressed(format));
        }
        let header = Header::from_byte_slice(block);
        let sum = block.iter().enumerate().fold(0_u32, |sum, (place, byte)| {
            let counted = if (148..156).contains(&place) {
                b' '
            } else {
                *byte
            };
            sum + u32::from(counted)
        });
        if header.cksum().ok() != Some(sum) {
            return Err(fault("a header with a wrong checksum"));
        }
        let size = header
            .entry_size()
            .map_err(|_| fault("a header without a size"))?;
        let raw = header.path_bytes();
        let kind = kind(header.entry_type(), &raw)?;
        let most = if kind == Kind::Extended {
            MAX_EXTENDED
        } else {
            MAX_FILE
        };
        if size > most {
            return Err(ArchiveFault::TooLarge {
                name: printed(&raw),
                size,
                limit: most,
            });
        }
        if kind == Kind::Folder && size != 0 {
            return Err(fault("a folder with a content"));
        }
        let name = match kind {
            Kind::Extended => String::new(),
            Kind::File => normal(&raw, false)?,
            Kind::Folder => normal(&raw, true)?,
        };
        Ok(Self { name, kind, size })
    }
}

fn kind(kind: EntryType, raw: &[u8]) -> Result<Kind, ArchiveFault> {
    let name = || printed(raw);
    match kind {
        EntryType::Regular => Ok(Kind::File),
        EntryType::Directory => Ok(Kind::Folder),
        EntryType::XHeader => Ok(Kind::Extended),
        EntryType::Symlink | EntryType::Link => Err(ArchiveFault::Link(name())),
        EntryType::GNUSparse => Err(ArchiveFault::Sparse(name())),
        EntryType::GNULongName | EntryType::GNULongLink | EntryType::XGlobalHeader => {
            Err(ArchiveFault::Override(name()))
        }
        _ => Err(ArchiveFault::Special(name())),
    }
}

/// The name without a leading `./` and a folder's final `/`. Names that would need more than that are refused.
fn normal(raw: &[u8], folder: bool) -> Result<String, ArchiveFault> {
    let refused = || ArchiveFault::Name(printed(raw));
    let text = std::str::from_utf8(raw).map_err(|_| refused())?;
    let text = match folder {
        true => text.strip_suffix('/').unwrap_or(text),
        false => text,
    };
    if folder && text == "." {
        return Ok(String::new());
    }
    let text = text.strip_prefix("./").unwrap_or(text);
    let is_part = |part: &str| {
        !matches!(part, "" | "." | "..")
            && !part.contains('\\')
            && !part.chars().any(char::is_control)
    };
    match text.split('/').all(is_part) {
        true => Ok(text.to_owned()),
        false => Err(refused()),
    }
}

/// Checks PAX records (`LENGTH KEY=VALUE\n`): none may say anything else about name, size or form than the header.
pub(super) fn check_extended(mut records: &[u8], at: u64) -> Result<(), ArchiveFault> {
    let malformed = || ArchiveFault::Header {
        at,
        why: "a malformed extended header",
    };
    while !records.is_empty() {
        let space = records.iter().position(|byte| *byte == b' ');
        let length = space
            .and_then(|space| std::str::from_utf8(records.get(..space)?).ok())
            .filter(|digits| digits.len() <= 6 && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse::<usize>().ok())
            .ok_or_else(malformed)?;
        let record = records
            .get(..length)
            .and_then(|record| record.strip_suffix(b"\n"))
            .ok_or_else(malformed)?;
        let record = record
            .get(space.unwrap_or_default() + 1..)
            .ok_or_else(malformed)?;
        let equals = record
            .iter()
            .position(|byte| *byte == b'=')
            .ok_or_else(malformed)?;
        let key = record.get(..equals).unwrap_or_default();
        if !is_harmless(key) {
            return Err(match key.starts_with(b"GNU.sparse.") {
                true => ArchiveFault::Sparse(printed(key)),
                false => ArchiveFault::Override(printed(key)),
            });
        }
        records = records.get(length..).unwrap_or_default();
    }
    Ok(())
}

/// Whether a record says only whose a file is and how old: nothing that decides which bytes are read as what.
fn is_harmless(key: &[u8]) -> bool {
    let plain: [&[u8]; 8] = [
        b"mtime", b"atime", b"ctime", b"uid", b"gid", b"uname", b"gname", b"comment",
    ];
    plain.contains(&key)
        || key.starts_with(b"SCHILY.xattr.")
        || key.starts_with(b"LIBARCHIVE.creationtime")
}

fn compression(head: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 4] = [
        (b"\x1f\x8b", "gzip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\xfd7zXZ\0", "xz"),
        (b"BZh", "bzip2"),
    ];
    let found = known.iter().find(|(magic, _)| head.starts_with(magic));
    found.map(|(_, name)| *name)
}

fn printed(raw: &[u8]) -> String {
    shown(&String::from_utf8_lossy(raw))
}
