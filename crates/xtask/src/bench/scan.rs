use std::{fmt::Write as _, hint::black_box, io::Write as _, time::Instant};

use eyre::ensure;
use seed_nix::{Limits, scan};
use serde::Serialize;

const SIZE: usize = 64 << 20;
const ROUNDS: usize = 5;

/// How fast the audit's scan is on one core.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Rate {
    pub(crate) what: &'static str,
    /// Bytes of source judged, after unpacking.
    pub(crate) bytes: u64,
    /// Millions of them a second, the median of the rounds.
    pub(crate) megabytes_per_second: f64,
}

/// Scans the same sources in each form they come in.
pub(crate) fn rates() -> eyre::Result<Vec<Rate>> {
    let text = text();
    let tar = tar(&text)?;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&tar)?;
    let noise: Vec<u8> = (0..SIZE)
        .map(|at| (at.wrapping_mul(0x9e37_79b9) >> 13) as u8)
        .collect();
    Ok(vec![
        rate("one file of text", &text, true)?,
        rate("the same in files of 16 KiB, as tar", &tar, true)?,
        rate("that as tar.gz", &gzip.finish()?, true)?,
        rate(
            "that as tar.zst",
            &zstd::encode_all(tar.as_slice(), 3)?,
            true,
        )?,
        rate("a file of noise", &noise, false)?,
    ])
}

fn rate(what: &'static str, bytes: &[u8], text: bool) -> eyre::Result<Rate> {
    let contents = bytes.to_vec();
    let (mut seconds, mut judged) = (Vec::new(), 0);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let found = scan("x", &contents, bytes.len() as u64, &Limits::default())?;
        seconds.push(start.elapsed().as_secs_f64());
        ensure!(
            found.findings.is_empty() == text,
            "the scan of {what} is wrong"
        );
        judged = if text {
            found.text_bytes
        } else {
            bytes.len() as u64
        };
        black_box(found);
    }
    seconds.sort_by(f64::total_cmp);
    Ok(Rate {
        what,
        bytes: judged,
        megabytes_per_second: judged as f64 / 1e6 / seconds[ROUNDS / 2],
    })
}

/// Text that looks like source and is nowhere quite the same.
fn text() -> Vec<u8> {
    let lines: Vec<&str> = include_str!("scan.rs").lines().collect();
    let mut text = String::with_capacity(SIZE + 200);
    for (number, line) in lines.iter().cycle().enumerate() {
        if text.len() >= SIZE {
            break;
        }
        // Writing to a string does not fail.
        let _ = writeln!(text, "{line} // {number}");
    }
    text.into_bytes()
}

fn tar(text: &[u8]) -> eyre::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (number, part) in text.chunks(16 << 10).enumerate() {
        let mut header = tar::Header::new_ustar();
        header.set_size(part.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, format!("src/{number}.c"), part)?;
    }
    Ok(archive.into_inner()?)
}
