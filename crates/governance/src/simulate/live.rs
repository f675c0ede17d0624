use alloy_primitives::{Address, B256, Bytes};
use seed_chain::{ChainError, Endpoint, Header, Options};
use thiserror::Error;

use super::{Halt, Need, Outcome, Plan, State, StateError};

/// The most pieces of state that one simulation fetches.
const MAX_NEEDS: usize = 1024;

/// Which block the state is taken from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum BlockChoice {
    /// The newest that every endpoint has.
    #[default]
    Latest,
    /// The newest that every endpoint calls finalised.
    Finalized,
    /// This one.
    Number(u64),
}

impl std::str::FromStr for BlockChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "latest" => Ok(Self::Latest),
            "finalized" => Ok(Self::Finalized),
            number => number
                .parse()
                .map(Self::Number)
                .map_err(|_| "expected latest, finalized or a block number".to_owned()),
        }
    }
}

/// Why no state could be taken from a chain.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum LiveError {
    /// An endpoint.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// It is another chain.
    #[error("endpoint {url} is on a chain with {what} {found}, expected {expected}")]
    OtherChain {
        /// The endpoint.
        url: String,
        /// What differs.
        what: &'static str,
        /// Its own.
        found: String,
        /// The deployment's.
        expected: String,
    },
    /// Two endpoints have two blocks of one number.
    #[error("the endpoints disagree about block {number}: {first} has {one}, {second} has {other}")]
    Disagree {
        /// The block.
        number: u64,
        /// An endpoint.
        first: String,
        /// Its block hash.
        one: B256,
        /// Another.
        second: String,
        /// Its block hash.
        other: B256,
    },
    /// No endpoint proves a piece of state.
    #[error("endpoint {url} proves nothing: {why}")]
    Unproven {
        /// The last one asked.
        url: String,
        /// What is wrong with its proof.
        why: StateError,
    },
    /// The header is unusable.
    #[error(transparent)]
    State(#[from] StateError),
    /// More is asked for than a governance operation can need.
    #[error("the change reads more than {0} pieces of state")]
    TooMuch(usize),
    /// No endpoint was named.
    #[error("no endpoint was named")]
    NoEndpoint,
}

/// Endpoints that agree on one block.
///
/// All of them must answer, be on the right chain and have the same block; from then on every piece of state is proven
/// against that block's header, so that a lying endpoint can only refuse.
#[derive(Clone, Debug)]
pub struct Live {
    endpoints: Vec<Endpoint>,
    header: Header,
    chain_id: u64,
}

impl Live {
    /// Asks every endpoint for one block.
    ///
    /// # Errors
    /// [`LiveError`] when one of them does not answer, is on another chain, or has another block.
    pub async fn connect(
        urls: &[String],
        chain_id: u64,
        genesis: Option<B256>,
        choice: BlockChoice,
    ) -> Result<Self, LiveError> {
        let mut endpoints = Vec::new();
        for url in urls {
            let endpoint = Endpoint::new(url, &Options::default())?;
            same_chain(&endpoint, chain_id, genesis).await?;
            endpoints.push(endpoint);
        }
        let number = height(&endpoints, choice).await?;
        let mut headers = Vec::new();
        for endpoint in &endpoints {
            headers.push((endpoint.place(), endpoint.header_at(number).await?));
        }
        let (first, header) = headers.first().cloned().ok_or(LiveError::NoEndpoint)?;
        if let Some((second, other)) = headers.iter().find(|(_, one)| one.hash != header.hash) {
            return Err(LiveError::Disagree {
                number,
                first,
                one: header.hash,
                second: second.clone(),
                other: other.hash,
            });
        }
        Ok(Self {
            endpoints,
            header,
            chain_id,
        })
    }

    /// The endpoints.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The number of the block.
    #[must_use]
    pub const fn block(&self) -> u64 {
        self.header.number
    }

