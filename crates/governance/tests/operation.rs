//! Operations against the real Safe and the real timelock: the hashes are theirs, and whole commands carry one change
//! from a file to the chain.

mod simulate_scene;

use std::{fs, path::PathBuf, process::Output};

use alloy::{
    signers::SignerSync as _,
    sol,
    sol_types::{SolCall as _, SolValue as _},
};
use alloy_primitives::{Address, B256, Bytes, U256, hex};
use seed_governance::{
    decode::Call,
    operation::{Operation, Timelocked},
    safe::SignatureFile,
    signer::OwnerSignature,
};
use seed_primitives::{
    DeployedBuilder, DeployedFederation, DeployedSafes, Deployment, Environment, SafeOwners,
    write_address, write_bytes32,
};
use seed_testkit::{
    chain::{CHAIN_ID, LocalChain},
    keys,
};
use serde_json::{Value, json};
use simulate_scene::{DELAY, Scene, federation, owners};
use tempfile::TempDir;

sol! {
    function domainSeparator() external view returns (bytes32);
    function getTransactionHash(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, uint256 nonce) external view returns (bytes32);
    function hashOperation(address target, uint256 value, bytes data, bytes32 predecessor, bytes32 salt) external view returns (bytes32);
    function hashOperationBatch(address[] targets, uint256[] values, bytes[] payloads, bytes32 predecessor, bytes32 salt) external view returns (bytes32);
}

