//! A look at a release on chain, which judges nothing.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, U256};
use seed_attestation::{Record, ReleaseData};
use seed_primitives::{BuilderId, Digest, ReleaseId, System, address_text, bytes32_text};
use seed_proof::{
    ControlWord, Effect, RawHeader, RevocationWord, Rules, prove_account, prove_slot, slots,
};
use seed_verdict::{ChainEvidence, Policy, Rejection, RejectionCode as Code};
use serde::Serialize;

use crate::{
    Fault,
    gather::{Chain, Head, Height, Notes, Stop},
};

/// What the ledger holds for one release, as of one finalised block.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Look {
    pub(crate) release: ReleaseId,
    pub(crate) chain_id: u64,
    #[serde(with = "address_text")]
    pub(crate) ledger: Address,
    /// The finalised block it was read at.
    pub(crate) block: u64,
    #[serde(with = "bytes32_text")]
    pub(crate) block_hash: B256,
    pub(crate) block_time: u64,
    /// The slot's value, proven; the record below hashes to it.
    #[serde(with = "bytes32_text")]
    pub(crate) commitment: B256,
    pub(crate) sequence: u64,
    pub(crate) ledger_sequence: u32,
    pub(crate) recorded_at: u64,
    #[serde(with = "bytes32_text")]
    pub(crate) root: B256,
    pub(crate) rules: RulesLook,
    pub(crate) images: Vec<ImageLook>,
    pub(crate) entries: Vec<EntryLook>,
}

/// The rules that judged.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RulesLook {
    #[serde(with = "address_text")]
    pub(crate) address: Address,
    #[serde(with = "bytes32_text")]
    pub(crate) code_hash: B256,
    /// `None` where nobody had the code, or it is not that of rules.
    pub(crate) threshold: Option<u8>,
    pub(crate) builders: Option<usize>,
    pub(crate) in_force: bool,
    pub(crate) revocation: Option<RevocationLook>,
}

/// One image of the release.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ImageLook {
    /// `None` where the rules could not be read.
    pub(crate) system: Option<System>,
    pub(crate) digest: Digest,
}

/// One builder of the record.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EntryLook {
    pub(crate) index: u8,
    pub(crate) builder: BuilderId,
    pub(crate) name: Option<String>,
    pub(crate) systems: Vec<String>,
    pub(crate) evidence: Digest,
    pub(crate) signature: String,
    pub(crate) revocation: Option<RevocationLook>,
}

/// A revocation and what it means for this release.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RevocationLook {
    pub(crate) since: u64,
    pub(crate) from_sequence: u32,
    pub(crate) effect: &'static str,
}

/// Looks at `release` through the endpoints of `policy`.
pub(crate) async fn look(policy: &Policy, release: ReleaseId, notes: &Notes) -> Result<Look, Stop> {
    let chain = Chain::new(policy);
    let head = chain.head(Height::Finalised, notes).await;
    let header = agreed(policy, &head)?;
    let events = chain.events(&head, &release, notes).await;
    let events: Vec<_> = events
        .iter()
        .filter_map(|event| notes.ok(ReleaseData::parse(event)))
        .collect();
    let records = || events.iter().map(|event| &event.record);
    let wanted: BTreeSet<_> = records().flat_map(slots_of).collect();
    let wanted: Vec<_> = [slots::CONTROL, slots::release(&release)]
        .into_iter()
        .chain(wanted)
        .collect();
    let judges = records().map(|record| (record.rules, record.rules_code_hash));
    let codes = chain.codes(&head, &judges.collect(), notes).await;
    let state = chain.state(head, &wanted, false, notes).await;
    let words = proven(policy, &header, &state, notes)?;
    let commitment = B256::new(word(&words, slots::release(&release)).to_be_bytes());
    if commitment.is_zero() {
        return Err(Stop::rejected(
            Code::ReleaseNotRecorded,
            format!(
                "the ledger holds nothing for release {release} as of block {}",
                header.number()
            ),
        ));
    }
    let data = events
        .iter()
        .find(|event| event.record.commitment() == commitment)
        .ok_or_else(|| Stop::Failed(Fault::RecordUnavailable(release.to_string())))?;
    let rules = codes
        .iter()
        .find_map(|code| notes.ok(Rules::parse(code)))
        .filter(|rules| rules.code_hash() == data.record.rules_code_hash);
    let scene = Scene {
        policy,
        header: &header,
        words: &words,
        rules: rules.as_ref(),
    };
    scene.look(release, commitment, data)
}

/// The finalised header that enough operators give, where none is on another chain.
fn agreed(policy: &Policy, head: &Head) -> Result<RawHeader, Stop> {
    let anchor = policy.anchor();
    for (url, said) in head.answers() {
        if said.chain_id != anchor.chain_id || said.genesis != anchor.genesis {
            return Err(Stop::Rejected(Rejection {
                code: Code::WrongChain,
                what: format!("the endpoint {url} is on another chain"),
                found: Some(format!(
                    "chain {} with genesis {}",
                    said.chain_id, said.genesis
                )),
                expected: Some(format!(
                    "chain {} with genesis {}",
                    anchor.chain_id, anchor.genesis
                )),
            }));
        }
    }
    let Some(header) = head.header() else {
        return Err(Stop::rejected(
            Code::HeaderMissing,
            "no endpoint gave a finalised header",
        ));
    };
    if head.agreeing() < policy.agree() {
        return Err(Stop::Rejected(Rejection {
            code: Code::EndpointQuorum,
            what: "too few operators give the same finalised header".to_owned(),
            found: Some(head.agreeing().to_string()),
            expected: Some(format!("at least {}", policy.agree())),
        }));
    }
    RawHeader::parse(header).map_err(|error| Stop::rejected(Code::HeaderMissing, error))
}

