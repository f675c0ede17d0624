//! `seed-aggregator equivocation` and `post` against a real chain with the real contracts.

mod common;

use std::{fs, process::Output};

use common::{SYSTEMS, World};
use seed_attestation::Attestation;
use seed_oci::{Options, Place, Repository};
use seed_primitives::write_address;
use seed_testkit::{chain::CHAIN_ID, keys};
use serde_json::Value;

fn save(world: &World, name: &str, attestation: &Attestation) {
    fs::write(world.path(name), attestation.to_json().unwrap()).unwrap();
}

fn run(world: &World, command: &str, arguments: &[&str]) -> Output {
    let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_seed-aggregator"));
    process.arg(command).current_dir(world.folder.path());
    process.env_clear().env("HOME", world.folder.path());
    process.args(["--rpc", &world.chain.url()]);
    if !arguments.contains(&"--deployment") {
        process.args(["--ledger", &write_address(&world.deployment.ledger)]);
        process.args(["--chain-id", &CHAIN_ID.to_string()]);
    }
    if !arguments.contains(&"--dry-run") {
        process.args(["--dev-key-file", "gas key"]);
    }
    process.args(arguments);
    tokio::task::block_in_place(|| process.output().unwrap())
}

#[track_caller]
fn expect(world: &World, exit: i32, code: &str, command: &str, arguments: &[&str]) -> Value {
    let output = run(world, command, &[&["--output", "json"], arguments].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    let answer: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!(output.status.code(), Some(exit), "{answer:#} {said}");
    assert_eq!(answer["code"], code, "{answer:#} {said}");
    if exit == 0 {
        assert_eq!(said, "");
    } else {
        assert!(said.starts_with(&format!("error[{code}]: ")), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn two_images_for_one_system_cost_the_key() {
    let world = World::with_genesis().await;
    let honest = world.attest("cy", 2).await.attestation;
    let lie = world
        .attest_to(&world.images, "cy", 2, "other", &SYSTEMS[..1])
        .await
        .attestation;
    save(&world, "honest", &honest);
    save(&world, "lie", &lie);

    let asked = ["honest", "lie"];
    let dry = [&asked[..], &["--dry-run"]].concat();
    expect(&world, 0, "ready", "equivocation", &dry);
    let proven = expect(&world, 0, "proven", "equivocation", &asked);
    assert_eq!(proven["builder"], keys::builder("cy").to_string());
    assert!(proven["transaction"]["gasUsed"].as_u64().unwrap() > 21_000);
    expect(&world, 0, "already-proven", "equivocation", &asked);

    // The key counts for nothing from here on.
    for name in ["ada", "cy"] {
        world.attest(name, 3).await;
    }
    let release = World::release(3).to_string();
    let short = world.expect(1, "quorum-unmet", &["--release", &release]);
    let votes = short["releases"][0]["votes"].as_array().unwrap();
    assert!(
        votes
            .iter()
            .any(|vote| vote["refusal"]["code"] == "builder-revoked")
    );
    world.attest("bo", 3).await;
    world.ok("finalised", &["--release", &release]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_accused_without_a_contradiction() {
    let world = World::start().await;
    let whole = world.attest("cy", 2).await.attestation;
    let part = world
        .attest_to(&world.images, "cy", 2, "honest", &SYSTEMS[..1])
        .await
        .attestation;
    let disjoint = world
        .attest_to(&world.images, "cy", 2, "other", &SYSTEMS[1..])
        .await
        .attestation;
    let other_release = world
        .attest_to(&world.images, "cy", 3, "other", &SYSTEMS)
        .await
        .attestation;
    let other_builder = world
        .attest_to(&world.images, "bo", 2, "other", &SYSTEMS)
        .await
        .attestation;
    save(&world, "whole", &whole);
    for (name, attestation) in [
        ("part", &part),
        ("release", &other_release),
        ("builder", &other_builder),
        ("whole", &whole),
    ] {
        save(&world, name, attestation);
        expect(
            &world,
            1,
            "no-equivocation",
            "equivocation",
            &["whole", name],
        );
    }
    save(&world, "disjoint", &disjoint);
    expect(
        &world,
        1,
        "no-equivocation",
        "equivocation",
        &["part", "disjoint"],
    );

    let mut forged = other_builder.clone();
    forged.builder = keys::builder("cy");
    save(&world, "forged", &forged);
    expect(
        &world,
        2,
        "document-malformed",
        "equivocation",
        &["whole", "forged"],
    );
    let mut elsewhere = whole.clone();
    elsewhere.chain_id += 1;
    save(&world, "elsewhere", &elsewhere);
    expect(
        &world,
        2,
        "document-malformed",
        "equivocation",
        &["whole", "elsewhere"],
    );
    fs::write(world.path("garbage"), "{").unwrap();
    expect(
        &world,
        2,
        "document-malformed",
        "equivocation",
        &["whole", "garbage"],
    );
    expect(
        &world,
        2,
        "file-unreadable",
        "equivocation",
        &["whole", "absent"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_logged_for_everybody() {
    let world = World::start().await;
    let vote = world.attest("ada", 2).await.attestation;
    save(&world, "vote", &vote);
    expect(&world, 0, "ready", "post", &["vote", "--dry-run"]);
    let posted = expect(&world, 0, "posted", "post", &["vote"]);
    let gas = posted["transaction"]["gasUsed"].as_u64().unwrap();
    assert!(gas < 30_000, "{gas}");

    let text = run(&world, "post", &["vote"]);
    let said = String::from_utf8(text.stdout).unwrap();
    assert!(
        said.contains("is logged on the chain\ntransaction 0x"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deployment_file_names_chain_ledger_and_builders() {
    let world = World::start().await;
    let vote = world.attest("ada", 2).await.attestation;
    let other = world
        .attest_to(&world.images, "ada", 2, "other", &SYSTEMS)
        .await
        .attestation;
    save(&world, "vote", &vote);
    save(&world, "other", &other);
    let named = ["--deployment", "deployment.json", "--dry-run"];
    let ready = expect(
        &world,
        0,
        "ready",
        "post",
        &[&["vote"], &named[..]].concat(),
    );
    let ada = format!("ada ({})", keys::builder("ada"));
    assert!(ready["message"].to_string().contains(&ada), "{ready}");
    let accused = [&["vote", "other"], &named[..]].concat();
    let accused = expect(&world, 0, "ready", "equivocation", &accused);
    assert!(accused["message"].to_string().contains(&ada), "{accused}");

    let elsewhere = [&["vote", "--chain-id", "7"], &named[..]].concat();
    expect(&world, 2, "usage", "post", &elsewhere);
    fs::write(world.path("damaged.json"), "{}").unwrap();
    let damaged = ["vote", "--deployment", "damaged.json"];
    expect(&world, 2, "file-unreadable", "post", &damaged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_posted_signature_carries_a_release_that_registries_keep_quiet_about() {
    let world = World::with_genesis().await;
    world.attest("ada", 2).await;
    // A mirror that has everything of cy's by digest, and no tag that leads to its signature.
    let place = Place::Layout(world.path("mirror"));
    let mirror = Repository::create(&place, &Options::default()).unwrap();
    let vote = world
        .attest_to(&mirror, "cy", 2, "honest", &SYSTEMS[..1])
        .await
        .attestation;
    let whole = world
        .attest_to(&mirror, "cy", 2, "honest", &SYSTEMS)
        .await
        .attestation;
    let index = world.path("mirror/index.json");
    let mut listed: Value = serde_json::from_slice(&fs::read(&index).unwrap()).unwrap();
    let manifests = listed["manifests"].as_array_mut().unwrap();
    manifests.retain(|one| !one.to_string().contains("attestation-"));
    fs::write(&index, listed.to_string()).unwrap();
    let release = World::release(2).to_string();
    let places = [
        "--from",
        "oci:images",
        "--from",
        "oci:mirror",
        "--release",
        &release,
    ];
    world.expect(1, "quorum-unmet", &places);

    save(&world, "vote", &vote);
    save(&world, "whole", &whole);
    // A signature over a part of the systems, and one by a stranger: heard, and not enough.
    expect(&world, 0, "posted", "post", &["vote"]);
    let mut stranger = whole.clone();
    stranger.builder = keys::builder("stranger");
    let root = stranger.leaves().unwrap().root();
    let digest = world.domain().attestation_digest(
        &World::release(2),
        &root,
        &stranger.evidence,
        stranger.rules,
    );
    stranger.signature = keys::sign("stranger", &digest);
    save(&world, "stranger", &stranger);
    expect(&world, 0, "posted", "post", &["stranger"]);
    let short = world.expect(1, "quorum-unmet", &places);
    assert_eq!(short["releases"][0]["votes"].as_array().unwrap().len(), 2);
    assert_eq!(short["refused"][0]["code"], "unknown-builder");

    expect(&world, 0, "posted", "post", &["whole"]);
    let answer = world.ok("finalised", &places);
    let votes = answer["releases"][0]["votes"].to_string();
    assert!(votes.contains("posted in block"), "{votes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_half_a_command() {
    let world = World::start().await;
    for arguments in [
        &[][..],
        &["one"],
        &["one", "two", "three"],
        &["one", "two", "--no"],
    ] {
        let output = run(&world, "equivocation", arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.starts_with("error[usage]: "), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}
