//! The client against real contracts on a real chain.

use alloy_primitives::{Address, B256, U256, keccak256};
use seed_attestation::{Domain, ReleaseData};
use seed_chain::{BuilderEntry, ChainError, Endpoint, Options, RulesConfiguration};
use seed_merkle::Leaves;
use seed_primitives::{Digest, ReleaseId, System};
use seed_testkit::{chain::LocalChain, keys};

const NAMES: [&str; 3] = ["ada", "bo", "cy"];

fn configuration() -> RulesConfiguration {
    let builder = |index: usize| BuilderEntry {
        address: keys::builder(NAMES[index]).address(),
        domains: U256::from(1) << index | U256::from(1) << (40 + index),
        systems: 1,
    };
    RulesConfiguration {
        systems: vec!["x86_64-linux".parse().unwrap()],
        builders: (0..3).map(builder).collect(),
        federation: B256::repeat_byte(7),
        threshold: 2,
    }
}

struct World {
    chain: LocalChain,
    ledger: Address,
    rules: Address,
    rules_code_hash: B256,
}

async fn world() -> World {
    let chain = LocalChain::start().unwrap();
    let (wallet, endpoint) = (chain.wallet().unwrap(), chain.endpoint().unwrap());
    let timelock = wallet
        .deploy_timelock(1, &[wallet.account()])
        .await
        .unwrap()
        .contract
        .unwrap();
    let rules = wallet
        .deploy_rules(&configuration())
        .await
        .unwrap()
        .contract
        .unwrap();
    let head = endpoint.latest_header().await.unwrap();
    let rules_code_hash = keccak256(endpoint.code(rules, head.hash).await.unwrap());
    let guardian = wallet.account();
    let mined = wallet
        .deploy_ledger(timelock, guardian, rules, rules_code_hash)
        .await
        .unwrap();
    let ledger = mined.contract.unwrap();
    let head = endpoint.latest_header().await.unwrap();
    let code = endpoint.code(ledger, head.hash).await.unwrap();
    assert_eq!(
        keccak256(code),
        seed_chain::ledger_code_hash(timelock, guardian)
    );
    World {
        chain,
        ledger,
        rules,
        rules_code_hash,
    }
}

impl World {
    fn domain(&self) -> Domain {
        Domain {
            chain_id: 31337,
            ledger: self.ledger,
        }
    }

    fn submission(&self, release: &ReleaseId, signers: &[usize]) -> (Vec<u8>, Vec<u8>) {
        let system: System = "x86_64-linux".parse().unwrap();
        let image = Digest::of(release.word().as_slice());
        let root = Leaves::new(vec![(system, image)]).unwrap().root();
        let genesis = self
            .domain()
            .genesis_digest(self.rules_code_hash, release, &root);
        let (mut submission, mut signatures) = (image.as_bytes().to_vec(), Vec::new());
        for index in signers {
            let evidence = Digest::of(NAMES[*index].as_bytes());
            let digest = self
                .domain()
                .attestation_digest(release, &root, &evidence, self.rules);
            submission.push(*index as u8);
            submission.extend_from_slice(&1u64.to_be_bytes());
            submission.extend_from_slice(evidence.as_bytes());
            submission.extend_from_slice(keys::sign(NAMES[*index], &digest).as_bytes());
            signatures.extend_from_slice(keys::sign(NAMES[*index], &genesis).as_bytes());
        }
        (submission, signatures)
    }
}

fn release(text: &str) -> ReleaseId {
    ReleaseId::from_word(keccak256(text)).unwrap()
}

#[tokio::test]
async fn records_genesis_and_a_release_and_proves_both() {
    let world = world().await;
    let (wallet, endpoint) = (
        world.chain.wallet().unwrap(),
        world.chain.endpoint().unwrap(),
    );
    let (submission, signatures) = world.submission(&release("one"), &[0, 1, 2]);
    let genesis = wallet
        .genesis(world.ledger, &release("one"), &submission, &signatures)
        .await
        .unwrap();
    let (submission, _) = world.submission(&release("two"), &[0, 2]);
    wallet
        .finalise(world.ledger, &release("two"), &submission)
        .await
        .unwrap();
    world.chain.mine(3).await.unwrap();

    let head = endpoint.finalized_header().await.unwrap();
    assert!(head.number > genesis.block);
    let events = endpoint
        .finalised_events(world.ledger, &release("two"), 0, head.number)
        .await
        .unwrap();
    let data = ReleaseData::parse(&events[0].data).unwrap();
    assert_eq!((data.record.sequence, data.record.rules), (2, world.rules));

    let slot = keccak256([release("two").word(), B256::ZERO].concat());
    let claimed = endpoint
        .storage(world.ledger, slot, head.hash)
        .await
        .unwrap();
    assert_eq!(B256::from(claimed), data.record.commitment());
    let proof = endpoint
        .proof(world.ledger, &[slot], head.hash)
        .await
        .unwrap();
    assert_eq!(keccak256(&proof.account[0]), state_root(&head.rlp));
}

/// The fourth field of a header, where every header of our length has it: 3 bytes of list head, then fields of
/// 33, 33 and 21 bytes.
fn state_root(rlp: &[u8]) -> B256 {
    B256::from_slice(&rlp[3 + 33 + 33 + 21 + 1..][..32])
}

#[tokio::test]
async fn names_the_contracts_reason() {
    let world = world().await;
    let wallet = world.chain.wallet().unwrap();
    let (submission, signatures) = world.submission(&release("one"), &[0, 1]);
    let refused = wallet
        .simulate_genesis(world.ledger, &release("one"), &submission, &signatures)
        .await;
    let expected = "QuorumGenesisIncomplete { have: 2, need: 3 }".to_owned();
    assert_eq!(refused, Err(ChainError::Reverted { reason: expected }));
    let refused = wallet
        .finalise(world.ledger, &release("one"), &submission)
        .await
        .unwrap_err();
    assert_eq!(
        refused,
        ChainError::Reverted {
            reason: "LedgerBeforeGenesis".to_owned()
        }
    );
}

#[tokio::test]
async fn names_an_empty_wallet() {
    let world = world().await;
    let poor = seed_chain::Wallet::new(
        &world.chain.url(),
        &Options::default(),
        31337,
        keys::signer("poor"),
        u128::MAX,
        std::time::Duration::from_secs(5),
    )
    .unwrap();
    let refused = poor.deploy_rules(&configuration()).await.unwrap_err();
    assert_eq!(refused.code(), "gas-wallet-empty");
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_unreachable() {
    let endpoint = Endpoint::new("http://127.0.0.1:1", &Options::default()).unwrap();
    assert_eq!(
        endpoint.chain_id().await.unwrap_err().code(),
        "endpoint-unreachable"
    );
}

#[test]
fn refuses_plain_http_to_another_machine() {
    for url in [
        "http://rpc.example.org",
        "ftp://127.0.0.1",
        "",
        "http://127.0.0.1.example.org",
        "//x",
    ] {
        assert_eq!(
            Endpoint::new(url, &Options::default()).unwrap_err().code(),
            "endpoint-url",
            "{url}"
        );
    }
}
