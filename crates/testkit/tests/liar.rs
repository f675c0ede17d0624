//! The liar before a real anvil: without a lie nothing changes; with one, exactly what it says.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use alloy_primitives::{B256, U256};
use seed_chain::{Endpoint, Options};
use seed_testkit::liar::{Liar, Lie, Told, Upstream};
use serde_json::{Value, json};

/// A real chain for the length of a test.
struct Anvil {
    child: Child,
    url: String,
}

fn program() -> PathBuf {
    let unpacked =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contracts/node_modules/.bin/anvil");
    match std::env::var_os("SEED_ANVIL") {
        Some(named) => named.into(),
        None if unpacked.is_file() => unpacked,
        None => "anvil".into(),
    }
}

impl Anvil {
    fn start() -> Self {
        let mut child = Command::new(program())
            .args([
                "--host",
                "127.0.0.1",
                "--port",
                "0",
                "--slots-in-an-epoch",
                "1",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("anvil: run scripts/setup, or name it in SEED_ANVIL");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .find_map(|line| {
                line.unwrap()
                    .strip_prefix("Listening on ")
                    .map(str::to_owned)
            })
            .expect("anvil ended before it listened");
        // What it goes on to write must have somewhere to go.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            url: format!("http://{address}"),
        }
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn post(url: &str, body: &Value) -> Result<Value, reqwest::Error> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(10))
        .build()?;
    client.post(url).json(body).send().await?.json().await
}

async fn ask(url: &str, method: &str, params: Value) -> Value {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    post(url, &body).await.unwrap()
}

fn questions() -> Vec<(&'static str, Value)> {
    let account = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
    let slot = format!("{:#066x}", 0);
    vec![
        ("eth_chainId", json!([])),
        ("net_version", json!([])),
        ("eth_blockNumber", json!([])),
        ("eth_getBlockByNumber", json!(["finalized", false])),
        ("eth_getBlockByNumber", json!(["0x0", false])),
        ("eth_getStorageAt", json!([account, "0x0", "0x0"])),
        ("eth_getProof", json!([account, [slot], "latest"])),
        ("eth_getCode", json!([account, "latest"])),
        ("eth_call", json!([{"to": account}, "latest"])),
        ("eth_getLogs", json!([{"fromBlock": "0x0"}])),
        ("eth_getBlockByNumber", json!(["0x1", false])),
    ]
}

/// Which of the questions get another answer than the truth.
async fn lied_about(anvil: &Anvil, liar: &Liar) -> Vec<&'static str> {
    let mut different = Vec::new();
    for (method, params) in questions() {
        let truth = ask(&anvil.url, method, params.clone()).await;
        assert_ne!(truth["result"], Value::Null, "{method}: {truth}");
        if ask(&liar.url(), method, params).await != truth {
            different.push(method);
        }
    }
    different
}

#[tokio::test]
async fn tells_the_truth_and_then_exactly_the_lie() {
    let anvil = Anvil::start();
    ask(&anvil.url, "anvil_mine", json!(["0x5"])).await;
    let liar = Liar::start(&anvil.url, 3).await.unwrap();
    assert_eq!(lied_about(&anvil, &liar).await, [""; 0]);
    let block = "eth_getBlockByNumber";
    let blocks = [block, block, block];
    let cases: [(&str, &[&str]); 23] = [
        ("chain-id=5", &["eth_chainId", "net_version"]),
        ("block-hash", &blocks),
        ("header=stateRoot", &blocks),
        ("header=timestamp", &blocks),
        ("proof", &["eth_getProof"]),
        ("storage", &["eth_getStorageAt", "eth_getProof"]),
        ("code", &["eth_getCode"]),
        ("call", &["eth_call"]),
        ("rpc-null@eth_getCode", &["eth_getCode"]),
        ("rpc-error@eth_getProof", &["eth_getProof"]),
        ("proof-cut", &["eth_getProof"]),
        ("proof-extra", &["eth_getProof"]),
        ("proof-reversed", &["eth_getProof"]),
        ("proof-of-other-slot", &["eth_getProof"]),
        ("proof-of-other-account", &["eth_getProof"]),
        ("proof-mixed", &["eth_getProof"]),
        ("no-slots", &["eth_getProof"]),
        ("genesis", &[block]),
        ("forked-head", &[block, block]),
        ("latest-as-final", &[block]),
        ("head-at=1", &[block]),
        ("envelope=id@eth_chainId", &["eth_chainId"]),
        ("rpc-null~nobody", &[]),
    ];
    for (lie, expected) in cases {
        liar.be_honest();
        liar.tell(lie.parse::<Told>().unwrap());
        assert_eq!(lied_about(&anvil, &liar).await, expected, "{lie}");
    }
    liar.be_honest();
    assert_eq!(lied_about(&anvil, &liar).await, [""; 0]);
}

