//! What is made to stop, mislead or exhaust a reader: each gives one clear finding or error.

mod common;

use std::{
    collections::BTreeMap,
    io::{self, BufRead, Read},
};

use common::*;
use proptest::prelude::*;
use seed_nix::{Contents, Format, Kind, Limit, Limits, NarError, NarVisitor, read_nar, scan};

/// Bytes that exist only while they are read.
struct Repeated(u8, u64);

impl Contents for Repeated {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(io::repeat(self.0).take(self.1)))
    }
}

#[test]
fn stops_at_a_fixed_depth() {
    let mut archive = ELF.to_vec();
    for _ in 0..12 {
        archive = tar_of(true, &[("t", &archive)]);
    }
    let scan = look(&archive);
    let place = format!("x{}", "!/t".repeat(8));
    assert_eq!(found(&scan), [(place.as_str(), Kind::Beyond(Limit::Depth))]);

    let mut packed = b"text".to_vec();
    for _ in 0..4 {
        packed = gzip(&packed);
    }
    assert_eq!(
        found(&look(&packed)),
        [("x", Kind::Beyond(Limit::Packings))]
    );
}

#[test]
fn a_bomb_is_one_finding_named_by_what_was_given() {
    let zeros = vec![0; 16 << 20];
    for pack in [gzip, bzip2, xz, zstd, lzip, lzma] {
        let bomb = pack(&zeros);
        let scan = within(&bomb, &SMALL);
        assert_eq!(found(&scan), [("x", Kind::Beyond(Limit::Ratio))]);
        assert_eq!(scan.findings[0].digest, seed_primitives::Digest::of(&bomb));
        assert_eq!(scan.findings[0].size, bomb.len() as u64);
        // Also inside a tar, beside something that is still looked at.
        let tar = tar_of(true, &[("bomb", &bomb), ("tool", ELF)]);
        let expected = [("x!/bomb", Kind::Beyond(Limit::Ratio)), ("x!/tool", elf())];
        assert_eq!(found(&within(&tar, &SMALL)), expected);
    }
    let zip = zip_of(&[("zeros", &zeros)], true, false);
    assert_eq!(
        found(&within(&zip, &SMALL)),
        [("x", Kind::Beyond(Limit::Ratio))]
    );
    // Sixteen copies of one stream in the same directory, each within the ratio, together too many bytes.
    let noise: Vec<u8> = (0..5_u32 << 20)
        .map(|at| (at.wrapping_mul(0x9e37_79b9) >> 24) as u8)
        .collect();
    let one = gzip(&noise);
    let many: Vec<(&str, &[u8])> = (0..16).map(|_| ("part", one.as_slice())).collect();
    let scan = within(&tar_of(true, &many), &SMALL);
    assert!(
        scan.findings
            .iter()
            .any(|found| found.kind == Kind::Beyond(Limit::Unpacked))
    );
}

#[test]
fn a_decoder_gets_no_more_memory_than_allowed() {
    let xz = xz_with(64 << 20, b"text");
    assert_eq!(
        found(&within(&xz, &SMALL)),
        [("x", Kind::Beyond(Limit::Memory))]
    );
    assert_eq!(found(&look(&xz)), []);
    // A zstd frame that asks for a window of 2 GiB.
    let wide = [
        0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x21, 0, 0, b't', b'e', b'x', b't',
    ];
    assert_eq!(found(&look(&wide)), [("x", Kind::Beyond(Limit::Memory))]);
}

#[test]
fn too_many_findings_are_one() {
    let names: Vec<String> = (0..2000).map(|at| format!("{at}")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), ELF)).collect();
    let tar = tar_of(true, &files);
    let scan = within(&tar, &SMALL);
    assert_eq!(found(&scan), [("x", Kind::Beyond(Limit::Findings))]);
    assert_eq!(scan.findings[0].digest, seed_primitives::Digest::of(&tar));
}

