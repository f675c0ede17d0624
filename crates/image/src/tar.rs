//! The one way this packer writes a tar entry: every field fixed but name, mode, type, size and link target.

use std::io;

use seed_nix::{Contents, Node, copy_exactly};
use tar::{EntryType, Header};

const BLOCK: u64 = 512;
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
    /// A store object under its path without the leading `/`.
    Object(String, &'a Node<C>),
}

/// The exact number of bytes [`write_tar`] will write, without reading any contents.
pub(crate) fn tar_size<C: Contents>(entries: &[Entry<'_, C>]) -> io::Result<u64> {
    let mut total = 2 * BLOCK;
    for entry in entries {
        visit(entry, &mut |name, item| {
            let headers = head(name, &item)?.len() as u64;
            total += headers + padded(item.size());
            Ok(())
        })?;
    }
    Ok(total)
}

/// Writes `entries` and the two zero blocks that end an archive; no padding to a larger record.
///
/// Entries of a store object follow in byte order of their names, a directory before what it holds. Hard
/// links are written as files: the node does not know of them.
pub(crate) fn write_tar<C: Contents>(
    entries: &[Entry<'_, C>],
    sink: &mut impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    for entry in entries {
        visit(entry, &mut |name, item| {
            sink(&head(name, &item)?)?;
            match &item {
                Item::File { size, contents, .. } => copy_exactly(*contents, *size, sink)?,
                Item::Bytes(bytes) => sink(bytes)?,
                Item::Directory(_) | Item::Symlink(_) => {}
            }
            let missing = padded(item.size()) - item.size();
            sink(
                [0; BLOCK as usize]
                    .get(..missing as usize)
                    .unwrap_or_default(),
            )
        })?;
    }
    sink(&[0; 2 * BLOCK as usize])
}

enum Item<'a, C> {
    Directory(u32),
    File {
        executable: bool,
        size: u64,
        contents: &'a C,
    },
    Bytes(&'a [u8]),
    Symlink(&'a [u8]),
}

impl<C> Item<'_, C> {
    fn size(&self) -> u64 {
        match self {
            Self::File { size, .. } => *size,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Directory(_) | Self::Symlink(_) => 0,
        }
    }
}

type Visitor<'v, C> = dyn FnMut(&[u8], Item<'_, C>) -> io::Result<()> + 'v;

fn visit<C>(entry: &Entry<'_, C>, visitor: &mut Visitor<'_, C>) -> io::Result<()> {
    match entry {
        Entry::Directory(name, mode) => visitor(name.as_bytes(), Item::Directory(*mode)),
        Entry::Link(name, target) => visitor(name.as_bytes(), Item::Symlink(target.as_bytes())),
        Entry::Generated(name, bytes) => visitor(name.as_bytes(), Item::Bytes(bytes)),
        Entry::Object(name, node) => visit_node(name.as_bytes(), node, visitor),
    }
}

fn visit_node<C>(name: &[u8], node: &Node<C>, visitor: &mut Visitor<'_, C>) -> io::Result<()> {
    match node {
        Node::Symlink(target) => visitor(name, Item::Symlink(target)),
        Node::File {
            executable,
            size,
            contents,
        } => visitor(
            name,
            Item::File {
                executable: *executable,
                size: *size,
                contents,
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

/// The header block of an entry, behind a PAX header where a name, target or size does not fit into ustar.
fn head<C>(name: &[u8], item: &Item<'_, C>) -> io::Result<Vec<u8>> {
    let (kind, mode, target): (EntryType, u32, &[u8]) = match item {
        Item::Directory(mode) => (EntryType::Directory, *mode, &[]),
        Item::File {
            executable: true, ..
        } => (EntryType::Regular, 0o555, &[]),
        Item::File { .. } | Item::Bytes(_) => (EntryType::Regular, 0o444, &[]),
        Item::Symlink(target) => (EntryType::Symlink, 0o777, target),
    };
    let name = if kind == EntryType::Directory {
        [name, b"/"].concat()
    } else {
        name.to_vec()
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
    let mut blocks = Vec::new();
    if !records.is_empty() {
        blocks.extend(header(
            b"pax",
            EntryType::XHeader,
            0o444,
            records.len() as u64,
            b"",
        )?);
        records.resize(padded(records.len() as u64) as usize, 0);
        blocks.append(&mut records);
    }
    blocks.extend(header(
        &name,
        kind,
        mode,
        item.size().min(MAX_OCTAL),
        target,
    )?);
    Ok(blocks)
}

fn header(
    name: &[u8],
    kind: EntryType,
    mode: u32,
    size: u64,
    target: &[u8],
) -> io::Result<[u8; 512]> {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(MTIME);
    header.set_size(size);
    header.set_device_major(0)?;
    header.set_device_minor(0)?;
    let old = header.as_old_mut();
    put(&mut old.name, name);
    put(&mut old.linkname, target);
    header.set_cksum();
    Ok(*header.as_bytes())
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

fn padded(size: u64) -> u64 {
    size.div_ceil(BLOCK) * BLOCK
}

fn invalid(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn archive(entries: &[Entry<'_, Vec<u8>>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_tar(entries, &mut |piece| {
            bytes.extend(piece);
            Ok(())
        })
        .unwrap();
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
        let bytes = archive(&[
            Entry::Directory("nix", 0o755),
            Entry::Object("nix/o".to_owned(), &node),
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
        let size = tar_size(&[Entry::Object("big".to_owned(), &node)]).unwrap();
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
        for node in [climbs, shrunk] {
            let entries = [Entry::Object("o".to_owned(), &node)];
            assert!(write_tar(&entries, &mut |_| Ok(())).is_err());
        }
    }
}
