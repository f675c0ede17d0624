use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    time::Duration,
};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use futures_util::{StreamExt as _, future::join_all, stream};
use seed_chain::{ChainError, Endpoint, Header, Options};
use seed_primitives::ReleaseId;
use seed_verdict::{ChainEvidence, EndpointEvidence, Observation, Policy, StateProof, StateValues};

use super::Notes;

/// Questions to one endpoint that are under way at once, where there are many.
const AT_ONCE: usize = 8;
/// The most events of one release that are kept.
const MAX_EVENTS: usize = 16;

/// The endpoints of a policy. Every question goes to all of them at once; no answer stands for another's.
#[derive(Debug)]
pub(crate) struct Chain {
    ledger: Address,
    agree: usize,
    endpoints: Vec<(String, Result<Endpoint, ChainError>)>,
}

/// At which block the chain is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Height {
    /// The highest that enough operators call final.
    Finalised,
    /// The highest that enough operators have: for bundles, because many nodes prove nothing older than minutes.
    Latest,
}

/// What the endpoints said about the finalised head, and the header that was chosen.
pub(crate) struct Head {
    observed: Vec<EndpointEvidence>,
    chosen: Option<Header>,
    /// Who gave the chosen header: only they are asked about the state at it.
    givers: Vec<(String, Endpoint)>,
}

impl Chain {
    /// The endpoints of `policy`; none is contacted yet.
    #[must_use]
    pub(crate) fn new(policy: &Policy) -> Self {
        // One that stalls must cost less than the whole time of a verdict.
        let options = Options {
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(8),
            ..Options::default()
        };
        let endpoints = policy.endpoints().iter().map(|endpoint| {
            let url = endpoint.url.clone();
            let client = Endpoint::new(&url, &options);
            (url, client)
        });
        Self {
            ledger: policy.anchor().ledger,
            agree: policy.agree(),
            endpoints: endpoints.collect(),
        }
    }

    /// Asks every endpoint for its chain and finalised head, and all of them for one height.
    ///
    /// The height is the highest that `agree` of them call finalised: neither one that lags nor one that runs ahead
    /// can move it. An endpoint that does not answer is an observation too.
    pub(crate) async fn head(&self, height: Height, notes: &Notes) -> Head {
        let mut answers = self.observe(height, notes).await;
        let mut heights: Vec<_> = answers
            .iter()
            .filter_map(|(.., outcome)| Some(outcome.as_ref().ok()?.1))
            .collect();
        heights.sort_unstable_by(|a, b| b.cmp(a));
        let chosen = heights.get(self.agree - 1).or(heights.last()).copied();
        let mut found = Vec::new();
        if let Some(number) = chosen {
            found = headers_at(&mut answers, number, notes).await;
        }
        let chosen = most_given(&found);
        let givers = found
            .into_iter()
            .filter(|(.., header)| Some(header) == chosen.as_ref())
            .map(|(url, endpoint, _)| (url, endpoint))
            .collect();
        Head {
            observed: observed(answers),
            chosen,
            givers,
        }
    }

    /// What every endpoint says about its chain, its finalised head, and the block `number`.
    pub(crate) async fn confirm(&self, number: u64, notes: &Notes) -> Vec<EndpointEvidence> {
        let mut answers = self.observe(Height::Finalised, notes).await;
        headers_at(&mut answers, number, notes).await;
        observed(answers)
    }

