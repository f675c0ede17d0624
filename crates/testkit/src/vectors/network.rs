use seed_attestation::{
    NETWORK_DOMAIN_TYPE, NETWORK_TYPE, Network, NetworkBuilder, NetworkDeployment, NetworkFile,
    NetworkRules, NetworkSignature,
};
use seed_primitives::{Environment, canonical_json};
use serde_json::{Value, json};

use super::hex0x;
use crate::keys;

/// Whose signatures are in the file, in the order of their addresses.
const SIGNERS: [&str; 3] = ["ada", "bo", "cy"];

fn deployment(name: &str, chain_id: u64, environment: Environment) -> NetworkDeployment {
    let mut builders: Vec<NetworkBuilder> = SIGNERS
        .iter()
        .map(|name| NetworkBuilder {
            address: keys::builder(name),
            domains: vec![format!("{name} Ltd"), "~".to_owned()],
            name: (*name).to_owned(),
        })
        .collect();
    builders.sort_by_key(|builder| builder.address);
    let rules = |byte: u8| NetworkRules {
        code_hash: [byte; 32].into(),
        logic_hash: [0x33; 32].into(),
    };
    NetworkDeployment {
        block: 100,
        builders,
        chain_id,
        environment,
        genesis: [0x11; 32].into(),
        ledger: [0x1e; 20].into(),
        ledger_code_hash: [0xc0; 32].into(),
        name: name.to_owned(),
        rules: vec![rules(0x22), rules(0x23)],
    }
}

fn file() -> NetworkFile {
    let network = Network {
        deployments: vec![
            deployment("base", 8453, Environment::Production),
            deployment("base-sepolia", 84532, Environment::Staging),
        ],
        expires: 1_830_000_000,
        issued: 1_800_000_000,
        name: "nix-seed.example".to_owned(),
        sequence: 7,
        version: 1,
    };
    let digest = network.signing_digest();
    let mut signatures: Vec<NetworkSignature> = SIGNERS
        .iter()
        .map(|name| NetworkSignature {
            key: keys::builder(name),
            signature: keys::sign(name, &digest),
        })
        .collect();
    signatures.sort_by_key(|one| one.key);
    NetworkFile {
        network,
        signatures,
    }
}

fn written(file: &NetworkFile) -> String {
    String::from_utf8(file.to_json().expect("fixed")).expect("UTF-8")
}

/// One file that three keys signed, and what they signed.
pub(super) fn golden() -> Value {
    let file = file();
    let network = &file.network;
    json!({
        "domainType": NETWORK_DOMAIN_TYPE,
        "type": NETWORK_TYPE,
        "file": written(&file),
        "digest": network.digest().expect("fixed"),
        "typedData": network.typed_data().expect("fixed"),
        "signingDigest": hex0x(network.signing_digest()),
    })
}

