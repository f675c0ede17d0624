//! Reads zips with a reader of its own for their directory. Of the libraries, `zip`, `rc-zip` and `async_zip` keep an entry
//! for every member in memory before the first can be looked at, and here an outsider decides how many there are; this one
//! holds a single member at a time and counts before it reads. `rawzip` walks a directory in the same way: with it the search
//! for the directory and the parsing of its records could go, and the rules about kinds, names, links and methods would stay.
//! Nothing read here has to be believed: the hash of the whole tree decides about contents.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
};

use seed_nix::{Format, Limits, read_packed};

use super::{
    Refusal, Stop,
    tree::{MAX_PATH, MAX_TARGET, Tree, shown},
};

/// A record at the end, and the longest comment behind it.
const END: usize = 22;
const END_64: usize = 56;
const LOCATOR: usize = 20;
const CENTRAL: usize = 46;
const LOCAL: usize = 30;
/// Kinds of file in a Unix mode.
const KIND: u32 = 0o170_000;
const LINK: u32 = 0o120_000;
const DIRECTORY: u32 = 0o040_000;
const FILE: u32 = 0o100_000;

/// Unpacks a zip into `tree`: the members its directory lists, as programs that unpack do. Checksums are not
/// looked at: the hash of the whole tree decides.
pub(super) fn unpack(file: File, limits: &Limits, tree: &mut Tree) -> Result<(), Stop> {
    let mut zip = Zip { file };
    let (start, members) = zip.directory()?;
    let own = zip.file.try_clone().map_err(damaged)?;
    let mut listed = BufReader::new(At {
        file: own,
        at: start,
    });
    for _ in 0..members {
        tree.count()?;
        let member = Member::read(&mut listed)?;
        zip.add(&member, limits, tree)?;
    }
    Ok(())
}

struct Zip {
    file: File,
}

/// One member, as the directory lists it.
struct Member {
    name: Vec<u8>,
    flags: u16,
    method: u16,
    packed: u64,
    size: u64,
    offset: u64,
    /// The Unix mode, zero where another system made it.
    mode: u32,
}

impl Zip {
    /// Where the directory begins, and how many members it lists.
    fn directory(&mut self) -> Result<(u64, u64), Stop> {
        let length = self.file.seek(SeekFrom::End(0)).map_err(damaged)?;
        let tail = length.min((END + LOCATOR + usize::from(u16::MAX)) as u64);
        let bytes = self.bytes(length - tail, tail as usize)?;
        let end = (0..=bytes.len().saturating_sub(END)).rev().find(|at| {
            let record = bytes.get(*at..).unwrap_or_default();
            record.starts_with(b"PK\x05\x06")
                && record.len() == END + usize::from(short(record, 20))
        });
        let end = end.ok_or(Refusal::Damaged)?;
        let record = bytes.get(end..).unwrap_or_default();
        let (members, start) = (short(record, 10), long(record, 16));
        let before = end
            .checked_sub(LOCATOR)
            .and_then(|at| bytes.get(at..end))
            .unwrap_or_default();
        if (members != u16::MAX && start != u32::MAX) || !before.starts_with(b"PK\x06\x07") {
            return Ok((start.into(), members.into()));
        }
        let record = self.bytes(quad(before, 8), END_64)?;
        if !record.starts_with(b"PK\x06\x06") {
            return Err(Refusal::Damaged.into());
        }
        Ok((quad(&record, 48), quad(&record, 32)))
    }

    fn add(&mut self, member: &Member, limits: &Limits, tree: &mut Tree) -> Result<(), Stop> {
        let refused = |kind: fn(String) -> Refusal| Stop::from(kind(shown(&member.name)));
        let inside = tree.place(&member.name)?;
        if member.name.last() == Some(&b'/') || member.mode & KIND == DIRECTORY {
            return tree.directory(&inside);
        }
        if !matches!(member.mode & KIND, 0 | FILE | LINK) {
            return Err(refused(Refusal::Kind));
        }
        // Bit 0: encrypted. Stored and deflated are the two ways that everything reads.
        if member.flags & 1 != 0 || !matches!(member.method, 0 | 8) {
            return Err(refused(Refusal::Method));
        }
        let local = self.bytes(member.offset, LOCAL)?;
        if !local.starts_with(b"PK\x03\x04") {
            return Err(Refusal::Damaged.into());
        }
        let skipped = LOCAL + usize::from(short(&local, 26)) + usize::from(short(&local, 28));
        let at = At {
            file: self.file.try_clone().map_err(damaged)?,
            at: member.offset.saturating_add(skipped as u64),
        };
        let mut packed = BufReader::new(at.take(member.packed));
        let mut add = |contents: &mut dyn Read| -> Result<(), Stop> {
            if member.mode & KIND == LINK {
                let mut target = Vec::new();
                let read = contents
                    .take(MAX_TARGET as u64 + 1)
                    .read_to_end(&mut target);
                read.map_err(damaged)?;
                return tree.link(&inside, &target);
            }
            let executable = member.mode & 0o100 != 0;
            tree.file(&inside, executable, contents, Some(member.size))
        };
        if member.method == 0 {
            return add(&mut packed);
        }
        read_packed(Format::Deflate, &mut packed, limits, add)
    }

