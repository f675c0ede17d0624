//! Layouts and archives of them that readers could disagree about.

use std::path::Path;

use seed_primitives::Digest;
use tar::{EntryType, Header};

use crate::{Seed, Word, bundles::Member, words::Words};

/// One way of changing the archive of a layout.
#[derive(Debug)]
pub(crate) struct ArchiveLie {
    /// What it is called in the file of runs.
    pub(crate) name: &'static str,
    /// What must be said about it.
    pub(crate) words: Words,
    make: Make,
}

#[derive(Debug)]
enum Make {
    /// The files of the layout are others, so that a folder can have them as well.
    Files(fn(&Stuff<'_>, &mut Seed) -> Vec<Member>),
    /// The archive is another.
    Archive(fn(&Stuff<'_>, &mut Seed) -> Vec<u8>),
}

/// The files of an honest layout, and the image that is asked for.
#[derive(Debug)]
pub(crate) struct Stuff<'a> {
    pub(crate) members: &'a [Member],
    pub(crate) image: Digest,
}

const UNDECIDABLE: Words = Words::only(Word::Undecidable);
const REJECTED: Words = Words::only(Word::Rejected);
const USAGE: Words = Words::only(Word::Usage);

const fn lie(
    name: &'static str,
    words: Words,
    make: fn(&Stuff<'_>, &mut Seed) -> Vec<u8>,
) -> ArchiveLie {
    ArchiveLie {
        name,
        words,
        make: Make::Archive(make),
    }
}

const fn files(
    name: &'static str,
    words: Words,
    make: fn(&Stuff<'_>, &mut Seed) -> Vec<Member>,
) -> ArchiveLie {
    ArchiveLie {
        name,
        words,
        make: Make::Files(make),
    }
}

const EMPTY_INDEX: &[u8] = br#"{"schemaVersion":2,"manifests":[]}"#;

/// Every lie of an archive.
pub(crate) static ARCHIVE_LIES: &[ArchiveLie] = &[
    files("other-bytes", REJECTED, |stuff, seed| {
        let mut members = stuff.members.to_vec();
        let manifest = stuff.manifest(&mut members);
        let at = seed.below(manifest.1.len() * 8);
        manifest.1[at / 8] ^= 1 << (at % 8);
        members
    }),
    files("without-the-image", UNDECIDABLE, |stuff, _| {
        let name = stuff.name();
        let members = stuff.members.iter().filter(|one| one.0 != name);
        members.cloned().collect()
    }),
    lie("link", UNDECIDABLE, |stuff, seed| {
        let kind = *seed.choose(&[EntryType::Symlink, EntryType::Link]);
        stuff.and(seed, kind, &other_blob(), b"")
    }),
    lie("link-in-its-place", UNDECIDABLE, |stuff, seed| {
        let name = stuff.name();
        let members = stuff.members.iter().filter(|one| one.0 != name);
        let mut bytes = open(&members.cloned().collect::<Vec<_>>());
        let kind = *seed.choose(&[EntryType::Symlink, EntryType::Link]);
        bytes.extend(entry(kind, &name, b""));
        end(bytes)
    }),
    lie("two-of-one-name", UNDECIDABLE, |stuff, seed| {
        let name = stuff.name();
        let (name, bytes) = match seed.below(5) {
            0 => ("index.json", EMPTY_INDEX),
            1 => ("./index.json", EMPTY_INDEX),
            2 => ("oci-layout", &br#"{"imageLayoutVersion":"1.0.0"}"#[..]),
            3 => ("blobs", &b"x"[..]),
            _ => (name.as_str(), &b"{}"[..]),
        };
        stuff.and(seed, EntryType::Regular, name, bytes)
    }),
    lie("sparse", UNDECIDABLE, |stuff, seed| {
        stuff.and(seed, EntryType::GNUSparse, &other_blob(), b"")
    }),
    lie("sparse-by-a-record", UNDECIDABLE, |stuff, seed| {
        let record = *seed.choose(&["22 GNU.sparse.major=1\n", "26 GNU.sparse.realsize=99\n"]);
        stuff.and_two(record, &other_blob())
    }),
    lie("record-changes-the-next", UNDECIDABLE, |stuff, seed| {
        let record = *seed.choose(&["19 path=index.json\n", "9 size=9\n", "15 linkpath=ab\n"]);
        stuff.and_two(record, "x")
    }),
    lie("record-malformed", UNDECIDABLE, |stuff, seed| {
        let record = *seed.choose(&["99 mtime=1\n", "mtime=1\n", "11 mtime=12", "0 \n"]);
        stuff.and_two(record, "x")
    }),
    lie("global-record", UNDECIDABLE, |stuff, seed| {
        stuff.and(seed, EntryType::XGlobalHeader, "pax_global_header", b"")
    }),
    lie("long-name", UNDECIDABLE, |stuff, _| {
        let mut bytes = open(stuff.members);
        bytes.extend(entry(
            EntryType::GNULongName,
            "././@LongLink",
            b"index.json\0",
        ));
        bytes.extend(entry(EntryType::Regular, "x", EMPTY_INDEX));
        end(bytes)
    }),
    lie("special-file", UNDECIDABLE, |stuff, seed| {
        let kinds = [
            EntryType::Fifo,
            EntryType::Char,
            EntryType::Block,
            EntryType::new(b'Z'),
        ];
        let kind = *seed.choose(&kinds);
        stuff.and(seed, kind, &other_blob(), b"")
    }),
    lie("climbing-name", UNDECIDABLE, |stuff, seed| {
        let name = *seed.choose(&[
            "../index.json",
            "blobs/../index.json",
            "/index.json",
            "blobs//x",
            "blobs/./x",
            "blobs\\x",
            "x\n",
            "x/",
            "",
        ]);
        stuff.and(seed, EntryType::Regular, name, EMPTY_INDEX)
    }),
    lie("claims-a-size", UNDECIDABLE, |stuff, seed| {
        let mut bytes = open(stuff.members);
        let size = *seed.choose(&[1 << 20, 1 << 30, 1 << 40, u64::MAX]);
        bytes.extend(header(EntryType::Regular, &other_blob(), size).as_bytes());
        end(bytes)
    }),
    lie("wrong-checksum", UNDECIDABLE, |stuff, seed| {
        let mut bytes = archive(stuff.members);
        bytes[seed.below(100)] ^= 1 << seed.below(7);
        bytes
    }),
    lie("second-archive-behind", UNDECIDABLE, |stuff, seed| {
        let first = archive(stuff.members);
        let second = match seed.below(2) {
            0 => first.clone(),
            _ => archive(&[("index.json".to_owned(), EMPTY_INDEX.to_vec())]),
        };
        [first, second].concat()
    }),
    lie("something-behind", UNDECIDABLE, |stuff, _| {
        [&archive(stuff.members)[..], &[0; 512], b"x"].concat()
    }),
    lie("cut-off", UNDECIDABLE, |stuff, seed| {
        let mut bytes = archive(stuff.members);
        bytes.truncate(seed.below(bytes.len()));
        bytes
    }),
    lie("compressed", USAGE, |stuff, _| {
        let mut bytes = archive(stuff.members);
        bytes[..2].copy_from_slice(b"\x1f\x8b");
        bytes
    }),
    lie("no-layout", USAGE, |_, seed| match seed.below(2) {
        0 => archive(&[("x".to_owned(), b"y".to_vec())]),
        _ => archive(&[("manifest.json".to_owned(), b"[]".to_vec())]),
    }),
];

impl ArchiveLie {
    /// Whether it is about the files of the layout, so that a folder can have it as well.
    pub(crate) const fn of_files(&self) -> bool {
        matches!(self.make, Make::Files(_))
    }

    /// The archive.
    pub(crate) fn archive(&self, stuff: &Stuff<'_>, dice: u64) -> Vec<u8> {
        let seed = &mut Seed::of_run(dice, 1);
        match self.make {
            Make::Files(make) => archive(&make(stuff, seed)),
            Make::Archive(make) => make(stuff, seed),
        }
    }

    /// The files; the honest ones where the lie is about the archive.
    pub(crate) fn files(&self, stuff: &Stuff<'_>, dice: u64) -> Vec<Member> {
        match self.make {
            Make::Files(make) => make(stuff, &mut Seed::of_run(dice, 1)),
            Make::Archive(_) => stuff.members.to_vec(),
        }
    }
}

impl Stuff<'_> {
    fn name(&self) -> String {
        format!("blobs/sha256/{}", self.image.to_hex())
    }

    fn manifest<'a>(&self, members: &'a mut [Member]) -> &'a mut Member {
        let name = self.name();
        let found = members.iter_mut().find(|one| one.0 == name);
        found.expect("the image is in the layout")
    }

    /// The files with one more, before or behind them.
    fn and(&self, seed: &mut Seed, kind: EntryType, name: &str, bytes: &[u8]) -> Vec<u8> {
        let more = entry(kind, name, bytes);
        match seed.below(2) {
            0 => end([more, open(self.members)].concat()),
            _ => end([open(self.members), more].concat()),
        }
    }

    /// The files with a record about one more behind it.
    fn and_two(&self, record: &str, name: &str) -> Vec<u8> {
        let mut bytes = open(self.members);
        bytes.extend(entry(EntryType::XHeader, "pax", record.as_bytes()));
        bytes.extend(entry(EntryType::Regular, name, b"x"));
        end(bytes)
    }
}

fn other_blob() -> String {
    format!("blobs/sha256/{}", Digest::of(b"other").to_hex())
}

/// The files in the order they are given in.
pub(crate) fn archive(members: &[Member]) -> Vec<u8> {
    end(open(members))
}

fn open(members: &[Member]) -> Vec<u8> {
    let entries = members.iter();
    entries
        .flat_map(|(name, bytes)| entry(EntryType::Regular, name, bytes))
        .collect()
}

fn end(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend([0; 1024]);
    bytes
}

fn entry(kind: EntryType, name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut entry = header(kind, name, bytes.len() as u64).as_bytes().to_vec();
    entry.extend(bytes);
    entry.resize(entry.len().next_multiple_of(512), 0);
    entry
}

fn header(kind: EntryType, name: &str, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    // Past the checks of the library: names are what is tried here.
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    if matches!(kind, EntryType::Symlink | EntryType::Link) {
        header.as_mut_bytes()[157..167].copy_from_slice(b"index.json");
    }
    header.set_cksum();
    header
}

/// Unpacks files into a folder.
///
/// # Errors
/// When they cannot be written.
pub(crate) fn unpack(members: &[Member], folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder.join("blobs/sha256"))?;
    for (name, bytes) in members {
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}
