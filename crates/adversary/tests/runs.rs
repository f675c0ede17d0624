//! A few runs with every test of the project; `scripts/adversary` does many.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

/// Some runs, in memory where there is any, as `scripts/adversary` does it.
fn adversary(out: &Path, runs: &str, seed: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seed-adversary"));
    if tempfile::tempdir_in("/dev/shm").is_ok() {
        command.env("TMPDIR", "/dev/shm");
    }
    command
        .args(["--runs", runs, "--seed", seed, "--out"])
        .arg(out)
        .output()
        .unwrap()
}

#[test]
fn a_few_runs_are_right_and_are_not_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("runs.jsonl");
    let output = adversary(&out, "120", "7");
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.ends_with("\n120 runs, 0 wrong allows, 0 wrong denials\n"),
        "{text}{errors}"
    );
    assert!(output.status.success());
    let lines = fs::read_to_string(&out).unwrap();
    assert_eq!(lines.lines().count(), 120);

    // A yes among them that should have been a no is found, and nothing is run for it.
    let turned = lines.replacen("\"got\":\"undecidable\"", "\"got\":\"verified\"", 1);
    assert_ne!(turned, lines);
    fs::write(&out, &turned).unwrap();
    let output = adversary(&out, "120", "7");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.ends_with("\n120 runs, 1 wrong allows, 0 wrong denials\n"),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(fs::read_to_string(&out).unwrap(), turned);
    assert_eq!(adversary(&out, "120", "8").status.code(), Some(3));
}
