//! Development tasks. Nothing that is shipped needs this program.

mod graph;
mod vectors;

use std::path::{Path, PathBuf};

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
    /// Draw the dependency graph into docs/architecture.md, or check it.
    Graph {
        /// Compare only; fail on an undrawn or upward arrow.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> eyre::Result<()> {
    match Arguments::parse().task {
        Task::Vectors { check } => vectors::run(&workspace().join("tests/vectors"), check),
        Task::Graph { check } => graph::run(&workspace(), check),
    }
}

/// The workspace's root folder.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
