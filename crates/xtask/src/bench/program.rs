use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use eyre::{WrapErr as _, ensure};

use crate::contest::{Comparison, Rounds};

const ROUNDS: Rounds = Rounds {
    rounds: 300,
    calls: 1,
    reference_calls: 1,
};

/// The size of `program` in bytes.
pub(crate) fn size(program: &Path) -> eyre::Result<u64> {
    let metadata =
        fs::metadata(program).wrap_err_with(|| format!("looking at {}", program.display()))?;
    ensure!(metadata.is_file(), "{} is not a file", program.display());
    Ok(metadata.len())
}

/// The whole process, from before its start until after its end, beside one that does nothing.
pub(crate) fn start_up(program: &Path, nothing: &Path) -> eyre::Result<Comparison> {
    Comparison::run(
        [
            "seed-verify --version, whole process",
            "a program that does nothing",
        ],
        ROUNDS,
        || run(program),
        || run(nothing),
    )
}

fn run(program: &Path) -> eyre::Result<()> {
    let status = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .wrap_err_with(|| format!("running {}", program.display()))?;
    ensure!(
        status.success(),
        "{} --version ended with {status}",
        program.display()
    );
    Ok(())
}
