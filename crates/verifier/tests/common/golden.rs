//! Verdicts without a chain: the golden bundle of `seed-verdict`, its policy, and ways to make it fail.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(unreachable_pub, reason = "shared between test files")]
#![allow(missing_debug_implementations, reason = "only tests see it")]

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use seed_primitives::Digest;
use seed_verdict::Bundle;
use tempfile::TempDir;

/// A folder with `bundle.json`, the policy that pins its block, and policies under which it is refused.
pub struct Golden {
    pub folder: TempDir,
    /// The digest of the index over both images.
    pub index: Digest,
}

/// One question and how it must be answered.
pub struct Case {
    pub name: &'static str,
    pub arguments: Vec<String>,
    pub exit: i32,
    /// The first image's code; `None` where it is verified.
    pub code: Option<&'static str>,
}

fn golden(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../verdict/tests/golden");
    fs::read(format!("{folder}/{name}")).unwrap()
}

impl Golden {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let policy = String::from_utf8(golden("policy.toml")).unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("policy.toml", &policy);
        let changed = |name: &str, old: &str, new: &str| {
            assert!(policy.contains(old), "{old} is not in\n{policy}");
            write(name, &policy.replace(old, new));
        };
        changed(
            "other.toml",
            "example.org/acme/app",
            "example.org/acme/other",
        );
        changed("strange.toml", "block = 1000", "block = 1001");
        // The chain cannot be read, and signatures are enough.
        let unpinned = policy.replace("block = 1000", "block = 1001");
        let signatures =
            unpinned.replacen("version = 1", "version = 1\nrequire = \"signatures\"", 1);
        write("signatures.toml", &signatures);
        let bundle = golden("bundle.json");
        fs::write(folder.path().join("bundle.json"), &bundle).unwrap();
        let index = Bundle::from_json(&bundle).unwrap().digest().unwrap();
        Self { folder, index }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn bundle(&self) -> Vec<u8> {
        fs::read(self.path("bundle.json")).unwrap()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seed-verify"));
        command.args(arguments).current_dir(self.folder.path());
        command.env_clear().env("HOME", self.folder.path());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The same question, answered in JSON.
    pub fn json(&self, arguments: &[String]) -> Output {
        let mut all: Vec<&str> = arguments.iter().map(String::as_str).collect();
        all.extend(["--output", "json"]);
        self.run(&all)
    }

    /// A question about images in the bundle under this policy.
    pub fn question(&self, policy: &str, images: &[&str]) -> Vec<String> {
        let mut all = vec!["--bundle", "bundle.json", "--policy", policy];
        all.extend(images);
        all.into_iter().map(str::to_owned).collect()
    }

    /// Every kind of answer that needs no chain.
    pub fn cases(&self) -> Vec<Case> {
        let index = self.index.to_string();
        let named = format!("registry.example:5000/acme/app@{index}");
        let other = Digest::of(b"another image").to_string();
        let case = |name, policy: &str, images: &[&str], exit, code| Case {
            name,
            arguments: self.question(policy, images),
            exit,
            code,
        };
        vec![
            case("verified", "policy.toml", &[&index], 0, None),
            case("by name", "policy.toml", &[&named], 0, None),
            case(
                "rejected",
                "other.toml",
                &[&index],
                1,
                Some("source-not-expected"),
            ),
            case("signatures", "signatures.toml", &[&index], 0, None),
            case(
                "not pinned",
                "strange.toml",
                &[&index],
                3,
                Some("header-not-pinned"),
            ),
            case(
                "not in it",
                "policy.toml",
                &[&other],
                3,
                Some("image-missing"),
            ),
            case(
                "worst of two",
                "policy.toml",
                &[&other, &index],
                3,
                Some("image-missing"),
            ),
            case(
                "only its registry knows",
                "policy.toml",
                &["registry.example/acme/app:v1"],
                2,
                Some("usage"),
            ),
        ]
    }
}
