//! Step 3: the ledger's account and storage at that header.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{B256, U256};
use seed_proof::{ProofError, prove_account, prove_slot};

use crate::{
    ChainEvidence, Grade, Policy, Rejection, RejectionCode as Code, StateProof, StateValues,
    head::Head,
};

/// The most proofs that are looked at.
const MAX_PROOFS: usize = 16;

/// Established words of the ledger's storage.
pub(crate) struct State {
    pub(crate) grade: Grade,
    slots: BTreeMap<B256, U256>,
}

impl State {
    /// The word at `slot`, `None` where it was not established. Zero is a word.
    pub(crate) fn get(&self, slot: &B256) -> Option<U256> {
        self.slots.get(slot).copied()
    }

    /// The word at `slot`, which must be known.
    pub(crate) fn need(&self, slot: &B256, what: &str) -> Result<U256, Rejection> {
        self.get(slot).ok_or_else(|| {
            Rejection::new(
                Code::StateMissing,
                format!("{what} is in no proof (slot {slot})"),
            )
        })
    }
}

/// Proves the ledger's words, or takes those that enough operators agree on; refuses a grade below the floor.
pub(crate) fn establish(
    policy: &Policy,
    chain: &ChainEvidence,
    head: &Head<'_>,
) -> Result<State, Rejection> {
    let mut slots = BTreeMap::new();
    let (mut held, mut failure) = (false, None);
    for proof in chain.proofs.iter().take(MAX_PROOFS) {
        match prove(policy, head, proof) {
            Ok(Ok(words)) => {
                held = true;
                slots.extend(words);
            }
            Ok(Err(unknown)) => return Err(unknown),
            Err(error) => failure = failure.or(Some((proof.url.as_str(), error))),
        }
    }
    if held {
        return Ok(State {
            grade: Grade::Proof,
            slots,
        });
    }
    let invalid = failure.map(|(url, error)| {
        Rejection::new(
            Code::ProofInvalid,
            format!(
                "no proof holds; the first, from {}: {error}",
                operator(policy, url)
            ),
        )
    });
    match (agreed(policy, head), invalid) {
        (Err(conflict), _) => Err(conflict),
        (Ok(Some(state)), None) if state.grade < policy.require() => {
            Err(floor(policy, state.grade))
        }
        (Ok(Some(state)), _) if state.grade >= policy.require() => Ok(state),
        (_, Some(invalid)) => Err(invalid),
        (_, None) => Err(Rejection::new(
            Code::StateMissing,
            "no endpoint proved the ledger's storage at the agreed block",
        )),
    }
}

fn operator<'a>(policy: &'a Policy, url: &str) -> &'a str {
    if url == crate::bundle::ORIGIN {
        return "the bundle";
    }
    policy
        .endpoint(url)
        .map_or("an endpoint outside the policy", |endpoint| {
            &endpoint.operator
        })
}

fn floor(policy: &Policy, reached: Grade) -> Rejection {
    Rejection::new(Code::FloorNotReached, "the grade is below the required one")
        .found(reached)
        .expected(policy.require())
}

/// The words of one proof. The outer error is the prover's fault; the inner one is proven and final.
fn prove(
    policy: &Policy,
    head: &Head<'_>,
    proof: &StateProof,
) -> Result<Result<Vec<(B256, U256)>, Rejection>, ProofError> {
    let account = prove_account(head.state_root, policy.anchor().ledger, &proof.account)?;
    let Some(account) = account else {
        return Ok(Err(ledger_unknown(policy, "no account")));
    };
    if account.code_hash != policy.anchor().ledger_code_hash {
        return Ok(Err(ledger_unknown(policy, account.code_hash)));
    }
    let words = proof.slots.iter().map(|(slot, nodes)| {
        prove_slot(account.storage_root, *slot, nodes).map(|word| (*slot, word))
    });
    words.collect::<Result<_, _>>().map(Ok)
}

fn ledger_unknown(policy: &Policy, found: impl ToString) -> Rejection {
    let anchor = policy.anchor();
    Rejection::new(
        Code::LedgerUnknown,
        format!("the code at {} is not the pinned ledger's", anchor.ledger),
    )
    .found(found)
    .expected(anchor.ledger_code_hash)
}

/// The words that at least `agree` of the header's operators give, provided that none of them differs.
fn agreed(policy: &Policy, head: &Head<'_>) -> Result<Option<State>, Rejection> {
    let values: Vec<(&str, &StateValues)> = head
        .voters
        .iter()
        .filter_map(|voter| {
            let values = voter.observation.values.as_ref()?;
            (values.block == head.header.hash())
                .then_some((voter.endpoint.operator.as_str(), values))
        })
        .collect();
    let code = values
        .iter()
        .map(|(who, said)| (*who, Some(said.ledger_code_hash)));
    let Some(code) = unanimous("the ledger's code", policy.agree(), code)? else {
        return Ok(None);
    };
    if code != policy.anchor().ledger_code_hash {
        return Err(ledger_unknown(policy, code));
    }
    let asked: BTreeSet<&B256> = values
        .iter()
        .flat_map(|(_, said)| said.slots.keys())
        .collect();
    let mut slots = BTreeMap::new();
    for slot in asked {
        let words = values
            .iter()
            .map(|(who, said)| (*who, said.slots.get(slot).copied()));
        if let Some(word) = unanimous(&format!("slot {slot}"), policy.agree(), words)? {
            slots.insert(*slot, word);
        }
    }
    Ok(Some(State {
        grade: Grade::Quorum,
        slots,
    }))
}

/// The one value that everybody who says anything says, if at least `agree` do.
fn unanimous<'a, T: Copy + PartialEq + ToString>(
    what: &str,
    agree: usize,
    said: impl Iterator<Item = (&'a str, Option<T>)>,
) -> Result<Option<T>, Rejection> {
    let mut voices = said.filter_map(|(who, value)| value.map(|value| (who, value)));
    let Some((first, value)) = voices.next() else {
        return Ok(None);
    };
    let mut count = 1;
    for (who, other) in voices {
        if other != value {
            return Err(Rejection::new(
                Code::ValuesConflict,
                format!("{first} and {who} differ about {what}"),
            )
            .found(other.to_string())
            .expected(value.to_string()));
        }
        count += 1;
    }
    Ok((count >= agree).then_some(value))
}
