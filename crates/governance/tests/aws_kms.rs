//! A key of AWS KMS signs, through the library that speaks to the real one; the service is a small server here that
//! speaks its protocol, and lies.
#![cfg(feature = "aws-kms")]

mod deploy_scene;
mod kms;

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use alloy::sol_types::SolCall as _;
use alloy_primitives::{Address, B256};
use kms::{Kms, Manner};
use seed_governance::{decode::Call, operation::Operation, safe::SignatureFile};
use seed_primitives::{
    DeployedFederation, DeployedSafes, Deployment, Environment, SafeOwners, write_address,
};
use seed_testkit::{
    chain::{CHAIN_ID, LocalChain},
    keys,
};
use tempfile::TempDir;

alloy::sol! {
    function pause(uint32 duration) external;
}

/// The name of the key: where it is kept is a part of it.
const KEY: &str =
    "aws-kms:arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// An operation of the guardian that waits for its owners' signatures.
struct Desk {
    folder: TempDir,
    operation: Operation,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("a desk ")
            .tempdir()
            .unwrap();
        let deployment = deployment();
        let pause = pauseCall { duration: 3600 }.abi_encode().into();
        let operation = Operation {
            chain_id: deployment.chain_id,
            safe: deployment.guardian,
            nonce: 4,
            timelock: None,
            calls: vec![Call::to(deployment.ledger, pause)],
            description: "why".to_owned(),
        };
        fs::write(folder.path().join("d.json"), deployment.to_json()).unwrap();
        fs::write(folder.path().join("op.json"), operation.to_json()).unwrap();
        Self { folder, operation }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn sign(&self, endpoint: &str, more: &[&str]) -> Output {
        let mut command = gov(&self.folder, endpoint);
        let files = ["op.json", "--deployment", "d.json", "--out", "s.json"];
        command.arg("sign").args(files).args(["--signer", KEY]);
        command.args(more).output().unwrap()
    }

    #[track_caller]
    fn refused(&self, endpoint: &str, more: &[&str], exit: i32, code: &str) -> String {
        let output = self.sign(endpoint, more);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{said}");
        let last = said.lines().last().unwrap_or_default();
        assert!(last.starts_with(&format!("error[{code}]: ")), "{said}");
        assert!(!self.path("s.json").exists(), "{said}");
        assert!(!said.contains("of the test"), "{said}");
        last.to_owned()
    }
}

/// `seed-gov` in this folder, logged in to the service at this endpoint and nowhere else.
fn gov(folder: &TempDir, endpoint: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seed-gov"));
    command.current_dir(folder.path()).env_clear();
    command.env("HOME", folder.path());
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
    command.env("AWS_SECRET_ACCESS_KEY", "of the test");
    command.env("AWS_ENDPOINT_URL_KMS", endpoint);
    command
}

fn owner() -> Address {
    keys::signer("owner").address()
}

fn deployment() -> Deployment {
    let account = Address::repeat_byte;
    let safe = |owners| SafeOwners {
        owners,
        threshold: 1,
    };
    Deployment {
        schema_version: 1,
        environment: Environment::Production,
        chain_id: CHAIN_ID,
        genesis_hash: B256::repeat_byte(1),
        block: 0,
        ledger: account(2),
        ledger_code_hash: B256::repeat_byte(3),
        rules: account(4),
        rules_code_hash: B256::repeat_byte(5),
        rules_logic_hash: B256::repeat_byte(6),
        timelock: account(7),
        timelock_delay: Some(604_800),
        proposer: Some(account(8)),
        guardian: account(9),
        safes: Some(DeployedSafes {
            proposer: safe(vec![account(10)]),
            guardian: safe(vec![account(11), owner()]),
        }),
        safe_contracts: None,
        federation: DeployedFederation {
            sha256: None,
            threshold: 2,
            systems: vec!["x86_64-linux".parse().unwrap()],
            builders: Vec::new(),
        },
    }
}

fn start(manner: Manner) -> Kms {
    Kms::start(&keys::signer("owner").to_bytes()[..], manner)
}

