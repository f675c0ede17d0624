//! The one way this packer writes a tar entry: every field fixed but name, mode, type, size and link target.

use std::{borrow::Cow, io};

use seed_nix::{ClosureEntry, Node};
use tar::{EntryType, Header};

pub(crate) const BLOCK: u64 = 512;
/// The largest size an ustar header can hold in octal.
const MAX_OCTAL: u64 = 0o777_7777_7777;
/// The time of every entry: one second after the epoch, as Nix sets it.
const MTIME: u64 = 1;

/// One thing to be put into a layer.
pub(crate) enum Entry<'a, C> {
    /// A directory outside the store, with its mode.
    Directory(&'a str, u32),
    /// A symbolic link outside the store, and its target.
    Link(&'a str, &'a str),
    /// A read-only file made by the packer.
    Generated(&'static str, &'a [u8]),
    /// A store object under its path without the leading `/`, and what it must hash to.
    Object(String, &'a Node<C>, &'a ClosureEntry),
}

/// The exact number of bytes that `entries` take in an archive, without reading any contents.
pub(crate) fn tar_size<C>(entries: &[Entry<'_, C>]) -> io::Result<u64> {
    let mut total = 2 * BLOCK;
    let mut blocks = Vec::new();
    for entry in entries {
        visit(entry, &mut |name, item| {
            blocks.clear();
            head(name, &item, &mut blocks)?;
            total += blocks.len() as u64 + padded(item.size());
            Ok(())
        })?;
    }
    Ok(total)
}

/// What a header says of an entry.
pub(crate) enum Item<'a> {
    Directory(u32),
    File { executable: bool, size: u64 },
    Bytes(&'a [u8]),
    Symlink(&'a [u8]),
}

impl Item<'_> {
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::File { size, .. } => *size,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Directory(_) | Self::Symlink(_) => 0,
        }
    }
}

type Visitor<'v> = dyn FnMut(&[u8], Item<'_>) -> io::Result<()> + 'v;

fn visit<C>(entry: &Entry<'_, C>, visitor: &mut Visitor<'_>) -> io::Result<()> {
    match entry {
        Entry::Directory(name, mode) => visitor(name.as_bytes(), Item::Directory(*mode)),
        Entry::Link(name, target) => visitor(name.as_bytes(), Item::Symlink(target.as_bytes())),
        Entry::Generated(name, bytes) => visitor(name.as_bytes(), Item::Bytes(bytes)),
        Entry::Object(name, node, _) => visit_node(name.as_bytes(), node, visitor),
    }
}

fn visit_node<C>(name: &[u8], node: &Node<C>, visitor: &mut Visitor<'_>) -> io::Result<()> {
    match node {
        Node::Symlink(target) => visitor(name, Item::Symlink(target)),
        Node::File {
            executable, size, ..
        } => visitor(
            name,
            Item::File {
                executable: *executable,
                size: *size,
            },
        ),
        Node::Directory(children) => {
            visitor(name, Item::Directory(0o555))?;
            for (child, node) in children {
                if !Node::<C>::is_entry_name(child) {
                    return Err(invalid(format!(
                        "impossible file name {:?}",
                        String::from_utf8_lossy(child)
                    )));
                }
                visit_node(&[name, b"/", child].concat(), node, visitor)?;
            }
            Ok(())
        }
    }
}

/// Appends the header block of an entry to `blocks`, behind a PAX header where a name, target or size does not fit
/// into ustar.
pub(crate) fn head(name: &[u8], item: &Item<'_>, blocks: &mut Vec<u8>) -> io::Result<()> {
    let (kind, mode, target): (EntryType, u32, &[u8]) = match item {
        Item::Directory(mode) => (EntryType::Directory, *mode, &[]),
        Item::File {
            executable: true, ..
        } => (EntryType::Regular, 0o555, &[]),
        Item::File { .. } | Item::Bytes(_) => (EntryType::Regular, 0o444, &[]),
        Item::Symlink(target) => (EntryType::Symlink, 0o777, target),
    };
    let name = if kind == EntryType::Directory {
        Cow::from([name, b"/"].concat())
    } else {
        Cow::from(name)
    };
    if name.contains(&0) || target.contains(&0) {
        return Err(invalid(
            "a name or link target holds a zero byte".to_owned(),
        ));
    }
    let mut records = Vec::new();
    if name.len() > 100 {
        records.extend(pax_record("path", &name));
    }
    if target.len() > 100 {
        records.extend(pax_record("linkpath", target));
    }
    if item.size() > MAX_OCTAL {
        records.extend(pax_record("size", item.size().to_string().as_bytes()));
    }
    if !records.is_empty() {
        let size = records.len() as u64;
        blocks.extend(header(b"pax", EntryType::XHeader, 0o444, size, b"").as_bytes());
        records.resize(padded(size) as usize, 0);
        blocks.append(&mut records);
    }
    let size = item.size().min(MAX_OCTAL);
    blocks.extend(header(&name, kind, mode, size, target).as_bytes());
    Ok(())
}

fn header(name: &[u8], kind: EntryType, mode: u32, size: u64, target: &[u8]) -> Header {
    let mut header = Header::new_ustar();
    if let Some(ustar) = header.as_ustar_mut() {
        octal(&mut ustar.dev_major, 0);
        octal(&mut ustar.dev_minor, 0);
    }
    let old = header.as_old_mut();
    put(&mut old.name, name);
    put(&mut old.linkname, target);
    octal(&mut old.mode, mode.into());
    octal(&mut old.uid, 0);
    octal(&mut old.gid, 0);
    octal(&mut old.size, size);
    octal(&mut old.mtime, MTIME);
    old.linkflag = [kind.as_byte()];
    // The sum counts its own field as spaces.
    old.cksum = [b' '; 8];
    let sum = header.as_bytes().iter().map(|byte| u64::from(*byte)).sum();
    octal(&mut header.as_old_mut().cksum, sum);
    header
}

