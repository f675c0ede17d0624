//! Step 6: the rules that judged, from their own code.

use alloy_primitives::keccak256;
use seed_proof::{ControlWord, Effect, RawHeader, Rules, logic_of, slots};

use crate::{
    ChainEvidence, Policy, Rejection, RejectionCode as Code,
    record::Recorded,
    revocation::{Standing, standing},
    state::State,
};

/// The most codes that are looked at.
const MAX_CODES: usize = 16;

/// Rules the policy accepts.
pub(crate) struct Accepted {
    pub(crate) rules: Rules,
    pub(crate) pinned: bool,
}

/// Recognises the recorded rules, repeats their constructor's checks and refuses what the policy does not know.
pub(crate) fn accept(
    policy: &Policy,
    chain: &ChainEvidence,
    recorded: &Recorded,
) -> Result<Accepted, Rejection> {
    let hash = recorded.record.rules_code_hash;
    let pinned = policy.rules().pinned.contains(&hash);
    let mut codes = chain.rules_codes.iter().take(MAX_CODES);
    let code = codes.find(|code| keccak256(code) == hash).ok_or_else(|| {
        Rejection::new(
            Code::RulesCodeMissing,
            format!(
                "no code of the rules at {} was found",
                recorded.record.rules
            ),
        )
        .expected(format!("code that hashes to {hash}"))
    })?;
    let known =
        logic_of(code).is_some_and(|logic| policy.rules().logic.contains(&keccak256(logic)));
    if !pinned && !known {
        return Err(Rejection::new(
            Code::RulesUnknown,
            format!(
                "the policy knows neither code nor logic of the rules at {}",
                recorded.record.rules
            ),
        )
        .found(hash));
    }
    let rules = Rules::parse(code).map_err(|error| {
        Rejection::new(
            Code::RulesInvalid,
            format!("the rules at {}: {error}", recorded.record.rules),
        )
    })?;
    if rules.threshold() < policy.rules().minimum_threshold {
        return Err(
            Rejection::new(Code::ThresholdTooLow, "the rules ask for too few builders")
                .found(rules.threshold())
                .expected(format!("at least {}", policy.rules().minimum_threshold)),
        );
    }
    Ok(Accepted { rules, pinned })
}

/// Refuses a release whose rules were revoked for it.
pub(crate) fn not_revoked(
    state: &State,
    recorded: &Recorded,
    header: &RawHeader,
) -> Result<(), Rejection> {
    let rules = recorded.record.rules;
    match standing(state, rules, recorded.record.sequence, header.timestamp()) {
        Standing::Clear | Standing::Revoked(Effect::None) => Ok(()),
        Standing::Revoked(effect) => {
            let code = match effect {
                Effect::Disputed => Code::RulesDisputed,
                _ => Code::RulesRevoked,
            };
            Err(Rejection::new(
                code,
                format!("the rules at {rules} lost their standing"),
            ))
        }
        Standing::Unknown(why) => Err(Rejection::new(
            Code::RevocationUnknown,
            format!("whether the rules at {rules} are revoked: {why}"),
        )),
    }
}

/// The control word, which must be known.
pub(crate) fn control(state: &State) -> Result<ControlWord, Rejection> {
    Ok(ControlWord::from_word(
        state.need(&slots::CONTROL, "the control word")?,
    ))
}