async fn asked(scene: &Scene, to: Address, data: Vec<u8>) -> B256 {
    let question = json!([{ "to": to, "input": hex::encode_prefixed(data) }, "latest"]);
    let answer = scene.chain.ask("eth_call", question).await.unwrap();
    let bytes = hex::decode(answer["result"].as_str().unwrap()).unwrap();
    B256::abi_decode(&bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn hashes_are_those_of_the_safe_and_the_timelock() {
    let scene = Scene::new().await;
    let call = |byte: u8| Call::to(Address::repeat_byte(byte), Bytes::from(vec![byte; 5]));
    for calls in [vec![call(1)], vec![call(1), call(2), call(3)]] {
        let operation = Operation {
            chain_id: CHAIN_ID,
            safe: scene.proposer,
            nonce: 7,
            timelock: Some(Timelocked {
                timelock: scene.timelock,
                delay: DELAY,
                predecessor: B256::repeat_byte(4),
                salt: B256::repeat_byte(5),
            }),
            calls: calls.clone(),
            description: String::new(),
        };
        let hashes = operation.hashes();
        let domain = asked(&scene, scene.proposer, domainSeparatorCall {}.abi_encode()).await;
        assert_eq!(hashes.safe.domain, domain);
        let sent = operation.safe_transaction().call;
        let question = getTransactionHashCall {
            to: sent.target,
            value: sent.value,
            data: sent.data,
            operation: 0,
            safeTxGas: U256::ZERO,
            baseGas: U256::ZERO,
            gasPrice: U256::ZERO,
            gasToken: Address::ZERO,
            refundReceiver: Address::ZERO,
            nonce: U256::from(7),
        };
        let hash = asked(&scene, scene.proposer, question.abi_encode()).await;
        assert_eq!(hashes.safe.safe_tx, hash);
        let (predecessor, salt) = (B256::repeat_byte(4), B256::repeat_byte(5));
        let question = match calls.as_slice() {
            [call] => hashOperationCall {
                target: call.target,
                value: call.value,
                data: call.data.clone(),
                predecessor,
                salt,
            }
            .abi_encode(),
            calls => hashOperationBatchCall {
                targets: calls.iter().map(|one| one.target).collect(),
                values: calls.iter().map(|one| one.value).collect(),
                payloads: calls.iter().map(|one| one.data.clone()).collect(),
                predecessor,
                salt,
            }
            .abi_encode(),
        };
        let id = asked(&scene, scene.timelock, question).await;
        assert_eq!(hashes.operation_id, Some(id));
    }
}

/// A deployment, its owners' keys and a folder, as people have them.
struct Desk {
    scene: Scene,
    folder: TempDir,
}

impl Desk {
    async fn new() -> Self {
        let scene = Scene::new().await;
        let folder = tempfile::Builder::new()
            .prefix("a desk ")
            .tempdir()
            .unwrap();
        let desk = Self { scene, folder };
        desk.write("d.json", &desk.deployment().await.to_json());
        desk.write("gas", &write_bytes32(&LocalChain::funded().to_bytes()));
        for safe in ["proposer", "guardian"] {
            for (at, key) in owners(safe).iter().enumerate() {
                desk.write(&format!("{safe}{at}"), &write_bytes32(&key.to_bytes()));
            }
        }
        desk.write(
            "stranger",
            &write_bytes32(&keys::signer("stranger").to_bytes()),
        );
        desk.write("old.toml", &federation(2, false).0);
        desk.write("new.toml", &federation(3, true).0);
        desk
    }

    async fn deployment(&self) -> Deployment {
        let scene = &self.scene;
        let safe = |name| SafeOwners {
            owners: owners(name).iter().map(|key| key.address()).collect(),
            threshold: 2,
        };
        let head = scene.endpoint.latest_header().await.unwrap();
        let builder = |name: &str| DeployedBuilder {
            name: name.to_owned(),
            address: keys::builder(name),
            domains: Vec::new(),
            systems: None,
        };
        Deployment {
            schema_version: 1,
            environment: Environment::Development,
            chain_id: CHAIN_ID,
            genesis_hash: scene.endpoint.genesis_hash().await.unwrap(),
            block: 0,
            ledger: scene.ledger,
            ledger_code_hash: scene.code_hash(scene.ledger).await,
            rules: scene.rules,
            rules_code_hash: scene.code_hash(scene.rules).await,
            rules_logic_hash: head.hash,
            timelock: scene.timelock,
            timelock_delay: Some(DELAY),
            proposer: Some(scene.proposer),
            guardian: scene.guardian,
            safes: Some(DeployedSafes {
                proposer: safe("proposer"),
                guardian: safe("guardian"),
            }),
            safe_contracts: None,
            federation: DeployedFederation {
                sha256: None,
                threshold: 2,
                systems: vec![
                    "aarch64-linux".parse().unwrap(),
                    "x86_64-linux".parse().unwrap(),
                ],
                builders: ["alpha", "beta", "gamma"].map(builder).into(),
            },
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_seed-gov"));
        command.current_dir(self.folder.path()).env_clear();
        command.args(arguments);
        tokio::task::block_in_place(|| command.output().unwrap())
    }

    /// Expects this exit code and, unless it is 0, this code in one line.
    #[track_caller]
    fn expect(&self, exit: i32, code: &str, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {said}");
        if exit != 0 {
            let last = said.lines().last().unwrap_or_default();
            assert!(last.starts_with(&format!("error[{code}]: ")), "{said}");
        }
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let text = self.expect(0, "", &[arguments, &["--output", "json"]].concat());
        serde_json::from_str(&text).unwrap()
    }

    fn sign(&self, operation: &str, key: &str, out: &str) {
        let arguments = [
            "sign",
            operation,
            "--deployment",
            "d.json",
            "--dev-key-file",
            key,
        ];
        self.expect(0, "", &[&arguments[..], &["--out", out]].concat());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_rules_goes_from_a_file_to_the_chain() {
    let desk = Desk::new().await;
    let url = desk.scene.chain.url();
    let chain = ["--deployment", "d.json", "--rpc", &url];
    let paying = [&chain[..], &["--dev-key-file", "gas"]].concat();
    let rules = [
        "propose",
        "rules",
        "--federation",
        "new.toml",
        "--out",
        "op.json",
    ];

    // Nobody has deployed the rules, and nobody pays for it.
    desk.expect(1, "rules-code-differs", &[&rules[..], &chain].concat());
    let builder = ["--builder-out", "builder.json"];
    let proposed = desk.json(&[&rules[..], &paying, &builder].concat());
    desk.expect(2, "output-exists", &[&rules[..], &paying].concat());
    let hashes = desk.json(&["hash", "op.json"]);
    assert_eq!(proposed["hashes"], hashes);
    let hash = hashes["safeTxHash"].as_str().unwrap();
    desk.expect(0, "", &["hash", "op.json", "--expect-safe-tx", hash]);
    let other = write_bytes32(&B256::repeat_byte(1));
    for flag in [
        "--expect-domain",
        "--expect-message",
        "--expect-safe-tx",
        "--expect-operation",
    ] {
        desk.expect(1, "hash-mismatch", &["hash", "op.json", flag, &other]);
    }
    desk.expect(0, "", &["decode", "builder.json", "--deployment", "d.json"]);

    let sign = [
        "sign",
        "op.json",
        "--deployment",
        "d.json",
        "--dev-key-file",
        "proposer0",
    ];
    let told = ["--expect-safe-tx", &other, "--out", "no.json"];
    desk.expect(1, "hash-mismatch", &[&sign[..], &told].concat());
    assert!(!desk.path("no.json").exists());
    desk.sign("op.json", "proposer0", "s0.json");
    desk.sign("op.json", "proposer1", "s1.json");
    desk.sign("op.json", "stranger", "s9.json");

    let queue = |signatures: &[&str]| {
        let mut all = vec!["queue".to_owned(), "op.json".to_owned()];
        all.extend(paying.iter().map(|one| (*one).to_owned()));
        for one in signatures {
            all.extend(["--signature".to_owned(), (*one).to_owned()]);
        }
        all
    };
    let as_str = |all: &[String]| {
        all.iter()
            .map(|one| one.clone().leak() as &str)
            .collect::<Vec<_>>()
    };
    let refused = |code: &str, signatures: &[&str]| {
        desk.expect(1, code, &as_str(&queue(signatures)));
    };
    refused("signatures-missing", &["s0.json"]);
    refused("signature-refused", &["s0.json", "s9.json"]);
    refused("signature-refused", &["s0.json", "s0.json"]);
    let execute = [&["execute", "op.json"][..], &paying].concat();
    desk.expect(1, "not-queued", &execute);
    let queued = desk.json(&as_str(&queue(&["s0.json", "s1.json"])));
    assert_eq!(queued["code"], "queued");
    let again = desk.json(&as_str(&queue(&["s0.json", "s1.json"])));
    assert_eq!(again["code"], "already-queued");
    desk.expect(1, "not-ready", &execute);

    let later = desk.scene.now().await + DELAY + 1;
    desk.scene.at(later).await;
    desk.scene.chain.mine(1).await.unwrap();
    let executed = desk.json(&execute);
    assert_eq!(executed["code"], "executed");
    assert_ne!(executed["rules"], write_address(&desk.scene.rules));
    assert_eq!(desk.json(&execute)["code"], "already-executed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guardian_revokes_at_once_and_an_owner_is_replaced() {
    let desk = Desk::new().await;
    let url = desk.scene.chain.url();
    let chain = ["--deployment", "d.json", "--rpc", &url];
    let subject = write_address(&keys::builder("beta").address());
    let revoke = [
        &["revoke", "--subject", &subject, "--out", "g.json"][..],
        &chain,
    ]
    .concat();
    desk.expect(0, "", &revoke);
    // The proposers have no say in it.
    desk.sign("g.json", "proposer0", "p0.json");
    desk.sign("g.json", "proposer1", "p1.json");
    desk.sign("g.json", "guardian0", "g0.json");
    desk.sign("g.json", "guardian1", "g1.json");
    let paying = [&revoke[..], &["--dev-key-file", "gas"]].concat();
    let wrong = ["--signature", "p0.json", "--signature", "p1.json"];
    desk.expect(1, "signature-refused", &[&paying[..], &wrong].concat());
    let right = ["--signature", "g0.json", "--signature", "g1.json"];
    assert_eq!(desk.json(&[&paying[..], &right].concat())["code"], "done");
    // The same signatures again: the Safe is further on.
    desk.expect(1, "nonce-differs", &[&paying[..], &right].concat());

    let [old, _, _] = owners("guardian").try_into().unwrap();
    let old = write_address(&old.address());
    let new = write_address(&keys::signer("newcomer").address());
    let owner = [
        "propose", "owner", "--safe", "guardian", "--old", &old, "--new", &new,
    ];
    desk.expect(0, "", &[&owner[..], &chain, &["--out", "o.json"]].concat());
    desk.sign("o.json", "guardian1", "o1.json");
    desk.sign("o.json", "guardian2", "o2.json");
    let queue = [
        "queue",
        "o.json",
        "--signature",
        "o1.json",
        "--signature",
        "o2.json",
    ];
    let told = desk.json(&[&queue[..], &chain, &["--dev-key-file", "gas"]].concat());
    assert_eq!(told["code"], "done");
    let gone = [
        "propose", "owner", "--safe", "guardian", "--old", &old, "--new", &new,
    ];
    desk.expect(
        1,
        "signature-refused",
        &[&gone[..], &chain, &["--out", "x.json"]].concat(),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_of_another_deployment_is_not_signed() {
    let desk = Desk::new().await;
    let url = desk.scene.chain.url();
    let pause = [
        "propose",
        "pause",
        "--seconds",
        "3600",
        "--deployment",
        "d.json",
    ];
    let out = ["--rpc", &url, "--out", "op.json"];
    desk.expect(0, "", &[&pause[..], &out].concat());
    let honest = fs::read_to_string(desk.path("op.json")).unwrap();
    let sign = [
        "sign",
        "bad.json",
        "--deployment",
        "d.json",
        "--dev-key-file",
        "guardian0",
    ];
    let sign = [&sign[..], &["--out", "s.json"]].concat();
    let elsewhere = write_address(&Address::repeat_byte(9));
    for (from, to, code) in [
        (
            "\"chainId\": 31337".to_owned(),
            "\"chainId\": 1".to_owned(),
            "other-deployment",
        ),
        (
            write_address(&desk.scene.guardian),
            elsewhere.clone(),
            "other-deployment",
        ),
        (
            write_address(&desk.scene.ledger),
            elsewhere,
            "unknown-target-refused",
        ),
    ] {
        let bad = honest.replacen(&from, &to, 1);
        assert_ne!(bad, honest);
        desk.write("bad.json", &bad);
        let output = desk.run(&sign);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        let found = said.lines().last().unwrap_or_default();
        assert!(
            found.starts_with(&format!("error[{code}]")) || found.contains("unknown"),
            "{said}"
        );
        assert!(!desk.path("s.json").exists());
    }
    desk.write("bad.json", "{}");
    desk.expect(2, "operation-malformed", &sign);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_safe_takes_its_hash_signed_as_a_message() {
    let desk = Desk::new().await;
    let url = desk.scene.chain.url();
    let subject = write_address(&keys::builder("beta").address());
    let revoke = [
        "revoke",
        "--subject",
        &subject,
        "--out",
        "g.json",
        "--deployment",
        "d.json",
        "--rpc",
        &url,
    ];
    desk.expect(0, "", &revoke);
    desk.sign("g.json", "guardian0", "g0.json");
    // What a device does that signs messages and no hashes.
    let operation = Operation::from_json(&fs::read(desk.path("g.json")).unwrap()).unwrap();
    let hash = operation.hashes().safe.safe_tx;
    let owner = &owners("guardian")[1];
    let signature = owner.sign_message_sync(hash.as_slice()).unwrap();
    let file = |signature| {
        let file = SignatureFile::new(hash, owner.address(), &signature);
        serde_json::to_string(&file).unwrap()
    };
    desk.write("g1.json", &file(OwnerSignature::Message(signature)));
    desk.write("wrong.json", &file(OwnerSignature::Hash(signature)));
    let with = |name| {
        let files = ["--dev-key-file", "gas", "--signature", "g0.json"];
        [&revoke[..], &files, &["--signature", name]].concat()
    };
    desk.expect(1, "signature-refused", &with("wrong.json"));
    assert_eq!(desk.json(&with("g1.json"))["code"], "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_is_meant_signs_and_only_with_what_is_built_in() {
    let desk = Desk::new().await;
    let url = desk.scene.chain.url();
    let pause = ["propose", "pause", "--seconds", "3600", "--out", "op.json"];
    let of = ["--deployment", "d.json", "--rpc", &url];
    desk.expect(0, "", &[&pause[..], &of].concat());
    let sign = ["sign", "op.json", "--deployment", "d.json", "--out", "s"];
    let signed = |more: &[&str], exit, code| {
        desk.expect(exit, code, &[&sign[..], more].concat());
        assert_eq!(desk.path("s").exists(), exit == 0, "{more:?}");
    };
    let [meant, other, _] = owners("guardian").try_into().unwrap();
    let (meant, other) = (meant.address(), other.address());
    let (meant, other) = (write_address(&meant), write_address(&other));
    let key = ["--dev-key-file", "guardian0", "--owner"];
    signed(&[&key[..], &[&other]].concat(), 1, "signer-other-account");
    signed(&[], 2, "usage");
    signed(&["--signer", "crystal-ball"], 2, "usage");
    signed(&["--signer", "ledger:m/44h"], 2, "usage");
    signed(&["--signer", "ledger", "--keystore", "k"], 2, "usage");
    signed(&["--signer", "ledger", "--password-file", "p"], 2, "usage");
    signed(&["--signer", "keystore:nowhere"], 2, "file-unusable");
    let version = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";
    let version = format!("gcp-kms:{version}");
    for (signer, built) in [
        ("ledger:3", cfg!(feature = "ledger")),
        ("trezor:m/44'/60'/0'/0/3", cfg!(feature = "trezor")),
        ("aws-kms:alias/owner", cfg!(feature = "aws-kms")),
        (version.as_str(), cfg!(feature = "gcp-kms")),
    ] {
        if !built {
            signed(&["--signer", signer], 2, "signer-not-built");
        }
    }
    signed(&[&key[..], &[&meant]].concat(), 0, "");
}
