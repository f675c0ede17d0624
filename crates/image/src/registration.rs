use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read},
};

use seed_nix::{NarHash, StorePath};
use seed_primitives::Digest;

use crate::{PackedPath, ReadError, media::LAYER_TAR_ZSTD};

/// The most bytes of registration text that are read: more than 300,000 paths have.
pub const MAX_REGISTRATION_BYTES: u64 = 64 << 20;
/// The most bytes of a database layer that are unpacked to find it.
const MAX_UNPACKED_BYTES: u64 = 80 << 20;
const FILE: &[u8] = b"nix/.reginfo";

/// What an image says of one of its store paths.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Registered {
    /// Hash and size of the path's NAR serialisation.
    pub nar: NarHash,
    /// The store paths it refers to; itself may be among them.
    pub references: BTreeSet<StorePath>,
}

/// The closure as `nix-store --load-db` reads it, paths ascending: per path its name, NAR hash in hex, NAR
/// size, an empty deriver, the number of references and the references.
///
/// The deriver stays empty because it is no part of the closure.
pub(crate) fn text<C>(paths: &[&PackedPath<C>]) -> Vec<u8> {
    let mut text = String::new();
    for path in paths {
        let nar = &path.entry.nar;
        let head = format!(
            "{}\n{}\n{}\n\n{}\n",
            path.entry.path,
            nar.digest.to_hex(),
            nar.size,
            path.references.len()
        );
        text.push_str(&head);
        for reference in &path.references {
            text.push_str(&format!("{reference}\n"));
        }
    }
    text.into_bytes()
}

/// Reads the registration text out of an image's database layer (the last one), given as the blob's media
/// type and bytes.
///
/// # Errors
/// [`ReadError`] when the layer has no such file, is longer than a database layer may be, or cannot be
/// unpacked; and those of [`parse_registration`].
pub fn registration_of_layer(
    media_type: &str,
    blob: impl Read,
) -> Result<BTreeMap<StorePath, Registered>, ReadError> {
    let malformed = |error: io::Error| ReadError::Malformed {
        what: "database layer",
        reason: error.to_string().chars().take(200).collect(),
    };
    let unpacked: Box<dyn Read + '_> = if media_type == LAYER_TAR_ZSTD {
        let mut decoder = zstd::Decoder::new(blob).map_err(malformed)?;
        decoder.window_log_max(23).map_err(malformed)?;
        Box::new(decoder)
    } else {
        Box::new(blob)
    };
    let mut archive = ::tar::Archive::new(unpacked.take(MAX_UNPACKED_BYTES));
    for entry in archive.entries().map_err(malformed)? {
        let mut entry = entry.map_err(malformed)?;
        if entry.path_bytes().as_ref() != FILE {
            continue;
        }
        let mut text = Vec::new();
        let limit = MAX_REGISTRATION_BYTES + 1;
        (&mut entry)
            .take(limit)
            .read_to_end(&mut text)
            .map_err(malformed)?;
        return parse_registration(&text);
    }
    let expected = "nix/.reginfo within the first 80 MiB of it";
    Err(ReadError::unexpected(
        "database layer",
        "entries",
        "without a registration",
        expected,
    ))
}

/// Reads registration text in exactly the form this packer writes.
///
/// # Errors
/// [`ReadError`] for more than [`MAX_REGISTRATION_BYTES`], any other form, paths that do not ascend, or
/// references to paths that are not in the text.
pub fn parse_registration(text: &[u8]) -> Result<BTreeMap<StorePath, Registered>, ReadError> {
    if text.len() as u64 > MAX_REGISTRATION_BYTES {
        return Err(ReadError::TooLong {
            what: "registration",
            size: text.len(),
            limit: MAX_REGISTRATION_BYTES as usize,
        });
    }
    let malformed = |reason: &str| ReadError::Malformed {
        what: "registration",
        reason: reason.to_owned(),
    };
    let text = std::str::from_utf8(text).map_err(|_| malformed("it is not text"))?;
    let body = text
        .strip_suffix('\n')
        .ok_or_else(|| malformed("it does not end with a line"))?;
    let mut lines = body.split('\n');
    let mut paths = BTreeMap::new();
    while let Some(line) = lines.next() {
        let (path, registered) =
            entry(line, &mut lines).ok_or_else(|| malformed("an entry is not as it is written"))?;
        if paths
            .last_key_value()
            .is_some_and(|(last, _)| *last >= path)
        {
            return Err(malformed("its paths do not ascend"));
        }
        paths.insert(path, registered);
    }
    let open = paths
        .values()
        .flat_map(|registered| &registered.references)
        .any(|used| !paths.contains_key(used));
    if open {
        return Err(malformed("a path refers to one that is not there"));
    }
    Ok(paths)
}

