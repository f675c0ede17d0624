use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, B256, U256};
use futures_util::future::join_all;
use seed_attestation::{Domain, Record, ReleaseData};
use seed_chain::{ChainError, Endpoint, Options, Posted};
use seed_primitives::ReleaseId;
use seed_proof::{ControlWord, Rules, slots};

use crate::Fault;

/// How often endpoints that disagree are asked again: they may be a block apart.
const ATTEMPTS: usize = 12;
const PAUSE: Duration = Duration::from_millis(500);
/// How many blocks are asked for at once, since many endpoints refuse wide ranges, and how often: two days of
/// blocks every two seconds.
const POST_WINDOW: u64 = 4_999;
const POST_WINDOWS: usize = 18;
/// The most signatures that are taken from one endpoint; anybody may post, so the newest count.
const MAX_POSTS: usize = 1024;

/// The ledger as its endpoints show it.
///
/// Nothing here makes a release final: a lie can cost gas or time, and verifiers believe none of it. Still no
/// endpoint is believed alone where there are more: all that answer must agree.
#[derive(Debug)]
pub struct Ledger {
    endpoints: Vec<Endpoint>,
    domain: Domain,
    notes: Vec<String>,
}

/// What governs the next release.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LedgerState {
    /// The rules in force.
    pub rules_address: Address,
    /// Their configuration, every check repeated.
    pub rules: Rules,
    /// Bit i: builder i is revoked.
    pub revoked: u32,
    /// Releases recorded so far; 0 before genesis.
    pub sequence: u32,
}

/// A release as the ledger recorded it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recorded {
    /// The record, which hashes to the commitment in the ledger.
    pub record: Record,
    /// The block it is in.
    pub block: u64,
    /// The transaction it is from.
    pub transaction: B256,
}

impl Ledger {
    /// Asks every endpoint for its chain. Those that do not answer are left out, with a note.
    ///
    /// # Errors
    /// When one is on another chain, or none answers.
    pub async fn open(urls: &[String], domain: Domain) -> Result<Self, Fault> {
        let (mut endpoints, mut notes, mut silent) = (Vec::new(), Vec::new(), None);
        for url in urls {
            endpoints.push(Endpoint::new(url, &Options::default())?);
        }
        let answers = join_all(endpoints.iter().map(Endpoint::chain_id)).await;
        let mut answering = Vec::new();
        for (endpoint, answer) in endpoints.into_iter().zip(answers) {
            match answer {
                Ok(found) if found == domain.chain_id => answering.push(endpoint),
                Ok(found) => {
                    return Err(Fault::WrongChain {
                        url: endpoint.place(),
                        found,
                        expected: domain.chain_id,
                    });
                }
                Err(error) => {
                    notes.push(format!("left out: {error}"));
                    silent.get_or_insert(error);
                }
            }
        }
        match silent {
            Some(error) if answering.is_empty() => Err(error.into()),
            _ => Ok(Self {
                endpoints: answering,
                domain,
                notes,
            }),
        }
    }

    /// What was left out, and why.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The URL of the endpoint that transactions go through. Not for printing, since it may hold a key.
    #[must_use]
    pub fn url(&self) -> String {
        self.endpoints
            .first()
            .map(Endpoint::url)
            .unwrap_or_default()
    }

    fn place(&self) -> String {
        self.endpoints
            .first()
            .map(Endpoint::place)
            .unwrap_or_default()
    }

    /// The rules in force and where the ledger stands, at the newest block.
    ///
    /// # Errors
    /// When endpoints do not answer or disagree, there is no ledger, or its rules are unusable.
    pub async fn state(&self) -> Result<LedgerState, Fault> {
        let (control, code) = self
            .agreed("the rules in force", async |endpoint, head| {
                let word = endpoint
                    .storage(self.domain.ledger, slots::CONTROL, head)
                    .await?;
                let control = ControlWord::from_word(word);
                let code = match control.rules.is_zero() {
                    true => Default::default(),
                    false => endpoint.code(control.rules, head).await?,
                };
                Ok((control, code))
            })
            .await?;
        if control.rules.is_zero() {
            return Err(Fault::LedgerMissing {
                ledger: self.domain.ledger,
                chain_id: self.domain.chain_id,
            });
        }
        if control.revoked == u32::MAX {
            return Err(Fault::RulesRevoked(control.rules));
        }
        let rules = Rules::parse(&code).map_err(|error| Fault::RulesUnusable {
            rules: control.rules,
            error,
        })?;
        Ok(LedgerState {
            rules_address: control.rules,
            rules,
            revoked: control.revoked,
            sequence: control.sequence,
        })
    }

    /// The commitment to a release at the newest block; `None` where it is not recorded.
    ///
    /// # Errors
    /// When endpoints do not answer or disagree.
    pub async fn commitment(&self, release: &ReleaseId) -> Result<Option<B256>, Fault> {
        let word = self.word("a release", slots::release(release)).await?;
        Ok((!word.is_zero()).then(|| B256::new(word.to_be_bytes())))
    }