#[test]
fn a_giant_sparse_file_is_read_in_pieces() {
    let size = 256 << 20;
    let scan = scan("x", &Repeated(0, size), size, &Limits::default()).unwrap();
    assert_eq!(found(&scan), [("x", Kind::Opaque)]);
    assert_eq!(scan.findings[0].size, size);
}

#[test]
fn headers_that_lie_about_sizes_hide_nothing() {
    let good = tar_of(true, &[("a", b"text"), ("tool", ELF)]);
    for size in [
        b"77777777777".as_slice(),
        b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
        b"-0000000001",
    ] {
        let header = tar_header(b"a", size, b'0', true);
        let lying = [header.as_slice(), &good[512..]].concat();
        let scan = look(&lying);
        assert!(
            scan.findings.iter().any(|found| found.kind == elf()),
            "{size:?}"
        );
    }
    assert_eq!(look(b"!<arch>\n\x80").findings.len(), 1);
    assert_eq!(look(b"PK\x03\x04\x80").findings.len(), 1);
    // GNU's sparse members are longer than their header says: what is left over is still looked at.
    let mut sparse = tar_header(b"s", b"00000000004", b'S', true);
    sparse[482] = 1;
    sign_tar(&mut sparse);
    let lying = [sparse.as_slice(), &[0; 512], &good[512..]].concat();
    assert!(
        look(&lying)
            .findings
            .iter()
            .any(|found| found.kind == elf())
    );
}

#[test]
fn names_cannot_mislead_a_reader_of_the_report() {
    let hostile = "../\u{1b}[2J\n/etc\u{202e}passwd";
    for archive in [
        tar_of(true, &[(hostile, ELF)]),
        zip_of(&[(hostile, ELF)], true, false),
    ] {
        let scan = look(&archive);
        let location = &scan.findings[0].location;
        assert!(
            location.chars().all(|c| c.is_ascii_graphic() || c == ' '),
            "{location}"
        );
        assert!(
            location.contains("\\n") && location.contains("\\u{202e}"),
            "{location}"
        );
    }
    let long = zip_of(&[(&"n".repeat(60_000), ELF)], true, false);
    assert!(look(&long).findings[0].location.len() < 300);
}

/// Notes what it was shown.
#[derive(Default)]
struct Seen(Vec<Vec<u8>>);

impl NarVisitor for Seen {
    fn file(
        &mut self,
        path: &[Vec<u8>],
        _: bool,
        _: u64,
        contents: &mut dyn BufRead,
    ) -> io::Result<()> {
        io::copy(contents, &mut io::sink())?;
        self.0.push(path.join(&b'/'));
        Ok(())
    }

    fn symlink(&mut self, path: &[Vec<u8>], _: &[u8]) -> io::Result<()> {
        self.0.push(path.join(&b'/'));
        Ok(())
    }
}

fn read(bytes: &[u8]) -> Result<Vec<Vec<u8>>, NarError> {
    let mut seen = Seen::default();
    read_nar(&mut &*bytes, &mut seen)?;
    Ok(seen.0)
}

#[test]
fn a_nar_with_names_that_climb_repeat_or_are_out_of_order_is_refused() {
    assert_eq!(
        read(&nar_of(&[b"a", b"b\n\x1b"])).unwrap(),
        [b"a".to_vec(), b"b\n\x1b".to_vec()]
    );
    for name in [b"..".as_slice(), b".", b"", b"/etc/passwd", b"a/b", b"a\0b"] {
        let error = read(&nar_of(&[name])).unwrap_err();
        assert!(matches!(error, NarError::Name(_)), "{error}");
        assert_eq!(
            found(&look(&nar_of(&[name]))),
            [("x", Kind::Damaged(Format::Nar))]
        );
    }
    let error = read(&nar_of(&[b"a", b"a"])).unwrap_err();
    assert_eq!(error.to_string(), "`a` is there twice");
    let error = read(&nar_of(&[b"b", b"a\n"])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`a\\n` comes after `b`, which sorts after it"
    );
    let error = read(&nar_of(&[&[b'n'; 256]])).unwrap_err();
    assert!(
        matches!(error, NarError::TooLong { length: 256, .. }),
        "{error}"
    );
}