fn entry<'a>(
    first: &str,
    lines: &mut impl Iterator<Item = &'a str>,
) -> Option<(StorePath, Registered)> {
    let path: StorePath = first.parse().ok()?;
    let digest: Digest = format!("sha256:{}", lines.next()?).parse().ok()?;
    let size = number(lines.next()?)?;
    if !lines.next()?.is_empty() {
        return None;
    }
    let count = number(lines.next()?)?;
    let mut references = BTreeSet::new();
    for _ in 0..count {
        let used: StorePath = lines.next()?.parse().ok()?;
        if references.last().is_some_and(|last| *last >= used) {
            return None;
        }
        references.insert(used);
    }
    let nar = NarHash { digest, size };
    Some((path, Registered { nar, references }))
}

/// A number as it is written, without sign or leading zeros.
fn number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use seed_nix::{ClosureEntry, Node};

    use super::*;

    fn path(letter: char) -> StorePath {
        format!("/nix/store/{}-name", letter.to_string().repeat(32))
            .parse()
            .unwrap()
    }

    fn written() -> Vec<u8> {
        let entry = |letter, references: &[char]| PackedPath {
            entry: ClosureEntry {
                path: path(letter),
                nar: NarHash {
                    digest: Digest::of(b"nar"),
                    size: 7,
                },
            },
            references: references.iter().copied().map(path).collect(),
            node: Node::file(false, ""),
        };
        let paths = [entry('a', &['a', 'b']), entry('b', &[])];
        text(&paths.iter().collect::<Vec<_>>())
    }

    #[test]
    fn reads_what_is_written_and_nothing_else() {
        let read = parse_registration(&written()).unwrap();
        assert_eq!(read[&path('a')].references, [path('a'), path('b')].into());
        assert_eq!(read[&path('b')].nar.size, 7);
        let text = String::from_utf8(written()).unwrap();
        let (a, b) = (path('a').to_string(), path('b').to_string());
        let cases = [
            ("nothing", String::new()),
            ("no end", text.trim_end().to_owned()),
            ("a line more", format!("{text}\n")),
            ("a leading zero", text.replacen("\n7\n", "\n07\n", 1)),
            ("a deriver", text.replacen("\n\n", "\nx\n", 1)),
            (
                "an open reference",
                text.replacen(&format!("{b}\n{b}"), &format!("{}\n{b}", path('c')), 1),
            ),
            ("a path twice", text.replace(&b, &a)),
            (
                "too many references",
                text.replacen("\n2\n", "\n18446744073709551615\n", 1),
            ),
        ];
        for (what, case) in cases {
            assert_ne!(case, text, "{what}");
            assert!(parse_registration(case.as_bytes()).is_err(), "{what}");
        }
    }

    #[test]
    fn a_layer_without_it_is_refused() {
        let mut archive = ::tar::Builder::new(Vec::new());
        let mut header = ::tar::Header::new_ustar();
        header.set_size(1);
        archive.append_data(&mut header, "else", &b"x"[..]).unwrap();
        let tar = archive.into_inner().unwrap();
        for (media_type, blob) in [
            (crate::media::LAYER_TAR, tar.as_slice()),
            (LAYER_TAR_ZSTD, tar.as_slice()),
            (crate::media::LAYER_TAR, b""),
        ] {
            assert!(registration_of_layer(media_type, blob).is_err());
        }
    }
}