    /// Asks every endpoint for its chain, its finalised head and the height meant; no answer is an observation too.
    async fn observe(&self, height: Height, notes: &Notes) -> Vec<Answer<'_>> {
        let asked = self.endpoints.iter().map(|(url, endpoint)| async move {
            let outcome = match endpoint {
                Ok(endpoint) => observe(endpoint, height).await,
                Err(error) => Err(error.clone()),
            };
            let outcome = outcome.map_err(|error| {
                notes.add(&error);
                error.to_string()
            });
            (url.as_str(), endpoint.as_ref().ok(), outcome)
        });
        join_all(asked).await
    }

    /// The codes of these rules (address and the hash the code must have), from whoever has them.
    pub(crate) async fn codes(
        &self,
        head: &Head,
        rules: &BTreeSet<(Address, B256)>,
        notes: &Notes,
    ) -> Vec<Bytes> {
        let mut codes = Vec::new();
        for (address, hash) in rules {
            let found = head
                .ask(notes, |endpoint, header| async move {
                    endpoint.code(*address, header.hash).await
                })
                .await;
            let code = found.into_iter().map(|(_, code)| code);
            codes.extend(code.into_iter().find(|code| keccak256(code) == *hash));
        }
        codes
    }

    /// The data of the release's event as anybody has it, without duplicates.
    pub(crate) async fn events(
        &self,
        head: &Head,
        release: &ReleaseId,
        notes: &Notes,
    ) -> Vec<Vec<u8>> {
        let found = head
            .ask(notes, |endpoint, header| async move {
                endpoint
                    .finalised_events(self.ledger, release, 0, header.number)
                    .await
            })
            .await;
        let events: BTreeSet<_> = found
            .into_iter()
            .flat_map(|(_, events)| events)
            .map(|event| event.data.to_vec())
            .collect();
        events.into_iter().take(MAX_EVENTS).collect()
    }

    /// Everything that was observed: the heads, and at the chosen header a proof of `slots` by everybody who gives
    /// one, with `values` also what everybody says the values are.
    pub(crate) async fn state(
        &self,
        mut head: Head,
        slots: &[B256],
        values: bool,
        notes: &Notes,
    ) -> ChainEvidence {
        let proofs = head
            .ask(notes, |endpoint, header| async move {
                endpoint.proof(self.ledger, slots, header.hash).await
            })
            .await;
        if values {
            let said = head
                .ask(notes, |endpoint, header| {
                    self.values(endpoint, header.hash, slots)
                })
                .await;
            for (url, values) in said {
                let observed = head.observed.iter_mut().find(|one| one.url == url);
                if let Some(Ok(observation)) = observed.map(|one| one.outcome.as_mut()) {
                    observation.values = Some(values);
                }
            }
        }
        let proofs = proofs.into_iter().map(|(url, proof)| StateProof {
            url,
            account: proof.account,
            slots: proof.slots,
        });
        ChainEvidence {
            endpoints: head.observed,
            header: head.chosen.map(|header| header.rlp.to_vec()),
            proofs: proofs.collect(),
            rules_codes: vec![],
            captured: false,
        }
    }

    async fn values(
        &self,
        endpoint: Endpoint,
        block: B256,
        slots: &[B256],
    ) -> Result<StateValues, ChainError> {
        let code = endpoint.code(self.ledger, block).await?;
        let words: Vec<Result<(B256, U256), ChainError>> = stream::iter(slots)
            .map(|slot| {
                let endpoint = &endpoint;
                async move {
                    let word = endpoint.storage(self.ledger, *slot, block).await?;
                    Ok((*slot, word))
                }
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        Ok(StateValues {
            block,
            ledger_code_hash: keccak256(&code),
            slots: words.into_iter().collect::<Result<BTreeMap<_, _>, _>>()?,
        })
    }
}

impl Head {
    /// What those said who answered, by URL.
    pub(crate) fn answers(&self) -> impl Iterator<Item = (&str, &Observation)> {
        let observed = self.observed.iter();
        observed.filter_map(|one| Some((one.url.as_str(), one.outcome.as_ref().ok()?)))
    }

    /// The RLP bytes of the chosen header.
    pub(crate) fn header(&self) -> Option<&[u8]> {
        self.chosen.as_ref().map(|header| header.rlp.as_ref())
    }

    /// How many endpoints gave the chosen header; no two are of one operator.
    pub(crate) fn agreeing(&self) -> usize {
        self.givers.len()
    }

    /// Puts one question to everybody who gave the chosen header; who does not answer is noted.
    async fn ask<T, F: Future<Output = Result<T, ChainError>>>(
        &self,
        notes: &Notes,
        question: impl Fn(Endpoint, Header) -> F,
    ) -> Vec<(String, T)> {
        let Some(header) = &self.chosen else {
            return Vec::new();
        };
        let asked = self.givers.iter().map(|(url, endpoint)| {
            let answer = question(endpoint.clone(), header.clone());
            async move { Some((url.clone(), notes.ok(answer.await)?)) }
        });
        join_all(asked).await.into_iter().flatten().collect()
    }
}

/// An endpoint by its URL, with what it observed and the height it names, or why it did not answer.
type Answer<'a> = (
    &'a str,
    Option<&'a Endpoint>,
    Result<(Observation, u64), String>,
);

async fn observe(endpoint: &Endpoint, height: Height) -> Result<(Observation, u64), ChainError> {
    let latest = async {
        match height {
            Height::Finalised => Ok(None),
            Height::Latest => endpoint.latest_header().await.map(Some),
        }
    };
    let (chain_id, genesis, head, latest) = tokio::try_join!(
        endpoint.chain_id(),
        endpoint.genesis_hash(),
        endpoint.finalized_header(),
        latest
    )?;
    let number = latest.map_or(head.number, |header| header.number);
    let observation = Observation {
        chain_id,
        genesis,
        finalized: head.number,
        headers: vec![head.rlp.to_vec()],
        values: None,
    };
    Ok((observation, number))
}

fn observed(answers: Vec<Answer<'_>>) -> Vec<EndpointEvidence> {
    let observed = answers
        .into_iter()
        .map(|(url, _, outcome)| EndpointEvidence {
            url: url.to_owned(),
            outcome: outcome.map(|(observation, _)| observation),
        });
    observed.collect()
}

/// The header at one height by everybody who answered, added to what they said.
async fn headers_at(
    answers: &mut [Answer<'_>],
    number: u64,
    notes: &Notes,
) -> Vec<(String, Endpoint, Header)> {
    let asked = answers.iter_mut().filter_map(|(url, endpoint, outcome)| {
        let (observed, _) = outcome.as_mut().ok()?;
        Some(header_at(url, (*endpoint)?, observed, number, notes))
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// The header at `height` by one endpoint, added to what it said.
async fn header_at(
    url: &str,
    endpoint: &Endpoint,
    observed: &mut Observation,
    height: u64,
    notes: &Notes,
) -> Option<(String, Endpoint, Header)> {
    let header = notes.ok(endpoint.header_at(height).await)?;
    observed.headers.push(header.rlp.to_vec());
    Some((url.to_owned(), endpoint.clone(), header))
}

/// The header that most endpoints gave.
fn most_given(found: &[(String, Endpoint, Header)]) -> Option<Header> {
    let times = |header: &Header| found.iter().filter(|(.., other)| other == header).count();
    let headers = found.iter().map(|(.., header)| header);
    headers.max_by_key(|header| times(header)).cloned()
}