    fn bytes(&mut self, at: u64, length: usize) -> Result<Vec<u8>, Stop> {
        self.file.seek(SeekFrom::Start(at)).map_err(damaged)?;
        let mut bytes = vec![0; length];
        self.file.read_exact(&mut bytes).map_err(damaged)?;
        Ok(bytes)
    }
}

impl Member {
    fn read(listed: &mut impl Read) -> Result<Self, Stop> {
        let mut head = [0; CENTRAL];
        listed.read_exact(&mut head).map_err(damaged)?;
        if !head.starts_with(b"PK\x01\x02") {
            return Err(Refusal::Damaged.into());
        }
        let mut next = |at| -> Result<Vec<u8>, Stop> {
            let mut bytes = vec![0; usize::from(short(&head, at))];
            listed.read_exact(&mut bytes).map_err(damaged)?;
            Ok(bytes)
        };
        let (name, extra, _comment) = (next(28)?, next(30)?, next(32)?);
        if name.len() > MAX_PATH {
            return Err(Refusal::Name(shown(&name)).into());
        }
        // Unix and Darwin keep the mode in the upper half.
        let unix = matches!(head.get(5), Some(3 | 19));
        let mut large = Large::of(&extra);
        Ok(Self {
            flags: short(&head, 8),
            method: short(&head, 10),
            size: large.or(long(&head, 24))?,
            packed: large.or(long(&head, 20))?,
            offset: large.or(long(&head, 42))?,
            mode: if unix { long(&head, 38) >> 16 } else { 0 },
            name,
        })
    }
}

/// The field of zip64: a value for each that did not fit, in a fixed order.
struct Large<'a>(&'a [u8]);

impl<'a> Large<'a> {
    fn of(mut extra: &'a [u8]) -> Self {
        while extra.len() >= 4 {
            let length = usize::from(short(extra, 2));
            let Some((field, rest)) = extra.split_at_checked(4 + length) else {
                break;
            };
            if short(field, 0) == 1 {
                return Self(field.get(4..).unwrap_or_default());
            }
            extra = rest;
        }
        Self(&[])
    }

    fn or(&mut self, small: u32) -> Result<u64, Stop> {
        if small != u32::MAX {
            return Ok(small.into());
        }
        let (value, rest) = self.0.split_at_checked(8).ok_or(Refusal::Damaged)?;
        self.0 = rest;
        Ok(quad(value, 0))
    }
}

/// A file from a place on, wherever others that share it have gone.
struct At {
    file: File,
    at: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = std::os::unix::fs::FileExt::read_at(&self.file, buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[allow(clippy::needless_pass_by_value, reason = "given to map_err")]
fn damaged(_: io::Error) -> Stop {
    Refusal::Damaged.into()
}

fn short(bytes: &[u8], at: usize) -> u16 {
    let two = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    two.map_or(0, |two| u16::from_le_bytes(*two))
}

fn long(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    four.map_or(0, |four| u32::from_le_bytes(*four))
}

fn quad(bytes: &[u8], at: usize) -> u64 {
    let eight = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    eight.map_or(0, |eight| u64::from_le_bytes(*eight))
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write, os::unix::fs::PermissionsExt, path::Path};

    use flate2::{Compression, write::DeflateEncoder};

    use super::{super::tests::unpacked, *};

    struct Entry<'a> {
        name: &'a str,
        mode: u32,
        method: u16,
        flags: u16,
        body: &'a [u8],
    }

    fn entry<'a>(name: &'a str, mode: u32, body: &'a [u8]) -> Entry<'a> {
        let method = if body.is_empty() { 0 } else { 8 };
        Entry {
            name,
            mode,
            method,
            flags: 0,
            body,
        }
    }