fn slots_of(record: &Record) -> Vec<B256> {
    let builders = record.entries.iter().map(|entry| entry.builder.address());
    builders
        .chain([record.rules])
        .map(slots::revocation)
        .collect()
}

/// The words of the first proof that holds.
fn proven(
    policy: &Policy,
    header: &RawHeader,
    state: &ChainEvidence,
    notes: &Notes,
) -> Result<BTreeMap<B256, U256>, Stop> {
    let root = header
        .state_root()
        .map_err(|error| Stop::rejected(Code::HeaderMissing, error))?;
    for proof in &state.proofs {
        let account = prove_account(root, policy.anchor().ledger, &proof.account);
        let Some(account) = notes.ok(account) else {
            continue;
        };
        let Some(account) =
            account.filter(|found| found.code_hash == policy.anchor().ledger_code_hash)
        else {
            return Err(Stop::rejected(
                Code::LedgerUnknown,
                "the account at the ledger's address does not hold the pinned code",
            ));
        };
        let words = proof.slots.iter().map(|(slot, nodes)| {
            prove_slot(account.storage_root, *slot, nodes).map(|word| (*slot, word))
        });
        if let Some(words) = notes.ok(words.collect::<Result<_, _>>()) {
            return Ok(words);
        }
    }
    Err(Stop::rejected(
        Code::StateMissing,
        "no endpoint proved the ledger's storage at the agreed block",
    ))
}

fn word(words: &BTreeMap<B256, U256>, slot: B256) -> U256 {
    words.get(&slot).copied().unwrap_or_default()
}

struct Scene<'a> {
    policy: &'a Policy,
    header: &'a RawHeader,
    words: &'a BTreeMap<B256, U256>,
    rules: Option<&'a Rules>,
}

impl Scene<'_> {
    fn look(&self, release: ReleaseId, commitment: B256, data: &ReleaseData) -> Result<Look, Stop> {
        let record = &data.record;
        let control = ControlWord::from_word(word(self.words, slots::CONTROL));
        let anchor = self.policy.anchor();
        Ok(Look {
            release,
            chain_id: anchor.chain_id,
            ledger: anchor.ledger,
            block: self.header.number(),
            block_hash: self.header.hash(),
            block_time: self.header.timestamp(),
            commitment,
            sequence: record.sequence,
            ledger_sequence: control.sequence,
            recorded_at: record.timestamp,
            root: record.root.word(),
            rules: RulesLook {
                address: record.rules,
                code_hash: record.rules_code_hash,
                threshold: self.rules.map(Rules::threshold),
                builders: self.rules.map(|rules| rules.builders().len()),
                in_force: control.rules == record.rules,
                revocation: self.revocation(record.rules, record.sequence)?,
            },
            images: record
                .digests
                .iter()
                .enumerate()
                .map(|(at, digest)| ImageLook {
                    system: self.system(at),
                    digest: *digest,
                })
                .collect(),
            entries: self.entries(data)?,
        })
    }

    fn entries(&self, data: &ReleaseData) -> Result<Vec<EntryLook>, Stop> {
        let known = self.policy.rules();
        let pairs = data.record.entries.iter().zip(&data.signatures);
        pairs
            .map(|(entry, signature)| {
                let bits = (0..data.record.digests.len()).filter(|at| entry.systems >> at & 1 == 1);
                let systems = bits.map(|at| {
                    self.system(at)
                        .map_or_else(|| format!("system {at}"), |system| system.to_string())
                });
                Ok(EntryLook {
                    index: entry.index,
                    builder: entry.builder,
                    name: known.builder(&entry.builder).map(|one| one.name.clone()),
                    systems: systems.collect(),
                    evidence: entry.evidence,
                    signature: format!("0x{}", hex::encode(signature.as_bytes())),
                    revocation: self.revocation(entry.builder.address(), data.record.sequence)?,
                })
            })
            .collect()
    }

    fn system(&self, at: usize) -> Option<System> {
        self.rules?.systems().get(at).cloned()
    }

    fn revocation(&self, address: Address, sequence: u64) -> Result<Option<RevocationLook>, Stop> {
        let word = word(self.words, slots::revocation(address));
        let revocation = RevocationWord::from_word(word)
            .map_err(|error| Stop::rejected(Code::LedgerUnknown, error))?;
        Ok(revocation.map(|found| RevocationLook {
            since: found.since,
            from_sequence: found.from_sequence,
            effect: match found.effect(sequence, self.header.timestamp()) {
                Effect::None => "none",
                Effect::Disputed => "disputed",
                Effect::Tainted => "tainted",
            },
        }))
    }
}
