//! What nodes answer: JSON-RPC envelopes and what is in them.

use std::cell::LazyCell;

use alloy_primitives::{Address, B256, Bytes, U64, U256, keccak256};
use seed_chain::{Endpoint, Options};
use seed_primitives::ReleaseId;
use seed_proof::RawHeader;
use serde_json::Value;

use crate::{
    json,
    loopback::{self, Reply, Request},
};

thread_local! {
    static ENDPOINT: LazyCell<Endpoint> = LazyCell::new(|| {
        let url = format!("http://{}", loopback::address());
        Endpoint::new(&url, &Options::default()).expect("an endpoint")
    });
}

/// What an envelope says, if it says one thing: a result of version 2.0 to question 1, and no error.
fn result(mut value: Value) -> Option<Value> {
    let ours = value["jsonrpc"] == "2.0" && value["id"] == 1 && value["error"].is_null();
    let result = value.as_object_mut()?.remove("result");
    result.filter(|_| ours)
}

/// An answer to one of six questions, which the first byte chooses. What is accepted is the one result of a good
/// envelope, and says what it was taken for: a header by its hash, a proof of as many slots as were asked for, an event
/// of the ledger and the release.
pub(crate) fn answer(bytes: &[u8]) -> bool {
    let Some((question, body)) = bytes.split_first() else {
        return false;
    };
    let said = body.to_vec();
    let reply = move |_: &Request| Reply::of("application/json", &said);
    ENDPOINT.with(|endpoint| {
        let check = async {
            match question % 6 {
                0 => endpoint.chain_id().await.ok().map(Got::Number),
                1 => code(endpoint).await.map(Got::Code),
                2 => storage(endpoint).await.map(Got::Word),
                3 => proof(endpoint).await,
                4 => endpoint.header_at(7).await.ok().map(Got::Header),
                _ => events(endpoint).await,
            }
        };
        let (got, asked) = loopback::ask(reply, check);
        assert_eq!(asked.len(), 1, "one question, one answer");
        let Some(got) = got else {
            return false;
        };
        if let Some(whole) = json::whole(body) {
            got.check(&result(whole).expect("the result of a good envelope"));
        }
        true
    })
}

enum Got {
    Number(u64),
    Code(Bytes),
    Word(U256),
    Proof(seed_chain::StateProof),
    Header(seed_chain::Header),
    Events(Vec<seed_chain::FinalisedEvent>),
}

fn release() -> ReleaseId {
    ReleaseId::from_word(B256::repeat_byte(2)).expect("not zero")
}

async fn code(endpoint: &Endpoint) -> Option<Bytes> {
    endpoint.code(Address::ZERO, B256::ZERO).await.ok()
}

async fn storage(endpoint: &Endpoint) -> Option<U256> {
    let asked = endpoint.storage(Address::ZERO, B256::ZERO, B256::ZERO);
    asked.await.ok()
}

async fn proof(endpoint: &Endpoint) -> Option<Got> {
    let slots = [B256::ZERO, B256::repeat_byte(1)];
    let asked = endpoint.proof(Address::ZERO, &slots, B256::ZERO);
    asked.await.ok().map(Got::Proof)
}

async fn events(endpoint: &Endpoint) -> Option<Got> {
    let release = release();
    let asked = endpoint.finalised_events(Address::repeat_byte(1), &release, 0, 9);
    asked.await.ok().map(Got::Events)
}

impl Got {
    fn check(self, said: &Value) {
        let nodes = |value: &Value| -> Vec<Bytes> {
            serde_json::from_value(value.clone()).expect("a list of nodes")
        };
        match self {
            Self::Number(number) => {
                let read: U64 = serde_json::from_value(said.clone()).expect("a number");
                assert_eq!(U64::from(number), read);
            }
            Self::Code(code) => assert_eq!(Some(code.to_string()), lower(said)),
            Self::Word(word) => assert_eq!(Some(B256::from(word).to_string()), lower(said)),
            Self::Proof(proof) => {
                assert_eq!(proof.slots.len(), 2);
                assert_eq!(proof.account, nodes(&said["accountProof"]));
                for (at, (_, found)) in proof.slots.iter().enumerate() {
                    assert_eq!(*found, nodes(&said["storageProof"][at]["proof"]));
                }
            }
            Self::Header(header) => {
                assert_eq!(keccak256(&header.rlp), header.hash);
                assert_eq!(Some(header.hash.to_string()), lower(&said["hash"]));
                if let Ok(read) = RawHeader::parse(&header.rlp) {
                    assert_eq!((read.number(), header.number), (7, 7));
                }
            }
            Self::Events(events) => {
                let logs = said.as_array().expect("a list");
                assert!(events.len() <= logs.len());
                for (event, log) in events.iter().zip(logs) {
                    assert_eq!(
                        lower(&log["address"]),
                        Some(Address::repeat_byte(1).to_string().to_lowercase())
                    );
                    assert_eq!(lower(&log["topics"][1]), Some(release().word().to_string()));
                    assert_eq!(
                        lower(&log["transactionHash"]),
                        Some(event.transaction.to_string())
                    );
                }
            }
        }
    }
}

/// Hexadecimal digits, which nodes write in either case and with or without `0x`.
fn lower(value: &Value) -> Option<String> {
    let text = value.as_str()?.to_lowercase();
    let bare = text.strip_prefix("0x").unwrap_or(&text);
    Some(format!("0x{bare}"))
}
