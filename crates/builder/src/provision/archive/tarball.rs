use std::io::{self, Read};

use tar::{Archive, Entry, EntryType};

use super::{
    Refusal, Stop,
    tree::{MAX_TARGET, Tree, shown},
};

/// The longest extended header that is read; longer ones hold no name that could be used.
const MAX_EXTENDED: u64 = 64 << 10;

/// Unpacks a tar into `tree`. Long names are taken from the headers of GNU tar and of POSIX that come before an
/// entry; global headers say nothing about contents and are passed over.
pub(super) fn unpack(input: &mut dyn Read, tree: &mut Tree) -> Result<(), Stop> {
    let mut archive = Archive::new(input);
    let damaged = |_| Refusal::Damaged;
    let mut before = Before::default();
    let mut first = true;
    // Raw: the library would keep extended headers of any length in memory.
    for entry in archive.entries().map_err(damaged)?.raw(true) {
        // A first header that is none is no damage: this never was a tar.
        let entry = entry.map_err(|error| {
            if first && error.kind() != io::ErrorKind::InvalidData {
                Refusal::NoArchive
            } else {
                Refusal::Damaged
            }
        });
        let mut entry = entry?;
        first = false;
        tree.count()?;
        match entry.header().entry_type() {
            EntryType::XGlobalHeader => {}
            EntryType::GNULongName => before.name = Some(terminated(extended(&mut entry)?)),
            EntryType::GNULongLink => before.target = Some(terminated(extended(&mut entry)?)),
            EntryType::XHeader => before.posix(&extended(&mut entry)?)?,
            kind => {
                let before = std::mem::take(&mut before);
                add(&mut entry, kind, before, tree)?;
            }
        }
    }
    Ok(())
}

/// What stands before an entry and is about it.
#[derive(Default)]
struct Before {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
}

impl Before {
    /// Records `<length> <key>=<value>\n`, the length counting all of it.
    fn posix(&mut self, mut records: &[u8]) -> Result<(), Stop> {
        while !records.is_empty() {
            let (record, rest) = record(records).ok_or(Refusal::Damaged)?;
            match record {
                (b"path", value) => self.name = Some(value.to_vec()),
                (b"linkpath", value) => self.target = Some(value.to_vec()),
                // Beyond 8 GiB, or sparse: the header's own size is not that of the contents then.
                (b"size", _) => {
                    let what = "a size in an extended header".to_owned();
                    return Err(Refusal::Method(what).into());
                }
                (key, _) if key.starts_with(b"GNU.sparse") => {
                    return Err(Refusal::Kind(shown(key)).into());
                }
                _ => {}
            }
            records = rest;
        }
        Ok(())
    }
}

/// A key and its value, and the records behind them.
type Record<'a> = ((&'a [u8], &'a [u8]), &'a [u8]);

fn record(records: &[u8]) -> Option<Record<'_>> {
    let space = records.iter().position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(records.get(..space)?)
        .ok()?
        .parse()
        .ok()?;
    let (record, rest) = records.split_at_checked(length)?;
    let pair = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    Some(((pair.get(..equals)?, pair.get(equals + 1..)?), rest))
}

fn add(
    entry: &mut Entry<'_, impl Read>,
    kind: EntryType,
    before: Before,
    tree: &mut Tree,
) -> Result<(), Stop> {
    let name = before
        .name
        .unwrap_or_else(|| entry.path_bytes().into_owned());
    let inside = tree.place(&name)?;
    match kind {
        EntryType::Directory => tree.directory(&inside),
        EntryType::Regular | EntryType::Continuous => {
            let mode = entry.header().mode().map_err(|_| Refusal::Damaged)?;
            let size = entry.header().entry_size().map_err(|_| Refusal::Damaged)?;
            tree.file(&inside, mode & 0o100 != 0, entry, Some(size))
        }
        EntryType::Symlink => {
            let target = before
                .target
                .or_else(|| entry.link_name_bytes().map(|target| target.into_owned()));
            tree.link(&inside, &target.unwrap_or_default())
        }
        _ => Err(Refusal::Kind(shown(&name)).into()),
    }
}

fn extended(entry: &mut Entry<'_, impl Read>) -> Result<Vec<u8>, Stop> {
    let size = entry.header().entry_size().map_err(|_| Refusal::Damaged)?;
    if size > MAX_EXTENDED {
        return Err(Refusal::Name(format!("a header of {size} bytes")).into());
    }
    let mut bytes = Vec::new();
    entry
        .take(MAX_EXTENDED)
        .read_to_end(&mut bytes)
        .map_err(|_| Refusal::Damaged)?;
    if bytes.len() as u64 != size {
        return Err(Refusal::Damaged.into());
    }
    Ok(bytes)
}

