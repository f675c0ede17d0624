//! A directory with a repository, a key and the command itself.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use seed_primitives::Digest;
use tempfile::TempDir;

/// The installed Nix versions, this machine's own first.
pub(crate) fn nixes() -> Vec<PathBuf> {
    if let Some(nix) = std::env::var_os("SEED_NIX") {
        let second = std::env::var_os("SEED_NIX_SECOND").filter(|path| !path.is_empty());
        return std::iter::once(nix)
            .chain(second)
            .map(PathBuf::from)
            .collect();
    }
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/nix");
    let versions = fs::read_to_string(cache.join("versions")).unwrap_or_default();
    let found: Vec<_> = versions
        .lines()
        .map(|version| cache.join(version).join("bin/nix"))
        .collect();
    if found.is_empty() {
        vec![PathBuf::from("nix")]
    } else {
        found
    }
}

/// A place to work in, removed at the end with everything Nix made read-only.
pub(crate) struct Work(TempDir);

impl Drop for Work {
    fn drop(&mut self) {
        let _ = Command::new("chmod")
            .args(["-R", "u+w"])
            .arg(self.path())
            .status();
    }
}

impl Work {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The command, started here.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seed-builder"));
        command.current_dir(self.path());
        command
    }

    /// The command with `arguments`: exit code, standard output, standard error.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        finish(self.command().args(arguments).output().unwrap())
    }

    /// A repository `name` with the example and whatever `change` does to it; returns the commit.
    pub(crate) fn repository(&self, name: &str, change: impl FnOnce(&Path)) -> String {
        let folder = self.path().join(name);
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/bootstrap");
        let copied = Command::new("cp")
            .arg("-r")
            .arg(example)
            .arg(&folder)
            .status()
            .unwrap();
        assert!(copied.success());
        change(&folder);
        commit(&folder)
    }

    /// A development key; its address is the result.
    pub(crate) fn key(&self) -> String {
        let (code, out, talk) = self.run(&["key", "new", "key", "--development"]);
        assert_eq!(code, 0, "{talk}");
        out.trim().to_owned()
    }

    /// The flags of a whole run over `repository` at `commit`, state in `state`, published to layout `layout`.
    pub(crate) fn flags(&self, repository: &str, commit: &str, state: &str) -> Vec<String> {
        let nix = nixes().remove(0);
        let seed =
            Digest::of(&fs::read(self.path().join(repository).join("seed")).unwrap()).to_string();
        [
            "--state",
            state,
            "--nix",
            nix.to_str().unwrap(),
            "--source",
            repository,
            "--source-uri",
            "https://git.example/acme/boot",
            "--commit",
            commit,
            "--system",
            "x86_64-linux",
            "--dev-key-file",
            "key",
            "--chain-id",
            "31337",
            "--ledger",
            "0x00000000000000000000000000000000000000aa",
            "--rules",
            "0x00000000000000000000000000000000000000bb",
            "--publish",
            "oci:layout",
            "--allow-seed",
            &seed,
            "--output",
            "json",
        ]
        .map(str::to_owned)
        .to_vec()
    }
}

/// Commits everything in `folder` with fixed dates.
pub(crate) fn commit(folder: &Path) -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .current_dir(folder)
            .env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z")
            .env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z")
            .args([
                "-c",
                "user.name=a",
                "-c",
                "user.email=a@example.org",
                "-c",
                "init.defaultBranch=main",
            ])
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "x"]);
    git(&["rev-parse", "HEAD"])
}

pub(crate) fn finish(output: Output) -> (i32, String, String) {
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// Swaps the value of a flag.
pub(crate) fn with(flags: &[String], flag: &str, value: &str) -> Vec<String> {
    let mut flags = flags.to_vec();
    let at = flags.iter().position(|found| found == flag).unwrap();
    flags[at + 1] = value.to_owned();
    flags
}

/// Commits what is in the index of `folder`, without looking at the files.
pub(crate) fn commit_index(folder: &Path) -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .current_dir(folder)
            .args(["-c", "user.name=a", "-c", "user.email=a@example.org"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    git(&["commit", "-q", "-m", "index"]);
    git(&["rev-parse", "HEAD"])
}
