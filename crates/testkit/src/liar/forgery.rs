use std::{collections::BTreeMap, str::FromStr};

use alloy::{rpc::types::Header, sol_types::SolValue as _};
use alloy_primitives::{Address, B256, Bytes, U64, U256, keccak256};
use alloy_trie::{HashBuilder, Nibbles, TrieAccount, proof::ProofRetainer};
use serde_json::{Value, json};

use super::Shared;

/// What the storage of one account is said to be: a state of its own, whose header, account, proofs and events fit
/// together, so that nothing but the votes of others tells it from the truth.
///
/// As text `ADDRESS[,SLOT:WORD]…`, everything as `0x` and hex.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Forgery {
    /// The account.
    pub account: Address,
    /// Its storage: the words at these slots, and zero at all others.
    pub words: BTreeMap<B256, U256>,
    /// Data of the one `bytes` argument of an event, by the event's second topic.
    pub events: BTreeMap<B256, Vec<u8>>,
}

impl FromStr for Forgery {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split(',');
        let account = parts.next().and_then(|account| account.parse().ok());
        let words = parts.map(|part| {
            let (slot, word) = part.split_once(':')?;
            Some((slot.parse().ok()?, word.parse().ok()?))
        });
        Ok(Self {
            account: account.ok_or(())?,
            words: words.collect::<Option<_>>().ok_or(())?,
            events: BTreeMap::new(),
        })
    }
}

impl Forgery {
    /// The answer to `request` in the forged state, made from the true one.
    pub(super) async fn tell(&self, shared: &Shared, request: &Value, result: &mut Value) {
        let method = request["method"].as_str().unwrap_or_default();
        match method {
            "eth_getBlockByNumber" | "eth_getBlockByHash" => {
                if let Some(block) = self.block(shared, result).await {
                    *result = block;
                }
            }
            "eth_getStorageAt" if self.is_about(&request["params"][0]) => {
                let slot = request["params"][1]
                    .as_str()
                    .and_then(|slot| slot.parse::<U256>().ok());
                let word = slot.map_or(U256::ZERO, |slot| self.word(&B256::from(slot)));
                *result = json!(B256::from(word));
            }
            "eth_getProof" if self.is_about(&request["params"][0]) => self.prove(request, result),
            "eth_getLogs" => self.log(request, result),
            _ => {}
        }
    }

    fn is_about(&self, account: &Value) -> bool {
        account.as_str().and_then(|text| text.parse().ok()) == Some(self.account)
    }

    fn word(&self, slot: &B256) -> U256 {
        self.words.get(slot).copied().unwrap_or_default()
    }

    /// The block with the root of the forged state and the hash that belongs to it; block 0 stays.
    async fn block(&self, shared: &Shared, result: &Value) -> Option<Value> {
        let mut block = result.clone();
        let number: U64 = serde_json::from_value(block["number"].clone()).ok()?;
        if number.is_zero() {
            return None;
        }
        let hash = block["hash"].as_str()?.to_owned();
        let at = json!({ "blockHash": hash });
        let account = shared
            .ask("eth_getProof", json!([self.account, [], at]))
            .await?;
        let leaf = self.leaf(&account)?;
        block["stateRoot"] = json!(trie([(keccak256(self.account), leaf)].into(), None).0);
        rehash(&mut block)?;
        let forged = block["hash"].as_str()?.to_owned();
        shared.scene().renamed.insert(forged, hash);
        Some(block)
    }

    fn leaf(&self, account: &Value) -> Option<Vec<u8>> {
        let leaf = TrieAccount {
            nonce: serde_json::from_value::<U64>(account["nonce"].clone())
                .ok()?
                .to(),
            balance: serde_json::from_value(account["balance"].clone()).ok()?,
            storage_root: trie(self.storage(), None).0,
            code_hash: serde_json::from_value(account["codeHash"].clone()).ok()?,
        };
        Some(alloy_rlp::encode(leaf))
    }

    fn storage(&self) -> BTreeMap<B256, Vec<u8>> {
        let words = self.words.iter().filter(|(_, word)| !word.is_zero());
        words
            .map(|(slot, word)| (keccak256(slot), alloy_rlp::encode(word)))
            .collect()
    }

    fn prove(&self, request: &Value, result: &mut Value) {
        let Some(leaf) = self.leaf(result) else {
            return;
        };
        let key = keccak256(self.account);
        result["accountProof"] = json!(trie([(key, leaf)].into(), Some(key)).1);
        result["storageHash"] = json!(trie(self.storage(), None).0);
        let asked: Vec<B256> =
            serde_json::from_value(request["params"][1].clone()).unwrap_or_default();
        let slots = asked.iter().map(|slot| {
            let proof = trie(self.storage(), Some(keccak256(slot))).1;
            json!({ "key": slot, "value": self.word(slot), "proof": proof })
        });
        result["storageProof"] = slots.collect();
    }

    /// Adds the forged event where it is asked for.
    fn log(&self, request: &Value, result: &mut Value) {
        let topics = &request["params"][0]["topics"];
        let Ok(topic) = serde_json::from_value::<B256>(topics[1].clone()) else {
            return;
        };
        let (Some(data), Some(logs)) = (self.events.get(&topic), result.as_array_mut()) else {
            return;
        };
        let data = Bytes::from((Bytes::copy_from_slice(data),).abi_encode_params());
        logs.push(json!({
            "address": self.account,
            "topics": topics,
            "data": data,
            "blockNumber": "0x1",
            "blockHash": keccak256(&data),
            "transactionHash": keccak256(topic),
            "transactionIndex": "0x0",
            "logIndex": "0x0",
            "removed": false,
        }));
    }
}

/// The root of a trie with these leaves, and the nodes on the way to `target`.
fn trie(leaves: BTreeMap<B256, Vec<u8>>, target: Option<B256>) -> (B256, Vec<Bytes>) {
    let targets = target.iter().map(Nibbles::unpack).collect();
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(targets));
    for (key, value) in &leaves {
        builder.add_leaf(Nibbles::unpack(key), value);
    }
    let root = builder.root();
    let nodes = builder.take_proof_nodes().into_nodes_sorted();
    (root, nodes.into_iter().map(|(_, node)| node).collect())
}

/// Gives a block the hash that its fields have; `None` when it is no block.
pub(super) fn rehash(block: &mut Value) -> Option<()> {
    let header: Header = serde_json::from_value(block.clone()).ok()?;
    block["hash"] = json!(header.inner.hash_slow());
    Some(())
}
