use std::{io, path::PathBuf};

use seed_attestation::{AttestationError, FormatError, SignatureError};
use seed_image::PackError;
use seed_nix::{ClosureError, GraphError, LockError, ProjectError, SourceRefusal, StorePath};
use seed_primitives::{Digest, ParseError, ReleaseId, System};
use thiserror::Error;

use crate::MissingSource;

/// Why the builder stopped. Every variant has a stable code, an exit code and a way out.
#[derive(Debug, Error)]
pub enum Error {
    /// A flag or a value in the configuration is missing.
    #[error("{0} is not given")]
    Missing(&'static str),
    /// A flag or a value in the configuration is not what it should be.
    #[error("{place}: {error}")]
    Value {
        /// The flag or the key.
        place: String,
        /// What is wrong.
        error: ParseError,
    },
    /// The configuration contradicts itself or asks for something impossible.
    #[error("{0}")]
    Usage(String),
    /// The configuration file cannot be read as such.
    #[error("{path} is not a configuration: {reason}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        reason: String,
    },
    /// A file or directory could not be used.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// What was tried: `read`, `write`, `create` …
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A file that must not be overwritten exists.
    #[error("{0} exists and is not overwritten")]
    Exists(PathBuf),
    /// A key file is not a key, or the password is wrong.
    #[error("{path} cannot be used as a key: {reason}")]
    Key {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A program that is needed could not be started.
    #[error("cannot run {program}: {reason}")]
    Program {
        /// The program.
        program: String,
        /// Why not.
        reason: String,
    },
    /// A program took longer than it may.
    #[error("{program} took longer than {seconds} s")]
    TimedOut {
        /// The program.
        program: String,
        /// The limit.
        seconds: u64,
    },
    /// The Nix found is unusable.
    #[error("{0}")]
    NixVersion(String),
    /// The Nix found is known to be vulnerable, and the key is a production key.
    #[error("Nix {0}")]
    NixVulnerable(String),
    /// The sandbox needs a user namespace, and none can be made.
    #[error("no user namespace can be made: {0}")]
    UserNamespace(String),
    /// There is too little room for stores and images.
    #[error("{path} has {free} bytes free, and a builder needs at least {least}")]
    Disk {
        /// Where.
        path: PathBuf,
        /// Free bytes.
        free: u64,
        /// Bytes that are needed.
        least: u64,
    },
    /// The clock shows a time that cannot be.
    #[error("the clock shows {0} seconds since 1970, which cannot be")]
    Clock(u64),
    /// The machine lacks something that a production key may rely on.
    #[error("no production key may sign here: {0}")]
    UnsafeHost(String),
    /// An effective setting of Nix is not the one that is required.
    #[error("Nix's effective setting `{name}` is {found}, required: {required}")]
    NixSetting {
        /// The setting.
        name: String,
        /// Its effective value as JSON.
        found: String,
        /// What it must be.
        required: String,
    },
    /// The network could not be taken away.
    #[error("no network namespace of our own: {0}")]
    Namespace(String),
    /// Git could not deliver the commit.
    #[error("git could not deliver commit {commit} of {repository}: {reason}")]
    Git {
        /// The repository.
        repository: String,
        /// The commit.
        commit: String,
        /// Git's last words.
        reason: String,
    },
    /// The commit holds something that cannot be attested.
    #[error("the commit holds {0}")]
    Tree(String),
    /// Nix could not evaluate or build the target.
    #[error("Nix could not build {target} for {system}: {reason}")]
    Build {
        /// The attribute.
        target: String,
        /// The system.
        system: String,
        /// Nix's last words.
        reason: String,
    },
    /// Nix answered something that cannot be understood.
    #[error("Nix answered something unexpected to `{command}`: {reason}")]
    NixAnswer {
        /// The command.
        command: &'static str,
        /// What is unexpected.
        reason: String,
    },
    /// The derivation graph is not what it claims to be.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A source that the build needs is nowhere to be had, or what was found is something else.
    #[error(transparent)]
    Source(Box<MissingSource>),
    /// Something is fixed by a hash that proves nothing.
    #[error(transparent)]
    SourceRefused(#[from] SourceRefusal),
    /// The lock file does not lock what it should.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The project that a seed is for cannot be told.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The closure cannot be attested.
    #[error(transparent)]
    Closure(#[from] ClosureError),
    /// The audit found what must not be there.
    #[error("the audit refuses the closure: {0}")]
    Audit(String),
    /// It is not known which programs were started.
    #[error("the census is not whole, and what ran is not known: {0}")]
    Census(String),
    /// Two builds of the same derivation differ.
    #[error(transparent)]
    NotReproducible(Box<Difference>),
    /// The closure cannot be packed.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// This key has already signed, or published, another digest for this release and system.
    #[error(transparent)]
    Equivocation(Box<Conflict>),
    /// The signing journal cannot be relied on.
    #[error("the signing journal {path} is damaged at line {line}")]
    Journal {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// Another process works on the same state.
    #[error("{0} is in use by another seed-builder")]
    Locked(PathBuf),
    /// A document could not be made or read.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A signature is not what it should be.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// An attestation does not verify.
    #[error(transparent)]
    Attestation(#[from] AttestationError),
    /// A registry or layout refused, could not be reached, or serves other bytes than were pushed.
    #[error(transparent)]
    Publish(#[from] seed_oci::Error),
}

/// The first derivation, in build order, whose outputs differ between two builds.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("two builds differ, first in {derivation} ({path}: {first} and {second})")]
pub struct Difference {
    /// The derivation; everything it was built from is the same in both stores.
    pub derivation: StorePath,
    /// The output.
    pub path: StorePath,
    /// Its NAR hash in the first store.
    pub first: Digest,
    /// Its NAR hash in the second store, or `nothing`.
    pub second: String,
}

/// Two digests by one key for one release and system.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error(
    "{place} already holds {signed} for {release} on {system}; signing {digest} would be equivocation"
)]
pub struct Conflict {
    /// Where the other digest was found.
    pub place: String,
    /// The release.
    pub release: ReleaseId,
    /// The system.
    pub system: System,
    /// What was signed before.
    pub signed: Digest,
    /// What was about to be signed.
    pub digest: Digest,
}

impl Error {
    /// A [`Error::File`] for `path`, to be used with `map_err`.
    pub(crate) fn file(
        action: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }

    /// The stable code, as listed in `docs/errors.md`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "missing-argument",
            Self::Value { .. } => "malformed-argument",
            Self::Usage(_) => "usage",
            Self::Config { .. } => "malformed-config",
            Self::File { .. } => "file",
            Self::Exists(_) => "exists",
            Self::Key { .. } => "key",
            Self::Program { .. } => "program-not-usable",
            Self::TimedOut { .. } => "timed-out",
            Self::NixVersion(_) => "nix-version",
            Self::NixVulnerable(_) => "nix-vulnerable",
            Self::UserNamespace(_) => "no-user-namespace",
            Self::Disk { .. } => "disk-space",
            Self::Clock(_) => "clock",
            Self::UnsafeHost(_) => "unsafe-host",
            Self::NixSetting { .. } => "nix-setting",
            Self::Namespace(_) => "no-network-namespace",
            Self::Git { .. } => "git",
            Self::Tree(_) => "source-tree",
            Self::Build { .. } => "build-failed",
            Self::NixAnswer { .. } => "nix-answer",
            Self::Graph(_) => "derivation-graph",
            Self::Source(source) if source.mismatch => "source-mismatch",
            Self::Source(_) => "source-missing",
            Self::SourceRefused(_) | Self::Lock(LockError::Refused(_)) => "source-hash",
            Self::Lock(_) => "lock-file",
            Self::Project(_) => "project",
            Self::Closure(_) => "closure",
            Self::Audit(_) => "audit-refused",
            Self::Census(_) => "census",
            Self::NotReproducible(_) => "not-reproducible",
            Self::Pack(_) => "pack",
            Self::Equivocation(_) => "equivocation",
            Self::Journal { .. } => "journal-damaged",
            Self::Locked(_) => "state-in-use",
            Self::Format(_) => "malformed-document",
            Self::Signature(_) | Self::Attestation(_) => "signature",
            Self::Publish(error) => error.code(),
        }
    }

    /// The process exit code: 1 refused, 2 usage, 3 could not find out.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Missing(_)
            | Self::Value { .. }
            | Self::Usage(_)
            | Self::Config { .. }
            | Self::File { .. }
            | Self::Exists(_)
            | Self::Key { .. }
            | Self::NixVersion(_)
            | Self::NixVulnerable(_)
            | Self::Disk { .. }
            | Self::Clock(_)
            | Self::UnsafeHost(_) => 2,
            Self::Program { .. }
            | Self::TimedOut { .. }
            | Self::Namespace(_)
            | Self::UserNamespace(_)
            | Self::Git { .. }
            | Self::NixAnswer { .. }
            | Self::Census(_)
            | Self::Locked(_) => 3,
            Self::Source(source) if !source.mismatch => 3,
            Self::Publish(error) => match error.fault() {
                seed_oci::Fault::Usage => 2,
                seed_oci::Fault::Unavailable
                | seed_oci::Fault::NotFound
                | seed_oci::Fault::Denied => 3,
                seed_oci::Fault::WrongBytes | seed_oci::Fault::Malformed => 1,
            },
            _ => 1,
        }
    }

