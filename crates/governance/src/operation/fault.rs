use alloy_primitives::Address;
use seed_primitives::write_address;
use thiserror::Error;

use super::OperationError;
use crate::safe::SignatureError;

/// Why an act of governance is not proposed, signed, queued or executed.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ActFault {
    /// The operation file.
    #[error("the operation: {0}")]
    Operation(#[from] OperationError),
    /// A signature.
    #[error("{0}")]
    Signature(#[from] SignatureError),
    /// The operation is not one of this deployment.
    #[error("the operation is for {what} {found}, and the deployment has {expected}")]
    OtherDeployment {
        /// What differs.
        what: &'static str,
        /// In the operation.
        found: String,
        /// In the deployment.
        expected: String,
    },
    /// The deployment has no such role.
    #[error("the deployment names no Safe that proposes")]
    NoProposer,
    /// There is other code, or none, where the rules should be.
    #[error("the rules at {} have code {found}, and the operation says {expected}", write_address(.rules))]
    RulesCode {
        /// Where.
        rules: Address,
        /// What is there.
        found: String,
        /// What should be.
        expected: String,
    },
    /// Another transaction of the Safe took this number, or earlier ones are missing.
    #[error("the operation is transaction {stated} of its Safe, which is at {chain}")]
    Nonce {
        /// In the operation.
        stated: u64,
        /// On the chain.
        chain: u64,
    },
    /// Nothing waits under this identifier.
    #[error("operation {0} is not queued")]
    NotQueued(String),
    /// Its time has not come.
    #[error("operation {id} may be executed from {ready} on, and it is {now} (Unix seconds)")]
    NotReady {
        /// Its identifier.
        id: String,
        /// From when on.
        ready: u64,
        /// The time of the newest block.
        now: u64,
    },
    /// It is no operation of the timelock.
    #[error("the operation acts at once and has nothing to execute later")]
    NothingToExecute,
    /// A transaction was mined, and the chain does not show what it should have done.
    #[error("after transaction {transaction} the chain does not show that {what}")]
    NotSeen {
        /// The transaction.
        transaction: String,
        /// What should be.
        what: String,
    },
}

impl ActFault {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Operation(OperationError::Mismatch { .. }) => "hash-mismatch",
            Self::Operation(_) => "operation-malformed",
            Self::Signature(SignatureError::TooFew { .. }) => "signatures-missing",
            Self::Signature(_) => "signature-refused",
            Self::OtherDeployment { .. } => "other-deployment",
            Self::NoProposer => "no-proposer",
            Self::RulesCode { .. } => "rules-code-differs",
            Self::Nonce { .. } => "nonce-differs",
            Self::NotQueued(_) => "not-queued",
            Self::NotReady { .. } => "not-ready",
            Self::NothingToExecute => "nothing-to-execute",
            Self::NotSeen { .. } => "effect-not-seen",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Operation(OperationError::Mismatch { .. }) => {
                "do not sign; ask who made it, over another channel"
            }
            Self::Operation(_) => "have it written again by seed-gov propose",
            Self::Signature(SignatureError::TooFew { .. }) => "collect more signature files",
            Self::Signature(_) => "leave that file out, and ask its signer",
            Self::OtherDeployment { .. } => "do not sign; name the deployment it is for",
            Self::NoProposer => "name a deployment made by seed-gov deploy",
            Self::RulesCode { .. } => "do not sign or execute; build the federation file yourself",
            Self::Nonce { .. } => "propose it again with the number the Safe is at",
            Self::NotQueued(_) => "queue it first, or look whether it was executed or cancelled",
            Self::NotReady { .. } => "wait, and look at it once more meanwhile",
            Self::NothingToExecute => "queue it: that is all it takes",
            Self::NotSeen { .. } => "run this again; a block was replaced, or an endpoint lies",
        }
    }

    /// 1 refused, 2 malformed, 3 could not be found out.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Operation(OperationError::Mismatch { .. })
            | Self::Signature(_)
            | Self::OtherDeployment { .. }
            | Self::RulesCode { .. }
            | Self::Nonce { .. }
            | Self::NotQueued(_)
            | Self::NotReady { .. } => 1,
            Self::Operation(_) | Self::NoProposer | Self::NothingToExecute => 2,
            Self::NotSeen { .. } => 3,
        }
    }
}
