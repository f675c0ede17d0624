//! Rows of the threat model about endpoints and the chain, each against the real program and a real chain.

mod common;
#[path = "common/tls.rs"]
mod tls;

use std::time::{Duration, Instant};

use common::World;
use seed_testkit::{
    liar::{Liar, Lie, Told},
    registry::LocalRegistry,
};
use serde_json::{Value, json};
use tls::{Authority, Front, Proxy, Shown};

const PATIENCE: Duration = Duration::from_secs(120);

impl World {
    /// A policy that asks these instead of the three endpoints.
    fn policy_of(&self, name: &str, urls: &[String; 3]) -> String {
        let old: Vec<_> = self.liars.iter().map(Liar::url).collect();
        let pairs: Vec<_> = old
            .iter()
            .zip(urls)
            .map(|(old, new)| (old.as_str(), new.as_str()))
            .collect();
        self.policy(name, &pairs)
    }

    async fn ask(&self, method: &str, params: Value) -> Value {
        let answer = self.chain.ask(method, params).await.unwrap();
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    async fn head(&self) -> u64 {
        self.chain
            .endpoint()
            .unwrap()
            .latest_header()
            .await
            .unwrap()
            .number
    }
}

fn host(url: &str) -> String {
    url.trim_start_matches("http://").to_owned()
}

/// Proofs of something else from one operator are passed over; from all they are no answer, and never an accusation of
/// the image.
#[tokio::test(flavor = "multi_thread")]
async fn rpc_05_proofs_of_another_account_slot_or_block_prove_nothing() {
    let world = World::start().await;
    let image = world.image("images");
    for lie in [
        Lie::ProofOfOtherAccount,
        Lie::ProofOfOtherSlot,
        Lie::ProofOfOtherBlock,
        Lie::ProofMixed,
        Lie::ProofReversed,
        Lie::ProofCut,
        Lie::ProofExtra,
        Lie::NoSlots,
    ] {
        for (liars, exit) in [(1, 0), (3, 3)] {
            world.be_honest();
            for liar in &world.liars[..liars] {
                liar.tell(lie.clone());
            }
            let (found, value) = world.verify(&[&image]);
            assert_eq!(found, exit, "{lie:?} by {liars}: {value:#}");
        }
    }
}

/// Blocks that are replaced before they are final: whatever was in them was never accepted.
#[tokio::test(flavor = "multi_thread")]
async fn rpc_10_a_release_in_a_block_that_is_replaced_was_never_accepted() {
    let world = World::start().await;
    let good = world.image("images");
    for (number, depth) in [(3, 1), (4, 2)] {
        let before = world.head().await;
        let posted = world.post(number).await;
        let image = format!("oci:images@{}", posted.images.manifest(0));
        assert!(world.head().await > before);
        world.bad(1, "release-not-recorded", &[&image]);
        // Two blocks behind the head is final here; the newest are replaced by as many empty ones.
        world.ask("anvil_reorg", json!([depth, []])).await;
        world.bad(1, "release-not-recorded", &[&image]);
        world.chain.mine(3).await.unwrap();
        world.bad(1, "release-not-recorded", &[&image]);
        world.good(&[&good]);
    }
    // The same by going back to a state of before.
    let snapshot = world.ask("evm_snapshot", json!([])).await;
    let posted = world.post(5).await;
    let image = format!("oci:images@{}", posted.images.manifest(0));
    world.bad(1, "release-not-recorded", &[&image]);
    assert_eq!(world.ask("evm_revert", json!([snapshot])).await, true);
    world.chain.mine(3).await.unwrap();
    world.bad(1, "release-not-recorded", &[&image]);
    world.good(&[&good]);
}

/// The newest block passed off as the final one: below `agree` operators nothing comes of it. At `agree` it is believed:
/// that is what `agree` means, and without a light client of the layer below nothing contradicts them
/// (docs/threat-model.md).
#[tokio::test(flavor = "multi_thread")]
async fn rpc_11_the_newest_block_passed_off_as_final_by_fewer_than_agree_is_not_believed() {
    let world = World::start().await;
    let posted = world.post(3).await;
    let image = format!("oci:images@{}", posted.images.manifest(0));
    world.bad(1, "release-not-recorded", &[&image]);
    for liar in 0..3 {
        world.be_honest();
        world.liars[liar].tell(Lie::LatestAsFinal);
        world.bad(1, "release-not-recorded", &[&image]);
        // With the honest ones away, one alone is not enough either.
        for (at, other) in world.liars.iter().enumerate() {
            if at != liar {
                other.tell(Lie::RpcError);
            }
        }
        let (exit, value) = world.verify(&[&image]);
        assert_eq!(exit, 3, "{value:#}");
    }
}

/// Certificates that are not the endpoint's, and lines without TLS where there should be: no answer, whoever is behind
/// them. What is said about it does not sound like more than it is.
#[tokio::test(flavor = "multi_thread")]
async fn rpc_15_bad_certificates_and_downgrades_are_no_answer() {
    let mut world = World::start().await;
    let image = world.image("images");
    let (authority, stranger) = (Authority::new(), Authority::new());
    world.environment = vec![("SSL_CERT_FILE", authority.file())];
    let upstreams: Vec<_> = world.liars.iter().map(|liar| host(&liar.url())).collect();
    let good = authority.issue("localhost", 2);
    let mut fronts = Vec::new();
    for upstream in &upstreams {
        fronts.push(Front::before(upstream, &good).await);
    }
    let urls = [0, 1, 2].map(|at: usize| fronts[at].url());
    let policy = world.policy_of("good.toml", &urls);
    world.good(&["--policy", &policy, &image]);

    let bad: [(&str, Shown); 4] = [
        ("signed by itself", authority.self_signed("localhost")),
        ("of an unknown authority", stranger.issue("localhost", 2)),
        ("for another name", authority.issue("rpc.example", 2)),
        ("expired", authority.issue("localhost", -1)),
    ];
    for (name, shown) in &bad {
        let mut urls = urls.clone();
        let mut kept = Vec::new();
        for (at, code) in [
            (0, None),
            (1, Some("endpoint-quorum")),
            (2, Some("header-missing")),
        ] {
            kept.push(Front::before(&upstreams[at], shown).await);
            urls[at] = kept[at].url();
            let policy = world.policy_of("bad.toml", &urls);
            match code {
                None => drop(world.good(&["--policy", &policy, &image])),
                Some(code) => world.bad(3, code, &["--policy", &policy, &image]),
            }
        }
        let arguments = ["--chain", "--policy", "bad.toml", &image];
        let output = tokio::task::block_in_place(|| world.run(&arguments));
        let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
        assert!(said.contains("certificate"), "{name}: {said}");
        common::lines::accuses_nobody(&said);
    }

    // Plain text where TLS was asked for, and TLS that sends on to plain text.
    let plain = urls.clone().map(|_| String::new());
    let plain = [0, 1, 2].map(|at: usize| {
        plain[at].clone()
            + &format!(
                "https://{}",
                upstreams[at].replace("127.0.0.1", "localhost")
            )
    });
    let policy = world.policy_of("plain.toml", &plain);
    world.bad(3, "header-missing", &["--policy", &policy, &image]);
    let target = format!("{}/", world.liars[2].url());
    for liar in &world.liars {
        liar.tell(Lie::Redirect(target.clone()));
    }
    world.bad(3, "header-missing", &["--policy", "good.toml", &image]);
    // Nobody was asked at the place they were sent to.
    let methods = world.liars[2]
        .seen()
        .into_iter()
        .filter(|seen| seen.method == "GET");
    assert_eq!(methods.count(), 0);
}

/// The same for registries and endpoints by name, through a proxy from the environment: it leads to the right place and
/// can neither read nor change what passes.
#[tokio::test(flavor = "multi_thread")]
async fn rpc_15_a_name_that_leads_elsewhere_is_no_answer() {
    let registry = LocalRegistry::start().unwrap();
    let mut world = World::start_at(&format!("{}/acme/app", registry.host())).await;
    let (authority, stranger) = (Authority::new(), Authority::new());
    let names = ["rpc.one.example", "rpc.two.example", "rpc.three.example"];
    let image = format!(
        "registry.example/acme/app@{}",
        world.second.images.manifest(1)
    );
    let policy = world.policy_of("names.toml", &names.map(|name| format!("https://{name}")));
    let arguments = ["--policy", policy.as_str(), "--deep", image.as_str()];
    for (case, chain, store, code) in [
        ("honest", &authority, &authority, None),
        (
            "endpoints elsewhere",
            &stranger,
            &authority,
            Some("header-missing"),
        ),
        (
            "registry elsewhere",
            &authority,
            &stranger,
            Some("image-missing"),
        ),
    ] {
        let mut fronts = Vec::new();
        for (name, liar) in names.iter().zip(&world.liars) {
            fronts.push(Front::before(&host(&liar.url()), &chain.issue(name, 2)).await);
        }
        fronts.push(Front::before(&registry.host(), &store.issue("registry.example", 2)).await);
        let targets = [
            ("rpc.one.example:443", fronts[0].address),
            ("rpc.two.example:443", fronts[1].address),
            ("rpc.three.example:443", fronts[2].address),
            ("registry.example:443", fronts[3].address),
        ];
        let proxy = Proxy::to(&targets).await;
        world.environment = vec![
            ("SSL_CERT_FILE", authority.file()),
            ("HTTPS_PROXY", proxy.url()),
        ];
        match code {
            None => drop(world.good(&arguments)),
            Some(code) => world.bad(3, code, &arguments),
        }
        assert!(!proxy.seen().is_empty(), "{case}");
        assert!(
            proxy.seen().iter().all(|line| line.starts_with("CONNECT ")),
            "{case}"
        );
    }
    // A proxy that leads nowhere, and one that is not there.
    let nowhere = Proxy::to(&[]).await;
    for url in [nowhere.url(), "http://127.0.0.1:1".to_owned()] {
        world.environment = vec![("SSL_CERT_FILE", authority.file()), ("HTTPS_PROXY", url)];
        world.bad(3, "image-missing", &arguments);
    }
}

/// A chain that stands still: what it recorded stays good until the limit of the policy, then nothing is known until it
/// goes on. A halt never turns into a refusal of the image.
#[tokio::test(flavor = "multi_thread")]
async fn rpc_17_when_the_chain_halts_answers_last_until_the_limit_and_come_back() {
    let world = World::start().await;
    let image = world.image("images");
    let text = std::fs::read_to_string(world.path("policy.toml")).unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("maximum_head_age"))
        .unwrap();
    let policy = world.policy("halt.toml", &[(line, "maximum_head_age = 6")]);
    let code = || {
        // Asked once: between two the head may grow too old.
        let arguments = ["--chain", "--policy", &policy, "--output", "json", &image];
        let output = tokio::task::block_in_place(|| world.run(&arguments));
        let value = common::schema::read_output(&output.stdout);
        let code = value["images"][0]["error"]["code"]
            .as_str()
            .map(str::to_owned);
        assert_eq!(output.status.success(), code.is_none());
        assert!(
            code.as_deref().is_none_or(|code| code == "head-stale"),
            "{value:#}"
        );
        code
    };
    let deadline = Instant::now() + PATIENCE;
    // On a machine that is busy the blocks may be old before they are looked at.
    while code().is_some() {
        assert!(Instant::now() < deadline);
        world.chain.mine(3).await.unwrap();
    }
    // From here on no block is made.
    while code().is_none() {
        assert!(Instant::now() < deadline);
    }
    assert_eq!(code().as_deref(), Some("head-stale"));
    while code().is_some() {
        assert!(Instant::now() < deadline);
        world.chain.mine(3).await.unwrap();
    }
}