/// One file per corruption, each refused.
pub(super) fn negative() -> Vec<(&'static str, String)> {
    let good = written(&file());
    let value: Value = serde_json::from_str(&good).expect("fixed");
    let set = |pointer: &str, new: Value| {
        let mut value = value.clone();
        *value.pointer_mut(pointer).expect("fixed") = new;
        String::from_utf8(canonical_json(&value).expect("fixed")).expect("UTF-8")
    };
    let reversed = |pointer: &str| {
        let mut list = value.pointer(pointer).expect("fixed").clone();
        list.as_array_mut().expect("a list").reverse();
        set(pointer, list)
    };
    let twice = |pointer: &str| {
        let mut list = value.pointer(pointer).expect("fixed").clone();
        let list = list.as_array_mut().expect("a list");
        list.insert(0, list[0].clone());
        set(pointer, json!(list))
    };
    let without = |pointer: &str, field: &str| {
        let mut value = value.clone();
        let object = value.pointer_mut(pointer).and_then(Value::as_object_mut);
        object.expect("an object").remove(field).expect("a field");
        String::from_utf8(canonical_json(&value).expect("fixed")).expect("UTF-8")
    };
    let with = |pointer: &str, field: &str| {
        let mut value = value.clone();
        let object = value.pointer_mut(pointer).and_then(Value::as_object_mut);
        object
            .expect("an object")
            .insert(field.to_owned(), json!(1));
        String::from_utf8(canonical_json(&value).expect("fixed")).expect("UTF-8")
    };
    let first = "/network/deployments/0";
    let at = |field: &str| format!("{first}/{field}");
    let second_signature = value["signatures"][1]["signature"].clone();
    let zero = json!(format!("0x{}", "0".repeat(64)));
    vec![
        ("white-space", good.replacen(':', ": ", 1)),
        ("line-end", format!("{good}\n")),
        ("trailing-byte", format!("{good}}}")),
        ("byte-order-mark", format!("\u{feff}{good}")),
        ("empty", String::new()),
        ("cut-off", good[..good.len() - 1].to_owned()),
        (
            "escape",
            good.replacen("nix-seed.example", "nix\\u002dseed.example", 1),
        ),
        (
            "duplicate-field",
            good.replacen("\"sequence\":7", "\"sequence\":7,\"sequence\":7", 1),
        ),
        (
            "unsorted-fields",
            good.replacen(
                "\"sequence\":7,\"version\":1",
                "\"version\":1,\"sequence\":7",
                1,
            ),
        ),
        ("unknown-field", with("", "more")),
        ("unknown-field-of-the-network", with("/network", "more")),
        ("unknown-field-of-a-deployment", with(first, "more")),
        (
            "unknown-field-of-a-signature",
            with("/signatures/0", "more"),
        ),
        ("missing-signatures", without("", "signatures")),
        ("missing-expiry", without("/network", "expires")),
        ("missing-ledger", without(first, "ledger")),
        ("other-version", set("/network/version", json!(2))),
        ("sequence-zero", set("/network/sequence", json!(0))),
        (
            "sequence-too-high",
            set("/network/sequence", json!(1_u64 << 53)),
        ),
        ("sequence-as-text", set("/network/sequence", json!("7"))),
        (
            "sequence-as-float",
            good.replacen("\"sequence\":7", "\"sequence\":7.0", 1),
        ),
        ("sequence-negative", set("/network/sequence", json!(-7))),
        (
            "expires-when-issued",
            set("/network/expires", json!(1_800_000_000)),
        ),
        (
            "expires-after-three-years",
            set("/network/expires", json!(1_894_608_000)),
        ),
        ("issued-at-zero", set("/network/issued", json!(0))),
        ("name-empty", set("/network/name", json!(""))),
        (
            "name-in-upper-case",
            set("/network/name", json!("Nix-seed.example")),
        ),
        (
            "name-that-looks-alike",
            set("/network/name", json!("n\u{456}x-seed.example")),
        ),
        ("name-too-long", set("/network/name", json!("a".repeat(64)))),
        ("no-deployments", set("/network/deployments", json!([]))),
        ("swapped-deployments", reversed("/network/deployments")),
        ("a-deployment-twice", twice("/network/deployments")),
        (
            "one-ledger-twice",
            set("/network/deployments/1/chainId", json!(8453)),
        ),
        ("chain-zero", set(&at("chainId"), json!(0))),
        (
            "unknown-environment",
            set(&at("environment"), json!("Production")),
        ),
        ("genesis-zero", set(&at("genesis"), zero.clone())),
        (
            "ledger-zero",
            set(&at("ledger"), json!(format!("0x{}", "0".repeat(40)))),
        ),
        (
            "ledger-in-mixed-case",
            set(&at("ledger"), json!(format!("0x{}", "1E".repeat(20)))),
        ),
        ("ledger-code-zero", set(&at("ledgerCodeHash"), zero.clone())),
        ("no-rules", set(&at("rules"), json!([]))),
        ("swapped-rules", reversed(&at("rules"))),
        ("rules-twice", twice(&at("rules"))),
        ("rules-zero", set(&at("rules/0/codeHash"), zero.clone())),
        ("logic-zero", set(&at("rules/0/logicHash"), zero)),
        ("swapped-builders", reversed(&at("builders"))),
        ("a-builder-twice", twice(&at("builders"))),
        (
            "two-builders-of-one-name",
            set(
                &at("builders/0/name"),
                value["network"]["deployments"][0]["builders"][1]["name"].clone(),
            ),
        ),
        (
            "a-builder-without-domains",
            set(&at("builders/0/domains"), json!([])),
        ),
        ("swapped-domains", reversed(&at("builders/0/domains"))),
        (
            "a-name-with-a-control-character",
            set(&at("builders/0/name"), json!("a\u{7f}")),
        ),
        (
            "a-name-with-space-around",
            set(&at("builders/0/name"), json!(" a")),
        ),
        ("swapped-signatures", reversed("/signatures")),
        ("a-signature-twice", twice("/signatures")),
        (
            "a-signature-of-another-key",
            set("/signatures/0/signature", second_signature),
        ),
        (
            "a-signature-over-another-number",
            set("/network/sequence", json!(8)),
        ),
        (
            "a-signature-over-another-ledger",
            set(&at("ledger"), json!(format!("0x{}", "1f".repeat(20)))),
        ),
        (
            "a-signature-in-65-bytes",
            set(
                "/signatures/0/signature",
                json!(format!("0x{}", "1b".repeat(65))),
            ),
        ),
        (
            "a-signature-with-s-in-the-upper-half",
            set(
                "/signatures/0/signature",
                json!(format!("0x{}{}", "11".repeat(32), "7f".repeat(32))),
            ),
        ),
    ]
}