/// Fills a field with octal digits and a final zero byte. Not through the library, which makes a string of each
/// number: with a header for every few thousand bytes that cost as much as a tenth of hashing them.
fn octal(field: &mut [u8], mut value: u64) {
    let Some((end, digits)) = field.split_last_mut() else {
        return;
    };
    *end = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value % 8) as u8;
        value /= 8;
    }
}

/// Copies as much as fits: what does not is in the PAX header before this one.
fn put(field: &mut [u8; 100], bytes: &[u8]) {
    field
        .iter_mut()
        .zip(bytes)
        .for_each(|(to, from)| *to = *from);
}

/// `<length> <key>=<value>\n`, the length counting itself.
fn pax_record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + rest.to_string().len();
    if rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

/// `size` up to the next whole block.
pub(crate) const fn padded(size: u64) -> u64 {
    size.div_ceil(BLOCK) * BLOCK
}

fn invalid(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use seed_nix::{NarHash, nar_hash};
    use seed_primitives::Digest;

    use super::*;
    use crate::{LayerError, tar_writer::TarWriter};

    fn entry(nar: NarHash) -> ClosureEntry {
        ClosureEntry {
            path: "/nix/store/00000000000000000000000000000000-o"
                .parse()
                .unwrap(),
            nar,
        }
    }

    fn nothing() -> NarHash {
        let digest = Digest::of(b"");
        NarHash { digest, size: 0 }
    }

    fn archive(entries: &[Entry<'_, Vec<u8>>]) -> Vec<u8> {
        // A block that no header or file ends with.
        let mut tar = TarWriter::new(Vec::new(), 777);
        entries.iter().for_each(|entry| tar.entry(entry).unwrap());
        let (digest, bytes) = tar.finish().unwrap();
        assert_eq!(
            digest.finish().unwrap(),
            (Digest::of(&bytes), bytes.len() as u64)
        );
        assert_eq!(bytes.len() as u64, tar_size(entries).unwrap());
        bytes
    }

    #[test]
    fn another_reader_sees_names_modes_targets_and_contents() {
        let long = "n".repeat(200);
        let target = "t".repeat(150);
        let node = Node::directory([
            ("b", Node::file(true, "#!")),
            ("a", Node::file(false, "x".repeat(513))),
            ("c", Node::Symlink(target.as_bytes().to_vec())),
            (long.as_str(), Node::file(false, "")),
        ]);
        let recorded = entry(nar_hash(&node).unwrap());
        let bytes = archive(&[
            Entry::Directory("nix", 0o755),
            Entry::Object("nix/o".to_owned(), &node, &recorded),
        ]);
        let mut seen = Vec::new();
        for entry in ::tar::Archive::new(bytes.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let header = entry.header().clone();
            assert_eq!(
                (
                    header.uid().unwrap(),
                    header.gid().unwrap(),
                    header.mtime().unwrap()
                ),
                (0, 0, 1)
            );
            assert_eq!(header.username_bytes(), Some(b"".as_slice()));
            let mut content = String::new();
            let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            let link = entry.link_name_bytes().map(|link| link.len());
            entry.read_to_string(&mut content).unwrap();
            seen.push((name, header.mode().unwrap(), link, content.len()));
        }
        let expected = [
            ("nix/", 0o755, None, 0),
            ("nix/o/", 0o555, None, 0),
            ("nix/o/a", 0o444, None, 513),
            ("nix/o/b", 0o555, None, 2),
            ("nix/o/c", 0o777, Some(150), 0),
            (&format!("nix/o/{long}"), 0o444, None, 0),
        ];
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(name, mode, link, size)| (name.to_owned(), mode, link, size))
            .collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_pax_record_counts_its_own_length() {
        for length in [
            1, 85, 86, 87, 88, 89, 90, 91, 92, 980, 985, 986, 987, 988, 989, 990, 991, 992,
        ] {
            let record = pax_record("path", "x".repeat(length).as_bytes());
            let text = String::from_utf8(record.clone()).unwrap();
            assert_eq!(
                text.split(' ').next().unwrap().parse::<usize>().unwrap(),
                record.len()
            );
        }
    }

    #[test]
    fn a_size_beyond_octal_goes_to_the_pax_header() {
        let node: Node<Vec<u8>> = Node::File {
            executable: false,
            size: MAX_OCTAL + 1,
            contents: vec![],
        };
        let recorded = entry(nothing());
        let size = tar_size(&[Entry::Object("big".to_owned(), &node, &recorded)]).unwrap();
        assert_eq!(size, 512 * 3 + (MAX_OCTAL + 1) + 1024);
    }

    #[test]
    fn refuses_names_that_climb_and_contents_that_changed() {
        let climbs = Node::directory([("..", Node::file(false, ""))]);
        let shrunk = Node::File {
            executable: false,
            size: 5,
            contents: b"abc".to_vec(),
        };
        let recorded = entry(nothing());
        for node in [climbs, shrunk] {
            let object = Entry::Object("o".to_owned(), &node, &recorded);
            let refused = TarWriter::new(io::sink(), 512).entry(&object);
            assert!(
                matches!(refused, Err(LayerError::Read { .. })),
                "{refused:?}"
            );
        }
    }
}
