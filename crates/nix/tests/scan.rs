//! What is found in every form that sources come in.

mod common;

use common::*;
use seed_nix::{Format, Kind, Limit, Limits, MachineCode, Node, write_nar};

/// Packs bytes.
type Pack = fn(&[u8]) -> Vec<u8>;

#[test]
fn text_is_not_reported() {
    for text in [
        "",
        "hello\n",
        "#!/bin/sh\n\x0c",
        "grüße",
        "MZ is text here",
        "7f 45 4c 46 # hex\n",
        "BC\n",
        "dex\n035 x\n",
    ] {
        let scan = look(text.as_bytes());
        assert_eq!(scan.findings, [], "{text:?}");
        assert_eq!(scan.text_bytes, text.len() as u64);
    }
}

#[test]
fn knows_each_kind_of_machine_code() {
    let mut pe = vec![0; 0x100];
    pe[..2].copy_from_slice(b"MZ");
    let cases: [(MachineCode, &[u8]); 12] = [
        (MachineCode::Elf, ELF),
        (MachineCode::Elf, b"\x80junk\x7fELF\x02\x01"),
        (MachineCode::MachO, b"\xcf\xfa\xed\xfe\x07\0\0\x01"),
        (MachineCode::MachO, b"\xca\xfe\xba\xbe\0\0\0\x02"),
        (MachineCode::JavaClass, b"\xca\xfe\xba\xbe\0\0\0\x41"),
        (MachineCode::Pe, &pe),
        (MachineCode::Wasm, b"\0asm\x01\0\0\0"),
        (MachineCode::Dex, b"dex\n035\0\0"),
        (MachineCode::PythonBytecode, b"\xa7\x0d\x0d\x0a\0\0\0\0"),
        (MachineCode::LlvmBitcode, b"BC\xc0\xde\x35\x14"),
        (MachineCode::LuaBytecode, b"\x1bLua\x54\0"),
        (MachineCode::GuileBytecode, b"GOOF----LE\x80"),
    ];
    for (code, bytes) in cases {
        assert_eq!(found(&look(bytes)), [("x", Kind::Machine(code))]);
    }
    assert_eq!(found(&look(&[0x80, 1, 2])), [("x", Kind::Opaque)]);
}

#[test]
fn follows_tar_with_and_without_its_magic() {
    for magic in [true, false] {
        let inner = tar_of(magic, &[("bin/tool", ELF), ("readme", b"text")]);
        let scan = look(&tar_of(magic, &[("a.c", b"int x;"), ("inner.tar", &inner)]));
        assert_eq!(scan.text_bytes, 10);
        assert_eq!(found(&scan), [("x!/inner.tar!/bin/tool", elf())]);
        assert_eq!(scan.findings[0].size, ELF.len() as u64);
    }
}

#[test]
fn follows_every_compression_of_a_tar_with_a_tar_inside() {
    let inner = tar_of(true, &[("tool", ELF), ("a", b"text")]);
    let outer = tar_of(false, &[("inner.tar.gz", &gzip(&inner)), ("b", b"text")]);
    let packers: [(Format, Pack); 6] = [
        (Format::Gzip, gzip),
        (Format::Bzip2, bzip2),
        (Format::Xz, xz),
        (Format::Lzma, lzma),
        (Format::Lzip, lzip),
        (Format::Zstd, zstd),
    ];
    for (format, pack) in packers {
        let mut packed = pack(&outer);
        let scan = look(&packed);
        assert_eq!(scan.text_bytes, 8, "{format}");
        assert_eq!(found(&scan), [("x!/inner.tar.gz!/tool", elf())], "{format}");

        // What stands behind the stream is not lost, and a byte inside it makes the whole suspicious.
        packed.extend(ELF);
        assert!(
            found(&look(&packed)).contains(&("x!/rest", elf())),
            "{format}"
        );
        let cut = &packed[..packed.len() / 2];
        assert!(
            found(&look(cut)).contains(&("x", Kind::Damaged(format))),
            "{format}"
        );
    }
}

#[test]
fn streams_behind_each_other_are_one() {
    let tar = tar_of(true, &[("a", b"text"), ("tool", ELF)]);
    let (one, two) = tar.split_at(700);
    for pack in [gzip, bzip2, xz, zstd] {
        let scan = look(&[pack(one), pack(two)].concat());
        assert_eq!(found(&scan), [("x!/tool", elf())]);
    }
}

#[test]
fn frames_and_fields_that_decoders_skip_are_judged() {
    let mut skipped = [0x184d_2a53_u32, 8].map(u32::to_le_bytes).concat();
    skipped.extend(ELF);
    let scan = look(&[zstd(b"text"), skipped.clone(), zstd(b"more")].concat());
    assert_eq!(found(&scan), [("x!/header", elf())]);
    skipped.extend(zstd(b"text"));
    assert_eq!(found(&look(&skipped)), [("x!/header", elf())]);

    use std::io::Write as _;
    let mut gzip = flate2::GzBuilder::new()
        .extra(ELF)
        .comment(b"plain".as_slice())
        .write(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"text").unwrap();
    assert_eq!(
        found(&look(&gzip.finish().unwrap())),
        [("x!/header", elf())]
    );
}

#[test]
fn follows_zip_stored_and_deflated() {
    for deflated in [false, true] {
        let files: &[(&str, &[u8])] = &[("a.txt", b"text"), ("b/tool", ELF)];
        let scan = look(&zip_of(files, deflated, false));
        assert_eq!(found(&scan), [("x!/b/tool", elf())]);
        assert_eq!(scan.text_bytes, 4);
    }
    let scan = look(&zip_of(&[("a", b"text"), ("t", ELF)], true, true));
    assert_eq!(found(&scan), [("x!/t", elf())]);
    // Only the directory would know where such a member ends.
    let scan = look(&zip_of(&[("a", b"text")], false, true));
    assert_eq!(found(&scan), [("x", Kind::Damaged(Format::Zip))]);
}

