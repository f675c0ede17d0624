//! Registries and endpoints that lie or stall: at worst nothing is submitted, and it is said why.

mod common;

use common::{SYSTEMS, World, push};
use seed_attestation::media;
use seed_oci::{Options, Repository};
use seed_testkit::{
    keys,
    liar::{Liar, Lie, Told},
    registry::LocalRegistry,
};
use serde_json::{Value, json};

fn told(lie: Lie, about: &str) -> Told {
    Told::from(lie).about(about)
}

fn only(answer: &Value) -> &Value {
    &answer["releases"][0]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_stalls_or_lies_delays_nobody_else() {
    let world = World::with_genesis().await;
    let registry = LocalRegistry::start().unwrap();
    let honest = format!("{}/acme/app", registry.host());
    let images = Repository::open(&honest.parse().unwrap(), &Options::default()).unwrap();
    images.push_blob("{}").await.unwrap();
    let cy = keys::builder("cy").to_hex();
    let tag = format!("attestation-{}-{cy}", World::release(2).to_hex());
    images.push_blob(media::EMPTY_CONFIG).await.unwrap();
    push(&images, media::ATTESTATION, b"{}".to_vec(), &tag).await;
    let liar = Liar::start(&registry.url(), 1).await.unwrap();
    let lying = format!("{}/acme/app", liar.host());
    world.attest("ada", 2).await;

    let release = World::release(2).to_string();
    let arguments = [
        "--from",
        &lying,
        "--from",
        "oci:images",
        "--release",
        &release,
        "--timeout",
        "16",
    ];
    for lie in [Lie::Stall, Lie::Status(503), Lie::Truncated] {
        liar.be_honest();
        liar.tell(told(lie, "/tags/"));
        let answer = world.expect(3, "place-unreachable", &arguments);
        assert_eq!(
            answer["troubles"].as_array().unwrap().len(),
            1,
            "{answer:#}"
        );
    }
    liar.be_honest();
    liar.tell(told(Lie::WrongBytes, "/blobs/"));
    let answer = world.expect(1, "quorum-unmet", &arguments);
    assert_eq!(answer["refused"][0]["code"], "registry-wrong-digest");
    liar.be_honest();
    liar.tell(Lie::Stall);
    world
        .attest_to(&world.images, "bo", 2, "honest", &SYSTEMS)
        .await;
    let answer = world.ok("finalised", &arguments);
    assert_eq!(
        answer["troubles"].as_array().unwrap().len(),
        1,
        "{answer:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_are_not_believed_one_by_one() {
    let world = World::with_genesis().await;
    let liar = Liar::start(&world.chain.url(), 1).await.unwrap();
    let (lying, honest) = (liar.url(), world.chain.url());
    world.attest("ada", 2).await;
    world.attest("bo", 2).await;
    let release = World::release(2).to_string();
    let both = ["--rpc", &lying, "--rpc", &honest, "--release", &release];

    liar.tell(Lie::ChainId(1));
    world.expect(2, "wrong-chain", &both);
    for lie in [Lie::Storage, Lie::Code] {
        liar.be_honest();
        liar.tell(lie);
        world.expect(3, "endpoints-disagree", &both);
    }
    liar.be_honest();
    liar.tell(told(Lie::RpcError, "eth_call"));
    let answer = world.expect(3, "endpoint-refused", &both);
    assert_eq!(only(&answer)["transaction"], Value::Null);
    liar.be_honest();
    liar.tell(Lie::Stall);
    let alone = ["--rpc", &lying, "--timeout", "2", "--release", &release];
    world.expect(3, "deadline", &alone);

    // What was paid for is shown, whatever comes after it.
    liar.be_honest();
    liar.tell(Lie::NoLogs);
    let answer = world.expect(
        3,
        "endpoint-malformed",
        &["--rpc", &lying, "--release", &release],
    );
    assert!(only(&answer)["transaction"]["gasUsed"].as_u64() > Some(50_000));
    world.ok("already-finalised", &both);
}

/// In path and query of an endpoint people keep the keys of their accounts, and what is printed ends up in logs.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_printed_shows_more_of_an_endpoint_than_its_host() {
    let world = World::with_genesis().await;
    let liar = Liar::start(&world.chain.url(), 1).await.unwrap();
    let lying = format!("{}/?key=secret-key", liar.url());
    let honest = format!("{}/?key=secret-key", world.chain.url());
    world.attest("ada", 2).await;
    world.attest("bo", 2).await;
    let release = World::release(2).to_string();
    let run = |code: &str, rpc: &[&str]| {
        let named = rpc.iter().flat_map(|url| ["--rpc", url]);
        let arguments: Vec<&str> = named
            .chain(["--release", &release, "--output", "json"])
            .collect();
        let output = world.run(&arguments);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains(code) && !said.contains("secret"), "{said}");
    };
    run("endpoint-url", &["http://rpc.example/v3/secret-key"]);
    run(
        "endpoint-unreachable",
        &["http://127.0.0.1:1/v3/secret-key"],
    );
    for (lie, code, rpc) in [
        (
            Lie::ChainId(1).into(),
            "wrong-chain",
            &[&*lying, &honest][..],
        ),
        (
            Lie::Storage.into(),
            "endpoints-disagree",
            &[&lying, &honest],
        ),
        (
            told(Lie::RpcError, "eth_call"),
            "endpoint-refused",
            &[&lying, &honest],
        ),
        (Lie::NoLogs.into(), "endpoint-malformed", &[&lying]),
        (Told::from(Lie::Status(503)), "left out", &[&lying, &honest]),
    ] {
        liar.be_honest();
        liar.tell(lie);
        run(code, rpc);
    }
}