    /// One slot of the ledger at the newest block.
    pub(crate) async fn word(&self, what: &'static str, slot: B256) -> Result<U256, Fault> {
        self.agreed(what, async |endpoint, head| {
            endpoint.storage(self.domain.ledger, slot, head).await
        })
        .await
    }

    /// The record of a release from its event, which must hash to `commitment`.
    ///
    /// # Errors
    /// When no endpoint has an event that does.
    pub async fn recorded(
        &self,
        release: &ReleaseId,
        commitment: B256,
        from: u64,
    ) -> Result<Recorded, Fault> {
        let mut last = None;
        for endpoint in &self.endpoints {
            match self.find(endpoint, release, commitment, from).await {
                Ok(Some(recorded)) => return Ok(recorded),
                Ok(None) => {}
                Err(error) => last = Some(error),
            }
        }
        Err(Fault::Endpoint(last.unwrap_or_else(|| {
            ChainError::Malformed {
                url: self.place(),
                method: "eth_getLogs",
                why: format!("no event of release {release} hashes to its commitment"),
            }
        })))
    }

    async fn find(
        &self,
        endpoint: &Endpoint,
        release: &ReleaseId,
        commitment: B256,
        from: u64,
    ) -> Result<Option<Recorded>, ChainError> {
        let head = endpoint.latest_header().await?.number;
        let events = endpoint
            .finalised_events(self.domain.ledger, release, from.min(head), head)
            .await?;
        Ok(events.into_iter().find_map(|event| {
            let record = ReleaseData::parse(&event.data).ok()?.record;
            (record.commitment() == commitment).then_some(Recorded {
                record,
                block: event.block,
                transaction: event.transaction,
            })
        }))
    }

    /// What was posted lately for some releases, or for any where none is named: from every endpoint, because one
    /// may withhold and none can invent a signature. Where one does not answer, there may be more.
    pub(crate) async fn posted(&self, releases: &[ReleaseId]) -> (Vec<Posted>, Vec<String>) {
        let (mut posts, mut troubles) = (HashSet::new(), Vec::new());
        let all = self.endpoints.iter().map(async |endpoint| {
            let head = endpoint.latest_header().await?.number;
            let (mut found, mut to) = (Vec::new(), head);
            for _ in 0..POST_WINDOWS {
                let from = to.saturating_sub(POST_WINDOW);
                let left = MAX_POSTS - found.len();
                found.extend(
                    endpoint
                        .posted(self.domain.ledger, releases, (from, to), left)
                        .await?,
                );
                if from == 0 || found.len() == MAX_POSTS {
                    break;
                }
                to = from - 1;
            }
            Ok::<_, ChainError>(found)
        });
        for answer in join_all(all).await {
            match answer {
                Ok(found) => posts.extend(found),
                Err(error) => troubles.push(format!("what was posted is not known: {error}")),
            }
        }
        (posts.into_iter().collect(), troubles)
    }

    /// Waits until every endpoint calls a block finalised that holds `commitment`; `false` at the deadline.
    pub async fn wait_finalised(
        &self,
        release: &ReleaseId,
        commitment: B256,
        deadline: Instant,
    ) -> bool {
        let slot = slots::release(release);
        for endpoint in &self.endpoints {
            let holds = async || {
                let head = endpoint.finalized_header().await.ok()?;
                let word = endpoint.storage(self.domain.ledger, slot, head.hash).await;
                Some(B256::new(word.ok()?.to_be_bytes()) == commitment)
            };
            while holds().await != Some(true) {
                if Instant::now() >= deadline {
                    return false;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        true
    }

    /// Asks every endpoint at its newest block; all that answer must say the same.
    async fn agreed<T: PartialEq>(
        &self,
        what: &'static str,
        ask: impl AsyncFn(&Endpoint, B256) -> Result<T, ChainError>,
    ) -> Result<T, Fault> {
        for attempt in 1.. {
            let (mut answers, mut failure) = (Vec::new(), None);
            let all = self.endpoints.iter().map(async |endpoint| {
                let head = endpoint.latest_header().await?;
                ask(endpoint, head.hash).await
            });
            for (endpoint, answer) in self.endpoints.iter().zip(join_all(all).await) {
                match answer {
                    Ok(answer) => answers.push((endpoint.place(), answer)),
                    Err(error) => failure = Some(error),
                }
            }
            let differs = answers
                .iter()
                .skip(1)
                .find(|(_, answer)| Some(answer) != answers.first().map(|(_, first)| first))
                .map(|(place, _)| place.clone());
            let first = answers.into_iter().next();
            match (first, differs, failure) {
                (Some((_, answer)), None, _) => return Ok(answer),
                (Some((first, _)), Some(second), _) if attempt == ATTEMPTS => {
                    return Err(Fault::EndpointsDisagree {
                        first,
                        second,
                        what,
                    });
                }
                (None, _, Some(error)) => return Err(error.into()),
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
        Err(Fault::Machine("no endpoint is left".to_owned()))
    }
}
