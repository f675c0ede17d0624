//! A real chain with the real contracts, a real image layout, and two releases: everything `seed-verify` meets.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(unreachable_pub, reason = "shared between test files")]
#![allow(missing_debug_implementations, reason = "only tests see it")]

pub mod lines;
mod release;
pub mod schema;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use alloy_primitives::{B256, U256};
use seed_attestation::Domain;
use seed_oci::{Options, Place, Repository};
use seed_primitives::{Deployment, Digest, write_bytes32};
use seed_testkit::{
    chain::LocalChain,
    deployment::{deploy_locally, federation_text},
    liar::Liar,
    release::{SOURCE_URI, domain},
};
use serde_json::{Value, json};
use tempfile::TempDir;

#[allow(unused_imports, reason = "each test file uses a part of it")]
pub use release::{Images, Published};

pub const BUILDERS: [&str; 3] = ["ada", "bo", "cy"];
pub const SYSTEMS: [&str; 2] = ["aarch64-linux", "x86_64-linux"];
pub const OPERATORS: [&str; 3] = ["one", "two", "three"];

/// Chain, endpoints, contracts, layout, policy.
pub struct World {
    pub chain: LocalChain,
    /// One proxy per operator before the one chain; honest until told otherwise.
    pub liars: Vec<Liar>,
    pub deployment: Deployment,
    pub folder: TempDir,
    /// The genesis release, signed by all.
    pub first: Published,
    /// The second, recorded by `ada` and `bo`; `cy` endorses it.
    pub second: Published,
    /// Variables of every command, besides `HOME`.
    pub environment: Vec<(&'static str, String)>,
}

impl World {
    /// Starts everything and posts both releases; the second is final.
    pub async fn start() -> Self {
        Self::start_in(None).await
    }

    /// The same, with everything published to a repository `host/name`.
    pub async fn start_at(repository: &str) -> Self {
        Self::start_in(Some(repository)).await
    }

