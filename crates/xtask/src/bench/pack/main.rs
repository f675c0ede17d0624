//! What packing costs beside what nobody can save: SHA-256 of every byte that must be hashed, or the encoder. Called by
//! `scripts/bench pack`, which puts other people's tools beside it.

mod closure;
#[path = "../contest.rs"]
mod contest;
mod contests;

use std::{fs, path::PathBuf};

use clap::{Parser, Subcommand};
use closure::Closure;
use contest::Comparison;
use eyre::{WrapErr as _, ensure};
use seed_builder::pack;
use seed_primitives::Compression;
use serde::Serialize;

/// At least nine tenths of the rate of SHA-256, as a ratio of times.
const MOST_TIME: f64 = 1.0 / 0.9;

#[derive(Debug, Parser)]
#[command(name = "bench-pack", about = "Packing beside its limit", version)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Makes a closure below FOLDER, measures packing it, and fails when the gate is missed.
    Measure {
        folder: PathBuf,
        /// Print one JSON object instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Packs the closure below FOLDER once, into IMAGE, for whoever times whole programs.
    Pack {
        folder: PathBuf,
        #[arg(value_parser = compression)]
        compression: Compression,
        image: PathBuf,
    },
}

#[derive(Serialize)]
struct Report {
    cores: usize,
    bytes_hashed: u64,
    comparisons: Vec<Comparison>,
    gate: f64,
}

fn compression(text: &str) -> Result<Compression, String> {
    match text {
        "tar" => Ok(Compression::Tar),
        "tar+zstd" => Ok(Compression::TarZstd),
        _ => Err("tar or tar+zstd".to_owned()),
    }
}

fn main() -> eyre::Result<()> {
    match Arguments::parse().what {
        What::Measure { folder, json } => measure(&folder, json),
        What::Pack {
            folder,
            compression,
            image,
        } => {
            let closure = Closure::open(&folder)?;
            let recipe = closure::recipe(compression)?;
            let system = closure::system()?;
            let applications = closure.applications();
            let image = pack(&closure.0, &applications, &recipe, &system, None, &image)?;
            println!("{}", image.digest());
            Ok(())
        }
    }
}

fn measure(folder: &std::path::Path, json: bool) -> eyre::Result<()> {
    if cfg!(debug_assertions) {
        eprintln!("built without optimisation: these are not the figures of what is shipped");
    }
    fs::create_dir_all(folder).wrap_err_with(|| format!("making {}", folder.display()))?;
    let contests = contests::run(folder)?;
    let report = Report {
        cores: contests.cores,
        bytes_hashed: contests.hashed,
        comparisons: contests.comparisons,
        gate: MOST_TIME,
    };
    if json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    ensure!(
        contests.gated <= MOST_TIME,
        "packing from files takes {:.2} times as long as SHA-256 of the same bytes, at most {MOST_TIME:.2}",
        contests.gated
    );
    Ok(())
}

fn print(report: &Report) {
    println!(
        "{} MiB to be hashed, {} cores",
        report.bytes_hashed >> 20,
        report.cores
    );
    println!(
        "{:<42} {:>10}  {:<38} {:>10} {:>8}",
        "packing", "median", "beside", "median", "ratio"
    );
    for comparison in &report.comparisons {
        println!("{comparison}");
    }
    println!(
        "\nratio: median of the ratios of time of rounds that ran both; the first must not be above {:.2}.",
        report.gate
    );
}
