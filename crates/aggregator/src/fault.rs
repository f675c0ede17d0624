use std::path::{Path, PathBuf};

use seed_chain::{ChainError, KeyError};
use seed_primitives::{ParseError, shown, write_address};
use seed_proof::RulesError;
use thiserror::Error;

/// Why nothing could be decided about any release: the question, the machine, the chain or a place was at
/// fault. Printed as `error[<code>]: <what and where>; <what to do>`.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Fault {
    /// The command line says nothing that can be done.
    #[error("{0}")]
    Usage(String),
    /// A text of the command line or the configuration in a wrong form.
    #[error("{0}")]
    Argument(ParseError),
    /// The configuration file is not one.
    #[error("the configuration {}: {why}", path(.file))]
    Config {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A file cannot be read.
    #[error("{what} {} cannot be read: {why}", path(.file))]
    File {
        /// What it should be.
        what: &'static str,
        /// The file.
        file: PathBuf,
        /// What the system says.
        why: String,
    },
    /// A file named on the command line is not the document it was given as.
    #[error("{}: {why}", path(.file))]
    Document {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The key of the gas wallet cannot be used.
    #[error("the key {} cannot be used: {why}", path(.file))]
    Key {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// An endpoint gave no usable answer.
    #[error("{0}")]
    Endpoint(ChainError),
    /// An endpoint is one of another chain.
    #[error("endpoint {url} is on chain {found}, not on chain {expected}")]
    WrongChain {
        /// The endpoint.
        url: String,
        /// The chain it is on.
        found: u64,
        /// The chain that was named.
        expected: u64,
    },
    /// Endpoints of one chain say different things about the ledger.
    #[error("endpoints {first} and {second} disagree about {what}")]
    EndpointsDisagree {
        /// One of them.
        first: String,
        /// The other.
        second: String,
        /// About what.
        what: &'static str,
    },
    /// There is no ledger at the address.
    #[error("there is no ledger at {} on chain {chain_id}: it names no rules", write_address(.ledger))]
    LedgerMissing {
        /// The address.
        ledger: alloy_primitives::Address,
        /// The chain.
        chain_id: u64,
    },
    /// The rules in force are none that may judge.
    #[error("the rules in force, {}, are unusable: {error}", write_address(.rules))]
    RulesUnusable {
        /// Their address.
        rules: alloy_primitives::Address,
        /// Which check their code fails.
        error: RulesError,
    },
    /// The rules in force were revoked.
    #[error("the rules in force, {}, are revoked", write_address(.0))]
    RulesRevoked(alloy_primitives::Address),
    /// The governance or the guardian acted while this ran.
    #[error("the rules in force or the revoked builders changed while this ran")]
    RulesChanged,
    /// A place that must be there is not.
    #[error("{0}")]
    Place(seed_oci::Error),
    /// Two attestations that do not contradict each other.
    #[error("that is no equivocation: {0}")]
    NoEquivocation(String),
    /// A transaction was mined, and the ledger does not show what it did.
    #[error("the ledger does not show {0}: the block was replaced, or an endpoint lies")]
    NotRecorded(String),
    /// The time ran out.
    #[error("not done after {0} seconds")]
    Deadline(u64),
    /// The answer could not be written, or the runtime not be started.
    #[error("{0}")]
    Machine(String),
}

impl Fault {
    /// The stable code, as documented in `docs/errors.md`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Usage(_) => "usage",
            Self::Argument(_) => "argument-malformed",
            Self::Config { .. } => "config-malformed",
            Self::File { .. } => "file-unreadable",
            Self::Document { .. } => "document-malformed",
            Self::Key { .. } => "key-unusable",
            Self::Endpoint(error) => error.code(),
            Self::WrongChain { .. } => "wrong-chain",
            Self::EndpointsDisagree { .. } => "endpoints-disagree",
            Self::LedgerMissing { .. } => "ledger-missing",
            Self::RulesUnusable { .. } => "rules-unusable",
            Self::RulesRevoked(_) => "rules-revoked",
            Self::RulesChanged => "rules-changed",
            Self::Place(_) => "place-unusable",
            Self::NoEquivocation(_) => "no-equivocation",
            Self::NotRecorded(_) => "record-vanished",
            Self::Deadline(_) => "deadline",
            Self::Machine(_) => "machine",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Usage(_) | Self::Argument(_) => "correct it; see seed-aggregator once --help",
            Self::Config { .. } => {
                "correct it; its keys are the flags of seed-aggregator once --help"
            }
            Self::File { .. } => "name a readable file of the right kind",
            Self::Document { .. } => "ask its builder for the document as published",
            Self::Key { .. } => {
                "name a keystore and its password file, or for development a file with 0x and 64 hex digits"
            }
            Self::Endpoint(ChainError::Url { .. }) => "correct --rpc",
            Self::Endpoint(_) => "try again later, or name another endpoint with --rpc",
            Self::WrongChain { .. } => "correct --rpc or --chain-id",
            Self::EndpointsDisagree { .. } => {
                "try again when all have caught up, or leave out the one that lies"
            }
            Self::LedgerMissing { .. } => "correct --ledger or --chain-id",
            Self::RulesUnusable { .. } | Self::RulesRevoked(_) => {
                "the governance must put other rules in force; nothing can be submitted before"
            }
            Self::RulesChanged | Self::NotRecorded(_) => "run this again",
            Self::NoEquivocation(_) => "nobody can be accused with these two",
            Self::Place(_) => "correct --from or --publish-locator",
            Self::Deadline(_) => {
                "look whether a transaction is on its way, then try again with a longer --timeout"
            }
            Self::Machine(_) => "check that the output is open and the machine has resources left",
        }
    }

    /// 1 rejected, 2 usage or configuration, 3 could not find out.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_)
            | Self::Argument(_)
            | Self::Config { .. }
            | Self::File { .. }
            | Self::Document { .. }
            | Self::Key { .. }
            | Self::WrongChain { .. }
            | Self::LedgerMissing { .. }
            | Self::Place(_)
            | Self::Endpoint(ChainError::Url { .. }) => 2,
            Self::RulesUnusable { .. } | Self::RulesRevoked(_) | Self::NoEquivocation(_) => 1,
            Self::Endpoint(ChainError::Reverted { .. }) => 1,
            Self::Endpoint(_)
            | Self::NotRecorded(_)
            | Self::EndpointsDisagree { .. }
            | Self::RulesChanged
            | Self::Deadline(_)
            | Self::Machine(_) => 3,
        }
    }

    /// The one line that is printed about it.
    #[must_use]
    pub fn line(&self) -> String {
        format!(
            "error[{}]: {}; {}",
            self.code(),
            shown(&self.to_string()),
            self.help()
        )
    }
}

