use alloy::{
    rpc::types::{Header as RpcHeader, Log},
    sol_types::SolEvent as _,
};
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use seed_primitives::ReleaseId;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ChainError, Header, Options, StateProof, bindings::ReleaseLedger, json_rpc::JsonRpc, proof,
};

/// The most events of one release that are looked at: a ledger writes exactly one.
const MAX_EVENTS: usize = 16;

/// One JSON-RPC endpoint. Every method is one question within the bounds of [`Options`]; what comes back is
/// what this endpoint says, no more.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub(crate) rpc: JsonRpc,
}

/// A `ReleaseFinalised` event as an endpoint reports it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FinalisedEvent {
    /// The event's data: `record ‖ signatures`.
    pub data: Bytes,
    /// The block it is in.
    pub block: u64,
    /// The transaction it is from.
    pub transaction: B256,
}

#[derive(Deserialize)]
struct BlockHead {
    hash: B256,
}

impl Endpoint {
    /// An endpoint at `url`; it is not contacted yet.
    ///
    /// # Errors
    /// [`ChainError::Url`] unless the URL is https, or http to a loopback address; [`ChainError::Unreachable`] when this
    /// machine has no certificate authorities to speak https with.
    pub fn new(url: &str, options: &Options) -> Result<Self, ChainError> {
        JsonRpc::new(url, options).map(|rpc| Self { rpc })
    }

    /// The URL without a final slash. Not for printing: see [`Self::place`].
    #[must_use]
    pub fn url(&self) -> String {
        self.rpc.url()
    }

    /// Scheme, host and port (if it is not the scheme's own), for what is printed: in path, query and login people keep
    /// the keys of their accounts.
    #[must_use]
    pub fn place(&self) -> String {
        self.rpc.place()
    }

    /// `eth_chainId`.
    ///
    /// # Errors
    /// When it is not answered, or not with a number that fits 64 bits.
    pub async fn chain_id(&self) -> Result<u64, ChainError> {
        Ok(self.rpc.ask::<U64>("eth_chainId", json!([])).await?.to())
    }

    /// The hash of block 0.
    ///
    /// # Errors
    /// When it is not answered.
    pub async fn genesis_hash(&self) -> Result<B256, ChainError> {
        let block: BlockHead = self
            .block("eth_getBlockByNumber", json!(["0x0", false]))
            .await?;
        Ok(block.hash)
    }

    /// The header of the block the endpoint calls finalised.
    ///
    /// # Errors
    /// When it is not answered, or the header does not hash to its stated hash.
    pub async fn finalized_header(&self) -> Result<Header, ChainError> {
        self.header("eth_getBlockByNumber", json!(["finalized", false]))
            .await
    }

    /// The header of the newest block.
    ///
    /// # Errors
    /// As [`Self::finalized_header`].
    pub async fn latest_header(&self) -> Result<Header, ChainError> {
        self.header("eth_getBlockByNumber", json!(["latest", false]))
            .await
    }

    /// The header at `number`.
    ///
    /// # Errors
    /// As [`Self::finalized_header`], and when the header given has another number.
    pub async fn header_at(&self, number: u64) -> Result<Header, ChainError> {
        let method = "eth_getBlockByNumber";
        let header = self
            .header(method, json!([format!("{number:#x}"), false]))
            .await?;
        if header.number != number {
            return Err(self
                .rpc
                .malformed(method, &format!("block {} for {number}", header.number)));
        }
        Ok(header)
    }

    /// Proofs of `account` and of `slots` of its storage, at the block with hash `block`.
    ///
    /// # Errors
    /// When the endpoint cannot prove at that block (many prove only near the head): never a reason to fall
    /// back to a claimed value.
    pub async fn proof(
        &self,
        account: Address,
        slots: &[B256],
        block: B256,
    ) -> Result<StateProof, ChainError> {
        let method = "eth_getProof";
        let answer: proof::Answer = self
            .rpc
            .ask(method, json!([account, slots, at(block)]))
            .await?;
        answer.named(slots).ok_or_else(|| {
            self.rpc
                .malformed(method, "another number of slots than asked for")
        })
    }

    /// The code at `account`, at the block with hash `block`; recognise it by its hash.
    ///
    /// # Errors
    /// When it is not answered.
    pub async fn code(&self, account: Address, block: B256) -> Result<Bytes, ChainError> {
        self.rpc
            .ask("eth_getCode", json!([account, at(block)]))
            .await
    }

    /// The value the endpoint claims for `slot` of `account`, at the block with hash `block`.
    ///
    /// # Errors
    /// When it is not answered.
    pub async fn storage(
        &self,
        account: Address,
        slot: B256,
        block: B256,
    ) -> Result<U256, ChainError> {
        let word: B256 = self
            .rpc
            .ask("eth_getStorageAt", json!([account, slot, at(block)]))
            .await?;
        Ok(word.into())
    }

    /// The `ReleaseFinalised` events of `release` by `ledger` up to block `to`, at most a few.
    ///
    /// # Errors
    /// When it is not answered, or an event is not in its ABI form.
    pub async fn finalised_events(
        &self,
        ledger: Address,
        release: &ReleaseId,
        from: u64,
        to: u64,
    ) -> Result<Vec<FinalisedEvent>, ChainError> {
        let method = "eth_getLogs";
        let filter = json!([{
            "address": ledger,
            "topics": [ReleaseLedger::ReleaseFinalised::SIGNATURE_HASH, release.word()],
            "fromBlock": format!("{from:#x}"),
            "toBlock": format!("{to:#x}"),
        }]);
        let logs: Vec<Log> = self.rpc.ask(method, filter).await?;
        logs.iter()
            .take(MAX_EVENTS)
            .map(|log| self.event(method, ledger, release, log))
            .collect()
    }

    fn event(
        &self,
        method: &'static str,
        ledger: Address,
        release: &ReleaseId,
        log: &Log,
    ) -> Result<FinalisedEvent, ChainError> {
        let refuse = |why: &str| self.rpc.malformed(method, why);
        let decoded = ReleaseLedger::ReleaseFinalised::decode_log(&log.inner)
            .map_err(|error| refuse(&error.to_string()))?;
        if decoded.address != ledger || decoded.release != release.word() {
            return Err(refuse("an event of another ledger or release"));
        }
        let (Some(block), Some(transaction)) = (log.block_number, log.transaction_hash) else {
            return Err(refuse("an event that is in no block"));
        };
        Ok(FinalisedEvent {
            data: decoded.data.data.clone(),
            block,
            transaction,
        })
    }

    async fn header(&self, method: &'static str, params: Value) -> Result<Header, ChainError> {
        let json: RpcHeader = self.block(method, params).await?;
        Header::rebuild(&self.rpc.place(), &json)
    }

    async fn block<T: serde::de::DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<T, ChainError> {
        let block: Option<T> = self.rpc.ask(method, params).await?;
        block.ok_or_else(|| self.rpc.malformed(method, "there is no such block"))
    }
}

/// A block by its hash, on the canonical chain (EIP-1898).
fn at(block: B256) -> Value {
    json!({ "blockHash": block, "requireCanonical": true })
}
