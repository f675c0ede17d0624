//! A real chain with the real contracts, and places with the real documents of three builders.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(unreachable_pub, reason = "shared between test files")]
#![allow(missing_debug_implementations, reason = "only tests see it")]

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
    time::Duration,
};

use alloy::{sol, sol_types::SolCall as _};
use seed_attestation::{
    Attestation, Descriptor, Domain, Envelope, EvidenceLayer, EvidenceManifest, GenesisSignature,
    LayerKind, NixDriver, Run, Statement, SystemDigest, evidence_tag, media,
};
use seed_chain::{Options as ChainOptions, Wallet};
use seed_merkle::Leaves;
use seed_oci::{Options, Place, Repository};
use seed_primitives::{
    Compression, Deployment, Digest, Recipe, ReleaseId, Source, System, write_address,
    write_bytes32,
};
use seed_testkit::{
    chain::{CHAIN_ID, LocalChain},
    deployment::{Federation, deploy},
    keys,
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

pub fn federation(builders: &[(&str, &str)], threshold: u8) -> String {
    let mut text = format!("threshold = {threshold}\nsystems = {SYSTEMS:?}\n");
    for (name, domain) in builders {
        let address = keys::builder(name);
        text += &format!(
            "[[builders]]\nname = \"{name}\"\naddress = \"{address}\"\ndomains = [\"{domain}\"]\n"
        );
    }
    text
}

pub fn source(number: u64) -> Source {
    Source {
        uri: "https://example.org/acme/app".parse().unwrap(),
        commit: format!("{number:040x}").parse().unwrap(),
        nar_hash: Digest::of(b"tree"),
        flake_lock: Digest::of(b""),
        target: "seed".parse().unwrap(),
        recipe: recipe().digest(),
    }
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
        let builders = [("ada", "ada Ltd"), ("bo", "bo Ltd"), ("cy", "cy Ltd")];
        Self::of(&federation(&builders, 2)).await
    }

    pub async fn of(federation: &str) -> Self {
        let chain = LocalChain::start().unwrap();
        let (federation, configuration) = Federation::configuration(federation).unwrap();
        let deployment = deploy(
            &chain.wallet().unwrap(),
            &chain.endpoint().unwrap(),
            keys::signer("guardian").address(),
            60,
            &federation,
            &configuration,
        )
        .await
        .unwrap();
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
        Domain {
            chain_id: CHAIN_ID,
            ledger: self.deployment.ledger,
        }
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
        let (mut layers, mut pairs, mut statement) = (vec![], vec![], Digest::of(b""));
        for name_of_system in systems {
            let system: System = name_of_system.parse().unwrap();
            let manifest = image(number, name_of_system, flavour);
            to.push_manifest(manifest.clone(), &[]).await.unwrap();
            let envelope = self.statement(name, number, &system, Digest::of(&manifest));
            statement = Digest::of(&envelope);
            pairs.push((system.clone(), Digest::of(&manifest)));
            for (kind, bytes) in [
                (LayerKind::Statement, envelope),
                (LayerKind::ImageManifest, manifest),
                (LayerKind::Audit, b"{}".to_vec()),
                (LayerKind::Sbom, b"{}".to_vec()),
            ] {
                layers.push(EvidenceLayer {
                    system: system.clone(),
                    kind,
                    digest: Digest::of(&bytes),
                    size: bytes.len() as u64,
                });
                to.push_blob(bytes).await.unwrap();
            }
        }
        let evidence = EvidenceManifest::new(layers).unwrap().to_json().unwrap();
        let release = Self::release(number);
        let builder = keys::builder(name);
        let tag = evidence_tag(&release, &builder).parse().unwrap();
        to.push_blob(media::EMPTY_CONFIG).await.unwrap();
        let evidence = to.push_manifest(evidence, &[tag]).await.unwrap();
        let attestation = self.sign(name, number, pairs, evidence);
        let tag = format!("attestation-{}-{}", release.to_hex(), builder.to_hex());
        let document = attestation.to_json().unwrap();
        push(to, media::ATTESTATION, document, &tag).await;
        Signed {
            attestation,
            statement,
        }
    }

    pub async fn attest(&self, name: &str, number: u64) -> Signed {
        self.attest_to(&self.images, name, number, "honest", &SYSTEMS)
            .await
    }

    fn statement(&self, name: &str, number: u64, system: &System, image: Digest) -> Vec<u8> {
        let statement = Statement {
            image,
            source: source(number),
            recipe: recipe(),
            system: system.clone(),
            closure: Digest::of(b"closure"),
            audit: Digest::of(b"{}"),
            sbom: Digest::of(b"{}"),
            chain_id: CHAIN_ID,
            builder: keys::builder(name),
            nix: NixDriver {
                version: "2.26.3".to_owned(),
                settings: BTreeMap::from([("substituters".to_owned(), String::new())]),
            },
            run: Run {
                id: format!("{name}-1"),
                started: "2026-01-01T00:00:00Z".to_owned(),
                finished: "2026-01-01T00:01:00Z".to_owned(),
            },
        };
        let (domain, payload) = (self.domain(), statement.to_json().unwrap());
        let signature = keys::sign(name, &Envelope::digest(&domain, &payload));
        let envelope = Envelope::new(&domain, payload, keys::builder(name), signature);
        envelope.to_json().unwrap()
    }

    pub fn sign(
        &self,
        name: &str,
        number: u64,
        pairs: Vec<(System, Digest)>,
        evidence: Digest,
    ) -> Attestation {
        let leaves = Leaves::new(pairs).unwrap();
        let (domain, rules) = (self.domain(), self.deployment.rules);
        let release = Self::release(number);
        let digest = domain.attestation_digest(&release, &leaves.root(), &evidence, rules);
        let systems = leaves.as_slice().iter();
        Attestation {
            source: source(number),
            systems: systems
                .map(|(system, digest)| SystemDigest {
                    system: system.clone(),
                    digest: *digest,
                })
                .collect(),
            evidence,
            rules,
            chain_id: domain.chain_id,
            ledger: domain.ledger,
            builder: keys::builder(name),
            signature: keys::sign(name, &digest),
        }
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
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_MANIFEST,
        "artifactType": kind,
        "config": Descriptor::of(media::OCI_EMPTY, media::EMPTY_CONFIG),
        "layers": [Descriptor::of(kind, &document)],
    });
    to.push_blob(document).await.unwrap();
    let bytes = manifest.to_string().into_bytes();
    to.push_manifest(bytes, &[tag.parse().unwrap()])
        .await
        .unwrap();
}
