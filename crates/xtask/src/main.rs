//! Development tasks. Nothing that is shipped needs this program.

mod deploy;
mod gas;
mod graph;
mod vectors;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(about = "Development tasks", version)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Write the golden and negative vectors, or compare them with the committed ones.
    Vectors {
        /// Compare only; fail on any difference.
        #[arg(long)]
        check: bool,
    },
    /// Print one hash of many random signed values, for `scripts/differential`.
    Random {
        /// How many.
        count: u64,
    },
    /// Draw the dependency graph into docs/architecture.md, or check it.
    Graph {
        /// Compare only; fail on an undrawn or upward arrow.
        #[arg(long)]
        check: bool,
    },
    /// Measure whole releases as receipts of a real chain.
    Gas {
        /// Print one JSON object instead of a table.
        #[arg(long)]
        json: bool,
        /// Write the committed figures.
        #[arg(long)]
        write: bool,
        /// Fail when a figure differs from the committed ones.
        #[arg(long)]
        check: bool,
    },
    /// Deploy the contracts on a local chain.
    Deploy(deploy::DeployArguments),
    /// Swap the rules of a local deployment for rules of unknown logic.
    RulesSwap(deploy::SwapArguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse().task).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(task: Task) -> eyre::Result<()> {
    match task {
        Task::Gas { json, write, check } => {
            let snapshot = workspace().join("contracts/snapshots/gas/releases.json");
            gas::run(json, &snapshot, write, check).await
        }
        Task::Deploy(arguments) => deploy::run(&arguments).await,
        Task::RulesSwap(arguments) => deploy::swap(&arguments).await,
        Task::Vectors { check } => vectors::run(&workspace().join("tests/vectors"), check),
        Task::Random { count } => {
            println!("{}", seed_testkit::vectors::random_digests(count));
            Ok(())
        }
        Task::Graph { check } => graph::run(&workspace(), check),
    }
}

/// The workspace's root folder.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
