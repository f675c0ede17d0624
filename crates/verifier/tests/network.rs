//! Network files from their making to a verdict: what their keys did not sign, what is old and what is over is refused.

mod common;

use std::{fs, process::Output};

use common::{World, schema::read_output};
use seed_attestation::{NetworkFile, Signature};
use seed_testkit::keys;
use serde_json::{Value, json};

const KEYS: [&str; 3] = ["network one", "network two", "network three"];

impl World {
    fn go(&self, arguments: &[&str]) -> Output {
        tokio::task::block_in_place(|| self.run(arguments))
    }

    #[track_caller]
    fn fine(&self, arguments: &[&str]) -> (String, String) {
        let output = self.go(arguments);
        assert!(output.status.success(), "{arguments:?} {output:?}");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    }

    #[track_caller]
    fn refused(&self, code: &str, arguments: &[&str]) {
        let output = self.go(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains(&format!("error[{code}]: ")), "{errors}");
    }

    fn network(&self, name: &str) -> NetworkFile {
        NetworkFile::from_json(&fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// Makes a file with this number out of a deployment file, unsigned.
    #[track_caller]
    fn unsigned(&self, number: &str, deployment: &str, more: &[&str], out: &str) {
        let deployment = format!("main={deployment}");
        let create = [
            "network",
            "create",
            "--name",
            "nix-seed.example",
            "--sequence",
            number,
            "--expires",
            "2027-11-20T00:00:00Z",
            "--deployment",
            &deployment,
            "--out",
            out,
        ];
        self.fine(&[&create[..], more].concat());
    }

    /// Has a file signed by these keys, each with a wallet's 65 bytes or in the short form.
    #[track_caller]
    fn sign(&self, file: &str, names: &[&str], out: &str) {
        let digest = self.network(file).network.signing_digest();
        let mut arguments = vec!["network", "sign", file, "--out", out];
        let signatures: Vec<String> = names
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let signature: Signature = keys::sign(name, &digest);
                if at % 2 == 0 {
                    return signature.to_string();
                }
                let full = alloy_primitives::Signature::from_erc2098(signature.as_bytes());
                format!("0x{}", hex::encode(full.as_bytes()))
            })
            .collect();
        for signature in &signatures {
            arguments.extend(["--signature", signature]);
        }
        let (_, said) = self.fine(&arguments);
        for name in names {
            assert!(said.contains(&keys::builder(name).to_string()), "{said}");
        }
    }

    fn init(&self, network: &str, names: &[&str], more: &[&str], out: &str) -> Vec<String> {
        let mut arguments = vec!["policy", "init", "--network", network, "--out", out];
        let source = self.second.source.uri.to_string();
        let endpoints: Vec<_> = common::OPERATORS
            .iter()
            .zip(&self.liars)
            .map(|(operator, liar)| format!("{operator},EE={}", liar.url()))
            .collect();
        let pinned: Vec<_> = names
            .iter()
            .map(|name| keys::builder(name).to_string())
            .collect();
        arguments.extend(endpoints.iter().flat_map(|one| ["--endpoint", one]));
        arguments.extend(pinned.iter().flat_map(|one| ["--network-key", one]));
        arguments.extend(["--source", &source]);
        arguments.extend(more);
        arguments.into_iter().map(str::to_owned).collect()
    }
}

