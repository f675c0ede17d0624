//! The commands `decode` and `simulate` as they are used, with files.

mod simulate_scene;

use alloy::{
    signers::{SignerSync as _, local::PrivateKeySigner},
    sol_types::SolCall as _,
};
use alloy_primitives::{B256, Bytes, hex};
use seed_governance::{
    decode::{Call, SafeTransaction, checksum},
    safe::{SafeHashes, SignatureFile},
    signer::OwnerSignature,
};
use seed_testkit::keys;
use serde_json::{Value, json};
use simulate_scene::*;
use tempfile::TempDir;

struct Files {
    folder: TempDir,
    deployment: String,
}

impl Files {
    async fn new(scene: &Scene) -> Self {
        let mut files = Self {
            folder: tempfile::tempdir().unwrap(),
            deployment: String::new(),
        };
        let deployment = scene.deployment().await.to_string();
        files.deployment = files.write("deployment.json", deployment);
        files
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

/// A file of Safe's Transaction Builder, with its checksum.
fn builder_file(scene: &Scene, calls: &[&Call]) -> Value {
    let calls: Vec<_> = calls
        .iter()
        .map(|call| {
            json!({
                "to": call.target, "value": call.value.to_string(), "data": call.data,
                "contractMethod": null, "contractInputsValues": null,
            })
        })
        .collect();
    let mut file = json!({
        "version": "1.0", "chainId": "31337", "createdAt": 1_700_000_000_000_u64,
        "meta": {
            "name": "a change", "description": "", "txBuilderVersion": "1.16.5",
            "createdFromSafeAddress": scene.guardian, "createdFromOwnerAddress": "",
        },
        "transactions": calls,
    });
    file["meta"]["checksum"] = json!(checksum(&file));
    file
}

fn revoke(scene: &Scene) -> Call {
    let subject = keys::signer("beta").address();
    Call::to(scene.ledger, revokeCall { subject }.abi_encode().into())
}

#[test]
fn the_checksum_is_the_one_of_the_transaction_builder() {
    // The serialisation of this file, written out by hand: keys first, then each value and a comma.
    let file =
        json!({ "b": [1, "x"], "a": { "c": null }, "meta": { "name": "n", "checksum": "0x" } });
    let text = r#"{["a","b","meta"]{["c"]null,},[1,"x"],{["name"]null,},}"#;
    assert_eq!(checksum(&file), alloy_primitives::keccak256(text));
}

#[tokio::test]
async fn a_transaction_builder_file_is_decoded_and_simulated_and_replayed() {
    let scene = Scene::new().await;
    let files = Files::new(&scene).await;
    let file = files.write(
        "tx.json",
        builder_file(&scene, &[&revoke(&scene)]).to_string(),
    );
    let with = |command: &str, more: &[&str]| {
        let mut arguments = vec![command, &file, "--deployment", &files.deployment];
        arguments.extend(more);
        gov(&arguments)
    };
    let decoded = with("decode", &[]);
    assert_eq!((decoded.code, decoded.err.as_str()), (0, ""), "{decoded:?}");
    assert!(decoded.out.contains("1.1 On ledger"), "{decoded:?}");
    assert!(decoded.out.contains("revoke builder beta"), "{decoded:?}");

    let snapshot = files.path("snapshot.json");
    let url = scene.chain.url();
    let live = with("simulate", &["--rpc", &url, "--save", &snapshot]);
    assert_eq!((live.code, live.err.lines().count()), (0, 1), "{live:?}");
    assert!(
        live.err.starts_with("note: one endpoint was asked"),
        "{live:?}"
    );
    for line in [
        "signatures pretended",
        "control.revoked: 0x0 (none) -> 0x2 (builder beta",
        "never revoked -> revoked at",
        "nonce: 0 -> 1",
        "event ledger",
        "federation after: 2 of 3 builders",
    ] {
        assert!(live.out.contains(line), "{line}: {live:?}");
    }
    // Never over a file that is there.
    let again = with("simulate", &["--rpc", &url, "--save", &snapshot]);
    assert_eq!(again.code, 2, "{again:?}");
    let replayed = with("simulate", &["--snapshot", &snapshot]);
    assert_eq!((replayed.code, &replayed.out), (0, &live.out));

    let json = with("simulate", &["--snapshot", &snapshot, "--output", "json"]);
    let value: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(value["refused"], Value::Null);
    assert_eq!(value["objections"], json!([]));
    let storage = value["steps"][0]["storage"].as_array().unwrap();
    assert_eq!(storage.len(), 3);
    assert!(storage.iter().all(|change| change["expected"] == true));
    let hash = value["blockHash"].as_str().unwrap();
    let pinned = with(
        "simulate",
        &["--snapshot", &snapshot, "--expect-block", hash],
    );
    assert_eq!(pinned.code, 0, "{pinned:?}");
    let other = B256::repeat_byte(1).to_string();
    let pinned = with(
        "simulate",
        &["--snapshot", &snapshot, "--expect-block", &other],
    );
    assert!(pinned.err.starts_with("error[other-block]"), "{pinned:?}");
    assert_eq!(pinned.code, 1);
    // Another change needs other state.
    let pause = pauseCall { duration: 1 }.abi_encode();
    let pause = Call::to(scene.guardian, pause.into());
    let other = files.write("other.json", builder_file(&scene, &[&pause]).to_string());
    let run = gov(&[
        "simulate",
        &other,
        "--deployment",
        &files.deployment,
        "--snapshot",
        &snapshot,
    ]);
    assert_ne!(run.code, 0, "{run:?}");
}

#[tokio::test]
async fn signature_files_are_checked_by_the_safe_itself() {
    let scene = Scene::new().await;
    let files = Files::new(&scene).await;
    let revoke = revoke(&scene);
    let file = files.write("tx.json", builder_file(&scene, &[&revoke]).to_string());
    let transaction = SafeTransaction::new(scene.guardian, revoke, None);
    let hash = SafeHashes::new(31337, &transaction, 0).safe_tx;
    let sign = |key: &PrivateKeySigner| {
        let signature = key.sign_hash_sync(&hash).unwrap();
        let json = serde_json::to_vec(&SignatureFile::new(
            hash,
            key.address(),
            &OwnerSignature::Hash(signature),
        ));
        files.write(&format!("{}.json", key.address()), json.unwrap())
    };
    let signed: Vec<String> = owners("guardian").iter().map(sign).collect();
    let stranger = sign(&keys::signer("stranger"));
    let (url, snapshot) = (scene.chain.url(), files.path("snapshot.json"));
    let run = |signatures: &[&String], more: &[&str]| {
        let mut arguments = vec!["simulate", &file, "--deployment", &files.deployment];
        for signature in signatures {
            arguments.extend(["--signature", signature.as_str()]);
        }
        arguments.extend(more);
        gov(&arguments)
    };
    let live = ["--rpc", &url, "--save", &snapshot];
    let good = run(&[&signed[1], &signed[0]], &live);
    assert_eq!(good.code, 0, "{good:?}");
    assert!(!good.out.contains("signatures pretended"), "{good:?}");
    let again = run(&[&signed[0], &signed[1]], &["--snapshot", &snapshot]);
    assert_eq!(again.out, good.out);
    let few = run(&[&signed[0]], &["--snapshot", &snapshot]);
    assert_eq!(few.code, 1, "{few:?}");
    let strange = run(&[&signed[0], &stranger], &["--snapshot", &snapshot]);
    assert_eq!(strange.code, 1, "{strange:?}");
}

#[tokio::test]
async fn a_file_with_one_altered_byte_is_refused() {
    let scene = Scene::new().await;
    let files = Files::new(&scene).await;
    let good = builder_file(&scene, &[&revoke(&scene)])
        .to_string()
        .into_bytes();
    let mut refused = 0;
    for place in (0..good.len()).step_by(3) {
        let mut bytes = good.clone();
        bytes[place] ^= 1;
        let file = files.write("altered.json", &bytes);
        let run = gov(&["decode", &file, "--deployment", &files.deployment]);
        let same: Option<Value> = serde_json::from_slice(&bytes).ok();
        let harmless = same.is_some_and(|value| {
            let stated = value["meta"]["checksum"].as_str().map(str::to_owned);
            stated.is_some_and(|stated| stated == checksum(&value).to_string())
        });
        // A name is not part of the checksum, and a file without one is read with a note.
        if !harmless && !run.err.contains("no checksum") {
            assert!([1, 2].contains(&run.code), "byte {place}: {run:?}");
            refused += 1;
        }
        assert!(!run.err.contains("panicked"), "{run:?}");
    }
    assert!(refused > 150, "{refused}");
}

#[tokio::test]
async fn several_transactions_in_one_file_are_one_delegatecall() {
    let scene = Scene::new().await;
    let files = Files::new(&scene).await;
    let revoke = revoke(&scene);
    let file = files.write(
        "tx.json",
        builder_file(&scene, &[&revoke, &revoke]).to_string(),
    );
    let run = gov(&[
        "decode",
        &file,
        "--deployment",
        &files.deployment,
        "--allow-unknown",
    ]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.err.contains("error[delegatecall-refused]"), "{run:?}");
    assert_eq!(run.out.matches("revoke builder beta").count(), 2, "{run:?}");
}

#[tokio::test]
async fn a_plain_safe_transaction_and_its_typed_data_mean_the_same() {
    let scene = Scene::new().await;
    let files = Files::new(&scene).await;
    let revoke = revoke(&scene);
    let message = json!({
        "to": revoke.target, "value": "0", "data": revoke.data, "operation": 0, "safeTxGas": "0", "baseGas": "0",
        "gasPrice": "0", "gasToken": alloy_primitives::Address::ZERO, "nonce": 0,
        "refundReceiver": alloy_primitives::Address::ZERO,
    });
    let typed = json!({
        "types": {}, "primaryType": "SafeTx", "message": message,
        "domain": { "chainId": 31337, "verifyingContract": scene.guardian },
    });
    let mut plain = message.clone();
    plain["safe"] = json!(scene.guardian);
    let url = scene.chain.url();
    let run = |name: &str, value: &Value, more: &[&str]| {
        let file = files.write(name, value.to_string());
        let mut arguments = vec!["decode", &file, "--deployment", &files.deployment];
        arguments.extend(more);
        gov(&arguments)
    };
    let one = run("plain.json", &plain, &[]);
    let other = run("typed.json", &typed, &[]);
    assert_eq!((one.code, &one.out), (0, &other.out), "{one:?} {other:?}");
    // Another Safe, another chain, and a number twice.
    let stranger = hex::encode_prefixed(keys::signer("stranger").address());
    let wrong = run("plain.json", &plain, &["--safe", &stranger]);
    assert!(
        wrong.err.starts_with("error[other-deployment]"),
        "{wrong:?}"
    );
    let mut elsewhere = typed.clone();
    elsewhere["domain"]["chainId"] = json!(1);
    let wrong = run("typed.json", &elsewhere, &[]);
    assert!(
        wrong.err.starts_with("error[other-deployment]"),
        "{wrong:?}"
    );
    let twice = plain.to_string().replacen('{', r#"{"operation":1,"#, 1);
    let file = files.write("twice.json", twice);
    let wrong = gov(&["decode", &file, "--deployment", &files.deployment]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    // The nonce of the file is compared with the chain's.
    let mut later = plain.clone();
    later["nonce"] = json!("7");
    let file = files.write("later.json", later.to_string());
    let late = gov(&[
        "simulate",
        &file,
        "--deployment",
        &files.deployment,
        "--rpc",
        &url,
    ]);
    assert!(late.err.starts_with("error[safe-nonce]"), "{late:?}");
    assert_eq!(late.code, 1);
}

#[tokio::test]
async fn an_operation_file_is_the_safe_transaction_that_schedules_it() {
    let scene = Scene::new().await;
    let files = Files::new(&scene).await;
    let (_, rules) = scene.new_rules(2, false).await;
    let call = json!({ "target": rules.target, "value": "0", "data": rules.data });
    let operation = json!({
        "schemaVersion": 1, "chainId": 31337, "safe": scene.proposer, "nonce": 0, "timelock": scene.timelock,
        "delay": DELAY, "predecessor": B256::ZERO, "salt": B256::repeat_byte(7), "calls": [call],
        "description": "the same rules once more",
    });
    let run = |name: &str, value: &Value, more: &[&str]| {
        let file = files.write(name, value.to_string());
        let mut arguments = vec![more[0], &file, "--deployment", &files.deployment];
        arguments.extend(&more[1..]);
        gov(&arguments)
    };
    let schedule = scene.schedule(&rules, DELAY);
    let plain = json!({
        "safe": scene.proposer, "to": schedule.target, "value": "0", "data": schedule.data, "operation": 0,
    });
    let one = run("operation.json", &operation, &["decode"]);
    let other = run("plain.json", &plain, &["decode"]);
    assert_eq!((one.code, &one.out), (0, &other.out), "{one:?} {other:?}");
    let url = scene.chain.url();
    let run_live = run("operation.json", &operation, &["simulate", "--rpc", &url]);
    assert_eq!(run_live.code, 0, "{run_live:?}");
    assert!(
        run_live.out.contains("step 2: the execution of operation"),
        "{run_live:?}"
    );
    // A batch of two, and the guardian's one call without a timelock.
    let mut batch = operation.clone();
    batch["calls"] = json!([call, call]);
    let two = run("batch.json", &batch, &["decode"]);
    assert!(two.out.contains("(2 calls)"), "{two:?}");
    let revoke = revoke(&scene);
    let mut direct = operation.clone();
    direct["safe"] = json!(scene.guardian);
    direct["calls"] = json!([{ "target": revoke.target, "value": "0", "data": revoke.data }]);
    for field in ["timelock", "delay", "predecessor", "salt"] {
        direct[field] = Value::Null;
    }
    let direct = run("direct.json", &direct, &["decode"]);
    assert_eq!(
        (direct.code, direct.out.lines().count()),
        (0, 2),
        "{direct:?}"
    );
    for (field, wrong) in [
        ("schemaVersion", json!(2)),
        ("delay", Value::Null),
        ("unknown", json!(1)),
        ("nonce", json!(-1)),
        ("safe", json!("0x12")),
    ] {
        let mut broken = operation.clone();
        broken[field] = wrong;
        let run = run("broken.json", &broken, &["decode"]);
        assert_eq!(run.code, 2, "{field}: {run:?}");
    }
}

#[tokio::test]
async fn gov_05_a_hundred_payloads_that_are_not_what_was_shown() {
    let scene = Scene::new().await;
    let files = Files::new(&scene).await;
    let good = revoke(&scene);
    let to = hex::encode_prefixed(good.target);
    let safe = hex::encode_prefixed(scene.guardian);
    let decode = |data: &[u8]| {
        let data = hex::encode_prefixed(data);
        gov(&[
            "decode",
            "--calldata",
            &data,
            "--to",
            &to,
            "--safe",
            &safe,
            "--deployment",
            &files.deployment,
        ])
    };
    let honest = decode(&good.data);
    assert_eq!(honest.code, 0, "{honest:?}");
    let mut number = 0;
    for place in 0..good.data.len() {
        for bit in [0, 3, 6] {
            let mut data = good.data.to_vec();
            data[place] ^= 1 << bit;
            let run = decode(&data);
            assert!(
                run.code == 1 || run.out != honest.out,
                "byte {place}: {run:?}"
            );
            number += 1;
        }
    }
    assert!(number >= 100);
}

#[tokio::test]
async fn says_what_is_wrong_with_what_it_is_given() {
    let scene = Scene::new().await;
    let files = Files::new(&scene).await;
    let (url, deployment) = (scene.chain.url(), files.deployment.as_str());
    let garbage = files.write("garbage", [0xff; 100]);
    let huge = files.write("huge", vec![b' '; (1 << 20) + 1]);
    let folder = files.folder.path().to_str().unwrap();
    for file in [&garbage, &huge, folder, "/nonexistent\u{1b}[2J"] {
        let run = gov(&["decode", file, "--deployment", deployment]);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.err.starts_with("error[file-unusable]") && run.err.lines().count() == 1);
        assert!(
            run.err
                .trim_end()
                .bytes()
                .all(|byte| (b' '..=b'~').contains(&byte))
        );
        let run = gov(&[
            "decode",
            "--calldata",
            "0x",
            "--to",
            &hex::encode_prefixed(scene.ledger),
            "--deployment",
            file,
        ]);
        assert_eq!(run.code, 2, "{run:?}");
    }
    let data = hex::encode_prefixed(Bytes::from_static(&[1, 2, 3, 4]));
    let to = hex::encode_prefixed(scene.ledger);
    // Simulations that cannot be: nothing there, no endpoint, a snapshot that is none.
    let simulate = |against: [&str; 2]| {
        let asked = ["simulate", "--calldata", &data, "--to", &to];
        gov(&[&asked[..], &["--deployment", deployment], &against].concat())
    };
    let refused = simulate(["--rpc", &url]);
    assert!(
        refused.err.contains("error[simulation-reverted]"),
        "{refused:?}"
    );
    assert_eq!(refused.code, 1);
    let nobody = "http://127.0.0.1:1";
    let silent = simulate(["--rpc", nobody]);
    assert_eq!(silent.code, 3, "{silent:?}");
    let none = simulate(["--snapshot", &garbage]);
    assert!(
        none.err.starts_with("error[snapshot-malformed]"),
        "{none:?}"
    );
    assert_eq!(none.code, 2);
    for usage in [
        &["decode"][..],
        &["decode", "--queue", "--deployment", deployment],
        &["decode", "--queue", "--rpc", &url],
        &["decode", "--calldata", "0x123", "--to", &to],
        &["decode", "--calldata", "0x", "--to", "0x12"],
        &[
            "decode",
            "--calldata",
            "0x",
            "--to",
            &to,
            "--operation",
            "2",
        ],
        &["simulate", "--calldata", "0x", "--to", &to, "--rpc", &url],
        &[
            "simulate",
            "--calldata",
            "0x",
            "--to",
            &to,
            "--deployment",
            deployment,
        ],
    ] {
        let run = gov(usage);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{usage:?} {run:?}");
    }
}
