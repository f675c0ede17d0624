//! Puts switches into a scratch copy of the sources: `scripts/ablate` turns one check off at a time with them.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use seed_adversary::{names, switch};

/// Puts a switch at every check of crates/verdict and crates/proof into a scratch copy, and prints the names.
#[derive(Debug, Parser)]
#[command(name = "seed-ablate", version)]
struct Arguments {
    /// The scratch copy; never the checkout itself
    tree: PathBuf,
}

fn main() -> ExitCode {
    match switch(&Arguments::parse().tree) {
        Ok(moved) => {
            for name in names() {
                let state = if moved.contains(&name) {
                    "moved"
                } else {
                    "there"
                };
                println!("{state} {name}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error[ablate]: {error:?}");
            ExitCode::from(3)
        }
    }
}
