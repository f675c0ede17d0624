use std::path::{Path, PathBuf};

use seed_chain::{ChainError, KeyError, SignerFault};
use thiserror::Error;

use crate::{output::shown, signer::SourceError};

/// Why a command did not do what it was asked.
///
/// Printed as `error[<code>]: <what and where>; <what to do>`. The exit code says whose move it is: 1 the thing
/// asked for is refused, 2 the question is wrong, 3 the answer could not be found out.
#[derive(Debug, Error)]
pub enum Fault {
    /// The command line says nothing that can be done.
    #[error("{0}")]
    Usage(String),
    /// A file cannot be read, or is not what it should be.
    #[error("{what} {} cannot be used: {}", path(.file), shown(.why))]
    File {
        /// What it should be.
        what: &'static str,
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file to be written is already there.
    #[error("{} is already there", path(.0))]
    OutputExists(PathBuf),
    /// The answer could not be written.
    #[error("the answer cannot be written: {0}")]
    Output(String),
    /// A chain could not be asked, or refused.
    #[error(transparent)]
    Chain(ChainError),
    /// Whoever should sign does not, or not rightly.
    #[error(transparent)]
    Signer(#[from] SignerFault),
    /// The signer named is not one that this program can use.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The federation stands for no rules, or for rules nobody should make.
    #[error("{what}")]
    Federation {
        /// The stable code.
        code: &'static str,
        /// What is wrong.
        what: String,
    },
    /// An act of governance is refused, or could not be done.
    #[error(transparent)]
    Act(#[from] crate::operation::ActFault),
    /// A change was looked at, and is refused or could not be.
    #[error(transparent)]
    Review(#[from] crate::decode::ReviewFault),
    /// A deployment is refused, or could not be completed.
    #[error(transparent)]
    Deploy(#[from] crate::deployment::DeployFault),
    /// Code is not the sources' code.
    #[error(transparent)]
    Code(#[from] crate::code::CodeFault),
    /// The machine failed.
    #[error("this machine failed: {0}")]
    Machine(String),
}

impl Fault {
    /// A file that cannot be used.
    pub(crate) fn file(what: &'static str, file: &Path, why: impl ToString) -> Self {
        Self::File {
            what,
            file: file.to_owned(),
            why: why.to_string(),
        }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Usage(_) => "usage",
            Self::File { .. } => "file-unusable",
            Self::OutputExists(_) => "output-exists",
            Self::Output(_) => "output-failed",
            Self::Chain(ChainError::Reverted { .. }) => "reverted",
            Self::Chain(_) => "chain-unavailable",
            Self::Signer(fault) => fault.code(),
            Self::Source(SourceError::NotBuilt { .. }) => "signer-not-built",
            Self::Source(_) => "usage",
            Self::Federation { code, .. } => code,
            Self::Act(fault) => fault.code(),
            Self::Review(fault) => fault.code(),
            Self::Deploy(fault) => fault.code(),
            Self::Code(fault) => fault.code(),
            Self::Machine(_) => "machine-failed",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Usage(_) => "see seed-gov --help",
            Self::File { .. } => "check the path and the file's form",
            Self::OutputExists(_) => "name another file, or remove that one yourself",
            Self::Output(_) => "check the disk and the reader of the output",
            Self::Chain(ChainError::Reverted { .. }) => "the contract's reason says what to change",
            Self::Chain(_) => "check the endpoint, or ask another one",
            Self::Signer(fault) => fault.help(),
            Self::Source(SourceError::NotBuilt { .. }) => {
                "build it with them: cargo build -p seed-governance --features ledger,trezor,aws-kms,gcp-kms"
            }
            Self::Source(_) => "see seed-gov --help",
            Self::Federation { .. } => "correct the federation file",
            Self::Act(fault) => fault.help(),
            Self::Review(fault) => fault.help(),
            Self::Deploy(fault) => fault.help(),
            Self::Code(fault) => fault.help(),
            Self::Machine(_) => "check disk and memory, then try again",
        }
    }

    /// 1 refused, 2 wrong question, 3 could not be found out.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Chain(ChainError::Reverted { .. }) | Self::Federation { .. } => 1,
            Self::Usage(_) | Self::File { .. } | Self::OutputExists(_) | Self::Source(_) => 2,
            Self::Signer(fault) => fault.exit_code(),
            Self::Act(fault) => fault.exit_code(),
            Self::Review(fault) => fault.exit_code(),
            Self::Deploy(fault) => fault.exit_code(),
            Self::Code(fault) => fault.exit_code(),
            Self::Output(_) | Self::Chain(_) | Self::Machine(_) => 3,
        }
    }

    /// The one line for standard error.
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
        match error {
            ChainError::Signer(fault) => Self::Signer(fault),
            error => Self::Chain(error),
        }
    }
}

impl From<KeyError> for Fault {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Unreadable {
                what, file, why, ..
            } => Self::File { what, file, why },
            KeyError::Unusable { file, why } | KeyError::Unwritable { file, why, .. } => {
                Self::file("the key", &file, why)
            }
            KeyError::Two | KeyError::NoPassword | KeyError::Exists(_) => {
                Self::Usage(error.to_string())
            }
        }
    }
}

fn path(path: &Path) -> String {
    shown(&path.display().to_string())
}