    /// What to do about it, one sentence.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Missing(_) => {
                "give it as a flag or in the configuration file; `--help` lists both"
            }
            Self::Value { .. } => "correct the value",
            Self::Usage(_) => "see `--help`",
            Self::Config { .. } => {
                "correct the file; unknown keys are refused, so look for a misspelling"
            }
            Self::File { .. } => {
                "check that the path exists, is of the right kind and that you may use it"
            }
            Self::Exists(_) => "choose another name, or move the old file away yourself",
            Self::Key { .. } => {
                "check the file and the password; `seed-builder key new` makes a key"
            }
            Self::Program { .. } => {
                "install it or name it in the configuration; `seed-builder doctor` checks all of them"
            }
            Self::TimedOut { .. } => {
                "look at the log named above; raise the limit only if the build really takes so long"
            }
            Self::NixVersion(_) => "install Nix 2.8 or newer, or name one with --nix",
            Self::NixVulnerable(_) => {
                "use a release of Nix from 2.34.7 on (or 2.33.6, 2.32.8, 2.31.5, 2.30.5, 2.29.4, 2.28.7); --development accepts it for keys that protect nothing"
            }
            Self::UserNamespace(_) => {
                "allow them (sysctl user.max_user_namespaces, and kernel.unprivileged_userns_clone or AppArmor's restriction where there is one)"
            }
            Self::Disk { .. } => "free some, or put the state directory (--state) elsewhere",
            Self::Clock(_) => "set the clock, and keep it set (NTP)",
            Self::UnsafeHost(_) => {
                "mend what is listed as not ok; until then use a development key only"
            }
            Self::NixSetting { .. } => {
                "the value is built into this Nix or forced from outside; remove that or use another Nix"
            }
            Self::Namespace(_) => {
                "run as root or allow unprivileged user namespaces; `seed-builder doctor` tries it"
            }
            Self::Git { .. } => "check repository and commit; the commit must be named in full",
            Self::Tree(_) => {
                "remove it from the repository; what is attested must be plain files, directories and links"
            }
            Self::Build { .. } => {
                "the whole log is in the state directory; builds have no network, so every input must be in the repository or among its sources"
            }
            Self::NixAnswer { .. } => {
                "use a Nix this version of seed-builder knows (2.8 to 2.34), or report it"
            }
            Self::Graph(_) => {
                "the store was changed from outside; remove the state directory's build and run again"
            }
            Self::Source(_) => {
                "name the folder with --sources, or allow downloads with --fetch-sources; only the hash decides, so any copy will do"
            }
            Self::SourceRefused(_) | Self::Lock(_) => {
                "fix it by a sha256 or sha512 hash; flake inputs must be locked"
            }
            Self::Project(_) => {
                "let the seed's `seedProject` hold the output paths of the project's packages"
            }
            Self::Closure(_) => "check the target: it must evaluate to a derivation with outputs",
            Self::Audit(_) => {
                "`seed-builder audit` lists every finding; build the program from source, or allow a seed by its digest"
            }
            Self::Census(_) => {
                "take it as root of the machine, on Linux 5.0 or newer, in a store of its own; or go without --census, which says nothing about what ran"
            }
            Self::NotReproducible(_) => {
                "make that derivation deterministic; both stores are kept in the state directory"
            }
            Self::Pack(_) => "change the recipe or the target",
            Self::Equivocation(_) => {
                "find out why the digests differ; to publish a corrected image raise --reissue, never remove the journal"
            }
            Self::Journal { .. } => {
                "restore it from the registry's copies of your attestations; never start an empty one"
            }
            Self::Locked(_) => "wait for the other process, or use another state directory",
            Self::Format(_) | Self::Signature(_) | Self::Attestation(_) => {
                "check where the document came from"
            }
            Self::Publish(_) => {
                "check the reference, the network and the credentials; what is finished is not done again"
            }
        }
    }
}
