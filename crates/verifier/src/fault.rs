use std::path::{Path, PathBuf};

use seed_attestation::NetworkError;
use seed_oci::ArchiveFault;
use seed_primitives::{Digest, ParseError, shown};
use seed_verdict::{BundleError, PolicyError};
use thiserror::Error;

/// Why there is no verdict: the question, the machine or the time was at fault, never the image.
///
/// Printed as `error[<code>]: <what and where>; <what to do>`.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Fault {
    /// The command line says nothing that can be done.
    #[error("{0}")]
    Usage(String),
    /// No file at the place where the policy is expected.
    #[error("there is no policy at {}", path(.0))]
    PolicyMissing(PathBuf),
    /// The policy is there and cannot be read.
    #[error("the policy {} cannot be read: {why}", path(.file))]
    PolicyUnreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The system's policy could have been written by somebody other than root.
    #[error("the policy {} is not root's alone: {why}", path(.file))]
    PolicyNotRoots {
        /// The file or its folder.
        file: PathBuf,
        /// Owner and mode.
        why: String,
    },
    /// The policy is not one.
    #[error("{}: {error}", path(.file))]
    PolicyMalformed {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        error: PolicyError,
    },
    /// What was given does not make a policy.
    #[error("no policy can be written: {0}")]
    PolicyIncomplete(String),
    /// An image that is not named in one of the accepted forms.
    #[error(transparent)]
    Reference(ParseError),
    /// The file that should hold the image is not the archive of a layout in the one form that is read.
    #[error("oci-archive:{}: {fault}", path(.file))]
    Archive {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        fault: ArchiveFault,
    },
    /// Another text of the command line in a wrong form.
    #[error(transparent)]
    Argument(ParseError),
    /// A file named on the command line cannot be read.
    #[error("{what} {} cannot be read: {why}", path(.file))]
    File {
        /// What it should be.
        what: &'static str,
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A file that should be a bundle and is none, or evidence that makes none.
    #[error("the bundle {}: {error}", path(.file))]
    BundleMalformed {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        error: BundleError,
    },
    /// No bundle beside the image.
    #[error("there is no bundle for {image}{why}")]
    BundleMissing {
        /// The image.
        image: Digest,
        /// What was found instead, or nothing.
        why: String,
    },
    /// A bundle that could not be published beside its image.
    #[error("the bundle was written and could not be published: {0}")]
    BundleNotPublished(String),
    /// A network file that is none, or that does not count.
    #[error("{}: {error}", path(.file))]
    Network {
        /// The file.
        file: PathBuf,
        /// Why.
        error: NetworkError,
    },
    /// The file to be written is already there.
    #[error("{} is already there", path(.0))]
    OutputExists(PathBuf),
    /// Something could not be written: a file, or the answer itself.
    #[error("{place} cannot be written: {why}")]
    Output {
        /// Where.
        place: String,
        /// What the system says.
        why: String,
    },
    /// What is remembered about a source can be read or written no longer.
    #[error("what was remembered in {} cannot be used: {why}", path(.file))]
    State {
        /// The file or folder.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The time ran out.
    #[error("no verdict in the {0} seconds that were left")]
    Deadline(u64),
    /// The program itself is at fault.
    #[error("the verifier failed: {0}")]
    Internal(String),
    /// The ledger holds a commitment, and nobody gave the record that belongs to it.
    #[error("no endpoint gave the event of release {0}")]
    RecordUnavailable(String),
    /// A code that is nowhere explained.
    #[error("there is no code `{}`", shown(.0))]
    UnknownCode(String),
}

impl Fault {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Usage(_) => "usage",
            Self::PolicyMissing(_) => "policy-missing",
            Self::PolicyUnreadable { .. } => "policy-unreadable",
            Self::PolicyNotRoots { .. } => "policy-not-roots",
            Self::PolicyMalformed { .. } => "policy-malformed",
            Self::PolicyIncomplete(_) => "policy-incomplete",
            Self::Reference(_) => "reference-malformed",
            Self::Archive { fault, .. } => fault.code(),
            Self::Argument(_) => "argument-malformed",
            Self::File { .. } => "file-unreadable",
            Self::BundleMalformed { .. } => "bundle-malformed",
            Self::BundleMissing { .. } => "bundle-missing",
            Self::BundleNotPublished(_) => "bundle-not-published",
            Self::Network { error, .. } => match error {
                NetworkError::TooFew { .. } => "network-unsigned",
                NetworkError::NotYet(_) | NetworkError::Expired(_) => "network-outdated",
                NetworkError::OtherName { .. }
                | NetworkError::Older { .. }
                | NetworkError::Forked { .. } => "network-older",
                _ => "network-malformed",
            },
            Self::OutputExists(_) => "output-exists",
            Self::Output { .. } => "output-failed",
            Self::State { .. } => "state-unusable",
            Self::Deadline(_) => "deadline",
            Self::Internal(_) => "internal",
            Self::RecordUnavailable(_) => "record-unavailable",
            Self::UnknownCode(_) => "unknown-code",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Usage(_) => "see seed-verify --help",
            Self::PolicyMissing(_) => {
                "write one with `seed-verify policy init`, or name one with --policy FILE"
            }
            Self::PolicyUnreadable { .. } => "name a readable file of at most 256 KiB",
            Self::PolicyNotRoots { .. } => {
                "let root own it and nobody else write it, or name another with --policy FILE"
            }
            Self::PolicyMalformed { .. } => {
                "correct it; `seed-verify policy check FILE` tries again"
            }
            Self::PolicyIncomplete(_) => "give what is missing; see seed-verify policy init --help",
            Self::Reference(_) => {
                "name the image by digest, by tag, or as oci:DIR or oci-archive:FILE"
            }
            Self::Archive { fault, .. } => fault.help(),
            Self::Argument(_) => "correct it; see seed-verify --help",
            Self::File { .. } => "name a readable file of the right kind",
            Self::BundleMalformed { .. } => {
                "fetch it again from elsewhere, or create it anew; it says nothing about the image"
            }
            Self::BundleMissing { .. } => {
                "make one with `seed-verify bundle create --attach`, or name a file"
            }
            Self::BundleNotPublished(_) => "check login, rights and space, and push the file again",
            Self::Network { error, .. } => match error {
                NetworkError::TooFew { .. } => {
                    "have it signed by more of the keys, or ask its publisher which keys sign it"
                }
                NetworkError::NotYet(_) | NetworkError::Expired(_) => {
                    "check the clock, and ask its publisher for a newer one"
                }
                NetworkError::OtherName { .. }
                | NetworkError::Older { .. }
                | NetworkError::Forked { .. } => {
                    "keep the policy as it is, and ask its publisher for the newest file"
                }
                _ => "fetch it again from elsewhere, or ask its publisher",
            },
            Self::OutputExists(_) => {
                "name another file, or remove it first; nothing is overwritten"
            }
            Self::Output { .. } => "check that it is open, writable and not full",
            Self::State { .. } => "restore the folder or name another with --state DIR",
            Self::Deadline(_) => "try again, or allow more with --timeout SECS",
            Self::Internal(_) => "report it; nothing was verified",
            Self::RecordUnavailable(_) => "use an endpoint that serves the ledger's old events",
            Self::UnknownCode(_) => "codes are listed in docs/errors.md",
        }
    }

    /// The exit code: 2 for what the caller can put right, 3 for what could not be found out.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Output { .. }
            | Self::State { .. }
            | Self::Deadline(_)
            | Self::Internal(_)
            | Self::BundleMalformed { .. }
            | Self::BundleMissing { .. }
            | Self::BundleNotPublished(_)
            | Self::RecordUnavailable(_) => 3,
            Self::Archive { fault, .. } if !fault.is_usage() => 3,
            _ => 2,
        }
    }

    /// The word for the exit code in JSON.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self.exit_code() {
            2 => "usage",
            _ => "undecidable",
        }
    }

    /// The one line that is printed about it.
    #[must_use]
    pub fn line(&self) -> String {
        error_line(self.code(), &self.to_string(), self.help())
    }

    /// No bundle for `image`, with the first thing that went wrong on the way.
    pub(crate) fn missing_bundle(image: Digest, notes: crate::Notes) -> Self {
        let first = notes.into_lines().into_iter().next();
        let why = first.map_or_else(String::new, |note| format!(": {note}"));
        Self::BundleMissing { image, why }
    }

    pub(crate) fn network(file: &Path, error: impl Into<NetworkError>) -> Self {
        Self::Network {
            file: file.to_owned(),
            error: error.into(),
        }
    }

    pub(crate) fn file(what: &'static str, file: &Path, why: impl ToString) -> Self {
        Self::File {
            what,
            file: file.to_owned(),
            why: why.to_string(),
        }
    }
}

/// `error[code]: what; help`, on one line.
pub(crate) fn error_line(code: &str, what: &str, help: &str) -> String {
    format!("error[{code}]: {}; {help}", shown(what))
}

fn path(path: &Path) -> String {
    shown(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_one_line_and_never_exit_0() {
        let fault = Fault::PolicyMissing("/etc/\u{1b}[2Ja\nb".into());
        assert_eq!(
            fault.line(),
            "error[policy-missing]: there is no policy at /etc/\\u{1b}[2Ja\\u{a}b; \
             write one with `seed-verify policy init`, or name one with --policy FILE"
        );
        assert_eq!(fault.exit_code(), 2);
        assert_eq!(Fault::Deadline(3).exit_code(), 3);
    }
}