#[test]
fn a_nar_has_one_form() {
    let good = nar_of(&[b"a"]);
    for length in 0..good.len() {
        assert!(
            matches!(read(&good[..length]).unwrap_err(), NarError::Short),
            "{length}"
        );
    }
    let mut padded = good.clone();
    *padded.get_mut(8 + 14).unwrap() = 1;
    assert!(matches!(read(&padded).unwrap_err(), NarError::Padding));
    let link = |target: &[u8]| {
        nar(&[
            b"nix-archive-1",
            b"(",
            b"type",
            b"symlink",
            b"target",
            target,
            b")",
        ])
    };
    // Where a link leads is not followed, so it may lead anywhere; it must lead somewhere.
    assert!(read(&link(b"/etc/passwd")).is_ok());
    assert!(matches!(read(&link(b"")).unwrap_err(), NarError::Target(_)));
    assert!(matches!(
        read(&link(&[b'x'; 5000])).unwrap_err(),
        NarError::TooLong { .. }
    ));
    let mut giant = nar(&[b"nix-archive-1", b"(", b"type", b"regular", b"contents"]);
    giant.extend(u64::MAX.to_le_bytes());
    assert!(matches!(read(&giant).unwrap_err(), NarError::Short));
    let mut word = nar(&[b"nix-archive-1", b"("]);
    word.extend((1_u64 << 60).to_le_bytes());
    assert!(matches!(read(&word).unwrap_err(), NarError::TooLong { .. }));
}

#[test]
fn a_nar_of_endless_directories_is_refused() {
    let mut words: Vec<&[u8]> = vec![b"nix-archive-1", b"(", b"type", b"directory"];
    for _ in 0..600 {
        words.extend([
            b"entry".as_slice(),
            b"(",
            b"name",
            b"d",
            b"node",
            b"(",
            b"type",
            b"directory",
        ]);
    }
    assert!(matches!(read(&nar(&words)).unwrap_err(), NarError::TooDeep));
}

proptest! {
    #[test]
    fn no_bytes_stop_the_scan(mut bytes in proptest::collection::vec(any::<u8>(), 0..2000), kind in 0_usize..12) {
        let start: &[&[u8]] = &[
            b"", b"\x1f\x8b\x08", b"BZh91AY&SY", b"\xfd7zXZ\0", b"LZIP\x01", b"\x28\xb5\x2f\xfd", b"PK\x03\x04",
            b"!<arch>\n", b"\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff", b"\x0d\0\0\0\0\0\0\0nix-archive-1\0\0\0",
            b"070701", b"\x50\x2a\x4d\x18",
        ];
        bytes.splice(0..0, start[kind].iter().copied());
        let scan = within(&bytes, &SMALL);
        prop_assert!(scan.findings.len() <= SMALL.findings);
    }

    #[test]
    fn one_changed_byte_of_an_archive_hides_no_tool(position in 0_usize..10_000, bit in 0_u32..8, form in 0_usize..4) {
        // The tool lies where the change is not; a changed archive may only become more suspicious.
        let files: &[(&str, &[u8])] = &[("a", b"text"), ("tool", ELF), ("b", b"more text")];
        let mut bytes = match form {
            0 => tar_of(true, files),
            1 => zip_of(files, true, false),
            2 => gzip(&tar_of(false, files)),
            _ => zip_of(files, false, false),
        };
        let at = position % bytes.len();
        bytes[at] ^= 1 << bit;
        let scan = within(&bytes, &SMALL);
        let text = BTreeMap::from_iter(scan.findings.iter().map(|found| (found.location.clone(), found.kind)));
        prop_assert!(!scan.findings.is_empty(), "byte {} bit {}: {:?}", at, bit, text);
    }
}
