use alloy_primitives::keccak256;
use seed_attestation::{ATTESTATION_TYPE, DOMAIN_TYPE, DSSE_TYPE, Envelope, GENESIS_TYPE, pae};
use seed_primitives::{SOURCE_TYPE, Source};
use serde_json::{Value, json};

use super::{Scene, hex0x};
use crate::keys;

/// Sources with their releases: a SHA-1 and a SHA-256 commit, a root target, another recipe.
pub(super) fn sources() -> Value {
    let base = Scene::source();
    let sha256_commit = Source {
        commit: "89".repeat(32).parse().expect("fixed"),
        ..Scene::source()
    };
    let root_target = Source {
        target: "seed".parse().expect("fixed"),
        ..Scene::source()
    };
    let mut recipe = Scene::recipe();
    recipe.reissue = 1;
    let reissued = Source {
        recipe: recipe.digest(),
        ..Scene::source()
    };
    let case = |name: &str, source: &Source, recipe: &str| {
        json!({
            "name": name,
            "source": source,
            "recipe": recipe,
            "narHash": hex0x(source.nar_hash.as_bytes()),
            "flakeLock": hex0x(source.flake_lock.as_bytes()),
            "recipeDigest": hex0x(source.recipe.as_bytes()),
            "commit": hex0x(source.commit.as_bytes()),
            "release": source.release(),
        })
    };
    let text =
        |recipe: &seed_primitives::Recipe| String::from_utf8_lossy(&recipe.to_bytes()).into_owned();
    let first = text(&Scene::recipe());
    json!({
        "type": SOURCE_TYPE,
        "typeHash": hex0x(keccak256(SOURCE_TYPE)),
        "cases": [
            case("sha1-commit", &base, &first),
            case("sha256-commit", &sha256_commit, &first),
            case("root-target", &root_target, &first),
            case("reissued", &reissued, &text(&recipe)),
        ],
    })
}

/// Everything that is signed: type hashes, domain separator, digests and signatures.
pub(super) fn digests() -> Value {
    let domain = Scene::domain();
    let release = Scene::source().release();
    let root = Scene::leaves(0b11).root();
    let payload = Scene::statement("ada").to_json().expect("fixed");
    let encoded = pae(seed_attestation::media::IN_TOTO, &payload);
    let types = [DOMAIN_TYPE, ATTESTATION_TYPE, GENESIS_TYPE, DSSE_TYPE];
    let attestations: Vec<Value> = Scene::release_data()
        .record
        .entries
        .iter()
        .zip(Scene::BUILDERS)
        .map(|(entry, name)| {
            let verified = Scene::attestation(name, entry.systems)
                .verify(&domain)
                .expect("fixed");
            json!({
                "name": name,
                "builder": verified.builder(),
                "systems": entry.systems,
                "root": verified.root().to_string(),
                "evidence": hex0x(entry.evidence.as_bytes()),
                "digest": hex0x(verified.digest()),
                "signature": verified.attestation().signature,
            })
        })
        .collect();
    let genesis = domain.genesis_digest(Scene::rules_code_hash(), &release, &root);
    let dsse = Envelope::digest(&domain, &payload);
    json!({
        "types": types.map(|text| json!({"type": text, "typeHash": hex0x(keccak256(text))})),
        "domain": {
            "name": "NixSeed",
            "version": "1",
            "chainId": domain.chain_id,
            "verifyingContract": hex0x(domain.ledger),
            "separator": hex0x(domain.separator()),
        },
        "release": release,
        "rules": hex0x(Scene::rules()),
        "attestations": attestations,
        "genesis": {
            "rulesCodeHash": hex0x(Scene::rules_code_hash()),
            "root": root.to_string(),
            "digest": hex0x(genesis),
            "builder": keys::builder("ada"),
            "signature": keys::sign("ada", &genesis),
        },
        "dsse": {
            "payload": hex0x(&payload),
            "pae": hex0x(encoded),
            "digest": hex0x(dsse),
            "builder": keys::builder("ada"),
            "signature": keys::sign("ada", &dsse),
        },
    })
}
