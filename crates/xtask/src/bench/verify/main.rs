//! What verifying costs, whole processes beside whole processes: `seed-verify --deep` beside hashing alone, and
//! `seed-verify` beside `cosign verify` on the same image in the same registry. Called by `scripts/bench`; asserts
//! no time.

mod closure;
mod cosign;
mod deep;
mod measure;
mod world;

use std::{ffi::OsString, path::PathBuf};

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "bench-verify", about = "What verifying costs", version)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Layers read and hashed, beside programs that only hash
    Deep {
        /// The shipped `seed-verify`
        #[arg(long, value_name = "PROGRAM")]
        verify: PathBuf,
        /// Megabytes of the closure
        #[arg(long, default_value_t = 600)]
        megabytes: u64,
        /// Rounds that count
        #[arg(long, default_value_t = 9)]
        rounds: usize,
        /// Print one JSON object instead of tables
        #[arg(long)]
        json: bool,
    },
    /// `--chain` and `--bundle` beside cosign with a key
    Cosign {
        /// The shipped `seed-verify`
        #[arg(long, value_name = "PROGRAM")]
        verify: PathBuf,
        /// cosign, version 3
        #[arg(long, value_name = "PROGRAM")]
        cosign: PathBuf,
        /// Rounds that count
        #[arg(long, default_value_t = 31)]
        rounds: usize,
        /// Print one JSON object instead of tables
        #[arg(long)]
        json: bool,
    },
    /// Runs one program and prints what it cost as JSON: each in a process of its own, for peak memory is only known
    /// of the largest of all children
    #[command(hide = true)]
    Once { command: Vec<OsString> },
}

fn main() -> eyre::Result<()> {
    match Arguments::parse().what {
        What::Once { command } => measure::once(&command),
        What::Deep {
            verify,
            megabytes,
            rounds,
            json,
        } => run(deep::run(&verify, megabytes, rounds, json)),
        What::Cosign {
            verify,
            cosign,
            rounds,
            json,
        } => run(cosign::run(&verify, &cosign, rounds, json)),
    }
}

/// Proxies and clients live on threads of their own, while this one waits for programs.
fn run(work: impl Future<Output = eyre::Result<()>>) -> eyre::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(work)
}