    async fn start_in(repository: Option<&str>) -> Self {
        let chain = LocalChain::start().unwrap();
        let builders = [("ada", "ada Ltd"), ("bo", "bo Ltd"), ("cy", "cy Ltd")];
        let federation = federation_text(&builders, &SYSTEMS, 2);
        let deployment = deploy_locally(&chain, &federation).await.unwrap();
        let mut liars = Vec::new();
        for seed in 0..3 {
            liars.push(Liar::start(&chain.url(), seed).await.unwrap());
        }
        let folder = tempfile::Builder::new()
            .prefix("a world ")
            .tempdir()
            .unwrap();
        let place = match repository {
            Some(repository) => repository.parse().unwrap(),
            None => Place::Layout(folder.path().join("images")),
        };
        let repository = Repository::create(&place, &Options::default()).unwrap();
        let scene = release::Scene {
            deployment: &deployment,
            chain: &chain,
            repository: &repository,
        };
        let first = scene.publish(1, &BUILDERS, &[]).await;
        let second = scene.publish(2, &["ada", "bo"], &["cy"]).await;
        chain.mine(3).await.unwrap();
        let world = Self {
            chain,
            liars,
            deployment,
            folder,
            first,
            second,
            environment: vec![],
        };
        world.write_policy();
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes `policy.toml` the way a user does.
    fn write_policy(&self) {
        let text = serde_json::to_string(&self.deployment).unwrap();
        fs::write(self.path("deployment.json"), text).unwrap();
        let mut arguments = vec![
            "policy",
            "init",
            "--deployment",
            "deployment.json",
            "--out",
            "policy.toml",
        ];
        let endpoints: Vec<_> = OPERATORS
            .iter()
            .zip(&self.liars)
            .map(|(operator, liar)| format!("{operator},EE={}", liar.url()))
            .collect();
        arguments.extend(
            endpoints
                .iter()
                .flat_map(|endpoint| ["--endpoint", endpoint]),
        );
        arguments.extend(["--source", SOURCE_URI]);
        let output = self.run(&arguments);
        assert!(output.status.success(), "{output:?}");
    }

    /// A policy file made from the first by replacing text.
    pub fn policy(&self, name: &str, replacements: &[(&str, &str)]) -> String {
        let mut text = fs::read_to_string(self.path("policy.toml")).unwrap();
        for (old, new) in replacements {
            assert!(text.contains(old), "{old} is not in\n{text}");
            text = text.replace(old, new);
        }
        fs::write(self.path(name), text).unwrap();
        name.to_owned()
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seed-verify"));
        command.args(arguments).current_dir(self.folder.path());
        command.env_clear().env("HOME", self.folder.path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Verifies in text and in JSON, checks that both say the same, and returns exit code and JSON.
    #[track_caller]
    pub fn verify(&self, arguments: &[&str]) -> (i32, Value) {
        let verify = |form: &str| {
            let mut all = vec!["--chain", "--output", form];
            if !arguments.contains(&"--policy") {
                all.extend(["--policy", "policy.toml"]);
            }
            all.extend(arguments);
            // Proxies live in this runtime; let them, while this thread waits.
            tokio::task::block_in_place(|| self.run(&all))
        };
        let (text, json) = (verify("text"), verify("json"));
        let exit = json.status.code().expect("not killed by a signal");
        let value = schema::read_output(&json.stdout);
        let printed = String::from_utf8(text.stdout).unwrap();
        assert_eq!(
            text.status.code(),
            Some(exit),
            "{printed}{}",
            String::from_utf8_lossy(&text.stderr)
        );
        assert_eq!(value["exitCode"], exit);
        assert_eq!(exit == 0, value["result"] == "verified");
        let images = value["images"].as_array().unwrap();
        if !images.is_empty() {
            lines::fits_a_terminal(&printed);
            lines::ends_with_who_is_trusted(&printed, images.len());
        }
        if images.iter().all(|image| image["exitCode"] == 3) {
            lines::accuses_nobody(&printed);
            for line in lines::errors(&text.stderr).0 {
                lines::accuses_nobody(&line);
            }
        }
        for image in images {
            let code = image["error"]["code"].as_str();
            let result = image["result"].as_str().unwrap();
            let line = code.map_or_else(|| result.to_owned(), |code| format!("{result} [{code}]"));
            assert!(
                printed.contains(&format!("RESULT      {line}\n")),
                "{line} is not in\n{printed}"
            );
            let errors = String::from_utf8_lossy(&text.stderr);
            if let Some(code) = code {
                assert!(errors.contains(&format!("error[{code}]: ")), "{errors}");
            }
        }
        (exit, value)
    }

    /// Runs a command as it is and with `--quiet`: the answer and the errors stay, notes go. Returns the notes.
    #[track_caller]
    pub fn quietly(&self, arguments: &[&str]) -> Vec<String> {
        let run = |arguments: &[&str]| tokio::task::block_in_place(|| self.run(arguments));
        let (loud, quiet) = (run(arguments), run(&[arguments, &["--quiet"]].concat()));
        assert_eq!(loud.status.code(), quiet.status.code());
        let (all, left) = (lines::errors(&loud.stderr), lines::errors(&quiet.stderr));
        assert_eq!(all.0, left.0);
        assert_eq!(left.1, [""; 0], "--quiet was not quiet");
        assert_eq!(loud.stdout.is_empty(), quiet.stdout.is_empty());
        all.1
    }

    /// The second release's image for x86_64 in the layout called `layout`.
    pub fn image(&self, layout: &str) -> String {
        format!("oci:{layout}@{}", self.second.images.manifest(1))
    }

    #[track_caller]
    pub fn good(&self, arguments: &[&str]) -> Value {
        let (exit, value) = self.verify(arguments);
        assert_eq!(exit, 0, "{value:#}");
        value["images"][0]["release"].clone()
    }

    #[track_caller]
    pub fn bad(&self, exit: i32, code: &str, arguments: &[&str]) {
        let (found, value) = self.verify(arguments);
        let said = &value["images"][0]["error"];
        assert_eq!(
            (said["code"].as_str(), found),
            (Some(code), exit),
            "{value:#}"
        );
    }

    /// A copy of the layout to be broken.
    pub fn copy(&self, name: &str) -> Broken {
        let folder = self.path(name);
        copy(&self.path("images"), &folder);
        Broken { folder }
    }

    /// Sets a word of the ledger's storage, past every rule.
    pub async fn set_slot(&self, slot: B256, word: U256) {
        let word = write_bytes32(&B256::new(word.to_be_bytes()));
        let ledger = self.deployment.ledger;
        let answer = self
            .chain
            .ask("anvil_setStorageAt", json!([ledger, slot, word]))
            .await
            .unwrap();
        assert_eq!(answer["result"], true, "{answer}");
        self.chain.mine(3).await.unwrap();
    }

    /// Publishes and posts another release, which is not final yet.
    pub async fn post(&self, number: u64) -> Published {
        let scene = release::Scene {
            deployment: &self.deployment,
            chain: &self.chain,
            repository: &self.repository(),
        };
        scene.publish(number, &["ada", "cy"], &[]).await
    }

    pub fn domain(&self) -> Domain {
        domain(&self.deployment)
    }

    pub fn be_honest(&self) {
        for liar in &self.liars {
            liar.be_honest();
        }
    }

    pub fn repository(&self) -> Repository {
        Repository::open(&Place::Layout(self.path("images")), &Options::default()).unwrap()
    }
}

/// Captures a bundle of an image.
pub fn capture<'a>(image: &'a str, out: &'a str) -> [&'a str; 7] {
    let policy = "policy.toml";
    ["bundle", "create", image, "--out", out, "--policy", policy]
}

/// A layout whose files can be changed.
pub struct Broken {
    folder: PathBuf,
}

impl Broken {
    fn blob(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs/sha256").join(digest.to_hex())
    }

    /// Changes one byte in the middle.
    pub fn flip(self, digest: &Digest) -> Self {
        let mut bytes = fs::read(self.blob(digest)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(self.blob(digest), bytes).unwrap();
        self
    }

    pub fn replace(self, digest: &Digest, bytes: &[u8]) -> Self {
        fs::write(self.blob(digest), bytes).unwrap();
        self
    }

    pub fn remove(self, digest: &Digest) -> Self {
        fs::remove_file(self.blob(digest)).unwrap();
        self
    }

    /// Removes whatever `index.json` lists whose entry has `text` in it.
    pub fn forget(self, text: &str) -> Self {
        let file = self.folder.join("index.json");
        let mut index: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let manifests = index["manifests"].as_array_mut().unwrap();
        let before = manifests.len();
        manifests.retain(|entry| !entry.to_string().contains(text));
        assert!(manifests.len() < before, "nothing has {text}");
        fs::write(&file, index.to_string()).unwrap();
        self
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
