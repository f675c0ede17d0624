//! What builders read: derivations, layers, sources of every packing, and the reports of other builders.

use std::io::Cursor;

use seed_builder::{AllowList, AuditReport, Census};
use seed_image::{media, parse_registration, registration_of_layer};
use seed_nix::{GraphLoader, Kind, Limits, StorePath, scan, unpacked};
use seed_primitives::Digest;
use seed_verifier::{Encoding, LayerReader, ReadLayer};

/// Little enough for a fuzzer, and a ratio that small inputs can exceed.
fn limits() -> Limits {
    Limits {
        unpacked: 1 << 20,
        ratio_from: 4 << 10,
        memory: 8 << 20,
        findings: 50,
        ..Limits::default()
    }
}

/// A path and, after a line feed, the derivation there: what is accepted is at the one path that follows from its
/// bytes.
pub(crate) fn derivation(bytes: &[u8]) -> bool {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        return false;
    };
    let (text, body) = (&bytes[..end], &bytes[end + 1..]);
    let path = std::str::from_utf8(text).ok();
    let Some(path) = path.and_then(|text| text.parse::<StorePath>().ok()) else {
        return false;
    };
    if GraphLoader::new(path.clone()).add(&path, body).is_err() {
        return false;
    }
    for other in [[body, b" "].concat(), body[..body.len() - 1].to_vec()] {
        assert!(GraphLoader::new(path.clone()).add(&path, &other).is_err());
    }
    true
}

/// A layer as it was read in pieces of this size.
fn read(encoding: Encoding, bytes: &[u8], piece: usize) -> ReadLayer {
    let mut reader = LayerReader::new(encoding, 1 << 20);
    for piece in bytes.chunks(piece) {
        reader.push(piece);
    }
    reader.finish()
}

/// The first byte chooses the packing. A layer is the same however its bytes come in, never more than its limit, and
/// what is clean to us is the same to the audit's unpacking and to the reader of database layers.
pub(crate) fn layer(bytes: &[u8]) -> bool {
    let Some((first, body)) = bytes.split_first() else {
        return false;
    };
    let encoding = [Encoding::Tar, Encoding::Zstd, Encoding::Gzip][usize::from(*first) % 3];
    let whole = read(encoding, body, body.len().max(1));
    assert_eq!(whole.evidence.digest, Digest::of(body));
    assert_eq!(whole.evidence.size, body.len() as u64);
    if whole.error.is_some() {
        // What is wrong may be seen sooner in pieces, but it is seen.
        assert!(read(encoding, body, 7).error.is_some());
        return false;
    }
    assert_eq!(read(encoding, body, 7), whole);
    assert_eq!(read(encoding, body, 1), whole);
    assert!(whole.unpacked <= 1 << 20);
    let other = unpacked(&body.to_vec(), &limits()).expect("memory can be read");
    if let Some((digest, size)) = other.filter(|_| encoding != Encoding::Tar) {
        assert_eq!((digest, size), (whole.evidence.diff_id, whole.unpacked));
    }
    if let Ok(paths) = registration_of_layer(media::LAYER_TAR_ZSTD, Cursor::new(body)) {
        assert!(!paths.is_empty() || parse_registration(b"\n").is_ok());
    }
    true
}

/// A source: whatever it is, every byte of it is text, or part of a finding, or of an archive; the same bytes say the
/// same; limits hold; and machine code is never taken for text.
pub(crate) fn source(bytes: &[u8]) -> bool {
    let contents = bytes.to_vec();
    let size = bytes.len() as u64;
    let found = scan("source", &contents, size, &limits()).expect("memory can be read");
    assert_eq!(
        scan("source", &contents, size, &limits()).ok().as_ref(),
        Some(&found)
    );
    assert!(found.findings.len() <= limits().findings + 1);
    assert!(found.encoded_bytes <= found.text_bytes);
    assert!(found.text_bytes <= limits().unpacked + size);
    let printable = |text: &str| !text.chars().any(char::is_control);
    assert!(found.findings.iter().all(|one| printable(&one.location)));
    if bytes.starts_with(b"\x7fELF\x02\x01\x01\0") || bytes.starts_with(b"\0asm\x01\0\0\0") {
        assert!(!found.findings.is_empty(), "a program without a finding");
    }
    if found.findings.is_empty() && std::str::from_utf8(bytes).is_err() {
        // Not text, and nothing to say of it: then it was an archive or packed, and held text or nothing.
        assert_ne!(found.text_bytes, size);
    }
    found.findings.iter().any(|one| one.kind != Kind::Opaque) || found.text_bytes > 0
}

/// A census and an audit report have one form each.
pub(crate) fn census(bytes: &[u8]) -> bool {
    let Ok(read) = Census::from_json(bytes) else {
        return false;
    };
    assert_eq!(read.to_json(), bytes.trim_ascii_end());
    true
}

pub(crate) fn audit_report(bytes: &[u8]) -> bool {
    let Ok(read) = AuditReport::from_json(bytes) else {
        return false;
    };
    assert_eq!(read.to_json(), bytes.trim_ascii_end());
    let tree = read.tree().expect("what was read has its tree");
    assert_eq!(tree.root(), read.outputs_root);
    true
}

/// An allow-list counts only under its own digest, and gives a reason for everything.
pub(crate) fn allow_list(bytes: &[u8]) -> bool {
    assert!(AllowList::pinned(bytes, &Digest::of(b"another")).is_err());
    let Ok(list) = AllowList::pinned(bytes, &Digest::of(bytes)) else {
        return false;
    };
    let mut all = list.seeds.iter().chain(&list.inert);
    assert!(all.all(|one| !one.why.trim().is_empty()));
    true
}