impl From<ChainError> for Fault {
    fn from(error: ChainError) -> Self {
        Self::Endpoint(error)
    }
}

impl From<KeyError> for Fault {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Two => {
                Self::Usage("--key-file and --dev-key-file exclude each other".to_owned())
            }
            KeyError::Unreadable {
                what, file, why, ..
            } => Self::File { what, file, why },
            KeyError::NoPassword => Self::Usage(error.to_string()),
            KeyError::Unusable { file, why } | KeyError::Unwritable { file, why, .. } => {
                Self::Key { file, why }
            }
            KeyError::Exists(file) => Self::Key {
                file,
                why: "it is already there".to_owned(),
            },
        }
    }
}

impl From<ParseError> for Fault {
    fn from(error: ParseError) -> Self {
        Self::Argument(error)
    }
}

fn path(path: &Path) -> String {
    shown(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_one_line_whatever_the_path() {
        let fault = Fault::File {
            what: "the attestation",
            file: "/a\nb\u{1b}[2J".into(),
            why: "gone".to_owned(),
        };
        assert_eq!(
            fault.line(),
            "error[file-unreadable]: the attestation /a\\u{a}b\\u{1b}[2J cannot be read: gone; \
             name a readable file of the right kind"
        );
        assert_eq!(fault.exit_code(), 2);
    }
}