#[test]
fn a_signature_of_either_half_becomes_the_one_that_a_safe_takes() {
    for manner in [Manner::Honest, Manner::HighS] {
        let (desk, kms) = (Desk::new(), start(manner));
        let output = desk.sign(&kms.url, &[]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{manner:?}: {said}");
        let hash = desk.operation.hashes().safe.safe_tx;
        // What is asked of a service that shows nothing is said before it is asked.
        assert!(
            said.contains(&format!("Safe transaction hash  {hash}")),
            "{said}"
        );
        let written = fs::read(desk.path("s.json")).unwrap();
        let file = SignatureFile::read(&written, hash).unwrap();
        assert_eq!(file.signer, owner());
    }
}

#[test]
fn refuses_every_lie_and_writes_nothing() {
    for (manner, exit, code) in [
        (Manner::OtherKey, 1, "signature-other-key"),
        (Manner::OtherDigest, 1, "signature-other-key"),
        (Manner::OtherAccount, 1, "signer-other-account"),
        (Manner::BadSignature, 1, "signer-malformed"),
        (Manner::ZeroSignature, 1, "signer-malformed"),
        (Manner::LongSignature, 1, "signer-malformed"),
        (Manner::NoSignature, 1, "signer-malformed"),
        (Manner::BadPublicKey, 1, "signer-malformed"),
        (Manner::Denied, 3, "signer-unavailable"),
        (Manner::Broken, 3, "signer-unavailable"),
        (Manner::NotJson, 3, "signer-unavailable"),
        (Manner::Endless, 3, "signer-unavailable"),
    ] {
        let (desk, kms) = (Desk::new(), start(manner));
        println!("{manner:?}");
        let line = desk.refused(&kms.url, &[], exit, code);
        if manner == Manner::Denied {
            assert!(
                line.contains("AccessDeniedException: not\\u{1b}[2J you"),
                "{line}"
            );
        }
    }
}

#[test]
fn does_not_wait_for_ever_and_asks_nobody_in_the_open() {
    let (desk, kms) = (Desk::new(), start(Manner::Stalled));
    let impatient = ["--signer-timeout", "2"];
    desk.refused(&kms.url, &impatient, 3, "signer-silent");
    let line = desk.refused("http://192.0.2.1", &impatient, 3, "signer-unavailable");
    assert!(
        line.contains("neither https nor http to a loopback"),
        "{line}"
    );
    let gone = kms.url.clone();
    drop(kms);
    desk.refused(&gone, &["--signer-timeout", "20"], 3, "signer-unavailable");
}

#[test]
fn only_an_owner_who_is_meant_signs() {
    let (desk, kms) = (Desk::new(), start(Manner::Honest));
    let other = write_address(&Address::repeat_byte(11));
    desk.refused(&kms.url, &["--owner", &other], 1, "signer-other-account");
    let meant = write_address(&owner());
    let output = desk.sign(&kms.url, &["--owner", &meant]);
    assert!(output.status.success());
}

#[test]
fn a_service_pays_for_transactions_too() {
    let chain = LocalChain::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("federation.toml", &deploy_scene::federation(2));
    write(
        "deploy.toml",
        &deploy_scene::configuration("development", 60),
    );
    let funded = LocalChain::funded().to_bytes();
    let deploy = |kms: &Kms| {
        let mut command = gov(&folder, &kms.url);
        command.args(["deploy", "--config", "deploy.toml", "--out", "d.json"]);
        command.args(["--rpc", &chain.url(), "--at-most", "1", "--signer", KEY]);
        let output = command.output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let liar = Kms::start(&funded[..], Manner::OtherKey);
    let said = deploy(&liar);
    assert!(said.contains("error[signature-other-key]"), "{said}");
    let honest = Kms::start(&funded[..], Manner::HighS);
    let said = deploy(&honest);
    assert!(
        said.contains("error[deployment-incomplete]: 1 transactions"),
        "{said}"
    );
}