#[test]
fn a_zip_must_list_what_it_holds() {
    let good = zip_of(&[("a", b"text"), ("b", b"more")], true, false);
    assert_eq!(found(&look(&good)), []);
    let directory = good
        .windows(4)
        .position(|four| four == b"PK\x01\x02")
        .unwrap();
    // Another offset, another name, another method, and a comment with something in it.
    for at in [directory + 42, directory + 46, directory + 10] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_eq!(
            found(&look(&bad)),
            [("x", Kind::Damaged(Format::Zip))],
            "{at}"
        );
    }
    let mut comment = good;
    let at = comment.len() - 2;
    comment[at] = ELF.len() as u8;
    comment.extend(ELF);
    assert_eq!(found(&look(&comment)), [("x!/comment", elf())]);
}

#[test]
fn follows_ar_cpio_and_nar() {
    let mut ar = b"!<arch>\n".to_vec();
    for (name, content) in [("a.o/", ELF), ("b.txt/", b"odd".as_slice())] {
        let size = content.len();
        ar.extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 644).bytes());
        ar.extend(content);
        ar.resize(ar.len().next_multiple_of(2), b'\n');
    }
    let scan = look(&ar);
    assert_eq!(
        (found(&scan), scan.text_bytes),
        (vec![("x!/a.o/", elf())], 3)
    );

    let mut cpio = Vec::new();
    for (name, content) in [
        ("a.txt", b"text".as_slice()),
        ("tool", ELF),
        ("TRAILER!!!", b""),
    ] {
        let fields = [
            0,
            0,
            0,
            0,
            0,
            0,
            content.len(),
            0,
            0,
            0,
            0,
            name.len() + 1,
            0,
        ];
        cpio.extend(b"070701");
        fields
            .iter()
            .for_each(|field| cpio.extend(format!("{field:08x}").bytes()));
        cpio.extend(name.bytes());
        cpio.push(0);
        cpio.resize(cpio.len().next_multiple_of(4), 0);
        cpio.extend(content);
        cpio.resize(cpio.len().next_multiple_of(4), 0);
    }
    cpio.resize(cpio.len().next_multiple_of(512), 0);
    let scan = look(&cpio);
    assert_eq!(
        (found(&scan), scan.text_bytes),
        (vec![("x!/tool", elf())], 4)
    );

    let tree = Node::directory([
        ("bin", Node::directory([("tool", Node::file(true, ELF))])),
        ("link", Node::Symlink(b"bin/tool".to_vec())),
    ]);
    let mut nar = Vec::new();
    write_nar(&tree, &mut |bytes| {
        nar.extend(bytes);
        Ok(())
    })
    .unwrap();
    assert_eq!(found(&look(&nar)), [("x!/bin/tool", elf())]);
    nar.extend(ELF);
    assert_eq!(found(&look(&nar))[1..], [("x!/rest", elf())]);
}

#[test]
fn nothing_hides_behind_the_end_in_padding_or_in_a_header() {
    let good = tar_of(true, &[("a", b"text")]);
    let after = [good.as_slice(), ELF].concat();
    assert_eq!(found(&look(&after)), [("x!/rest", elf())]);
    let mut between = good.clone();
    between[600..600 + ELF.len()].copy_from_slice(ELF);
    assert_eq!(found(&look(&between)), [("x!/a!/padding", elf())]);
    let mut header: [u8; 512] = good[..512].try_into().unwrap();
    header[157..157 + ELF.len()].copy_from_slice(ELF);
    sign_tar(&mut header);
    let inside = [header.as_slice(), &good[512..]].concat();
    assert_eq!(found(&look(&inside)), [("x!/a!/header", elf())]);
}

#[test]
fn long_names_of_tar_are_names() {
    let mut archive = tar_header(b"././@LongLink", b"00000000005", b'L', false).to_vec();
    archive.extend(b"name\0");
    archive.resize(1024, 0);
    archive.extend(tar_of(false, &[("a", b"text")]));
    assert_eq!(found(&look(&archive)), []);
}

#[test]
fn counts_text_that_may_carry_anything() {
    let line = "f0".repeat(40);
    let scan = look(format!("# a blob\n{line}\n{line}\n").as_bytes());
    assert_eq!((scan.findings.len(), scan.encoded_bytes), (0, 160));
}

#[test]
fn large_pieces_are_judged_as_small_ones() {
    let mut text = "a line of text, nothing else\n".repeat(200_000);
    let scan = look(text.as_bytes());
    assert_eq!(
        (scan.findings.len(), scan.text_bytes),
        (0, text.len() as u64)
    );
    let tar = tar_of(true, &[("big.txt", text.as_bytes()), ("tool", ELF)]);
    assert_eq!(found(&look(&tar)), [("x!/tool", elf())]);
    text.push('\u{1}');
    let scan = look(text.as_bytes());
    assert_eq!(found(&scan), [("x", Kind::Opaque)]);
    assert_eq!(scan.findings[0].size, text.len() as u64);
    let late = [text.as_bytes(), ELF].concat();
    assert_eq!(found(&look(&late)), [("x", elf())]);
}

#[test]
fn limits_explain_themselves() {
    let limits = Limits::default();
    for limit in [
        Limit::Depth,
        Limit::Packings,
        Limit::Unpacked,
        Limit::Ratio,
        Limit::Memory,
        Limit::Findings,
    ] {
        assert!(limits.explain(limit).len() > 10);
        assert!(limit.to_string().starts_with("beyond-"));
    }
}
