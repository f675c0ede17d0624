//! One process that scans what is far larger than it may keep. Alone in its file, so that nothing else counts.

mod common;

use std::{
    fs,
    io::{self, Read, Write as _},
};

use common::*;
use seed_nix::{Contents, Limits, scan};

const LARGE: u64 = 160 << 20;
/// The most this process may have had in memory before it unpacks anything.
const MOST: u64 = 128 << 20;

/// A header, then bytes that exist only while they are read.
struct Long(Vec<u8>, u64);

impl Contents for Long {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.0.chain(io::repeat(b'x').take(self.1))))
    }
}

/// The peak of this process's memory, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim_end_matches("kB").trim().parse::<u64>().unwrap() << 10
}

#[test]
fn memory_does_not_follow_the_size_of_what_is_scanned() {
    let limits = Limits::default();
    let look = |file: &Long| {
        let size = file.0.len() as u64 + file.1;
        let found = scan("x", file, size, &limits).unwrap();
        assert!(peak() < MOST, "{} bytes", peak());
        found
    };
    // A text, bytes of no kind, and a member of an archive: all far larger than what may be kept.
    assert_eq!(look(&Long(Vec::new(), LARGE)).text_bytes, LARGE);
    assert_eq!(look(&Long(vec![0x80], LARGE)).findings[0].size, LARGE + 1);
    let size = format!("{LARGE:011o}");
    let header = tar_header(b"big.txt", size.as_bytes(), b'0', true);
    assert_eq!(look(&Long(header.to_vec(), LARGE)).text_bytes, LARGE);

    // Three layers that each ask for as large a window as they may.
    let mut packed = b"text".to_vec();
    for _ in 0..2 {
        packed = xz_with(64 << 20, &packed);
    }
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(26).unwrap();
    encoder.write_all(&packed).unwrap();
    let packed = encoder.finish().unwrap();
    // Making them took memory, too: only what the scan adds counts.
    let before = peak();
    let found = within(&packed, &limits);
    assert_eq!((found.findings.len(), found.text_bytes), (0, 4));
    assert!(peak() < before + 2 * MOST, "{} bytes", peak());
}