    /// A zip as programs write it, without checksums.
    fn zip(entries: &[Entry<'_>]) -> Vec<u8> {
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        for entry in entries {
            let mut packed = entry.body.to_vec();
            if entry.method == 8 {
                let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
                deflate.write_all(entry.body).unwrap();
                packed = deflate.finish().unwrap();
            }
            let shorts = |values: &[u16]| -> Vec<u8> {
                values
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect()
            };
            let longs = |values: &[usize]| -> Vec<u8> {
                let values = values.iter().map(|value| u32::try_from(*value).unwrap());
                values.flat_map(u32::to_le_bytes).collect()
            };
            let name = u16::try_from(entry.name.len()).unwrap();
            let middle = [
                shorts(&[entry.flags, entry.method, 0, 0]),
                longs(&[0, packed.len(), entry.body.len()]),
                shorts(&[name, 0]),
            ]
            .concat();
            directory.extend(b"PK\x01\x02\x14\x03\x14\0");
            directory.extend(&middle);
            directory.extend(shorts(&[0, 0, 0]));
            directory.extend((entry.mode << 16).to_le_bytes());
            directory.extend(longs(&[bytes.len()]));
            directory.extend(entry.name.as_bytes());
            bytes.extend(b"PK\x03\x04\x14\0");
            bytes.extend(&middle);
            bytes.extend(entry.name.as_bytes());
            bytes.extend(&packed);
        }
        let start = u32::try_from(bytes.len()).unwrap();
        let length = u32::try_from(directory.len()).unwrap();
        let count = u16::try_from(entries.len()).unwrap();
        bytes.extend(&directory);
        bytes.extend(b"PK\x05\x06\0\0\0\0");
        bytes.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
        bytes.extend([length.to_le_bytes(), start.to_le_bytes()].concat());
        bytes.extend([0, 0]);
        bytes
    }

    #[test]
    fn unpacks_what_the_directory_lists() {
        let (done, work) = unpacked(
            &zip(&[
                entry("top/", DIRECTORY | 0o755, b""),
                entry("top/run", FILE | 0o755, b"hello"),
                entry("top/empty", FILE | 0o644, b""),
                entry("top/link", LINK | 0o777, b"run"),
                entry("top/plain", 0, b"text"),
            ]),
            1 << 20,
        );
        assert_eq!(done, Ok(()));
        let top = work.path().join("tree/top");
        assert_eq!(fs::read_to_string(top.join("run")).unwrap(), "hello");
        assert_eq!(fs::read_link(top.join("link")).unwrap(), Path::new("run"));
        for (name, executable) in [("run", true), ("plain", false), ("empty", false)] {
            let mode = fs::metadata(top.join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o100 != 0, executable, "{name}");
        }
    }

    #[test]
    fn refuses_what_leads_out_or_is_no_tree() {
        let body = b"x".as_slice();
        let file = |name| entry(name, FILE | 0o644, body);
        let encrypted = Entry {
            flags: 1,
            ..file("a")
        };
        let packed = Entry {
            method: 14,
            ..file("a")
        };
        for (what, entries, why) in [
            (
                "a name that climbs",
                vec![file("a/../../evil")],
                "leads out",
            ),
            ("an absolute name", vec![file("/tmp/evil")], "leads out"),
            (
                "a file below a link",
                vec![entry("l", LINK, b".."), file("l/evil")],
                "`l` is there twice",
            ),
            (
                "a name twice",
                vec![file("a"), file("a")],
                "`a` is there twice",
            ),
            (
                "a device",
                vec![entry("a\n", 0o020_644, body)],
                "`a\\n` is neither",
            ),
            ("a link to nothing", vec![entry("a", LINK, b"")], "no name"),
            ("an encrypted file", vec![encrypted], "`a` is encrypted"),
            ("lzma inside", vec![packed], "`a` is encrypted, or packed"),
            ("nothing", vec![], "no zip"),
        ] {
            let found = unpacked(&zip(&entries), 1 << 20).0.unwrap_err().to_string();
            assert!(
                found.contains(why) && !found.contains('\n'),
                "{what}: {found}"
            );
        }
        let whole = zip(&[file("a"), file("b")]);
        for length in 0..whole.len() {
            assert!(unpacked(&whole[..length], 1 << 20).0.is_err(), "{length}");
        }
    }

    #[test]
    fn a_bomb_ends_at_its_limit() {
        let zeros = vec![0; 8 << 20];
        let bomb = zip(&[entry("a", FILE, &zeros), entry("b", FILE, &zeros)]);
        assert!(bomb.len() < 20_000);
        assert_eq!(unpacked(&bomb, 10 << 20).0, Err(Refusal::Bytes(10 << 20)));
        assert_eq!(unpacked(&bomb, 20 << 20).0, Ok(()));
        // More than the directory says.
        let mut lying = bomb.clone();
        let at = lying
            .windows(4)
            .position(|four| four == b"PK\x01\x02")
            .unwrap();
        lying[at + 24..at + 28].copy_from_slice(&5_u32.to_le_bytes());
        assert_eq!(unpacked(&lying, 1 << 30).0, Err(Refusal::Damaged));
        // However much is allowed, it may not grow 250 times.
        let whole = zip(&[entry("a", FILE, &vec![0; 70 << 20])]);
        assert_eq!(unpacked(&whole, 1 << 40).0, Err(Refusal::Bytes(64 << 20)));
    }
}
