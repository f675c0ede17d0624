//! `seed-verify --chain` against a real chain and a real layout, one corruption at a time.

mod common;

use std::{fs, process::Stdio};

use alloy_primitives::{Address, U256};
use common::{BUILDERS, Images, World};
use seed_primitives::Digest;
use seed_proof::slots;
use seed_testkit::{
    keys,
    liar::{Liar, Lie, Told},
    registry::LocalRegistry,
};

/// The ordinary question about an image, answered in `form`.
const fn question<'a>(form: &'a str, image: &'a str) -> [&'a str; 6] {
    [
        "--chain",
        "--policy",
        "policy.toml",
        "--output",
        form,
        image,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn verifies_a_release_and_refuses_each_corruption_by_its_own_code() {
    let world = World::start().await;
    let (images, evidence) = (&world.second.images, &world.second.evidence);

    let release = world.good(&[&world.image("images")]);
    assert_eq!(release["inclusion"]["grade"], "proof");
    assert_eq!(release["inclusion"]["sequence"], 2);
    assert_eq!(release["currency"]["rulesInForce"], true);
    assert_eq!(release["builders"].as_array().unwrap().len(), 3);
    assert_eq!(release["builders"][2]["endorsement"], true);
    assert_eq!(release["builders"][0]["name"], "ada");
    assert_eq!(release["supersession"].as_array().unwrap().len(), 0);
    assert!(!release["trusts"].as_array().unwrap().is_empty());
    world.good(&["--deep", &world.image("images")]);
    let locator = world.second.locator.to_json().unwrap();
    fs::write(world.path("locator.json"), &locator).unwrap();
    world
        .copy("bare")
        .forget("nix-seed.locator")
        .forget("\"sha256-");
    world.good(&["--record", "locator.json", &world.image("bare")]);
    world.bad(3, "locator-missing", &[&world.image("bare")]);

    let (manifest, config, layer) = (images.manifest(1), images.config(1), images.layer(1));
    world.copy("flipped manifest").flip(&manifest);
    world.bad(
        1,
        "manifest-digest-mismatch",
        &[&world.image("flipped manifest")],
    );
    world.copy("no manifest").remove(&manifest);
    world.bad(3, "image-missing", &[&world.image("no manifest")]);
    world.copy("flipped config").flip(&config);
    world.bad(
        1,
        "config-digest-mismatch",
        &[&world.image("flipped config")],
    );
    world.copy("no config").remove(&config);
    world.bad(3, "config-missing", &[&world.image("no config")]);
    world.copy("flipped layer").flip(&layer);
    world.bad(
        1,
        "layer-mismatch",
        &["--deep", &world.image("flipped layer")],
    );
    world
        .copy("long layer")
        .replace(&layer, &[&images.layers[1][..], b"x"].concat());
    world.bad(1, "layer-mismatch", &["--deep", &world.image("long layer")]);
    world.copy("no layer").remove(&layer);
    world.bad(3, "layers-missing", &["--deep", &world.image("no layer")]);

    let swapped = format!("oci:images@{}", world.first.images.manifest(1));
    world.bad(
        1,
        "image-not-in-record",
        &["--record", "locator.json", &swapped],
    );
    fs::write(world.path("junk"), "{}").unwrap();
    world.bad(
        3,
        "locator-malformed",
        &["--record", "junk", &world.image("images")],
    );
    let mut forged = world.second.locator.clone();
    forged.record.timestamp += 1;
    fs::write(world.path("forged"), forged.to_json().unwrap()).unwrap();
    world.bad(
        1,
        "record-mismatch",
        &["--record", "forged", &world.image("images")],
    );
    let mut unknown = world.second.locator.clone();
    unknown.source.commit = "ff".repeat(20).parse().unwrap();
    fs::write(world.path("unknown"), unknown.to_json().unwrap()).unwrap();
    world.bad(
        1,
        "release-not-recorded",
        &["--record", "unknown", &world.image("images")],
    );

    let (mut without_evidence, mut without_statements) =
        (world.copy("no evidence"), world.copy("no statements"));
    for name in &BUILDERS[1..] {
        without_evidence = without_evidence.remove(&evidence[*name].0);
        without_statements = without_statements.remove(&evidence[*name].1[1]);
    }
    world.bad(3, "evidence-missing", &[&world.image("no evidence")]);
    world.bad(3, "statement-missing", &[&world.image("no statements")]);
    world.good(&["--mirror", "oci:images", &world.image("no evidence")]);
    world
        .copy("one statement less")
        .remove(&evidence["bo"].1[1]);
    let release = world.good(&[&world.image("one statement less")]);
    assert_eq!(release["dropped"][0]["code"], "statement-missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_decide_what_else_is_refused() {
    let world = World::start().await;
    let image = world.image("images");
    let pinned = world.deployment.rules_code_hash.to_string();
    let cases = [
        (
            1,
            "source-not-expected",
            ("example.org/acme/app", "example.org/acme/other"),
        ),
        (1, "packer-not-allowed", (seed_image::PACKER, "nix-seed/0")),
        (
            1,
            "rules-unknown",
            (pinned.as_str(), &format!("0x{}", "01".repeat(32))),
        ),
        (
            1,
            "below-minimum-sequence",
            ("# minimum_sequence = 1", "minimum_sequence = 3"),
        ),
        (
            1,
            "commit-not-expected",
            (
                "# commit = \"<40 or 64 hex digits>\"",
                "commit = \"0000000000000000000000000000000000000001\"",
            ),
        ),
        (3, "wrong-chain", ("chain_id = 31337", "chain_id = 31338")),
        (
            1,
            "threshold-too-low",
            ("minimum_threshold = 2", "minimum_threshold = 3"),
        ),
    ];
    for (exit, code, replacement) in cases {
        let policy = world.policy("other.toml", &[replacement]);
        world.bad(exit, code, &["--policy", &policy, &image]);
    }
    let ledger = world.deployment.ledger_code_hash.to_string();
    let policy = world.policy("other.toml", &[(&ledger, &pinned)]);
    world.bad(3, "ledger-unknown", &["--policy", &policy, &image]);

    let floor = world.policy(
        "floor.toml",
        &[("# minimum_sequence = 1", "minimum_sequence = 2")],
    );
    world.bad(3, "tag-without-rollback-rule", &["oci:images:v2"]);
    let release = world.good(&["--policy", &floor, "oci:images:v2"]);
    assert_eq!(release["tag"], "v2");
    assert_eq!(release["canonicalIndex"], true);
    assert_eq!(release["images"].as_array().unwrap().len(), 2);
    let old = format!("oci:images@{}", world.first.images.manifest(0));
    world.bad(1, "below-minimum-sequence", &["--policy", &floor, &old]);

    // The worst of several speaks for all, whatever their order.
    let (exit, value) = world.verify(&["--policy", &floor, &old, &image, "oci:images:v9"]);
    assert_eq!((exit, value["result"].as_str()), (1, Some("rejected")));
    let results: Vec<_> = value["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["exitCode"].as_i64().unwrap())
        .collect();
    assert_eq!(results, [1, 0, 3]);

    let marks = world.policy(
        "marks.toml",
        &[("# high_water = true", "high_water = true")],
    );
    let mark = |rest: &[&str]| -> Vec<String> {
        ["--policy", &marks, "--state", "a state"]
            .iter()
            .chain(rest)
            .map(ToString::to_string)
            .collect()
    };
    let run = |rest: &[&str]| {
        let all = mark(rest);
        world.verify(&all.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert_eq!(
        run(&[&image]).1["images"][0]["error"]["code"],
        "high-water-missing"
    );
    assert_eq!(run(&["--first-use", &image]).0, 0);
    assert_eq!(run(&[&image]).0, 0);
    let (exit, value) = run(&["--first-use", &old]);
    assert_eq!(
        (exit, value["images"][0]["error"]["code"].as_str()),
        (1, Some("below-high-water"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes_are_one_release_or_refused() {
    let world = World::start().await;
    let images = &world.second.images;
    let repository = world.repository();
    let index = format!("oci:images@{}", Digest::of(&images.index));
    assert_eq!(world.good(&[&index])["canonicalIndex"], true);

    let push = |text: String| {
        let repository = repository.clone();
        async move {
            format!(
                "oci:images@{}",
                repository
                    .push_manifest(text.into_bytes(), &[])
                    .await
                    .unwrap()
            )
        }
    };
    let text = String::from_utf8(images.index.clone()).unwrap();
    let spaced = push(text.replacen('{', "{ ", 1)).await;
    assert_eq!(world.good(&[&spaced])["canonicalIndex"], false);
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    value["manifests"].as_array_mut().unwrap().remove(0);
    let partial = push(value.to_string()).await;
    assert_eq!(world.good(&[&partial])["leftOut"][0], "aarch64-linux");

    let strange = Images::new(77);
    strange.push(&repository, "strange").await;
    let mixed = text.replace(
        &images.manifest(0).to_string(),
        &strange.manifest(0).to_string(),
    );
    let mixed = push(mixed).await;
    world.bad(1, "image-not-in-record", &[&mixed]);
    let relabelled = push(text.replace("arm64", "other").replace("amd64", "arm64")).await;
    world.bad(1, "platform-mismatch", &[&relabelled]);
    let twice = push(text.replace("arm64", "amd64")).await;
    world.bad(1, "image-malformed", &[&twice]);
    let both = push(text.replacen(
        "\"manifests\"",
        "\"annotations\":{\"a\":\"\\u001b[2J\"},\"manifests\"",
        1,
    ))
    .await;
    assert_eq!(world.good(&[&both])["canonicalIndex"], false);
    world.copy("no child").remove(&images.manifest(0));
    world.bad(
        3,
        "child-missing",
        &[&index.replace("oci:images", "oci:no child")],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_lying_endpoint_changes_nothing_and_two_are_never_believed() {
    let world = World::start().await;
    let image = world.image("images");
    let about = |lie: Lie, part: &str| Told::from(lie).about(part);
    // One of three: either it is outvoted or nothing is decided. Never verified on its word.
    for (lie, expected) in [
        (about(Lie::Proof, ""), None),
        (about(Lie::Storage, ""), None),
        (about(Lie::Code, ""), None),
        (about(Lie::NoLogs, ""), None),
        (about(Lie::RpcError, ""), None),
        (about(Lie::RpcNull, ""), None),
        (about(Lie::BlockHash, ""), None),
        (about(Lie::Header("stateRoot".to_owned()), ""), None),
        (about(Lie::Status(500), ""), None),
        (about(Lie::RpcError, "eth_getProof"), None),
        (about(Lie::ChainId(5), ""), Some("wrong-chain")),
    ] {
        world.be_honest();
        world.liars[1].tell(lie.clone());
        match expected {
            None => drop(world.good(&[&image])),
            Some(code) => world.bad(3, code, &[&image]),
        }
    }
    // What went wrong without deciding anything is a note, and `--quiet` leaves it out.
    world.be_honest();
    world.liars[1].tell(about(Lie::RpcError, ""));
    for form in ["text", "json"] {
        let arguments = question(form, &image);
        let notes = world.quietly(&arguments);
        assert!(!notes.is_empty());
        assert!(
            notes.iter().all(|note| note.starts_with("note: ")),
            "{notes:?}"
        );
    }
    let release = world.second.source.release().to_string();
    let record = ["record", "--policy", "policy.toml", &release];
    assert!(!world.quietly(&record).is_empty());
    // Two of three, or all: k stays two.
    for (liars, lie, code) in [
        (2, about(Lie::RpcError, ""), "endpoint-quorum"),
        (3, about(Lie::RpcError, ""), "header-missing"),
        (3, about(Lie::RpcError, "eth_getProof"), "state-missing"),
        (3, about(Lie::Proof, ""), "proof-invalid"),
        (3, about(Lie::Code, ""), "rules-code-missing"),
    ] {
        world.be_honest();
        for liar in &world.liars[..liars] {
            liar.tell(lie.clone());
        }
        world.bad(3, code, &[&image]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_stalls_costs_time_and_not_the_verdict() {
    let world = World::start().await;
    world.liars[0].tell(Lie::Stall);
    let release = world.good(&[&world.image("images")]);
    assert_eq!(release["inclusion"]["grade"], "proof");
    world.liars[1].tell(Lie::Stall);
    world.bad(3, "endpoint-quorum", &[&world.image("images")]);
    world.bad(3, "deadline", &["--timeout", "1", &world.image("images")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_operators_agree_on_are_of_a_lower_grade() {
    let world = World::start().await;
    let image = world.image("images");
    let policy = world.policy(
        "quorum.toml",
        &[("require = \"proof\"", "require = \"quorum\"")],
    );
    for liar in &world.liars {
        liar.tell(Told::from(Lie::RpcError).about("eth_getProof"));
    }
    let release = world.good(&["--policy", &policy, &image]);
    assert_eq!(release["inclusion"]["grade"], "quorum");
    world.bad(
        3,
        "state-missing",
        &["--policy", &policy, "--require", "proof", &image],
    );
    world.bad(3, "state-missing", &["--require", "quorum", &image]);
    world.liars[2].tell(Told::from(Lie::Storage).about("eth_getStorageAt"));
    world.bad(3, "values-conflict", &["--policy", &policy, &image]);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_and_disputed_builders_and_rules_are_exit_4() {
    let world = World::start().await;
    let image = world.image("images");
    let word = |since: u64, from: u64, flags: u64| {
        U256::from(since) << 40 | U256::from(from) << 8 | U256::from(flags)
    };
    let slot = |address: Address| slots::revocation(address);
    let (bo, cy) = (keys::builder("bo").address(), keys::builder("cy").address());

    // `bo` is revoked from the next sequence on: what it has in the record stands.
    world.set_slot(slot(bo), word(1_700_000_000, 3, 0)).await;
    let release = world.good(&[&image]);
    assert_eq!(release["builders"].as_array().unwrap().len(), 3);
    assert_eq!(release["dropped"].as_array().unwrap().len(), 0);
    // `cy` only endorses, and an endorsement bears no time: any revocation takes it away.
    world.set_slot(slot(cy), word(1_700_000_000, 3, 0)).await;
    let release = world.good(&[&image]);
    assert_eq!(release["builders"].as_array().unwrap().len(), 2);
    assert_eq!(release["dropped"][0]["builder"], format!("{cy:#x}"));
    assert_eq!(release["dropped"][0]["code"], "builder-revoked");
    world.set_slot(slot(cy), U256::ZERO).await;
    world.set_slot(slot(bo), word(1_700_000_000, 2, 3)).await;
    let release = world.good(&[&image]);
    assert_eq!(release["dropped"][0]["builder"], format!("{bo:#x}"));
    assert_eq!(release["dropped"][0]["code"], "builder-revoked");
    world.set_slot(slot(cy), word(1_700_000_000, 2, 3)).await;
    world.bad(4, "builder-revoked", &[&image]);
    for form in ["text", "json"] {
        world.quietly(&question(form, &image));
    }
    let soon = 4_000_000_000;
    world.set_slot(slot(bo), word(soon, 2, 1)).await;
    world.bad(4, "builder-disputed", &[&image]);
    world.set_slot(slot(bo), U256::ZERO).await;
    world
        .set_slot(slot(world.deployment.rules), word(1_700_000_000, 1, 3))
        .await;
    world.bad(4, "rules-revoked", &[&image]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_counts_only_once_its_block_is_final() {
    let world = World::start().await;
    let third = world.post(3).await;
    let image = format!("oci:images@{}", third.images.manifest(0));
    world.bad(1, "release-not-recorded", &[&image]);
    world.chain.mine(3).await.unwrap();
    assert_eq!(world.good(&[&image])["inclusion"]["sequence"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn shows_a_record_and_never_calls_it_verified() {
    let world = World::start().await;
    let release = world.second.source.release().to_string();
    let record = |arguments: &[&str]| {
        let all = [&["record", "--policy", "policy.toml"], arguments].concat();
        tokio::task::block_in_place(|| world.run(&all))
    };
    let output = record(&[&release]);
    let text = String::from_utf8(output.stdout).unwrap();
    common::lines::fits_a_terminal(&text);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        text.contains("number 2 of 2") && text.contains("ada, number 0"),
        "{text}"
    );
    assert!(!text.contains("verified"), "{text}");
    let output = record(&["--output", "json", &release]);
    let value = common::schema::read_output(&output.stdout);
    assert_eq!(value["record"]["entries"].as_array().unwrap().len(), 2);
    assert_eq!(value["record"]["images"][1]["system"], "x86_64-linux");

    let unknown = format!("0x{}", "ab".repeat(32));
    assert_eq!(record(&[&unknown]).status.code(), Some(1));
    let output = record(&["--output", "json", &unknown]);
    let value = common::schema::read_output(&output.stdout);
    assert_eq!(value["images"][0]["error"]["code"], "release-not-recorded");
    for liar in &world.liars {
        liar.tell(Lie::NoLogs);
    }
    let output = record(&[&release]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("error[record-unavailable]"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_says_that_operators_vouch_and_what_was_read() {
    let world = World::start().await;
    let policy = world.policy(
        "floor.toml",
        &[("# minimum_sequence = 1", "minimum_sequence = 2")],
    );
    let arguments = [
        "--chain",
        "--policy",
        &policy,
        "--deep",
        "--vsa",
        "vsa.json",
        "oci:images:v2",
    ];
    let output = tokio::task::block_in_place(|| world.run(&arguments));
    assert!(output.status.success(), "{output:?}");
    let vsa = serde_json::from_slice(&fs::read(world.path("vsa.json")).unwrap()).unwrap();
    assert_eq!(common::schema::vsa_errors(&vsa), [""; 0], "{vsa:#}");
    let levels = [
        "SEED_GRADE_PROOF",
        "SEED_QUORUM_2",
        "SEED_RECORDED",
        "SEED_HEAD_BY_OPERATORS",
        "SEED_CURRENT",
        "SEED_SUPERSESSION_CHECKED",
        "SEED_LAYERS_READ",
    ];
    let predicate = &vsa["predicate"];
    assert_eq!(predicate["verifiedLevels"], serde_json::json!(levels));
    // The record; of each of three builders its evidence and a statement for each of two images.
    assert_eq!(predicate["inputAttestations"].as_array().unwrap().len(), 10);
    let index = Digest::of(&world.second.images.index).to_hex();
    assert_eq!(vsa["subject"][0]["digest"]["sha256"], index);
    assert_eq!(vsa["subject"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_nobody_could_read_is_not_a_success() {
    let world = World::start().await;
    let image = world.image("images");
    for form in ["text", "json"] {
        let arguments = question(form, &image);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        for out in [Stdio::from(writer), Stdio::from(full)] {
            let mut command = world.command(&arguments);
            let child = command.stdout(out).stderr(Stdio::null()).spawn().unwrap();
            let output = tokio::task::block_in_place(|| child.wait_with_output()).unwrap();
            assert_eq!(output.status.code(), Some(3));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_lies_is_found_out() {
    let registry = LocalRegistry::start().unwrap();
    let liar = Liar::start(&registry.url(), 7).await.unwrap();
    let world = World::start_at(&format!("{}/acme/app", registry.host())).await;
    let images = &world.second.images;
    let image = format!("{}/acme/app@{}", liar.host(), images.manifest(1));
    world.good(&["--deep", &image]);
    let manifest = images.manifest(1).to_string();
    let blob = |digest: Digest| format!("/blobs/{digest}");
    for (exit, code, lie, about) in [
        (
            1,
            "manifest-digest-mismatch",
            Lie::SwappedManifest("v1".to_owned()),
            manifest.as_str(),
        ),
        (
            1,
            "config-digest-mismatch",
            Lie::WrongBytes,
            &blob(images.config(1)),
        ),
        (1, "layer-mismatch", Lie::WrongBytes, &blob(images.layer(1))),
        (3, "image-missing", Lie::Status(404), &manifest),
        (3, "image-missing", Lie::Status(401), &manifest),
        (
            3,
            "config-missing",
            Lie::Status(404),
            &blob(images.config(1)),
        ),
        (3, "layers-missing", Lie::Truncated, &blob(images.layer(1))),
        (3, "locator-missing", Lie::Status(404), "/manifests/s"),
        (3, "deadline", Lie::Stall, &manifest),
        (
            3,
            "layers-missing",
            Lie::Redirect("http://192.0.2.1/".to_owned()),
            &blob(images.layer(1)),
        ),
    ] {
        liar.be_honest();
        let told = Told::from(lie);
        // Only requests by digest and for the documents named, so that the lie is about exactly one thing.
        match code {
            "locator-missing" => {
                liar.tell(told.clone().about("/manifests/seed-"));
                liar.tell(told.about("/manifests/sha256-"));
            }
            _ => liar.tell(told.about(about)),
        }
        let mut arguments = vec!["--deep", image.as_str()];
        if code == "deadline" {
            arguments.extend(["--timeout", "2"]);
        }
        world.bad(exit, code, &arguments);
    }
    liar.be_honest();
    world.good(&["--deep", &image]);
}

/// A tag that points elsewhere from the k-th request on: either the attested image or no verdict, never the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_moves_between_requests_changes_nothing() {
    let registry = LocalRegistry::start().unwrap();
    let liar = Liar::start(&registry.url(), 7).await.unwrap();
    let world = World::start_at(&format!("{}/acme/app", registry.host())).await;
    let policy = world.policy(
        "floor.toml",
        &[("# minimum_sequence = 1", "minimum_sequence = 2")],
    );
    let image = format!("{}/acme/app:v2", liar.host());
    let attested = Digest::of(&world.second.images.index).to_string();
    for from in 1..=6 {
        liar.be_honest();
        let moved = Told::from(Lie::SwappedManifest("v1".to_owned()));
        liar.tell(moved.about("/manifests/v2").from_request(from));
        let arguments = ["--chain", "--policy", &policy, "--output", "json", &image];
        let output = tokio::task::block_in_place(|| world.run(&arguments));
        let value = common::schema::read_output(&output.stdout);
        // It is asked for once: what it meant then is what was judged.
        let first = from == 1;
        assert_eq!(output.status.code(), Some(i32::from(first)), "{value:#}");
        if !first {
            assert_eq!(value["images"][0]["release"]["digest"], attested.as_str());
        }
    }
}
