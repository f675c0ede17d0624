use seed_primitives::{Digest, ParseError};

use crate::ArchiveFault;

/// Why something could not be fetched from or pushed to a registry or layout.
///
/// Every variant says where (`place`) and what; [`Error::fault`] says who is at fault and [`Error::code`] is
/// the stable name for programs. Text that came from outside is shortened and escaped.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A reference, tag or other text of the caller has the wrong form.
    #[error(transparent)]
    Reference(#[from] ParseError),

    /// The caller asked for something that cannot be, such as a layout in a folder that is something else.
    #[error("{place}: {what}; {help}")]
    Usage {
        /// The registry or layout.
        place: String,
        /// What is wrong.
        what: String,
        /// What to do.
        help: String,
    },

    /// It is not there: the registry answered, or the layout could be read, and has no such thing.
    #[error(
        "{place}: has no {what}; check the name, and that it was pushed here, or try another mirror"
    )]
    NotFound {
        /// The registry or layout.
        place: String,
        /// What is missing.
        what: String,
    },

    /// No usable answer: unreachable, too slow, cut off or failing. Says nothing about what is stored.
    #[error("{place}: cannot get {what}: {why}; try again later or use another mirror")]
    Unavailable {
        /// The registry.
        place: String,
        /// What was asked for.
        what: String,
        /// What happened.
        why: String,
    },

    /// The registry understood and will not do it: credentials missing or wrong, or a push it does not take.
    #[error(
        "{place}: refused {what} (HTTP {status}{why}); {}", help_for(*status)
    )]
    Denied {
        /// The registry.
        place: String,
        /// What was asked for.
        what: String,
        /// The HTTP status.
        status: u16,
        /// The registry's own error code, with a leading `, `, or nothing.
        why: String,
    },

    /// A credential helper that is configured and gave neither a login nor the answer that it has none.
    #[error(
        "{place}: the credential helper {helper} {why}; run it by hand to see what it says, or log in again"
    )]
    CredentialHelper {
        /// The registry that wants a login.
        place: String,
        /// The program.
        helper: String,
        /// What happened, without anything that it said.
        why: String,
    },

    /// The bytes do not hash to the digest that was asked for: the registry or the layout's disk is at fault.
    #[error(
        "{place}: sent bytes that hash to {found} for {expected}; do not use this copy, fetch it from another mirror"
    )]
    WrongDigest {
        /// The registry or layout.
        place: String,
        /// The digest asked for.
        expected: Digest,
        /// The digest of what came.
        found: Digest,
    },

    /// The content of a digest has another size than its descriptor says.
    #[error(
        "{place}: has {found} bytes for {digest}, not {expected}; do not use this copy, fetch it from another mirror"
    )]
    WrongSize {
        /// The registry or layout.
        place: String,
        /// The digest asked for.
        digest: Digest,
        /// The size asked for, in bytes.
        expected: u64,
        /// What came: a number of bytes, or `more than` one.
        found: String,
    },

    /// More than this program is ready to read.
    #[error("{place}: {what} is larger than {limit} bytes; it is not read")]
    TooLarge {
        /// The registry or layout.
        place: String,
        /// What was asked for.
        what: String,
        /// The limit in bytes.
        limit: u64,
    },

    /// What came is not what it should be: bad JSON, an ambiguous manifest, a missing header.
    #[error(
        "{place}: {what} is malformed: {why}; whoever published or serves it must put it right"
    )]
    Malformed {
        /// The registry or layout.
        place: String,
        /// What was read.
        what: String,
        /// What is wrong with it.
        why: String,
    },

    /// The registry leads somewhere it must not: to plain HTTP, to an inner address, to a foreign token service, to nowhere.
    #[error("{place}: leads to {to} for {what}, which is not followed: {why}")]
    LedAstray {
        /// The registry.
        place: String,
        /// What was asked for.
        what: String,
        /// Where it leads.
        to: String,
        /// Which rule forbids it.
        why: &'static str,
    },

    /// A file that is not the tar archive of an image layout in the one form that is read.
    #[error("{place}: {fault}; {}", fault.help())]
    Archive {
        /// The archive.
        place: String,
        /// What is wrong with it.
        fault: ArchiveFault,
    },

    /// The file system failed: no permission, no space, a broken disk.
    #[error("{place}: cannot {what}: {why}; check the path, its rights and the free space")]
    Storage {
        /// The layout or file.
        place: String,
        /// What was tried.
        what: String,
        /// What the system says.
        why: String,
    },
}

const fn help_for(status: u16) -> &'static str {
    match status {
        401 | 403 => "check the login for this registry and its rights",
        _ => {
            "the registry does not take this request; see what it supports and whether all parts were pushed"
        }
    }
}

/// Who or what stands in the way, the coarse class of an [`Error`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Fault {
    /// The caller: a bad reference, tag or folder.
    Usage,
    /// Nothing is wrong except that it is not there.
    NotFound,
    /// Could not find out: says nothing about the content. See [`Error::is_retryable`] for what may help.
    Unavailable,
    /// The registry does not let us, or there is no login to be had.
    Denied,
    /// The bytes do not match their digest: the registry, or the disk, serves something else.
    WrongBytes,
    /// The content is against its format or its bounds.
    Malformed,
}

impl Error {
    /// The stable code, in kebab case, as documented in `docs/errors.md`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Reference(_) => "reference-malformed",
            Self::Usage { .. } => "registry-usage",
            Self::NotFound { .. } => "registry-not-found",
            Self::Unavailable { .. } => "registry-unavailable",
            Self::Denied { .. } => "registry-denied",
            Self::CredentialHelper { .. } => "credential-helper",
            Self::WrongDigest { .. } => "registry-wrong-digest",
            Self::WrongSize { .. } => "registry-wrong-size",
            Self::TooLarge { .. } => "registry-too-large",
            Self::Malformed { .. } => "registry-malformed",
            Self::LedAstray { .. } => "registry-led-astray",
            Self::Archive { fault, .. } => fault.code(),
            Self::Storage { .. } => "layout-storage",
        }
    }

    /// The class of the error.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        match self {
            Self::Reference(_) | Self::Usage { .. } => Fault::Usage,
            Self::NotFound { .. } => Fault::NotFound,
            Self::Unavailable { .. } | Self::Storage { .. } | Self::LedAstray { .. } => {
                Fault::Unavailable
            }
            Self::Archive { fault, .. } if fault.is_usage() => Fault::Usage,
            Self::Archive {
                fault: ArchiveFault::Truncated { .. },
                ..
            } => Fault::Unavailable,
            Self::Archive { .. } => Fault::Malformed,
            Self::Denied { .. } | Self::CredentialHelper { .. } => Fault::Denied,
            Self::WrongDigest { .. } | Self::WrongSize { .. } => Fault::WrongBytes,
            Self::TooLarge { .. } | Self::Malformed { .. } => Fault::Malformed,
        }
    }

    /// Whether the same request may succeed later without anybody changing anything.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Whether the registry or layout answered that it has no such thing.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}