    /// The state of the block, of which nothing is fetched yet.
    ///
    /// # Errors
    /// When the header has no state root to prove against.
    pub fn state(&self) -> Result<State, LiveError> {
        Ok(State::new(self.chain_id, &self.header.rlp)?)
    }

    /// Fetches a piece of state, from the first endpoint that proves it.
    ///
    /// # Errors
    /// The last endpoint's fault.
    pub async fn supply(&self, need: Need, state: &mut State) -> Result<(), LiveError> {
        let mut last = LiveError::NoEndpoint;
        for endpoint in &self.endpoints {
            match self.fetch(endpoint, need, state).await {
                Ok(()) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn fetch(
        &self,
        endpoint: &Endpoint,
        need: Need,
        state: &mut State,
    ) -> Result<(), LiveError> {
        let block = self.header.hash;
        let added = match need {
            Need::Account(address) => {
                let proof = endpoint.proof(address, &[], block).await?;
                let code = endpoint.code(address, block).await?;
                state.add_account(address, proof.account, code)
            }
            Need::Slot(address, slot) => {
                let nodes = slot_nodes(endpoint, address, slot, block).await?;
                state.add_slot(address, slot, nodes)
            }
            Need::BlockHash(number) => Err(StateError::Form(format!(
                "the hash of block {number} is not part of the state"
            ))),
        };
        added.map_err(|why| LiveError::Unproven {
            url: endpoint.place(),
            why,
        })
    }

    /// Runs `ask` again and again, each time with the piece of state that it said was missing.
    ///
    /// # Errors
    /// [`LiveError`] when a piece cannot be had; what `ask` itself answers, errors included, is inside.
    pub async fn complete<T>(
        &self,
        state: &mut State,
        ask: impl Fn(&State) -> Result<T, Halt>,
    ) -> Result<Result<T, Halt>, LiveError> {
        for _ in 0..MAX_NEEDS {
            match ask(state) {
                Err(Halt::Missing(need)) => self.supply(need, state).await?,
                answer => return Ok(answer),
            }
        }
        Err(LiveError::TooMuch(MAX_NEEDS))
    }

    /// Runs a plan on the chain's state.
    ///
    /// # Errors
    /// As [`Self::complete`].
    pub async fn run(
        &self,
        plan: &Plan,
        state: &mut State,
    ) -> Result<Result<Outcome, Halt>, LiveError> {
        self.complete(state, |state| plan.run(state)).await
    }
}

async fn same_chain(
    endpoint: &Endpoint,
    chain_id: u64,
    genesis: Option<B256>,
) -> Result<(), LiveError> {
    let other = |what, found: String, expected: String| LiveError::OtherChain {
        url: endpoint.place(),
        what,
        found,
        expected,
    };
    let found = endpoint.chain_id().await?;
    if found != chain_id {
        return Err(other("id", found.to_string(), chain_id.to_string()));
    }
    let Some(expected) = genesis else {
        return Ok(());
    };
    let found = endpoint.genesis_hash().await?;
    if found != expected {
        let (found, expected) = (found.to_string(), expected.to_string());
        return Err(other("first block", found, expected));
    }
    Ok(())
}

async fn height(endpoints: &[Endpoint], choice: BlockChoice) -> Result<u64, LiveError> {
    let mut least: Option<u64> = None;
    for endpoint in endpoints {
        let number = match choice {
            BlockChoice::Latest => endpoint.latest_header().await?.number,
            BlockChoice::Finalized => endpoint.finalized_header().await?.number,
            BlockChoice::Number(number) => number,
        };
        least = Some(least.map_or(number, |least| least.min(number)));
    }
    least.ok_or(LiveError::NoEndpoint)
}

async fn slot_nodes(
    endpoint: &Endpoint,
    address: Address,
    slot: B256,
    block: B256,
) -> Result<Vec<Bytes>, LiveError> {
    let proof = endpoint.proof(address, &[slot], block).await?;
    let nodes = proof.slots.into_iter().next();
    Ok(nodes.map(|(_, nodes)| nodes).unwrap_or_default())
}
