use std::path::PathBuf;

use alloy_primitives::Address;
use seed_primitives::write_address;
use thiserror::Error;

use super::{Difference, FACTORY, Unsafe};
use crate::output::shown;

/// Why nothing, or not everything, was deployed.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum DeployFault {
    /// Parameters that must not be deployed.
    #[error("{}", list(.0))]
    Unsafe(Vec<Unsafe>),
    /// The federation file cannot be deployed.
    #[error("the federation is refused: {0}")]
    Federation(String),
    /// The contracts refuse the parameters, found out on the local machine.
    #[error("the {what} cannot be made: {why}")]
    Rehearsal {
        /// Which step.
        what: &'static str,
        /// What the machine says.
        why: String,
    },
    /// The chain has no factory.
    #[error("chain {chain_id} has nothing at {}, the factory that gives contracts the same addresses everywhere", write_address(&FACTORY))]
    NoFactory {
        /// The chain.
        chain_id: u64,
    },
    /// Something else stands where a contract belongs.
    #[error("at {}, where the {what} belongs, stands other code", write_address(.address))]
    Occupied {
        /// Which contract.
        what: String,
        /// Where.
        address: Address,
    },
    /// Something is not as it was deployed.
    #[error("{}", list(.0))]
    Differs(Vec<Difference>),
    /// A deployment file is there that says something else.
    #[error("{} describes another deployment: {field} differs", shown(&.file.display().to_string()))]
    OtherFile {
        /// The file.
        file: PathBuf,
        /// The first field that differs.
        field: String,
    },
    /// As many transactions as allowed were sent, and more are needed.
    #[error("{sent} transactions were sent as allowed, {left} are left")]
    Stopped {
        /// How many were sent.
        sent: usize,
        /// How many are left.
        left: usize,
    },
    /// The block before the deployment is unknown.
    #[error("in which block the deployment began cannot be found out: {why}")]
    NoOrigin {
        /// The endpoint's answer.
        why: String,
    },
    /// The endpoint does not show a block with the transactions it mined.
    #[error(
        "the endpoints do not show block {block} after {seconds} s, in which a transaction was mined"
    )]
    Behind {
        /// The block.
        block: u64,
        /// How long was waited.
        seconds: u64,
    },
    /// Two endpoints show different events.
    #[error("endpoint {url} shows other events of {} than the one before it", write_address(.contract))]
    EventsDisagree {
        /// The contract.
        contract: Address,
        /// The endpoint.
        url: String,
    },
    /// Two endpoints claim different code.
    #[error("endpoint {url} shows other code of {} than the one before it", write_address(.account))]
    ClaimsDisagree {
        /// The account.
        account: Address,
        /// The endpoint.
        url: String,
    },
    /// Nothing can be verified in the first block.
    #[error("block 0 proves nothing")]
    Unproven,
    /// The deployment file is of a deployment without Safes.
    #[error(
        "the deployment file names no Safes, proposer or delay: it was not written by `seed-gov deploy`"
    )]
    NoSafes,
}

impl DeployFault {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unsafe(found) => found.first().map_or("parameters-unsafe", Unsafe::code),
            Self::Federation(_) => "federation-refused",
            Self::Rehearsal { .. } => "rehearsal-failed",
            Self::NoFactory { .. } => "factory-missing",
            Self::Occupied { .. } => "address-occupied",
            Self::Differs(_) => "deployment-differs",
            Self::OtherFile { .. } => "deployment-file-differs",
            Self::Stopped { .. } => "deployment-incomplete",
            Self::NoOrigin { .. } => "origin-unknown",
            Self::Behind { .. } => "endpoint-behind",
            Self::EventsDisagree { .. } | Self::ClaimsDisagree { .. } => "endpoints-disagree",
            Self::Unproven => "state-unproven",
            Self::NoSafes => "deployment-without-safes",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Unsafe(_) => "change the configuration, not the environment",
            Self::Federation(_) => "see `seed-gov federation check`",
            Self::Rehearsal { .. } => "change what the contract refuses",
            Self::NoFactory { .. } => {
                "send the presigned transaction of the project that publishes it (Arachnid, deterministic-deployment-proxy); the chain must accept transactions without a chain id"
            }
            Self::Occupied { .. } => "find out what stands there before anything else is sent",
            Self::Differs(_) => {
                "find out who changed it; where governance did, write the change into the deployment file"
            }
            Self::OtherFile { .. } => "name another --out, or the configuration that belongs to it",
            Self::Stopped { .. } => "run the same command again",
            Self::NoOrigin { .. } => {
                "ask an endpoint that has the history, or name a block with --block"
            }
            Self::Behind { .. } => "run the same command again: what was sent is found",
            Self::EventsDisagree { .. } | Self::ClaimsDisagree { .. } => {
                "find out which endpoint hides something"
            }
            Self::Unproven => "wait for the next block",
            Self::NoSafes => "name the file that `seed-gov deploy` wrote",
        }
    }

    /// 1 refused, 2 wrong question, 3 could not be found out.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Unsafe(_)
            | Self::Federation(_)
            | Self::Rehearsal { .. }
            | Self::Occupied { .. }
            | Self::Differs(_)
            | Self::OtherFile { .. } => 1,
            Self::NoSafes => 2,
            Self::NoFactory { .. }
            | Self::Stopped { .. }
            | Self::NoOrigin { .. }
            | Self::Behind { .. }
            | Self::EventsDisagree { .. }
            | Self::ClaimsDisagree { .. }
            | Self::Unproven => 3,
        }
    }
}

/// All of them on one line; the first has been the reason for the code.
fn list<T: ToString>(all: &[T]) -> String {
    let texts: Vec<_> = all.iter().map(ToString::to_string).collect();
    texts.join(" | ")
}
