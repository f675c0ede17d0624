//! A proxy before a registry or a JSON-RPC endpoint that tells lies: for demonstrations and tests only.

use std::process::ExitCode;

use clap::Parser;
use seed_testkit::liar::{Liar, Lie, Told};

/// Stands before a registry or a JSON-RPC endpoint and tells lies.
#[derive(Debug, Parser)]
#[command(name = "seed-liar", version)]
struct Arguments {
    /// Where the truth is, such as http://127.0.0.1:8545
    #[arg(long, value_name = "URL")]
    upstream: String,
    /// A lie: `NAME[=ARGUMENT][@PART-OF-PATH-OR-METHOD][~PART-OF-A-HEADER][#FIRST[-LAST]]`; may be given more than once
    #[arg(long = "lie", value_name = "LIE", long_help = help())]
    lies: Vec<Told>,
    /// Chooses which bytes are changed
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

fn help() -> String {
    format!(
        "A lie: NAME[=ARGUMENT][@PART-OF-PATH-OR-METHOD][~PART-OF-A-HEADER][#FIRST[-LAST]]; may be given more than once. Known are: {}",
        Lie::HELP
    )
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let liar = match Liar::start(&arguments.upstream, arguments.seed).await {
        Ok(liar) => liar,
        Err(error) => {
            eprintln!("error[liar-start]: {error}");
            return ExitCode::from(3);
        }
    };
    for lie in arguments.lies {
        liar.tell(lie);
    }
    println!("listening on {}", liar.url());
    // Runs until it is told to stop.
    match tokio::signal::ctrl_c().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => std::future::pending().await,
    }
}