/// What a transaction costs is told by the endpoint it goes through; what is paid at most is said by whoever pays.
#[tokio::test(flavor = "multi_thread")]
async fn agg_14_advice_about_fees_is_followed_up_to_the_cap_and_no_further() {
    let world = World::with_genesis().await;
    let liar = Liar::start(&world.chain.url(), 1).await.unwrap();
    let lying = liar.url();
    world.attest("ada", 2).await;
    world.attest("bo", 2).await;
    let release = World::release(2).to_string();
    let arguments = ["--rpc", &lying, "--release", &release, "--max-fee", "7"];
    let advise = |price: &str, tip: &str| {
        liar.be_honest();
        for (advice, method) in [(price, "eth_gasPrice"), (tip, "eth_maxPriorityFeePerGas")] {
            let body = format!(r#"{{"jsonrpc":"2.0","id":1,"result":"{advice}"}}"#);
            liar.tell(told(Lie::Body(body), method));
        }
    };
    let most = format!("0x{}", "f".repeat(32));
    for (price, tip) in [
        (format!("{most}f"), "0x1".to_owned()),
        ("0x1".to_owned(), format!("{most}f")),
        ("-0x1".to_owned(), "0x1".to_owned()),
    ] {
        advise(&price, &tip);
        let answer = world.expect(3, "endpoint-malformed", &arguments);
        assert_eq!(only(&answer)["transaction"], Value::Null);
    }
    // Too little is not mined, or not taken: nothing is paid, and nobody is accused.
    advise("0x0", "0x0");
    let answer = world.expect(3, "endpoint-refused", &arguments);
    assert_eq!(only(&answer)["transaction"], Value::Null);

    advise(&most, &most);
    let answer = world.ok("finalised", &arguments);
    let hash = &only(&answer)["transaction"]["hash"];
    let asked = world
        .chain
        .ask("eth_getTransactionByHash", json!([hash]))
        .await;
    let sent = &asked.unwrap()["result"];
    for field in ["maxFeePerGas", "maxPriorityFeePerGas"] {
        assert_eq!(
            sent[field],
            format!("0x{:x}", 7_000_000_000_u64),
            "{sent:#}"
        );
    }
}
