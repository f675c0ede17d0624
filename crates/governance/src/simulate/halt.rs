use alloy_primitives::U256;
use thiserror::Error;

use super::{Need, machine::Stop, reason::reason};
use crate::output::shown;

/// Why a simulation ended before its end.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Halt {
    /// State is needed that is not there.
    #[error("the state has no {0}")]
    Missing(Need),
    /// A contract refuses: so it would on the chain.
    #[error("{step} would fail: {reason}")]
    Reverted {
        /// Which transaction.
        step: String,
        /// The contract's reason.
        reason: String,
    },
    /// The machine refuses.
    #[error("{step} would not end: {why}")]
    Halted {
        /// Which transaction.
        step: String,
        /// What the machine says.
        why: String,
    },
    /// The Safe is at another transaction.
    #[error("the transaction is number {stated} of its Safe, which is at number {chain}")]
    Nonce {
        /// The number in the transaction.
        stated: U256,
        /// The number on the chain.
        chain: U256,
    },
    /// A contract is not the one of the deployment.
    #[error("{contract} has {found}, and the deployment says {expected}")]
    Contract {
        /// Which, named.
        contract: String,
        /// What is there.
        found: String,
        /// What should be.
        expected: String,
    },
    /// A contract answers with something else.
    #[error("{contract} does not answer as a Safe: {why}")]
    Answer {
        /// Which, named.
        contract: String,
        /// What is wrong.
        why: String,
    },
    /// An operation would be ready after the end of time.
    #[error("the operation would not be ready in any year that can be counted")]
    Never,
}

impl Halt {
    pub(super) fn broken(contract: &str, why: impl ToString) -> Self {
        Self::Answer {
            contract: contract.to_owned(),
            why: shown(&why.to_string()),
        }
    }
}

impl From<Stop> for Halt {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Missing(need) => Self::Missing(need),
            Stop::Reverted(data) => Self::Reverted {
                step: "reading the state".to_owned(),
                reason: reason(&data),
            },
            Stop::Halted(why) => Self::Halted {
                step: "reading the state".to_owned(),
                why,
            },
        }
    }
}