/// One operator of three in turn, and everything it can say at once: the answer of the honest, or none. All silent: none.
#[tokio::test(flavor = "multi_thread")]
async fn rpc_01_one_of_three_changes_no_answer_and_all_silent_accuse_nobody() {
    let world = World::start().await;
    let image = world.image("images");
    for at in 0..3 {
        for lies in [
            &[Lie::Proof, Lie::Storage, Lie::Code, Lie::Logs][..],
            &[Lie::ForkedHead],
            &[Lie::HeadAt(1)],
            &[Lie::FrozenHead],
            &[Lie::LatestAsFinal],
            &[Lie::Stall],
            &[Lie::Reset],
            &[Lie::Status(503)],
        ] {
            world.be_honest();
            for lie in lies {
                world.liars[at].tell(lie.clone());
            }
            let (exit, value) = world.verify(&[&image]);
            assert!(matches!(exit, 0 | 3), "{lies:?} by {at}: {value:#}");
        }
    }
    for lie in [
        Lie::Status(500),
        Lie::Status(429),
        Lie::Reset,
        Lie::Truncated,
        Lie::RpcNull,
        Lie::RpcError,
        Lie::Body("<html>".into()),
    ] {
        world.be_honest();
        for liar in &world.liars {
            liar.tell(Told::from(lie.clone()));
        }
        let arguments = ["--chain", "--policy", "policy.toml", &image];
        let output = tokio::task::block_in_place(|| world.run(&arguments));
        assert_eq!(output.status.code(), Some(3), "{lie:?}");
        let said = [output.stdout, output.stderr].concat();
        common::lines::accuses_nobody(&String::from_utf8_lossy(&said));
    }
}
