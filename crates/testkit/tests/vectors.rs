//! The committed vectors, read from disk as an outsider would: golden ones are recomputed from their inputs,
//! negative ones are refused by the parser of their kind.

use std::path::{Path, PathBuf};

use alloy_primitives::{Address, B256};
use seed_attestation::{
    Attestation, Domain, Envelope, EvidenceManifest, GenesisSignature, Locator, Record,
    ReleaseData, Signature, Statement,
};
use seed_merkle::{InclusionProof, Leaves, Root};
use seed_primitives::{BuilderId, Digest, Recipe, Source, System, parse_address, parse_bytes32};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors")
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn golden(name: &str) -> Value {
    read(&folder().join(name))
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is not a text"))
}

fn word(value: &Value) -> B256 {
    parse_bytes32(text(value)).unwrap()
}

fn digest(value: &Value) -> Digest {
    Digest::from_bytes(word(value).0).unwrap()
}

fn address(value: &Value) -> Address {
    parse_address(text(value)).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(text(value).strip_prefix("0x").unwrap()).unwrap()
}

#[test]
fn files_on_disk_are_exactly_the_generated_ones() {
    for (name, expected) in seed_testkit::vectors::all() {
        let found = std::fs::read_to_string(folder().join(&name)).unwrap_or_default();
        assert_eq!(
            found, expected,
            "{name}: run `cargo run -p xtask -- vectors`"
        );
    }
}

#[test]
fn sources_hash_to_their_releases() {
    for case in golden("source.json")["cases"].as_array().unwrap() {
        let source: Source = serde_json::from_value(case["source"].clone()).unwrap();
        assert_eq!(source.release().to_string(), text(&case["release"]));
        let recipe = Recipe::from_bytes(text(&case["recipe"]).as_bytes()).unwrap();
        assert_eq!(recipe.digest(), source.recipe);
    }
}

#[test]
fn trees_have_their_roots_and_every_path_leads_there() {
    for tree in golden("merkle.json").as_array().unwrap() {
        let systems = tree["systems"].as_array().unwrap().iter();
        let leaves: Vec<(System, Digest)> = systems
            .zip(tree["digests"].as_array().unwrap())
            .map(|(system, image)| (text(system).parse().unwrap(), digest(image)))
            .collect();
        let root: Root = text(&tree["root"]).parse().unwrap();
        assert_eq!(Leaves::new(leaves.clone()).unwrap().root(), root);
        for (index, (system, image)) in leaves.iter().enumerate() {
            let path = tree["paths"][index]
                .as_array()
                .unwrap()
                .iter()
                .map(word)
                .collect();
            assert!(
                InclusionProof {
                    index,
                    count: leaves.len(),
                    path
                }
                .verify(&root, system, image)
            );
        }
    }
}

fn domain(vectors: &Value) -> Domain {
    Domain {
        chain_id: vectors["domain"]["chainId"].as_u64().unwrap(),
        ledger: address(&vectors["domain"]["verifyingContract"]),
    }
}

#[test]
fn signed_digests_recover_to_their_builders() {
    let vectors = golden("typed-data.json");
    let domain = domain(&vectors);
    assert_eq!(domain.separator(), word(&vectors["domain"]["separator"]));
    let release = text(&vectors["release"]).parse().unwrap();
    let check = |case: &Value, digest: B256| {
        assert_eq!(digest, word(&case["digest"]));
        let signature: Signature = text(&case["signature"]).parse().unwrap();
        let builder: BuilderId = text(&case["builder"]).parse().unwrap();
        signature.expect_signer(&digest, builder).unwrap();
    };
    let rules = address(&vectors["rules"]);
    for case in vectors["attestations"].as_array().unwrap() {
        let root = text(&case["root"]).parse().unwrap();
        check(
            case,
            domain.attestation_digest(&release, &root, &digest(&case["evidence"]), rules),
        );
    }
    let genesis = &vectors["genesis"];
    let root = text(&genesis["root"]).parse().unwrap();
    check(
        genesis,
        domain.genesis_digest(word(&genesis["rulesCodeHash"]), &release, &root),
    );
    let dsse = &vectors["dsse"];
    check(dsse, Envelope::digest(&domain, &bytes(&dsse["payload"])));
}

#[test]
fn the_record_hashes_to_its_commitment() {
    let vector = golden("record.json");
    let record = Record::parse(&bytes(&vector["record"])).unwrap();
    assert_eq!(record.commitment(), word(&vector["commitment"]));
    assert_eq!(record.root, text(&vector["root"]).parse().unwrap());
    let data = ReleaseData::parse(&bytes(&vector["eventData"])).unwrap();
    assert_eq!(data.record, record);
    let systems: Vec<System> = serde_json::from_value(vector["systems"].clone()).unwrap();
    assert_eq!(record.leaves(&systems, 0b11).unwrap().root(), record.root);
}

#[test]
fn documents_are_read_back() {
    let vector = golden("documents.json");
    let document = |name: &str| text(&vector[name]).as_bytes().to_vec();
    let domain = domain(&golden("typed-data.json"));
    Attestation::from_json(&document("attestation"))
        .unwrap()
        .verify(&domain)
        .unwrap();
    GenesisSignature::from_json(&document("genesis"))
        .unwrap()
        .verify(&domain)
        .unwrap();
    let statement = Statement::from_json(&document("statement")).unwrap();
    let envelope = Envelope::from_json(&document("envelope")).unwrap();
    let opened = envelope.open_as(&domain, statement.builder).unwrap();
    assert_eq!(opened.payload(), document("statement"));
    EvidenceManifest::from_json(&document("evidence")).unwrap();
    assert_eq!(
        Digest::of(&document("evidence")).to_string(),
        text(&vector["evidenceDigest"])
    );
    Locator::from_json(&document("locator")).unwrap();
}

/// Every file below `negative/<kind>`.
fn negatives(kind: &str) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder().join("negative").join(kind)).unwrap();
    let found: Vec<_> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            (
                path.display().to_string(),
                text(&read(&path)["input"]).to_owned(),
            )
        })
        .collect();
    assert!(!found.is_empty(), "{kind}");
    found
}

#[test]
fn every_negative_record_is_refused() {
    for (file, input) in negatives("record") {
        assert!(
            Record::parse(&hex::decode(&input[2..]).unwrap()).is_err(),
            "{file}"
        );
    }
}

#[test]
fn every_negative_signature_is_refused() {
    let vectors = golden("typed-data.json");
    let ada = &vectors["attestations"][0];
    let (digest, builder) = (word(&ada["digest"]), text(&ada["builder"]).parse().unwrap());
    for (file, input) in negatives("signature") {
        let signature = Signature::from_bytes(&hex::decode(&input[2..]).unwrap());
        let refused = signature.and_then(|signature| signature.expect_signer(&digest, builder));
        assert!(refused.is_err(), "{file}");
    }
}

#[test]
fn every_negative_document_is_refused() {
    type Parser = fn(&[u8]) -> bool;
    let parsers: [(&str, Parser); 4] = [
        ("attestation", |b| Attestation::from_json(b).is_ok()),
        ("statement", |b| Statement::from_json(b).is_ok()),
        ("envelope", |b| Envelope::from_json(b).is_ok()),
        ("evidence", |b| EvidenceManifest::from_json(b).is_ok()),
    ];
    for (kind, accepts) in parsers {
        for (file, input) in negatives(kind) {
            assert!(!accepts(input.as_bytes()), "{file}");
        }
    }
}