#[tokio::test]
async fn a_frozen_head_stays_while_the_chain_goes_on() {
    let anvil = Anvil::start();
    let liar = Liar::start(&anvil.url, 3).await.unwrap();
    liar.tell(Lie::FrozenHead);
    let before = ask(&liar.url(), "eth_blockNumber", json!([])).await;
    let latest = ask(
        &liar.url(),
        "eth_getBlockByNumber",
        json!(["latest", false]),
    )
    .await;
    ask(&anvil.url, "anvil_mine", json!(["0x5"])).await;
    assert_eq!(ask(&liar.url(), "eth_blockNumber", json!([])).await, before);
    assert_eq!(
        ask(
            &liar.url(),
            "eth_getBlockByNumber",
            json!(["latest", false])
        )
        .await,
        latest
    );
    liar.be_honest();
    assert_eq!(
        ask(&liar.url(), "eth_blockNumber", json!([])).await["result"],
        "0x5"
    );
}

#[tokio::test]
async fn lies_inside_a_batch_and_only_from_the_named_request_on() {
    let anvil = Anvil::start();
    let liar = Liar::start(&anvil.url, 3).await.unwrap();
    liar.tell("chain-id=5#2".parse::<Told>().unwrap());
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []},
        {"jsonrpc": "2.0", "id": 2, "method": "eth_chainId", "params": []},
    ]);
    let chain = |answer: &Value| {
        answer
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["id"] == 2)
            .unwrap()["result"]
            .clone()
    };
    assert_eq!(chain(&post(&liar.url(), &batch).await.unwrap()), "0x7a69");
    assert_eq!(chain(&post(&liar.url(), &batch).await.unwrap()), "0x5");
    let methods: Vec<_> = liar.seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(
        methods,
        ["eth_blockNumber,eth_chainId", "eth_blockNumber,eth_chainId"]
    );
}

/// What a forged state says fits together: the hash of its blocks is that of their fields, and the same hash leads to
/// its words, while another client is told the truth.
#[tokio::test]
async fn a_forged_state_is_consistent_and_told_to_one_client_only() {
    let anvil = Anvil::start();
    ask(&anvil.url, "anvil_mine", json!(["0x5"])).await;
    let liar = Liar::start(&anvil.url, 3).await.unwrap();
    let account = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
    let (slot, word) = (B256::with_last_byte(7), U256::from(9));
    let lie = format!("forged={account},{slot}:{word}~application/json");
    liar.tell(lie.parse::<Told>().unwrap());
    let (truth, forged) = (endpoint(&anvil.url), endpoint(&liar.url()));
    let (honest, header) = (
        truth.finalized_header().await.unwrap(),
        forged.finalized_header().await.unwrap(),
    );
    assert_eq!(header.number, honest.number);
    assert_ne!(header.hash, honest.hash);
    assert_eq!(forged.header_at(header.number).await.unwrap(), header);
    assert_eq!(forged.genesis_hash().await, truth.genesis_hash().await);
    let account = account.parse().unwrap();
    assert_eq!(forged.storage(account, slot, header.hash).await, Ok(word));
    let proof = forged.proof(account, &[slot], header.hash).await.unwrap();
    assert_eq!((proof.account.len(), proof.slots[0].1.len()), (1, 1));
    liar.start_over(4);
    assert_eq!(forged.finalized_header().await.unwrap(), honest);
}

fn endpoint(url: &str) -> Endpoint {
    Endpoint::new(url, &Options::default()).unwrap()
}

/// A lie may be over after some requests, and a remembering upstream is asked each question once.
#[tokio::test]
async fn what_is_remembered_outlives_the_upstream_and_lies_may_end() {
    let anvil = Anvil::start();
    let upstream = Upstream::new(&anvil.url).unwrap().remembering();
    let liar = Liar::before(&upstream, 3).await.unwrap();
    liar.tell("chain-id=5#2-2".parse::<Told>().unwrap());
    let chain = async || ask(&liar.url(), "eth_chainId", json!([])).await["result"].clone();
    assert_eq!(chain().await, "0x7a69");
    drop(anvil);
    assert_eq!(chain().await, "0x5");
    assert_eq!(chain().await, "0x7a69");
}

#[test]
fn the_program_says_where_it_listens_and_refuses_unknown_lies() {
    let program = env!("CARGO_BIN_EXE_seed-liar");
    let mut child = Command::new(program)
        .args([
            "--upstream",
            "http://127.0.0.1:1",
            "--lie",
            "status=404@/manifests/",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with("listening on http://127.0.0.1:"), "{line}");
    let refused = Command::new(program)
        .args(["--upstream", "http://127.0.0.1:1", "--lie", "truth"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
}
