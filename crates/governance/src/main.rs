//! The `seed-gov` command; everything it does is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    seed_governance::run(std::env::args_os())
}