/// GNU tar ends long names with a zero byte.
fn terminated(mut name: Vec<u8>) -> Vec<u8> {
    if name.last() == Some(&0) {
        name.pop();
    }
    name.truncate(MAX_TARGET + 1);
    name
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write, path::Path};

    use flate2::{Compression, write::GzEncoder};
    use tar::{Builder, Header};

    use super::{super::tests::unpacked, *};

    fn header(path: &str, kind: EntryType, size: u64) -> Header {
        let mut header = Header::new_ustar();
        // Names as an attacker writes them, not as the library lets them through.
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o644);
        header.set_cksum();
        header
    }

    fn archive(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (path, kind, content) in entries {
            let is_link = matches!(kind, EntryType::Symlink | EntryType::Link);
            let size = if is_link { 0 } else { content.len() as u64 };
            let mut header = header(path, *kind, size);
            if is_link {
                header.set_link_name_literal(content).unwrap();
                header.set_cksum();
            }
            let body = if is_link { "" } else { content };
            builder.append(&header, body.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    fn xz(bytes: &[u8]) -> Vec<u8> {
        let options = lzma_rust2::XzOptions::with_preset(1);
        let mut xz = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
        xz.write_all(bytes).unwrap();
        xz.finish().unwrap()
    }

    const FILE: EntryType = EntryType::Regular;
    const LINK: EntryType = EntryType::Symlink;

    #[test]
    fn unpacks_plain_and_compressed_alike() {
        let tar = archive(&[
            ("top/", EntryType::Directory, ""),
            ("top/a/b", FILE, "hello"),
            ("top/link", LINK, "a/b"),
        ]);
        let zstd = zstd_of(&tar);
        for bytes in [&tar, &gzip(&tar), &xz(&tar), &zstd] {
            let (done, work) = unpacked(bytes, 1 << 20);
            assert_eq!(done, Ok(()));
            let top = work.path().join("tree/top");
            assert_eq!(fs::read_to_string(top.join("a/b")).unwrap(), "hello");
            assert_eq!(fs::read_link(top.join("link")).unwrap(), Path::new("a/b"));
        }
    }

    /// One frame with one raw block: RFC 8878, section 3.1.1.
    fn zstd_of(bytes: &[u8]) -> Vec<u8> {
        assert!(bytes.len() < 128 << 10);
        let length = u32::try_from(bytes.len()).unwrap();
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
        frame.extend(length.to_le_bytes());
        frame.extend_from_slice(&(length << 3 | 1).to_le_bytes()[..3]);
        frame.extend_from_slice(bytes);
        frame
    }

    #[test]
    fn takes_long_names_from_both_kinds_of_headers() {
        let long = format!("top/{}/x", "d".repeat(200));
        let record = format!("{} path={long}\n", long.len() + 10);
        for (kind, text) in [
            (EntryType::XHeader, record),
            (EntryType::GNULongName, format!("{long}\0")),
        ] {
            let tar = archive(&[("h", kind, &text), ("short", FILE, "hello")]);
            let (done, work) = unpacked(&tar, 1 << 20);
            assert_eq!(done, Ok(()), "{kind:?}");
            let place = work.path().join("tree").join(&long);
            assert_eq!(fs::read_to_string(place).unwrap(), "hello");
        }
    }

    #[test]
    fn refuses_what_leads_out_or_is_no_tree() {
        let climb = "19 path=../../evil\n";
        let endless = "x".repeat(70_000);
        for (what, entries, why) in [
            (
                "a name that climbs",
                vec![("top/../../evil", FILE, "x")],
                "leads out",
            ),
            (
                "an absolute name",
                vec![("/tmp/evil", FILE, "x")],
                "leads out",
            ),
            (
                "a long name that climbs",
                vec![("h", EntryType::XHeader, climb), ("a", FILE, "x")],
                "`../../evil`",
            ),
            (
                "a long name without end",
                vec![("h", EntryType::XHeader, &endless), ("a", FILE, "x")],
                "70000 bytes",
            ),
            (
                "a long header that is none",
                vec![("h", EntryType::XHeader, "99 path=a\n"), ("a", FILE, "x")],
                "damaged",
            ),
            (
                "a size that is not in the header",
                vec![("h", EntryType::XHeader, "9 size=1\n"), ("a", FILE, "x")],
                "a size in",
            ),
            (
                "a file below a link",
                vec![("l", LINK, ".."), ("l/evil", FILE, "x")],
                "`l` is there twice",
            ),
            (
                "a link in the place of a directory",
                vec![("d/a", FILE, "x"), ("d", LINK, "..")],
                "`d` is there twice",
            ),
            (
                "a name twice",
                vec![("a", FILE, "x"), ("a", FILE, "y")],
                "`a` is there twice",
            ),
            (
                "a file below a file",
                vec![("a", FILE, "x"), ("a/b", FILE, "y")],
                "`a` is there twice",
            ),
            (
                "a hard link",
                vec![("a", FILE, "x"), ("b", EntryType::Link, "a")],
                "`b` is neither",
            ),
            (
                "a device",
                vec![("a\n\u{1b}[31m", EntryType::Char, "")],
                "`a\\n\\u{1b}[31m` is neither",
            ),
            (
                "a sparse file",
                vec![("a", EntryType::GNUSparse, "")],
                "`a` is neither",
            ),
            ("nothing", vec![], "no tar"),
            (
                "the root as a file",
                vec![(".", FILE, "x")],
                "`.` is neither",
            ),
            (
                "too many entries",
                vec![("a", EntryType::Directory, ""); 11],
                "more files",
            ),
        ] {
            let found = unpacked(&archive(&entries), 1 << 20)
                .0
                .unwrap_err()
                .to_string();
            assert!(
                found.contains(why) && !found.contains('\n'),
                "{what}: {found}"
            );
        }
    }

    #[test]
    fn refuses_what_unpacks_to_more_than_allowed() {
        let zeros = "0".repeat(1 << 20);
        let tar = archive(&[("a", FILE, &zeros)]);
        for packed in [gzip(&tar), xz(&tar)] {
            assert!(packed.len() < 10_000);
            let (done, _) = unpacked(&packed, 100_000);
            assert_eq!(done, Err(Refusal::Bytes(100_000)));
            assert_eq!(unpacked(&packed, 2 << 20).0, Ok(()));
        }
        // A size that the archive does not hold.
        let mut lying = archive(&[("a", FILE, "x")]);
        lying[124..136].copy_from_slice(b"77777777777\0");
        let mut fixed = Header::from_byte_slice(&lying[..512]).clone();
        fixed.set_cksum();
        lying[..512].copy_from_slice(fixed.as_bytes());
        assert!(unpacked(&lying, u64::MAX).0.is_err());
    }
}
