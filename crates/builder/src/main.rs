//! The command `seed-builder`.

use std::process::ExitCode;

use clap::Parser;
use seed_builder::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    Cli::parse().execute().await
}
