//! `seed-aggregator once` against a real chain with the real contracts, and real places.

mod common;

use std::fs;

use common::{SYSTEMS, World, image, push, source};
use seed_attestation::{Locator, locator_tag, media};
use seed_oci::{Options, Place, Repository};
use seed_primitives::{Digest, write_bytes32};
use seed_testkit::{chain::LocalChain, keys, registry::LocalRegistry};
use serde_json::{Value, json};

fn blob(world: &World, layout: &str, digest: &Digest) -> std::path::PathBuf {
    world
        .path(layout)
        .join("blobs/sha256")
        .join(digest.to_hex())
}

fn refusal<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let votes = answer["releases"][0]["votes"].as_array().unwrap();
    let builder = keys::builder(name).to_string();
    let vote = votes.iter().find(|vote| vote["builder"] == builder);
    &vote.unwrap()["refusal"]["code"]
}

#[tokio::test(flavor = "multi_thread")]
async fn carries_a_first_release_and_a_second_without_its_liar() {
    let world = World::start().await;
    let none = world.expect(1, "nothing-found", &[]);
    assert_eq!(none["releases"].as_array().unwrap().len(), 0);

    for name in ["ada", "bo"] {
        world.attest(name, 1).await;
        world.consent(name, 1).await;
    }
    let short = world.expect(1, "genesis-incomplete", &[]);
    let lacking = short["releases"][0]["lacking"].as_array().unwrap();
    assert_eq!(lacking.len(), 2, "{lacking:?}");
    assert_eq!(lacking[0]["builder"], keys::builder("cy").to_string());
    world.attest("cy", 1).await;
    let short = world.expect(1, "genesis-incomplete", &[]);
    assert_eq!(short["releases"][0]["lacking"].as_array().unwrap().len(), 1);
    world.consent("cy", 1).await;

    let ready = world.ok("ready", &["--dry-run"]);
    assert_eq!(ready["releases"][0]["submission"]["call"], "genesis");
    let first = world.ok("finalised", &["--publish-locator", "oci:elsewhere"]);
    let transaction = &first["releases"][0]["transaction"];
    assert_eq!(transaction["sequence"], 1);
    assert!(transaction["gasUsed"].as_u64().unwrap() > 50_000);
    assert_eq!(first["releases"][0]["signers"].as_array().unwrap().len(), 3);
    world.ok("already-finalised", &[]);

    let place = Place::Layout(world.path("elsewhere"));
    let elsewhere = Repository::open(&place, &Options::default()).unwrap();
    let digest = Digest::of(&image(1, SYSTEMS[0], "honest"));
    let tag = locator_tag(&digest).parse().unwrap();
    let manifest = elsewhere.resolve_tag(&tag).await.unwrap();
    assert_eq!(manifest.subject(), Some(digest));
    let value: Value = serde_json::from_slice(manifest.bytes()).unwrap();
    let layer = value["layers"][0]["digest"].as_str().unwrap();
    let bytes = elsewhere.blob(&layer.parse().unwrap(), 1 << 16).await;
    let locator = Locator::from_json(&bytes.unwrap()).unwrap();
    assert_eq!(locator.source, source(1));
    assert_eq!(
        write_bytes32(&locator.record.commitment()),
        transaction["commitment"].as_str().unwrap()
    );
    let referrers = elsewhere.referrers(&digest, Some(media::LOCATOR), 10);
    assert_eq!(referrers.await.unwrap().descriptors.len(), 1);

    world
        .attest_to(&world.images, "bo", 2, "a lie", &SYSTEMS)
        .await;
    world.attest("ada", 2).await;
    let short = world.expect(1, "quorum-unmet", &[]);
    let release = short["releases"].as_array().unwrap().iter();
    let open: Vec<_> = release
        .filter(|one| one["code"] == "quorum-unmet")
        .collect();
    assert_eq!(open[0]["divergence"].as_array().unwrap().len(), 2);
    assert_eq!(open[0]["systems"][0]["have"], 1);
    world.attest("cy", 2).await;
    let release = World::release(2).to_string();
    let second = world.ok(
        "finalised",
        &["--release", &release, "--names", "deployment.json"],
    );
    assert_eq!(second["release"], release);
    let one = &second["releases"][0];
    assert_eq!(one["transaction"]["sequence"], 2);
    let signers = ["ada", "cy"].map(|name| keys::builder(name).to_string());
    assert_eq!(one["signers"], serde_json::json!(signers));
    let says = one["divergence"][0]["says"].as_array().unwrap();
    assert_eq!(says[0]["builders"], serde_json::json!(signers));
    let text = world.run(&["--names", "deployment.json"]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("DIVERGENCE on x86_64-linux"), "{text}");
    assert!(text.contains("  bo (0x"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn drops_votes_that_verifiers_would_drop() {
    let world = World::with_genesis().await;
    let release = World::release(2).to_string();
    let only: &[&str] = &["--release", &release];
    world.expect(1, "nothing-found", only);
    world.attest("ada", 2).await;
    let bo = world.attest("bo", 2).await;
    let cy = world.attest("cy", 2).await;

    let evidence = blob(&world, "images", &bo.attestation.evidence);
    let kept = fs::read(&evidence).unwrap();
    fs::remove_file(&evidence).unwrap();
    let answer = world.ok("ready", &["--dry-run", "--release", &release]);
    assert_eq!(refusal(&answer, "bo"), "evidence-missing");
    fs::remove_file(blob(&world, "images", &cy.statement)).unwrap();
    let answer = world.expect(1, "quorum-unmet", only);
    assert_eq!(refusal(&answer, "cy"), "evidence-missing");
    let silent = [
        only,
        &["--from", "oci:images", "--from", "127.0.0.1:1/gone"],
    ]
    .concat();
    world.expect(3, "place-unreachable", &silent);
    fs::write(&evidence, &kept[..kept.len() - 1]).unwrap();
    let answer = world.expect(1, "quorum-unmet", only);
    assert_eq!(refusal(&answer, "bo"), "evidence-missing");
    fs::write(&evidence, kept).unwrap();
    world.ok("ready", &["--dry-run", "--release", &release]);

    // The same builder for two images of one system.
    let other = Repository::create(&Place::Layout(world.path("other")), &Options::default());
    let other = other.unwrap();
    world
        .attest_to(&other, "bo", 2, "another", &SYSTEMS[1..])
        .await;
    let both = [only, &["--from", "oci:images", "--from", "oci:other"]].concat();
    let answer = world.expect(1, "quorum-unmet", &both);
    assert_eq!(refusal(&answer, "bo"), "equivocation");

    // A key that was revoked.
    world.attest("cy", 2).await;
    world.revoke("ada").await;
    let answer = world.ok("finalised", only);
    assert_eq!(refusal(&answer, "ada"), "builder-revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_each_builder_with_the_largest_set_it_signed() {
    let world = World::with_genesis().await;
    let place = Place::Layout(world.path("early"));
    let early = Repository::create(&place, &Options::default()).unwrap();
    for name in ["ada", "bo"] {
        world
            .attest_to(&early, name, 2, "honest", &SYSTEMS[..1])
            .await;
    }
    let release = World::release(2).to_string();
    let answer = world.expect(
        1,
        "quorum-unmet",
        &["--from", "oci:early", "--release", &release],
    );
    let systems = &answer["releases"][0]["systems"];
    assert_eq!(
        (&systems[0]["have"], &systems[1]["have"]),
        (&2.into(), &0.into())
    );
    for name in ["ada", "bo"] {
        world.attest(name, 2).await;
    }
    let answer = world.ok(
        "finalised",
        &[
            "--from",
            "oci:early",
            "--from",
            "oci:images",
            "--release",
            &release,
        ],
    );
    let votes = answer["releases"][0]["votes"].as_array().unwrap();
    assert_eq!(votes.len(), 4);
    assert_eq!(votes[1]["refusal"]["code"], "superseded");
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_documents_from_files_and_looks_for_their_evidence_in_the_places() {
    let world = World::with_genesis().await;
    let place = Place::Layout(world.path("private"));
    let private = Repository::create(&place, &Options::default()).unwrap();
    let mut arguments = vec!["--from", "oci:images"];
    let names: Vec<_> = ["ada", "bo"].map(|name| format!("{name} 2.json")).to_vec();
    for (name, file) in ["ada", "bo"].into_iter().zip(&names) {
        let signed = world.attest_to(&private, name, 2, "honest", &SYSTEMS).await;
        fs::write(world.path(file), signed.attestation.to_json().unwrap()).unwrap();
        arguments.extend(["--attestation", file]);
    }
    let release = World::release(2).to_string();
    arguments.extend(["--release", &release]);
    let answer = world.expect(1, "quorum-unmet", &arguments);
    assert_eq!(refusal(&answer, "ada"), "evidence-missing");
    arguments.extend(["--from", "oci:private"]);
    let answer = world.ok("finalised", &arguments);
    let origins = &answer["releases"][0]["votes"][0]["origins"];
    assert_eq!(origins.as_array().unwrap().len(), 2, "{origins}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_strangers_put_into_a_place_is_refused_and_changes_nothing() {
    let world = World::with_genesis().await;
    let (ada, release) = (keys::builder("ada"), World::release(2));
    let tag = |builder: &str| format!("attestation-{}-{builder}", release.to_hex());
    world.attest("bo", 2).await;
    world.attest("cy", 2).await;
    // A forgery under ada's tag, junk under other releases' tags, and a stranger's own vote.
    let mut forged = world.attest("ada", 2).await.attestation;
    forged.signature = keys::sign("mallory", &world.domain().separator());
    let document = forged.to_json().unwrap();
    push(
        &world.images,
        media::ATTESTATION,
        document,
        &tag(&ada.to_hex()),
    )
    .await;
    let junk = |kind: &str, byte: &str| format!("{kind}-{}-{}", byte.repeat(32), ada.to_hex());
    let document = b"{}".to_vec();
    let (to, tags) = (
        &world.images,
        [junk("attestation", "ab"), junk("attestation", "cd")],
    );
    push(to, media::ATTESTATION, document.clone(), &tags[0]).await;
    push(to, media::GENESIS, document, &tags[1]).await;
    world.attest("mallory", 2).await;
    let answer = world.ok("finalised", &[]);
    let refused = answer["refused"].as_array().unwrap();
    let codes: Vec<_> = refused.iter().map(|one| &one["code"]).collect();
    assert!(codes.contains(&&"signature-invalid".into()), "{codes:?}");
    assert!(codes.contains(&&"registry-malformed".into()), "{codes:?}");
    assert!(codes.contains(&&"document-malformed".into()), "{codes:?}");
    assert!(
        !answer
            .to_string()
            .contains(&keys::builder("mallory").to_string())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn says_who_pays_and_who_refuses() {
    let world = World::with_genesis().await;
    world.attest("ada", 2).await;
    world.attest("bo", 2).await;
    let poor = keys::signer("poor");
    fs::write(world.path("poor"), write_bytes32(&poor.to_bytes())).unwrap();
    let answer = world.expect(3, "gas-wallet-empty", &["--dev-key-file", "poor"]);
    let message = answer["releases"].to_string();
    let account = seed_primitives::write_address(&poor.address());
    assert!(
        message.contains(&format!("{account} has 0 wei and needs ")),
        "{message}"
    );

    world.pause().await;
    let answer = world.expect(1, "simulation-reverted", &[]);
    let releases = answer["releases"].as_array().unwrap();
    let refused = releases
        .iter()
        .find(|one| one["code"] == "simulation-reverted");
    let message = refused.unwrap()["message"].as_str().unwrap();
    assert!(message.contains("LedgerPaused { until: "), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_release_needs_builders_who_share_nothing() {
    let builders = [("ada", "us"), ("bo", "us"), ("cy", "br")];
    let world = World::of(&builders).await;
    for name in ["ada", "bo", "cy"] {
        world.attest(name, 1).await;
        world.consent(name, 1).await;
    }
    let answer = world.expect(1, "builders-dependent", &[]);
    let message = answer["releases"][0]["message"].as_str().unwrap();
    assert!(
        message.contains(&keys::builder("bo").to_string()),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_for_finality_and_says_when_it_does_not_come() {
    let world = World::with_genesis().await;
    world.attest("ada", 2).await;
    world.attest("bo", 2).await;
    let waiting = ["--wait-finalised", "--timeout", "4"];
    let answer = world.expect(3, "finality-not-reached", &waiting);
    assert!(answer.to_string().contains("\"sequence\":2"));
    world.chain.mine(3).await.unwrap();
    let answer = world.ok("already-finalised", &waiting);
    assert_eq!(answer["releases"][0]["transaction"]["finalised"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn works_with_a_real_registry_and_several_endpoints() {
    let world = World::with_genesis().await;
    let registry = LocalRegistry::start().unwrap();
    let place = format!("{}/acme/app", registry.host());
    let images = Repository::open(&place.parse().unwrap(), &Options::default()).unwrap();
    for name in ["ada", "cy"] {
        push_image_parts(&images, 2).await;
        world.attest_to(&images, name, 2, "honest", &SYSTEMS).await;
    }
    let silent = "http://127.0.0.1:1";
    let url = world.chain.url();
    let arguments = [
        "--rpc",
        silent,
        "--rpc",
        &url,
        "--rpc",
        &url,
        "--from",
        &place,
        "--publish-locator",
        &place,
    ];
    let answer = world.ok("finalised", &arguments);
    assert_eq!(
        answer["releases"][0]["locators"].as_array().unwrap().len(),
        2
    );
    let note = answer["notes"][0].as_str().unwrap();
    assert!(note.contains("127.0.0.1:1"), "{note}");
    let digest = Digest::of(&image(2, SYSTEMS[1], "honest"));
    let tag = locator_tag(&digest).parse().unwrap();
    images.resolve_tag(&tag).await.unwrap();
    let referrers = images.referrers(&digest, Some(media::LOCATOR), 10).await;
    assert_eq!(referrers.unwrap().descriptors.len(), 1);

    let other = LocalChain::start().unwrap();
    let arguments = ["--rpc", &url, "--rpc", &other.url(), "--from", &place];
    world.expect(3, "endpoints-disagree", &arguments);
}

/// A registry wants the parts of an image before its manifest.
async fn push_image_parts(images: &Repository, number: u64) {
    images.push_blob("{}").await.unwrap();
    for system in SYSTEMS {
        let layer = format!("{number} {system} honest");
        images.push_blob(layer).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_a_named_file_that_is_no_document() {
    let world = World::with_genesis().await;
    fs::write(world.path("junk"), "{}").unwrap();
    for flag in ["--attestation", "--genesis"] {
        world.expect(2, "document-malformed", &[flag, "junk"]);
        world.expect(2, "file-unreadable", &[flag, "no such file"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_record_a_release_once() {
    let world = World::with_genesis().await;
    world.attest("ada", 2).await;
    world.attest("bo", 2).await;
    let release = World::release(2).to_string();
    let arguments = ["--output", "json", "--release", &release];
    let racers = [world.command(&arguments), world.command(&arguments)].map(|mut command| {
        let pipe = || std::process::Stdio::piped();
        command.stdout(pipe()).stderr(pipe()).spawn().unwrap()
    });
    let mut codes = Vec::new();
    for racer in racers {
        let output = tokio::task::block_in_place(|| racer.wait_with_output().unwrap());
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        codes.push(answer["code"].as_str().unwrap().to_owned());
    }
    // The same account twice: the endpoint may also refuse the second for its nonce, which is no answer.
    assert!(codes.contains(&"finalised".to_owned()), "{codes:?}");
    let other = codes.iter().find(|code| *code != "finalised").unwrap();
    let fine = ["already-finalised", "endpoint-refused"];
    assert!(fine.contains(&other.as_str()), "{codes:?}");
    world.ok("already-finalised", &["--release", &release]);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_releases_share_one_transaction() {
    let world = World::with_genesis().await;
    for number in [2, 3, 4] {
        for name in ["ada", "cy"] {
            world.attest(name, number).await;
        }
    }
    // One that is not ready keeps none of the others back.
    world.attest("ada", 5).await;
    let ready = world.expect(1, "quorum-unmet", &["--dry-run"]);
    assert_eq!(ready["releases"].as_array().unwrap().len(), 5);
    let answer = world.expect(1, "quorum-unmet", &[]);
    let releases = answer["releases"].as_array().unwrap();
    let fresh: Vec<_> = releases
        .iter()
        .filter(|one| one["code"] == "finalised")
        .collect();
    assert_eq!(fresh.len(), 3);
    let hash = &fresh[0]["transaction"]["hash"];
    assert!(fresh.iter().all(|one| &one["transaction"]["hash"] == hash));
    let mut numbers: Vec<_> = fresh
        .iter()
        .map(|one| one["transaction"]["sequence"].as_u64().unwrap())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [2, 3, 4]);
}

/// The block of a release is replaced before it is final: what was submitted is gone, and the next run submits it anew. With
/// `--wait-finalised` a run does not call done what such a block can still take away.
#[tokio::test(flavor = "multi_thread")]
async fn agg_12_a_release_whose_block_was_replaced_is_submitted_again() {
    let world = World::with_genesis().await;
    world.attest("ada", 2).await;
    world.attest("bo", 2).await;
    let release = World::release(2).to_string();
    let arguments = ["--release", &release];
    let transaction = |answer: &Value| answer["releases"][0]["transaction"].clone();
    let first = transaction(&world.ok("finalised", &arguments));
    assert_eq!(first["sequence"], 2);
    world.ok("already-finalised", &arguments);
    let waiting = ["--release", &release, "--wait-finalised", "--timeout", "6"];
    world.expect(3, "finality-not-reached", &waiting);

    let ask = async |method, params| world.chain.ask(method, params).await.unwrap();
    let head = ask("eth_blockNumber", json!([])).await["result"].clone();
    let head = u64::from_str_radix(&head.as_str().unwrap()[2..], 16).unwrap();
    let depth = head + 1 - first["block"].as_u64().unwrap();
    ask("anvil_reorg", json!([depth, []])).await;
    let gone = ask("eth_getTransactionReceipt", json!([first["hash"]])).await;
    assert_eq!(gone["result"], Value::Null, "{gone:#}");

    let second = transaction(&world.ok("finalised", &arguments));
    assert_eq!(second["sequence"], 2);
    assert!(second["block"].as_u64() >= first["block"].as_u64());
    let there = ask("eth_getTransactionReceipt", json!([second["hash"]])).await;
    assert_eq!(there["result"]["status"], "0x1", "{there:#}");
    world.ok("already-finalised", &arguments);
}
