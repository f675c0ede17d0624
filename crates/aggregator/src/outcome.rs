use seed_chain::ChainError;
use thiserror::Error;

use crate::{Fault, GenesisError};

/// How it went with one release.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Outcome {
    /// It was submitted and is recorded.
    #[error("recorded as number {sequence}")]
    Finalised {
        /// Its sequence number.
        sequence: u64,
    },
    /// It was recorded before.
    #[error("was recorded before; its record never changes")]
    AlreadyFinalised,
    /// It would be accepted; this was a dry run.
    #[error("would be accepted now; nothing was submitted")]
    Ready,
    /// There is nothing about it.
    #[error("there is no valid attestation of it")]
    NothingFound,
    /// Too few independent builders agree.
    #[error("{0}")]
    QuorumUnmet(String),
    /// There may be enough, but not everything could be asked.
    #[error("below the quorum with what was found, and not everything could be asked: {0}")]
    PlaceUnreachable(String),
    /// It cannot be the first release.
    #[error(transparent)]
    Genesis(GenesisError),
    /// The contracts refuse it.
    #[error("the contracts refuse it: {0}")]
    Reverted(String),
    /// The account that pays has too little.
    #[error("{0}")]
    GasWalletEmpty(ChainError),
    /// An endpoint failed on the way.
    #[error("{0}")]
    Chain(ChainError),
    /// Anything that keeps a release from being looked at.
    #[error("{0}")]
    Fault(Fault),
    /// A transaction recorded it, and now the ledger has no record of it.
    #[error(
        "its transaction was mined, and the ledger has no record of it: the block was replaced, or an endpoint lies"
    )]
    Vanished,
    /// It is recorded in a block that the chain has not made final in time.
    #[error("recorded as number {sequence}, in a block that is not final yet")]
    FinalityNotReached {
        /// Its sequence number.
        sequence: u64,
    },
    /// It is recorded, and its locator could not be put everywhere.
    #[error("recorded as number {sequence}, but its locator is not everywhere: {why}")]
    LocatorNotPublished {
        /// Its sequence number.
        sequence: u64,
        /// What went wrong first.
        why: String,
    },
}

impl Outcome {
    /// The stable code, as documented in `docs/errors.md`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Finalised { .. } => "finalised",
            Self::AlreadyFinalised => "already-finalised",
            Self::Ready => "ready",
            Self::NothingFound => "nothing-found",
            Self::QuorumUnmet(_) => "quorum-unmet",
            Self::PlaceUnreachable(_) => "place-unreachable",
            Self::Genesis(GenesisError::Incomplete(_)) => "genesis-incomplete",
            Self::Genesis(GenesisError::Dependent { .. }) => "builders-dependent",
            Self::Reverted(_) => "simulation-reverted",
            Self::GasWalletEmpty(_) => "gas-wallet-empty",
            Self::Chain(error) => error.code(),
            Self::Fault(fault) => fault.code(),
            Self::Vanished => "record-vanished",
            Self::FinalityNotReached { .. } => "finality-not-reached",
            Self::LocatorNotPublished { .. } => "locator-not-published",
        }
    }

    /// 0 done, 1 rejected, 2 usage, 3 could not find out.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Finalised { .. } | Self::AlreadyFinalised | Self::Ready => 0,
            Self::NothingFound | Self::QuorumUnmet(_) | Self::Genesis(_) | Self::Reverted(_) => 1,
            Self::Fault(fault) => fault.exit_code(),
            Self::PlaceUnreachable(_)
            | Self::GasWalletEmpty(_)
            | Self::Chain(_)
            | Self::Vanished
            | Self::FinalityNotReached { .. }
            | Self::LocatorNotPublished { .. } => 3,
        }
    }

    /// What to do about it; empty where it is done.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Finalised { .. } | Self::AlreadyFinalised | Self::Ready => "",
            Self::NothingFound => {
                "check the release, and that its builders published to a --from place for this ledger"
            }
            Self::QuorumUnmet(_) => {
                "wait for more builders, or find out with them why the others disagree"
            }
            Self::PlaceUnreachable(_) => "try again later, or name a mirror with --from",
            Self::Genesis(GenesisError::Incomplete(_)) => {
                "ask the builders named; seed-builder sign-genesis makes a genesis signature"
            }
            Self::Genesis(GenesisError::Dependent { .. }) => {
                "the governance must put rules in force whose builders are independent"
            }
            Self::Reverted(_) => {
                "nothing was paid unless a transaction is shown; put right what the reason names"
            }
            Self::GasWalletEmpty(_) => "then run this again",
            Self::Chain(ChainError::NotMined { .. }) => "it is not known whether it will be mined",
            Self::Chain(_) => "try again later, or name another endpoint with --rpc",
            Self::Fault(fault) => fault.help(),
            Self::Vanished => "run this again",
            Self::FinalityNotReached { .. } => "run this again later to see it final",
            Self::LocatorNotPublished { .. } => "run this again; the record stands",
        }
    }

    /// The word for an exit code in JSON.
    #[must_use]
    pub const fn class(exit_code: u8) -> &'static str {
        match exit_code {
            0 => "done",
            1 => "rejected",
            2 => "usage",
            _ => "undecidable",
        }
    }
}

impl From<ChainError> for Outcome {
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::Reverted { reason } => Self::Reverted(reason),
            ChainError::EmptyWallet { .. } => Self::GasWalletEmpty(error),
            _ => Self::Chain(error),
        }
    }
}

impl From<Fault> for Outcome {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Endpoint(error) => error.into(),
            _ => Self::Fault(fault),
        }
    }
}
