//! A real chain with the real contracts, and places with the real documents of three builders.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(unreachable_pub, reason = "shared between test files")]
#![allow(missing_debug_implementations, reason = "only tests see it")]

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
    time::Duration,
};

use alloy::{sol, sol_types::SolCall as _};
use seed_attestation::{Attestation, Domain, GenesisSignature, media};
use seed_chain::{Options as ChainOptions, Wallet};
use seed_merkle::Leaves;
use seed_oci::{Options, Place, Repository};
use seed_primitives::{
    Compression, Deployment, Digest, Recipe, ReleaseId, Source, write_address, write_bytes32,
};
use seed_testkit::{
    chain::{CHAIN_ID, LocalChain},
    deployment::{deploy_locally, federation_text},
    keys, push_artifact,
    release::{self, Image},
};
use serde_json::{Value, json};
use tempfile::TempDir;

sol! {
    contract Guard {
        function revoke(address subject);
        function pause(uint32 duration);
    }
}

pub const SYSTEMS: [&str; 2] = ["aarch64-linux", "x86_64-linux"];

/// Chain, contracts and one layout, `oci:images`.
pub struct World {
    pub chain: LocalChain,
    pub deployment: Deployment,
    pub folder: TempDir,
    pub images: Repository,
}

/// What one builder signed for one release.
pub struct Signed {
    pub attestation: Attestation,
    pub statement: Digest,
}

pub fn source(number: u64) -> Source {
    release::source(number, &recipe())
}

fn recipe() -> Recipe {
    Recipe {
        compression: Compression::TarZstd,
        layering: "repull:40".parse().unwrap(),
        packer: "nix-seed/1".parse().unwrap(),
        previous: None,
        reissue: 0,
    }
}

/// An image manifest whose content depends on all of these.
pub fn image(number: u64, system: &str, flavour: &str) -> Vec<u8> {
    let layer = Digest::of(format!("{number} {system} {flavour}").as_bytes());
    json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_MANIFEST,
        "config": { "mediaType": media::OCI_CONFIG, "digest": Digest::of(b"{}"), "size": 2 },
        "layers": [{ "mediaType": media::OCI_LAYER_ZSTD, "digest": layer, "size": 9 }],
    })
    .to_string()
    .into_bytes()
}

impl World {
    /// Three builders who share nothing, two of three.
    pub async fn start() -> Self {
        Self::of(&[("ada", "ada Ltd"), ("bo", "bo Ltd"), ("cy", "cy Ltd")]).await
    }

