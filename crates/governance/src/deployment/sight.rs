use alloy_primitives::{Address, B256, Bytes, Log, U256};
use revm::DatabaseRef as _;
use seed_chain::ChainError;

use crate::{
    Fault,
    decode::ReviewFault,
    simulate::{BlockChoice, Live, Need, State},
};

/// The widest range of blocks whose events are asked for at once, where a whole range is refused.
const WINDOW: u64 = 5_000;
/// The most such ranges.
const MOST_WINDOWS: u64 = 4_000;
const MOST_EVENTS: usize = 4096;

/// One block of a chain, seen through endpoints that agree on it. Code and storage are proven against the block's
/// header; events cannot be, and are believed if all endpoints show the same.
///
/// Block 0 of a local chain has no state root. What all endpoints claim of it serves to begin a deployment, never to
/// call one complete.
#[derive(Debug)]
pub(crate) struct Sight {
    live: Live,
    state: Option<State>,
    genesis: B256,
}

impl Sight {
    /// The newest block that all of `urls` have; `genesis` must be the hash of block 0 where it is known.
    pub(crate) async fn newest(
        urls: &[String],
        chain_id: u64,
        genesis: Option<B256>,
    ) -> Result<Self, Fault> {
        let mut live = connect(urls, chain_id, genesis).await?;
        let genesis = match genesis {
            Some(genesis) => genesis,
            None => {
                // Whatever the first one says, the others must agree.
                let first = live
                    .endpoints()
                    .first()
                    .ok_or(Fault::Usage("no --rpc".to_owned()))?;
                let genesis = first.genesis_hash().await?;
                live = connect(urls, chain_id, Some(genesis)).await?;
                genesis
            }
        };
        let state = match live.block() {
            0 => None,
            _ => Some(live.state().map_err(ReviewFault::Live)?),
        };
        Ok(Self {
            live,
            state,
            genesis,
        })
    }

    /// The hash of block 0.
    pub(crate) const fn genesis(&self) -> B256 {
        self.genesis
    }

    /// The number of the block.
    pub(crate) const fn block(&self) -> u64 {
        self.live.block()
    }

    /// The endpoints.
    pub(crate) fn endpoints(&self) -> &[seed_chain::Endpoint] {
        self.live.endpoints()
    }

    /// Whether what is read is proven.
    pub(crate) const fn proven(&self) -> bool {
        self.state.is_some()
    }

    /// The code of an account; empty where there is none.
    pub(crate) async fn code(&mut self, account: Address) -> Result<Bytes, Fault> {
        let Some(state) = &mut self.state else {
            return claimed_code(&self.live, account).await;
        };
        if let Err(need) = state.basic_ref(account) {
            supply(&self.live, need, state).await?;
        }
        let found = state.basic_ref(account).map_err(still_missing)?;
        let code = found.and_then(|info| info.code);
        Ok(code.map(|code| code.original_bytes()).unwrap_or_default())
    }

    /// The value of a slot; zero where there is no such account.
    pub(crate) async fn slot(&mut self, account: Address, slot: B256) -> Result<U256, Fault> {
        self.code(account).await?;
        let Some(state) = &mut self.state else {
            return Err(Fault::Machine("block 0 proves no storage".to_owned()));
        };
        let slot = U256::from_be_bytes(slot.0);
        if let Err(need) = state.storage_ref(account, slot) {
            supply(&self.live, need, state).await?;
        }
        state.storage_ref(account, slot).map_err(still_missing)
    }

    /// The events of `contract` of these kinds, from block `from` up to this one.
    pub(crate) async fn events(
        &self,
        contract: Address,
        kinds: &[B256],
        from: u64,
    ) -> Result<Vec<Log>, Fault> {
        let mut agreed: Option<Vec<Log>> = None;
        for endpoint in self.live.endpoints() {
            let range = (from, self.block());
            let whole = endpoint.logs(contract, kinds, range, MOST_EVENTS).await;
            let events = match whole {
                Err(ChainError::Refused { .. }) => {
                    self.windows(endpoint, contract, kinds, from).await?
                }
                other => other?,
            };
            if agreed.as_ref().is_some_and(|agreed| *agreed != events) {
                return Err(super::DeployFault::EventsDisagree {
                    contract,
                    url: endpoint.place(),
                }
                .into());
            }
            agreed = Some(events);
        }
        Ok(agreed.unwrap_or_default())
    }

    async fn windows(
        &self,
        endpoint: &seed_chain::Endpoint,
        contract: Address,
        kinds: &[B256],
        from: u64,
    ) -> Result<Vec<Log>, Fault> {
        let mut events = Vec::new();
        let mut start = from;
        for _ in 0..MOST_WINDOWS {
            let end = self.block().min(start.saturating_add(WINDOW - 1));
            let some = endpoint.logs(contract, kinds, (start, end), MOST_EVENTS);
            events.extend(some.await?);
            if end == self.block() {
                return Ok(events);
            }
            start = end + 1;
        }
        Err(Fault::Machine(format!(
            "the events since block {from} are more than can be asked for"
        )))
    }
}

async fn supply(live: &Live, need: Need, state: &mut State) -> Result<(), Fault> {
    let supplied = live.supply(need, state).await;
    Ok(supplied.map_err(ReviewFault::Live)?)
}

/// The code that every endpoint claims.
async fn claimed_code(live: &Live, account: Address) -> Result<Bytes, Fault> {
    let mut agreed: Option<Bytes> = None;
    for endpoint in live.endpoints() {
        let hash = endpoint.header_at(live.block()).await?.hash;
        let code = endpoint.code(account, hash).await?;
        if agreed.as_ref().is_some_and(|agreed| *agreed != code) {
            return Err(super::DeployFault::ClaimsDisagree {
                account,
                url: endpoint.place(),
            }
            .into());
        }
        agreed = Some(code);
    }
    Ok(agreed.unwrap_or_default())
}

async fn connect(urls: &[String], chain_id: u64, genesis: Option<B256>) -> Result<Live, Fault> {
    let live = Live::connect(urls, chain_id, genesis, BlockChoice::Latest).await;
    Ok(live.map_err(ReviewFault::Live)?)
}

fn still_missing(need: Need) -> Fault {
    Fault::Machine(format!("{need} was not there after it was fetched"))
}
