//! Writes the flake of a synthetic closure, for tests and benchmarks.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use seed_testkit::closure::{Closure, ClosureError, Plan, Shape, write_flake};

/// Writes a flake whose seed is a synthetic closure, built from the bootstrap without a network.
#[derive(Debug, Parser)]
#[command(name = "seed-closure", version)]
struct Arguments {
    /// The directory to make; it must not exist
    folder: PathBuf,
    /// How the paths refer to each other
    #[arg(long, value_enum, default_value_t = Shape::Random)]
    shape: Shape,
    /// How many store paths
    #[arg(long, default_value_t = 300)]
    paths: usize,
    /// What everything else follows from
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The most bytes of a path that is not a large one
    #[arg(long, value_name = "BYTES", default_value_t = 64 << 10)]
    largest: u64,
    /// A path of exactly this size; may be given several times
    #[arg(long, value_name = "BYTES")]
    large: Vec<u64>,
    /// Gives the path at this position (from 0) other bytes; may be given several times
    #[arg(long, value_name = "POSITION")]
    touch: Vec<usize>,
}

fn main() -> ExitCode {
    match write(Arguments::parse()) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error[synthetic-closure]: {error}");
            ExitCode::from(2)
        }
    }
}

fn write(arguments: Arguments) -> Result<String, ClosureError> {
    let mut closure = Closure::new(&Plan {
        shape: arguments.shape,
        paths: arguments.paths,
        seed: arguments.seed,
        largest: arguments.largest,
        large: arguments.large,
    })?;
    for position in arguments.touch {
        closure.touch(position)?;
    }
    write_flake(&closure, &arguments.folder)?;
    let bytes: u64 = closure.parts().iter().map(|part| part.size).sum();
    Ok(format!(
        "{} store paths with {bytes} bytes of data",
        closure.parts().len()
    ))
}
