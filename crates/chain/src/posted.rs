use alloy::{rpc::types::Log, sol_types::SolEvent as _};
use alloy_primitives::{Address, B256};
use seed_primitives::ReleaseId;
use serde_json::json;

use crate::{ChainError, Endpoint, bindings::ReleaseLedger};

/// A signature that somebody logged on the chain with `post`: nothing about it was checked.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Posted {
    /// The release it claims to be for.
    pub release: B256,
    /// The root over the systems its signer built.
    pub root: B256,
    /// The digest of its signer's evidence manifest.
    pub evidence: B256,
    /// The rules it was signed for.
    pub rules: Address,
    /// The first half of the EIP-2098 signature.
    pub r: B256,
    /// The second half, with the parity in its highest bit.
    pub vs: B256,
    /// The block it is in.
    pub block: u64,
}

impl Endpoint {
    /// What was posted for some releases, or for any where none is named, in the blocks `from` to `to`; at most
    /// `most` of it, the newest.
    ///
    /// # Errors
    /// When the endpoint does not answer, serves no range that wide, or shows events that are none of these.
    pub async fn posted(
        &self,
        ledger: Address,
        releases: &[ReleaseId],
        (from, to): (u64, u64),
        most: usize,
    ) -> Result<Vec<Posted>, ChainError> {
        let method = "eth_getLogs";
        let words: Vec<B256> = releases.iter().map(ReleaseId::word).collect();
        let mut topics = vec![json!(ReleaseLedger::Posted::SIGNATURE_HASH)];
        if !words.is_empty() {
            topics.push(json!(words));
        }
        let filter = json!([{
            "address": ledger,
            "topics": topics,
            "fromBlock": format!("{from:#x}"),
            "toBlock": format!("{to:#x}"),
        }]);
        let logs: Vec<Log> = self.rpc.ask(method, filter).await?;
        logs.iter()
            .rev()
            .take(most)
            .map(|log| {
                let refuse = |why: &str| self.rpc.malformed(method, why);
                let event = ReleaseLedger::Posted::decode_log(&log.inner)
                    .map_err(|error| refuse(&error.to_string()))?;
                let asked = words.is_empty() || words.contains(&event.release);
                let Some(block) = log
                    .block_number
                    .filter(|_| event.address == ledger && asked)
                else {
                    return Err(refuse("an event that was not asked for, or is in no block"));
                };
                Ok(Posted {
                    release: event.release,
                    root: event.root,
                    evidence: event.evidence,
                    rules: event.rules,
                    r: event.r,
                    vs: event.vs,
                    block,
                })
            })
            .collect()
    }
}
