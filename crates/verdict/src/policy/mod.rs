//! What a user demands, read from one explicit TOML file.

mod check;
mod error;
mod initial;
mod network;
mod wire;

use alloy_primitives::{Address, B256};
use seed_attestation::Domain;
use seed_primitives::{BuilderId, Commit, RecipeName, Source, SourceUri, Target};

pub use error::PolicyError;
pub use initial::InitialPolicy;
pub use network::NetworkPin;

use crate::Grade;

/// The default for [`Freshness`](Policy::maximum_head_age): an hour.
pub const DEFAULT_MAXIMUM_HEAD_AGE: u64 = 3600;
/// The most bytes of a policy.
pub const MAX_POLICY_BYTES: usize = 256 * 1024;

/// A complete, consistent policy: only [`Policy::from_toml`] makes one.
///
/// There is no default for anything that decides whom to trust: anchor, rules, endpoints and sources must be
/// named. An unknown field is an error, because a misspelt demand is a demand that is not made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Policy {
    require: Grade,
    anchor: Anchor,
    rules: RulesPolicy,
    endpoints: Vec<Endpoint>,
    agree: usize,
    sources: Vec<ExpectedSource>,
    packers: Vec<RecipeName>,
    maximum_reissue: u32,
    rollback: Rollback,
    maximum_head_age: u64,
    maximum_bundle_age: u64,
    checkpoints: Vec<Checkpoint>,
    network: Option<NetworkPin>,
}

/// A block the policy calls final: whoever wrote it there found that out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Checkpoint {
    /// Its number.
    pub block: u64,
    /// Its hash.
    pub hash: B256,
}

/// The one ledger that is believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Anchor {
    /// The chain id.
    pub chain_id: u64,
    /// The hash of block 0.
    pub genesis: B256,
    /// The address of the `ReleaseLedger`.
    pub ledger: Address,
    /// Keccak-256 of its runtime code.
    pub ledger_code_hash: B256,
}

/// Which rules may have judged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RulesPolicy {
    /// Hashes of whole codes, configuration included, that are accepted as they are.
    pub pinned: Vec<B256>,
    /// Hashes of logics that are accepted with any configuration, provided known builders signed.
    pub logic: Vec<B256>,
    /// The least threshold of any accepted configuration; at least 2.
    pub minimum_threshold: u8,
    /// How many of `builders`, independent by the domains named here as well, must count for every system.
    /// 0 where only pinned rules are accepted and the policy makes no such demand.
    pub minimum_known_signers: u8,
    /// The builders the policy knows.
    pub builders: Vec<KnownBuilder>,
}

impl RulesPolicy {
    /// The known builder with this key.
    #[must_use]
    pub fn builder(&self, id: &BuilderId) -> Option<&KnownBuilder> {
        self.builders.iter().find(|builder| builder.address == *id)
    }
}

/// A builder the policy knows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KnownBuilder {
    /// Its key's address.
    pub address: BuilderId,
    /// Its name, for people.
    pub name: String,
    /// Its failure domains by name (parent company, jurisdiction and bloc, infrastructure, …). Two builders
    /// that share one are not independent.
    pub domains: Vec<String>,
}

/// A node that answers JSON-RPC.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// Its URL; https, or http to a loopback address.
    pub url: String,
    /// Who runs it; no two endpoints share an operator.
    pub operator: String,
    /// Where the operator can be compelled.
    pub jurisdiction: String,
}

/// A source whose releases are wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExpectedSource {
    /// The repository.
    pub uri: SourceUri,
    /// The targets that are wanted; `None` for any.
    pub targets: Option<Vec<Target>>,
}

/// What is demanded against the offer of an old release.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Rollback {
    /// The least sequence number.
    pub minimum_sequence: Option<u64>,
    /// The only commit that is wanted.
    pub commit: Option<Commit>,
    /// The most seconds since the release was recorded.
    pub maximum_age: Option<u64>,
    /// Whether the verifier remembers the highest sequence it accepted per source, and refuses less.
    pub high_water: bool,
}

impl Rollback {
    /// Whether anything at all is demanded.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.minimum_sequence.is_none()
            && self.commit.is_none()
            && self.maximum_age.is_none()
            && !self.high_water
    }
}

impl Policy {
    /// The grade that must be reached.
    #[must_use]
    pub const fn require(&self) -> Grade {
        self.require
    }

    /// The same policy with another floor, as the operator's own `--require` says.
    #[must_use]
    pub const fn requiring(mut self, grade: Grade) -> Self {
        self.require = grade;
        self
    }

    /// The one ledger that is believed.
    #[must_use]
    pub const fn anchor(&self) -> &Anchor {
        &self.anchor
    }

    /// The domain every signature must be made in.
    #[must_use]
    pub const fn domain(&self) -> Domain {
        Domain {
            chain_id: self.anchor.chain_id,
            ledger: self.anchor.ledger,
        }
    }

    /// Which rules may have judged.
    #[must_use]
    pub const fn rules(&self) -> &RulesPolicy {
        &self.rules
    }

    /// The endpoints, one per operator.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The endpoint with this URL.
    #[must_use]
    pub fn endpoint(&self, url: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.url == url)
    }

    /// How many operators must agree: more than half of them, at least two.
    #[must_use]
    pub const fn agree(&self) -> usize {
        self.agree
    }

    /// The sources that are wanted.
    #[must_use]
    pub fn sources(&self) -> &[ExpectedSource] {
        &self.sources
    }

    /// Whether the repository and target of `source` are wanted.
    #[must_use]
    pub fn expects(&self, source: &Source) -> bool {
        self.sources.iter().any(|expected| {
            expected.uri == source.uri
                && expected
                    .targets
                    .as_ref()
                    .is_none_or(|targets| targets.contains(&source.target))
        })
    }

    /// The packers that are trusted to turn a closure into an image.
    #[must_use]
    pub fn packers(&self) -> &[RecipeName] {
        &self.packers
    }

    /// The highest `reissue` of a recipe.
    #[must_use]
    pub const fn maximum_reissue(&self) -> u32 {
        self.maximum_reissue
    }

    /// What is demanded against old releases.
    #[must_use]
    pub const fn rollback(&self) -> &Rollback {
        &self.rollback
    }

    /// The most seconds between the finalised head and now.
    #[must_use]
    pub const fn maximum_head_age(&self) -> u64 {
        self.maximum_head_age
    }

    /// The most seconds between the block a bundle was captured at and now.
    #[must_use]
    pub const fn maximum_bundle_age(&self) -> u64 {
        self.maximum_bundle_age
    }

    /// The blocks that count as final without anybody being asked, for bundles captured at them.
    #[must_use]
    pub fn checkpoints(&self) -> &[Checkpoint] {
        &self.checkpoints
    }
}