fn texts(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_takes_its_anchor_from_a_file_that_enough_keys_signed_and_follows_it() {
    let world = World::start().await;
    let image = world.image("images");
    world.unsigned("4", "deployment.json", &[], "n4");
    let request: Value =
        serde_json::from_str(&world.fine(&["network", "request", "n4"]).0).unwrap();
    assert_eq!(request["primaryType"], "Network");
    assert_eq!(request["message"]["sequence"], 4);
    assert_eq!(request, world.network("n4").network.typed_data().unwrap());

    // Unsigned, signed by one of three, by strangers: no policy.
    let init = |file: &str, more: &[&str], out: &str| world.init(file, &KEYS, more, out);
    world.refused("network-unsigned", &texts(&init("n4", &[], "p0")));
    world.sign("n4", &KEYS[..1], "n4-one");
    world.refused("network-unsigned", &texts(&init("n4-one", &[], "p0")));
    world.sign("n4-one", &["ada", "bo", "cy"], "n4-strangers");
    world.refused("network-unsigned", &texts(&init("n4-strangers", &[], "p0")));
    // The same key twice is one key, and is not even written.
    let digest = world.network("n4").network.signing_digest();
    let again = keys::sign(KEYS[0], &digest).to_string();
    let twice = [
        "network",
        "sign",
        "n4-one",
        "--signature",
        &again,
        "--out",
        "p0",
    ];
    world.refused("network-malformed", &twice);

    world.sign("n4-strangers", &KEYS[1..2], "n4-two");
    world.refused(
        "network-unsigned",
        &texts(&init("n4-two", &["--network-threshold", "3"], "p0")),
    );
    world.refused(
        "usage",
        &texts(&init("n4-two", &["--network-threshold", "1"], "p0")),
    );
    world.refused(
        "usage",
        &texts(&init("n4-two", &["--network-deployment", "other"], "p0")),
    );
    assert!(!world.path("p0").exists());
    world.fine(&texts(&init("n4-two", &[], "p4")));
    let (shown, _) = world.fine(&["policy", "explain", "p4"]);
    assert!(
        shown.contains("deployment main of nix-seed.example, file 4"),
        "{shown}"
    );
    let release = world.good(&["--policy", "p4", &image]);
    assert_eq!(release["inclusion"]["sequence"], 2);
    let (shown, _) = world.fine(&["network", "inspect", "n4-two"]);
    assert!(shown.contains("shown, not verified"), "{shown}");
    common::lines::fits_a_terminal(&shown);
    let mut inspect = vec!["network", "inspect", "n4-two"];
    let pinned: Vec<_> = KEYS
        .iter()
        .map(|name| keys::builder(name).to_string())
        .collect();
    inspect.extend(pinned.iter().flat_map(|one| ["--network-key", one]));
    assert!(
        world
            .fine(&inspect)
            .0
            .contains("signed by at least 2 of 3 pinned keys")
    );
    let looked = |arguments: &[&str]| {
        let printed = world.fine(&[arguments, &["--output", "json"]].concat()).0;
        read_output(printed.as_bytes())
    };
    let network = world.network("n4-two").network;
    let signers = |pinned: &[&str]| {
        let file = world.network("n4-two");
        let keys = file.signatures.iter().map(|one| one.key);
        let pinned: Vec<_> = pinned.iter().map(|name| keys::builder(name)).collect();
        Value::from_iter(keys.map(|key| json!({"key": key, "pinned": pinned.contains(&key)})))
    };
    let shown = looked(&["network", "inspect", "n4-two"]);
    assert_eq!(shown["network"], serde_json::to_value(&network).unwrap());
    assert_eq!(shown["digest"], network.digest().unwrap().to_string());
    assert_eq!(shown["signers"], signers(&[]));
    assert_eq!(shown["verified"], Value::Null);
    let verified = looked(&inspect);
    assert_eq!(verified["signers"], signers(&KEYS[..2]));
    assert_eq!(verified["verified"]["keys"], json!(pinned));
    assert_eq!(verified["verified"]["threshold"], 2);
    let time = verified["verified"]["time"].as_u64().unwrap();
    assert!((network.issued..network.expires).contains(&time));
    inspect[2] = "n4-one";
    world.refused("network-unsigned", &inspect);

    // What is over is over, and nobody is told it was an attack.
    let expires = format!("expires = {}", world.network("n4").network.expires);
    world.policy_from("p4", "over", &[(&expires, "expires = 1790000000")]);
    world.bad(3, "network-expired", &["--policy", "over", &image]);

    // A newer file takes its place, with the policy's own text around it.
    let mut moved = fs::read_to_string(world.path("deployment.json")).unwrap();
    let ledger = seed_primitives::write_address(&world.deployment.ledger);
    moved = moved.replace(&ledger, &format!("0x{}", "5e".repeat(20)));
    fs::write(world.path("moved.json"), moved).unwrap();
    let hash = |byte: &str| format!("0x{}", byte.repeat(32));
    let rules = format!("main={},{}", hash("77"), hash("78"));
    world.policy_from("p4", "p4-own", &[("version = 1\n", "version = 1 # mine\n")]);
    world.unsigned("5", "moved.json", &["--rules", &rules], "n5");
    world.sign("n5", &KEYS[1..], "n5-two");
    let update = |policy: &str, file: &str, out: &str| {
        ["policy", "update", policy, "--network", file, "--out", out]
            .map(str::to_owned)
            .to_vec()
    };
    let (_, said) = world.fine(&texts(&update("p4-own", "n5-two", "p5")));
    assert!(
        said.contains("note: the anchor changes") && said.contains(&hash("77")),
        "{said}"
    );
    let new = fs::read_to_string(world.path("p5")).unwrap();
    assert!(
        new.contains("version = 1 # mine\n") && new.contains(&"5e".repeat(20)),
        "{new}"
    );
    assert!(
        new.contains("sequence = 5\n") && new.contains(&hash("77")),
        "{new}"
    );
    world.bad(3, "ledger-unknown", &["--policy", "p5", &image]);

    // Nothing older, nothing else of its number, nothing of another network, nothing unsigned; the same is no change.
    world.refused("network-older", &texts(&update("p5", "n4-two", "p6")));
    world.unsigned("5", "deployment.json", &[], "n5-other");
    world.sign("n5-other", &KEYS, "n5-other-signed");
    world.refused(
        "network-older",
        &texts(&update("p5", "n5-other-signed", "p6")),
    );
    let named = ("name = \"nix-seed.example\"", "name = \"other.example\"");
    world.policy_from("p4", "p4-other", &[named]);
    world.refused("network-older", &texts(&update("p4-other", "n5-two", "p6")));
    world.refused("network-unsigned", &texts(&update("p4", "n5", "p6")));
    world.refused("usage", &texts(&update("policy.toml", "n5-two", "p6")));
    let gone = ("deployment = \"main\"", "deployment = \"gone\"");
    world.policy_from("p4", "p4-gone", &[gone]);
    world.refused("usage", &texts(&update("p4-gone", "n5-two", "p6")));
    assert!(!world.path("p6").exists());
    world.fine(&texts(&update("p5", "n5-two", "p5-again")));
    assert_eq!(fs::read_to_string(world.path("p5-again")).unwrap(), new);

    // A byte changed after it was signed.
    let bytes = fs::read_to_string(world.path("n4-two")).unwrap();
    fs::write(
        world.path("changed"),
        bytes.replace("\"sequence\":4", "\"sequence\":9"),
    )
    .unwrap();
    world.refused("network-malformed", &texts(&init("changed", &[], "p7")));
    fs::write(world.path("changed"), bytes + "\n").unwrap();
    world.refused("network-malformed", &texts(&init("changed", &[], "p7")));
    world.refused("file-unreadable", &texts(&init("nowhere", &[], "p7")));
}

impl World {
    /// A policy file made from another by replacing text.
    #[track_caller]
    fn policy_from(&self, from: &str, name: &str, replacements: &[(&str, &str)]) {
        let mut text = fs::read_to_string(self.path(from)).unwrap();
        for (old, new) in replacements {
            assert!(text.contains(old), "{old} is not in\n{text}");
            text = text.replace(old, new);
        }
        fs::write(self.path(name), text).unwrap();
    }
}
