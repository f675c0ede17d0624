use alloy_primitives::Address;
use seed_proof::{Effect, RevocationWord, slots};

use crate::state::State;

/// What is known about a revocation.
pub(crate) enum Standing {
    /// There is none.
    Clear,
    /// There is one, with this effect on the release: perhaps none, because it is for later ones or has lapsed.
    Revoked(Effect),
    /// Its word was not established, or is none the ledger writes.
    Unknown(String),
}

/// The standing of `address` for the release with this sequence number, at the time of the block (Unix seconds).
pub(crate) fn standing(state: &State, address: Address, sequence: u64, time: u64) -> Standing {
    let Some(word) = state.get(&slots::revocation(address)) else {
        return Standing::Unknown("its revocation slot is in no proof".to_owned());
    };
    match RevocationWord::from_word(word) {
        Ok(None) => Standing::Clear,
        Ok(Some(revocation)) => Standing::Revoked(revocation.effect(sequence, time)),
        Err(error) => Standing::Unknown(error.to_string()),
    }
}
