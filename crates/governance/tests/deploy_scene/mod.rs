//! What the tests of deploying and of verifying code have in common: a chain, a federation, a configuration.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use alloy_primitives::{Address, Bytes, hex};
use seed_primitives::Deployment;
use seed_testkit::chain::LocalChain;
use serde_json::{Value, json};

pub const SALT: &str = "0x5eed000000000000000000000000000000000000000000000000000000000001";

/// An address that is easy to tell from others.
pub fn account(number: u8) -> String {
    format!("0x{}{number:02x}", "a0".repeat(19))
}

pub struct Scene {
    pub chain: LocalChain,
    pub folder: tempfile::TempDir,
}

impl Scene {
    /// A fresh chain and the files of a development deployment.
    pub fn new() -> Self {
        let scene = Self {
            chain: LocalChain::start().expect("a chain"),
            folder: tempfile::tempdir().expect("a folder"),
        };
        scene.write("federation.toml", &federation(2));
        scene.write("deploy.toml", &configuration("development", 60));
        let key = LocalChain::funded().to_bytes();
        scene.write("key", &format!("0x{}\n", hex::encode(key)));
        scene
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
    }

    /// `seed-gov deploy` of the files, with these flags besides.
    pub fn deploy(&self, flags: &[&str]) -> Answer {
        self.deploy_to("deployment.json", flags)
    }

    pub fn deploy_to(&self, out: &str, flags: &[&str]) -> Answer {
        let (config, key, out) = (self.path("deploy.toml"), self.path("key"), self.path(out));
        let mut arguments = vec!["deploy", "--config", text(&config), "--out", text(&out)];
        let url = self.chain.url();
        arguments.extend(["--rpc", &url]);
        if !flags.contains(&"--dry-run") {
            arguments.extend(["--dev-key-file", text(&key)]);
        }
        arguments.extend(flags);
        run(&arguments)
    }

    pub fn verify_code(&self, flags: &[&str]) -> Answer {
        let deployment = self.path("deployment.json");
        let url = self.chain.url();
        let mut arguments = vec![
            "verify-code",
            "--deployment",
            text(&deployment),
            "--rpc",
            &url,
        ];
        arguments.extend(flags);
        run(&arguments)
    }

    pub fn deployment(&self) -> Deployment {
        let bytes = fs::read(self.path("deployment.json")).expect("the deployment file");
        Deployment::from_json(&bytes).expect("a deployment")
    }

    pub async fn transactions(&self) -> u64 {
        let payer = LocalChain::funded().address();
        let answer = self
            .ask("eth_getTransactionCount", json!([payer, "latest"]))
            .await;
        u64::from_str_radix(answer.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
    }

    pub async fn ask(&self, method: &str, params: Value) -> Value {
        let answer = self.chain.ask(method, params).await.expect("an answer");
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    pub async fn code(&self, address: Address) -> Vec<u8> {
        let code = self.ask("eth_getCode", json!([address, "latest"])).await;
        code.as_str().unwrap().parse::<Bytes>().unwrap().to_vec()
    }

    /// Gives an account other code, in a block of its own.
    pub async fn set_code(&self, address: Address, code: &[u8]) {
        let code = Bytes::copy_from_slice(code);
        self.ask("anvil_setCode", json!([address, code])).await;
        self.chain.mine(1).await.expect("a block");
    }

    pub async fn set_slot(&self, address: Address, slot: &str, value: &str) {
        self.ask("anvil_setStorageAt", json!([address, slot, value]))
            .await;
        self.chain.mine(1).await.expect("a block");
    }
}

/// Three builders, two systems.
pub fn federation(threshold: u8) -> String {
    let mut text =
        format!("threshold = {threshold}\nsystems = [\"aarch64-linux\", \"x86_64-linux\"]\n");
    for (number, name) in [(1, "alpha"), (2, "beta"), (3, "gamma")] {
        text += &format!(
            "[[builders]]\nname = \"{name}\"\naddress = \"{}\"\ndomains = [\"parent:{name}\", \"cloud:{name}\"]\n",
            account(number)
        );
    }
    text
}

pub fn configuration(environment: &str, delay: u64) -> String {
    let owners = |numbers: &[u8]| {
        let texts: Vec<_> = numbers
            .iter()
            .map(|one| format!("\"{}\"", account(*one)))
            .collect();
        texts.join(", ")
    };
    format!(
        "environment = \"{environment}\"\nchain-id = 31337\nsalt = \"{SALT}\"\ndelay = {delay}\n\
         federation = \"federation.toml\"\n\
         [proposer]\nowners = [{}]\nthreshold = 2\n[guardian]\nowners = [{}]\nthreshold = 1\n",
        owners(&[0x11, 0x12, 0x13]),
        owners(&[0x21, 0x22])
    )
}

/// What a run of the program came to.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub out: String,
    pub error: String,
}

impl Answer {
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    #[track_caller]
    pub fn refused(self, code: i32, name: &str) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.error.contains(&format!("error[{name}]")), "{self:?}");
        self
    }
}

pub fn run(arguments: &[&str]) -> Answer {
    let output: Output = Command::new(env!("CARGO_BIN_EXE_seed-gov"))
        .args(arguments)
        .output()
        .expect("the program");
    Answer {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        error: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}
