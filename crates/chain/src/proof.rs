use alloy_primitives::{B256, Bytes};
use serde::Deserialize;

/// An `eth_getProof` answer: trie nodes, none of them believed yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StateProof {
    /// Nodes from the state root to the account.
    pub account: Vec<Bytes>,
    /// Per slot asked for, nodes from the account's storage root to the slot.
    pub slots: Vec<(B256, Vec<Bytes>)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    account_proof: Vec<Bytes>,
    storage_proof: Vec<SlotAnswer>,
}

#[derive(Deserialize)]
struct SlotAnswer {
    proof: Vec<Bytes>,
}

impl Answer {
    /// The proof with its slots named as they were asked for, or `None` when their number differs.
    pub(crate) fn named(self, slots: &[B256]) -> Option<StateProof> {
        if self.storage_proof.len() != slots.len() {
            return None;
        }
        let named = slots
            .iter()
            .copied()
            .zip(self.storage_proof.into_iter().map(|slot| slot.proof));
        Some(StateProof {
            account: self.account_proof,
            slots: named.collect(),
        })
    }
}
