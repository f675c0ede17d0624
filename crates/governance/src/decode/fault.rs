use seed_chain::ChainError;
use thiserror::Error;

use super::{Names, Warning};
use crate::simulate::{Halt, LiveError, StateError};

/// Why a change was not decoded or simulated, or is refused.
#[derive(Debug, Error, PartialEq)]
pub enum ReviewFault {
    /// Something about the change must not be overlooked.
    #[error("{what}")]
    Refused {
        /// The stable code of what it is.
        code: &'static str,
        /// What it is.
        what: String,
        /// What to do about it.
        help: &'static str,
    },
    /// The file was changed after it was written.
    #[error("the file has checksum {stated} and hashes to {found}")]
    Checksum {
        /// The checksum in it.
        stated: String,
        /// The checksum of what is in it.
        found: String,
    },
    /// The file is for another chain or another Safe.
    #[error("the file is for {what} {found}, and the deployment has {expected}")]
    OtherDeployment {
        /// What differs.
        what: &'static str,
        /// In the file.
        found: String,
        /// In the deployment.
        expected: String,
    },
    /// The snapshot is of another block than expected.
    #[error("the snapshot is of block {found}, expected {expected}")]
    OtherBlock {
        /// The hash of its block.
        found: String,
        /// The hash asked for.
        expected: String,
    },
    /// The simulation ended.
    #[error(transparent)]
    Halt(#[from] Halt),
    /// No state could be had.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// The snapshot proves nothing.
    #[error("the snapshot: {0}")]
    State(#[from] StateError),
    /// An operation waits whose calls no endpoint shows.
    #[error("operation {id} is pending and no endpoint shows all of its calls")]
    QueueIncomplete {
        /// Its identifier.
        id: String,
    },
}

impl From<ChainError> for ReviewFault {
    fn from(error: ChainError) -> Self {
        Self::Live(error.into())
    }
}

/// What to do about something that no flag lets through.
pub(super) const NEVER: &str = "do not sign it";

impl ReviewFault {
    /// The refusal that a warning is.
    #[must_use]
    pub fn refused(warning: &Warning) -> Self {
        Self::Refused {
            code: warning.code(),
            what: warning.to_string(),
            help: warning.help(),
        }
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused { code, .. } => code,
            Self::Checksum { .. } => "checksum-mismatch",
            Self::OtherDeployment { .. } => "other-deployment",
            Self::OtherBlock { .. } => "other-block",
            Self::Halt(Halt::Missing(_)) => "snapshot-incomplete",
            Self::Halt(Halt::Nonce { .. }) => "safe-nonce",
            Self::Halt(Halt::Contract { .. } | Halt::Answer { .. }) => "contract-differs",
            Self::Halt(_) => "simulation-reverted",
            Self::Live(LiveError::Disagree { .. }) => "endpoints-disagree",
            Self::Live(LiveError::OtherChain { .. }) => "other-chain",
            Self::Live(LiveError::Unproven { .. }) => "state-unproven",
            Self::Live(_) => "chain-unavailable",
            Self::State(StateError::Form(_) | StateError::Header(_) | StateError::TooMuch(_)) => {
                "snapshot-malformed"
            }
            Self::State(_) => "snapshot-forged",
            Self::QueueIncomplete { .. } => "queue-incomplete",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Refused { help, .. } => help,
            Self::Checksum { .. } => "have the file made again, and ask who changed it",
            Self::OtherDeployment { .. } => "check that file and deployment belong together",
            Self::OtherBlock { .. } => "take the snapshot again, or correct the hash",
            Self::Halt(Halt::Missing(_)) => "take the snapshot again, of this very change",
            Self::Halt(Halt::Nonce { .. }) => {
                "propose it again, or wait for the transactions before it"
            }
            Self::Halt(Halt::Contract { .. } | Halt::Answer { .. }) => {
                "run verify-code, and check the deployment file"
            }
            Self::Halt(_) => "the contract's reason says what to change",
            Self::Live(LiveError::Disagree { .. }) => "do not sign; find out which endpoint lies",
            Self::Live(_) => "check the endpoint, or ask another one",
            Self::State(_) => "take the snapshot again",
            Self::QueueIncomplete { .. } => "ask more endpoints, from an earlier block on",
        }
    }

    /// 1 refused, 2 malformed, 3 could not be found out.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Refused { .. }
            | Self::Checksum { .. }
            | Self::OtherDeployment { .. }
            | Self::OtherBlock { .. } => 1,
            Self::Halt(Halt::Missing(_)) | Self::Live(_) | Self::QueueIncomplete { .. } => 3,
            Self::Halt(_) => 1,
            Self::State(StateError::Form(_) | StateError::Header(_) | StateError::TooMuch(_)) => 2,
            Self::State(_) => 1,
        }
    }
}

/// Refuses what is for another chain than the deployment's.
pub(crate) fn same_chain(found: u64, names: &Names) -> Result<(), ReviewFault> {
    match names.chain_id() {
        Some(expected) if expected != found => Err(ReviewFault::OtherDeployment {
            what: "chain",
            found: found.to_string(),
            expected: expected.to_string(),
        }),
        _ => Ok(()),
    }
}
