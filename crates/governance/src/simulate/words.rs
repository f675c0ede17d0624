use alloy_primitives::{Address, B256, U256};
use seed_proof::{ControlWord, RevocationWord};

use super::place::{Place, SENTINEL};
use crate::decode::{NamedRules, Names, duration};

/// What a word at a place means, in words.
pub(super) fn word(place: &Place, word: U256, names: &Names) -> String {
    match place {
        Place::Release(_) if word.is_zero() => "not recorded".to_owned(),
        Place::Release(_) => format!("commitment {}", B256::from(word)),
        Place::Revocation(_) => revocation(word),
        Place::RoleMember { .. } => match word {
            U256::ZERO => "no".to_owned(),
            word if word == U256::from(1) => "yes".to_owned(),
            other => raw(other),
        },
        Place::Timestamp(_) => match word {
            U256::ZERO => "not scheduled".to_owned(),
            word if word == U256::from(1) => "done".to_owned(),
            at => format!("ready at {at}"),
        },
        Place::MinDelay => duration(word),
        Place::Singleton | Place::Guard | Place::ModuleGuard | Place::FallbackHandler => {
            address(word).map_or_else(|| raw(word), |address| names.of(address))
        }
        Place::Owner(_) | Place::Module(_) => match address(word) {
            Some(Address::ZERO) => "not in the list".to_owned(),
            Some(SENTINEL) => "in the list, as the last".to_owned(),
            Some(next) => format!("in the list, before {}", names.of(next)),
            None => raw(word),
        },
        Place::OwnerCount | Place::Threshold | Place::Nonce => word.to_string(),
        Place::SignedMessage(_) | Place::ApprovedHash { .. } => match word {
            U256::ZERO => "not approved".to_owned(),
            _ => "approved".to_owned(),
        },
        Place::Control | Place::RoleAdmin(_) | Place::Unknown(_) => raw(word),
    }
}

/// The fields of the control word that differ: name, before, after. `rules` are the rules before and after.
pub(super) fn control(
    before: U256,
    after: U256,
    names: &Names,
    rules: [Option<&NamedRules>; 2],
) -> Vec<(&'static str, String, String)> {
    let (old, new) = (
        ControlWord::from_word(before),
        ControlWord::from_word(after),
    );
    let [old_rules, new_rules] = rules;
    let bitmap = |rules: Option<&NamedRules>, bits: u32| match rules {
        Some(rules) => format!("{bits:#x} ({})", rules.in_bitmap(bits)),
        None => format!("{bits:#x}"),
    };
    let mut fields = Vec::new();
    if old.rules != new.rules {
        fields.push(("rules", names.of(old.rules), names.of(new.rules)));
    }
    if old.revoked != new.revoked {
        fields.push((
            "revoked",
            bitmap(old_rules, old.revoked),
            bitmap(new_rules, new.revoked),
        ));
    }
    if old.sequence != new.sequence {
        fields.push((
            "sequence",
            old.sequence.to_string(),
            new.sequence.to_string(),
        ));
    }
    if old.paused_until != new.paused_until {
        fields.push((
            "pausedUntil",
            old.paused_until.to_string(),
            new.paused_until.to_string(),
        ));
    }
    fields
}

fn revocation(word: U256) -> String {
    let Ok(found) = RevocationWord::from_word(word) else {
        return raw(word);
    };
    let Some(found) = found else {
        return "never revoked".to_owned();
    };
    let flags: Vec<_> = [
        (1, "disputed"),
        (2, "confirmed"),
        (4, "by proof of equivocation"),
    ]
    .into_iter()
    .filter(|(bit, _)| found.flags & bit != 0)
    .map(|(_, name)| name)
    .collect();
    let flags = match flags.as_slice() {
        [] => String::new(),
        flags => format!(" ({})", flags.join(", ")),
    };
    format!(
        "revoked at {} from release {} on{flags}",
        found.since, found.from_sequence
    )
}

fn raw(word: U256) -> String {
    format!("{word:#066x}")
}

fn address(word: U256) -> Option<Address> {
    let word = B256::from(word);
    let address = Address::from_word(word);
    (address.into_word() == word).then_some(address)
}
