//! Archives made by hand.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::Write;

use seed_nix::{Kind, Limits, MachineCode, Scan, scan};

pub(crate) const ELF: &[u8] = b"\x7fELF\x02\x01\x01\0";

/// Limits that hostile archives reach soon.
pub(crate) const SMALL: Limits = Limits {
    depth: 8,
    packings: 3,
    unpacked: 64 << 20,
    ratio: 250,
    ratio_from: 1 << 20,
    memory: 8 << 20,
    findings: 1000,
};

pub(crate) fn look(bytes: &[u8]) -> Scan {
    within(bytes, &Limits::default())
}

pub(crate) fn within(bytes: &[u8], limits: &Limits) -> Scan {
    scan("x", &bytes.to_vec(), bytes.len() as u64, limits).unwrap()
}

/// Location and kind of every finding.
pub(crate) fn found(scan: &Scan) -> Vec<(&str, Kind)> {
    scan.findings
        .iter()
        .map(|finding| (finding.location.as_str(), finding.kind))
        .collect()
}

pub(crate) const fn elf() -> Kind {
    Kind::Machine(MachineCode::Elf)
}

pub(crate) fn tar_header(name: &[u8], size: &[u8], kind: u8, magic: bool) -> [u8; 512] {
    let mut header = [0; 512];
    header[..name.len()].copy_from_slice(name);
    header[124..124 + size.len()].copy_from_slice(size);
    header[156] = kind;
    if magic {
        header[257..262].copy_from_slice(b"ustar");
    }
    sign_tar(&mut header);
    header
}

/// Puts the right checksum into a header.
pub(crate) fn sign_tar(header: &mut [u8; 512]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
}

pub(crate) fn tar_of(magic: bool, files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content) in files {
        let size = format!("{:011o}", content.len());
        archive.extend(tar_header(name.as_bytes(), size.as_bytes(), b'0', magic));
        archive.extend(*content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new()
        .filename("name")
        .write(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

pub(crate) fn xz_with(dictionary: u32, bytes: &[u8]) -> Vec<u8> {
    let mut options = lzma_rust2::XzOptions::with_preset(1);
    options.lzma_options.dict_size = dictionary;
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn xz(bytes: &[u8]) -> Vec<u8> {
    xz_with(1 << 20, bytes)
}

pub(crate) fn lzip(bytes: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::LzipOptions::with_preset(1);
    let mut encoder = lzma_rust2::LzipWriter::new(Vec::new(), options);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn lzma(bytes: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::LzmaOptions::with_preset(1);
    let mut encoder = lzma_rust2::LzmaWriter::new_use_header(Vec::new(), &options, None).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A zip; each member stored or deflated, with its size in front of it or behind.
pub(crate) fn zip_of(files: &[(&str, &[u8])], deflated: bool, behind: bool) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let packed = if deflated {
            let mut encoder =
                flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        } else {
            content.to_vec()
        };
        let offset = archive.len() as u32;
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let sizes = [crc.sum(), packed.len() as u32, content.len() as u32]
            .map(u32::to_le_bytes)
            .concat();
        let method = if deflated { 8_u16 } else { 0 };
        let flags = if behind { 8_u16 } else { 0 };
        let fields = [20, flags, method, 0, 0].map(u16::to_le_bytes).concat();
        let name_fields = [name.len() as u16, 0].map(u16::to_le_bytes).concat();
        archive.extend(b"PK\x03\x04");
        archive.extend(&fields);
        archive.extend(if behind { &[0; 12] } else { sizes.as_slice() });
        archive.extend(&name_fields);
        archive.extend(name.bytes());
        archive.extend(&packed);
        if behind {
            archive.extend(b"PK\x07\x08");
            archive.extend(&sizes);
        }
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&fields);
        directory.extend(&sizes);
        directory.extend(&name_fields);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.bytes());
    }
    let at = archive.len() as u32;
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(
        [files.len() as u16, files.len() as u16]
            .map(u16::to_le_bytes)
            .concat(),
    );
    archive.extend([directory.len() as u32, at].map(u32::to_le_bytes).concat());
    archive.extend([0; 2]);
    archive
}

/// The words of a NAR, framed.
pub(crate) fn nar(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in words {
        bytes.extend((word.len() as u64).to_le_bytes());
        bytes.extend(*word);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    bytes
}

/// A NAR of a directory with one file of text under each name, in the given order.
pub(crate) fn nar_of(names: &[&[u8]]) -> Vec<u8> {
    let mut words: Vec<&[u8]> = vec![b"nix-archive-1", b"(", b"type", b"directory"];
    for name in names {
        words.extend([b"entry".as_slice(), b"(", b"name", name, b"node", b"("]);
        words.extend([
            b"type".as_slice(),
            b"regular",
            b"contents",
            b"text\n",
            b")",
            b")",
        ]);
    }
    words.push(b")");
    nar(&words)
}
