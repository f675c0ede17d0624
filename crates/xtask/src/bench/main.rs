//! Benchmarks: every figure stands beside a reference measured in the same run. Built in the `dist` profile by
//! `scripts/bench`; asserts no time.

mod chain;
mod contest;
mod program;
mod scan;
mod tree;

use std::path::PathBuf;

use clap::Parser;
use contest::Comparison;
use eyre::ensure;
use serde::Serialize;

/// The most bytes the shipped verifier may have: 15 MB.
const MOST_BYTES: u64 = 15_000_000;

#[derive(Debug, Parser)]
#[command(name = "bench", about = "Side-by-side benchmarks", version)]
struct Arguments {
    /// The shipped `seed-verify`, whose size and start-up are measured.
    #[arg(long, value_name = "PROGRAM")]
    program: PathBuf,
    /// The program that does nothing, as the reference of start-up.
    #[arg(long, value_name = "PROGRAM", default_value = "/bin/true")]
    nothing: PathBuf,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    program_bytes: u64,
    program_bytes_limit: u64,
    comparisons: Vec<Comparison>,
    scan: Vec<scan::Rate>,
}

fn main() -> eyre::Result<()> {
    let arguments = Arguments::parse();
    if cfg!(debug_assertions) {
        eprintln!("built without optimisation: these are not the figures of what is shipped");
    }
    let report = Report {
        program_bytes: program::size(&arguments.program)?,
        program_bytes_limit: MOST_BYTES,
        comparisons: [
            vec![program::start_up(&arguments.program, &arguments.nothing)?],
            chain::compare()?,
            tree::compare()?,
        ]
        .concat(),
        scan: scan::rates()?,
    };
    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    ensure!(
        report.program_bytes <= MOST_BYTES,
        "{} has {} bytes, more than {MOST_BYTES}",
        arguments.program.display(),
        report.program_bytes
    );
    Ok(())
}

fn print(report: &Report) {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    println!(
        "size of seed-verify: {:.1} MB ({} bytes), at most {:.0} MB\n",
        megabytes(report.program_bytes),
        report.program_bytes,
        megabytes(MOST_BYTES)
    );
    println!(
        "{:<42} {:>10}  {:<38} {:>10} {:>8}",
        "measured", "median", "beside", "median", "ratio"
    );
    for comparison in &report.comparisons {
        println!("{comparison}");
    }
    println!(
        "\nratio: median of the ratios of time, measured over reference, of rounds that ran both; 1.00 is as fast."
    );
    println!("\nthe audit's scan on one core; the aim is 500 MB/s:");
    for rate in &report.scan {
        println!("{:<42} {:>6.0} MB/s", rate.what, rate.megabytes_per_second);
    }
}
