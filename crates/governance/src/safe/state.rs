use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, U256};

use crate::simulate::{Halt, Machine, SENTINEL, State, mapping};

/// The most owners that are read; a Safe with more is refused rather than walked for ever.
const MAX_OWNERS: usize = 64;
const OWNERS: U256 = U256::from_limbs([2, 0, 0, 0]);
const THRESHOLD: U256 = U256::from_limbs([4, 0, 0, 0]);
const NONCE: U256 = U256::from_limbs([5, 0, 0, 0]);

/// Who has a say in a Safe, as proven against one block (Safe 1.3 to 1.5: slots 2, 4 and 5).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SafeState {
    /// The owners, in the Safe's own order.
    pub owners: Vec<Address>,
    /// How many of them must sign.
    pub threshold: u64,
    /// Which transaction is next.
    pub nonce: u64,
}

impl SafeState {
    /// Reads it from proven state.
    ///
    /// # Errors
    /// [`Halt::Missing`] for state that is still to be had, and when the account is no Safe with at most 64 owners.
    pub fn read(state: &State, safe: Address) -> Result<Self, Halt> {
        let mut machine = Machine::new(state);
        let broken = |why: &str| Halt::Answer {
            contract: seed_primitives::write_address(&safe),
            why: why.to_owned(),
        };
        let number = |word: U256| u64::try_from(word).map_err(|_| broken("a number is too large"));
        let threshold = number(machine.slot(safe, THRESHOLD)?)?;
        let nonce = number(machine.slot(safe, NONCE)?)?;
        let mut owners = Vec::new();
        let mut seen = BTreeSet::new();
        let mut at = SENTINEL;
        loop {
            let next = machine.slot(safe, mapping(at.into_word(), OWNERS))?;
            at = Address::from_word(B256::new(next.to_be_bytes()));
            if at == SENTINEL && threshold != 0 {
                break;
            }
            if at.is_zero() || !seen.insert(at) || owners.len() == MAX_OWNERS {
                return Err(broken("it has no list of owners"));
            }
            owners.push(at);
        }
        Ok(Self {
            owners,
            threshold,
            nonce,
        })
    }
}