    /// These builders, and whom they belong to; two must agree.
    pub async fn of(builders: &[(&str, &str)]) -> Self {
        let chain = LocalChain::start().unwrap();
        let federation = federation_text(builders, &SYSTEMS, 2);
        let deployment = deploy_locally(&chain, &federation).await.unwrap();
        let folder = tempfile::Builder::new()
            .prefix("a world ")
            .tempdir()
            .unwrap();
        let place = Place::Layout(folder.path().join("images"));
        let images = Repository::create(&place, &Options::default()).unwrap();
        images.push_blob(media::EMPTY_CONFIG).await.unwrap();
        let key = write_bytes32(&LocalChain::funded().to_bytes());
        fs::write(folder.path().join("gas key"), key).unwrap();
        let text = serde_json::to_string(&deployment).unwrap();
        fs::write(folder.path().join("deployment.json"), text).unwrap();
        Self {
            chain,
            deployment,
            folder,
            images,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn domain(&self) -> Domain {
        release::domain(&self.deployment)
    }

    pub fn release(number: u64) -> ReleaseId {
        source(number).release()
    }

    /// `name` builds `systems` of release `number` in some flavour, and publishes everything to `to`.
    pub async fn attest_to(
        &self,
        to: &Repository,
        name: &str,
        number: u64,
        flavour: &str,
        systems: &[&str],
    ) -> Signed {
        let mut images = vec![];
        for system in systems {
            let manifest = image(number, system, flavour);
            to.push_manifest(manifest.clone(), &[]).await.unwrap();
            images.push(Image {
                system: system.parse().unwrap(),
                manifest,
                closure: Digest::of(b"closure"),
            });
        }
        let release = release::Release {
            deployment: &self.deployment,
            repository: to,
            source: source(number),
            recipe: recipe(),
            images,
        };
        let evidence = release.publish_evidence(name).await.unwrap();
        let attestation = release.attestation(name, evidence.manifest).unwrap();
        let (release, builder) = (Self::release(number), keys::builder(name));
        let tag = format!("attestation-{}-{}", release.to_hex(), builder.to_hex());
        let document = attestation.to_json().unwrap();
        push(to, media::ATTESTATION, document, &tag).await;
        Signed {
            attestation,
            statement: *evidence.statements.last().unwrap(),
        }
    }

    pub async fn attest(&self, name: &str, number: u64) -> Signed {
        self.attest_to(&self.images, name, number, "honest", &SYSTEMS)
            .await
    }

    /// `name` consents to release `number` in the honest flavour as the first.
    pub async fn consent(&self, name: &str, number: u64) -> GenesisSignature {
        let pairs = SYSTEMS.map(|system| {
            let image = Digest::of(&image(number, system, "honest"));
            (system.parse().unwrap(), image)
        });
        let root = Leaves::new(pairs.to_vec()).unwrap().root();
        let (domain, release) = (self.domain(), Self::release(number));
        let code = self.deployment.rules_code_hash;
        let signature = GenesisSignature {
            rules_code_hash: code,
            release,
            root: root.word(),
            chain_id: domain.chain_id,
            ledger: domain.ledger,
            builder: keys::builder(name),
            signature: keys::sign(name, &domain.genesis_digest(code, &release, &root)),
        };
        let tag = format!(
            "genesis-{}-{}",
            release.to_hex(),
            signature.builder.to_hex()
        );
        let document = signature.to_json().unwrap();
        push(&self.images, media::GENESIS, document, &tag).await;
        signature
    }

    /// Release 1, signed by all and recorded.
    pub async fn with_genesis() -> Self {
        let world = Self::start().await;
        for name in ["ada", "bo", "cy"] {
            world.attest(name, 1).await;
            world.consent(name, 1).await;
        }
        let answer = world.ok("finalised", &[]);
        assert_eq!(answer["releases"][0]["transaction"]["sequence"], 1);
        world
    }

    async fn as_guardian(&self, call: Vec<u8>) {
        let key = keys::signer("guardian");
        let params = json!([key.address(), "0xde0b6b3a7640000"]);
        self.chain.ask("anvil_setBalance", params).await.unwrap();
        let wallet = Wallet::new(
            &self.chain.url(),
            &ChainOptions::default(),
            CHAIN_ID,
            key,
            u128::MAX,
            Duration::from_secs(20),
        );
        let to = Some(self.deployment.ledger);
        wallet.unwrap().send(to, call.into()).await.unwrap();
    }

    /// The guardian takes all power from `name`.
    pub async fn revoke(&self, name: &str) {
        let subject = keys::builder(name).address();
        self.as_guardian(Guard::revokeCall { subject }.abi_encode())
            .await;
    }

    /// The guardian stops `finalise` for an hour.
    pub async fn pause(&self) {
        self.as_guardian(Guard::pauseCall { duration: 3600 }.abi_encode())
            .await;
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seed-aggregator"));
        command.arg("once").current_dir(self.folder.path());
        command.env_clear().env("HOME", self.folder.path());
        let given = |flag: &str| arguments.contains(&flag);
        let (url, ledger) = (self.chain.url(), write_address(&self.deployment.ledger));
        let chain_id = CHAIN_ID.to_string();
        for (flag, value) in [
            ("--rpc", url.as_str()),
            ("--ledger", &ledger),
            ("--chain-id", &chain_id),
            ("--from", "oci:images"),
            ("--timeout", "60"),
        ] {
            if !given(flag) {
                command.args([flag, value]);
            }
        }
        if !given("--key-file") && !given("--dev-key-file") && !given("--dry-run") {
            command.args(["--dev-key-file", "gas key"]);
        }
        command.args(arguments).stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        tokio::task::block_in_place(|| command.output().unwrap())
    }

    /// Runs with JSON and expects this exit code and code, and one `error[code]` line unless all is well.
    #[track_caller]
    pub fn expect(&self, exit: i32, code: &str, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--output", "json"], arguments].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {said}"));
        assert_eq!(output.status.code(), Some(exit), "{answer:#} {said}");
        assert_eq!(answer["code"], code, "{answer:#} {said}");
        assert_eq!(answer["schemaVersion"], 1);
        if exit != 0 {
            assert!(said.contains(&format!("error[{code}]: ")), "{said}");
        } else {
            assert_eq!(said, "");
        }
        answer
    }

    #[track_caller]
    pub fn ok(&self, code: &str, arguments: &[&str]) -> Value {
        self.expect(0, code, arguments)
    }
}

/// Pushes a document in its artifact manifest under a tag.
pub async fn push(to: &Repository, kind: &str, document: Vec<u8>, tag: &str) {
    push_artifact(to, kind, document, tag, None).await.unwrap();
}
