use std::ops::Deref;

use alloy_primitives::{Address, B256};
use seed_primitives::{
    BuilderId, Digest, Recipe, ReleaseId, Source, System, address_text, bytes32_text,
};
use serde::Serialize;

use crate::Grade;

/// A value that [`decide`](crate::decide) found good. Nothing else makes one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Everything that was established about an image and its release; the JSON of `seed-verify --output json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// How strongly this was established. At [`Grade::Signatures`] nothing is known about the chain.
    pub grade: Grade,
    /// The digest that was asked for.
    pub digest: Digest,
    /// The tag it was asked for by, if it was.
    pub tag: Option<String>,
    /// The images behind it, one per system.
    pub images: Vec<VerifiedImage>,
    /// For an index: whether its bytes are the canonical ones. Absent for a single image.
    pub canonical_index: Option<bool>,
    /// For an index: systems of the release it leaves out.
    pub left_out: Vec<System>,
    /// Whether every layer was read and found to be what the manifest and the config say.
    pub layers_checked: bool,
    /// The release.
    pub release: ReleaseId,
    /// What was built.
    pub source: Source,
    /// How it was packed; its digest is `source.recipe`.
    pub recipe: Recipe,
    /// The first verdict: recorded. `None` where nothing is known about the chain.
    pub inclusion: Option<Inclusion>,
    /// The second verdict: not revoked, disputed or tainted as of a time. `None` where nothing is known.
    pub currency: Option<Currency>,
    /// What was checked against offering an old release; empty means not checked.
    pub supersession: Vec<Supersession>,
    /// The rules that judged. `None` where nothing is known about the chain.
    pub rules: Option<JudgedBy>,
    /// The builders that count, in the order of the rules.
    pub builders: Vec<CountedBuilder>,
    /// Builders that signed and were left out of the count, and why.
    pub dropped: Vec<DroppedBuilder>,
    /// Who is still trusted, one sentence each.
    pub trusts: Vec<String>,
}

/// One image of the release.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct VerifiedImage {
    /// Its system.
    pub system: System,
    /// The digest of its manifest, as served.
    pub digest: Digest,
    /// Of a re-packed copy: the digest of the attested manifest with the same config, whose layers unpack to the same
    /// bytes. `None` where the image is the attested one itself.
    #[serde(rename = "copyOf")]
    pub copy_of: Option<Digest>,
}

/// Who says that the block everything was read at is final.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vouched {
    /// As many operators as the policy demands, asked for this verdict.
    Operators,
    /// The policy, which pins its hash; nobody was asked.
    Policy,
}

/// The verdict *inclusion*: the ledger recorded the release, at the latest by this block.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inclusion {
    /// How strongly this was established.
    pub grade: Grade,
    /// The chain.
    pub chain_id: u64,
    /// The ledger.
    #[serde(with = "address_text")]
    pub ledger: Address,
    /// The number of the finalised block it was read at.
    pub block: u64,
    /// The hash of that block.
    #[serde(with = "bytes32_text")]
    pub block_hash: B256,
    /// Who says that the block is final.
    pub vouched: Vouched,
    /// The commitment in the release's slot.
    #[serde(with = "bytes32_text")]
    pub commitment: B256,
    /// The number of the release in the ledger, from 1.
    pub sequence: u64,
    /// When it was recorded, Unix seconds, by the ledger's block time.
    pub recorded_at: u64,
    /// Seconds from then to the time of the verdict.
    pub age: u64,
}

/// The verdict *currency*: nothing that counts is revoked, disputed or tainted as of this block.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Currency {
    /// How strongly this was established.
    pub grade: Grade,
    /// The number of the finalised block.
    pub block: u64,
    /// Its time, Unix seconds.
    pub as_of: u64,
    /// Seconds from then to the time of the verdict.
    pub age: u64,
    /// How many releases the ledger had recorded by then.
    pub ledger_sequence: u64,
    /// Whether the rules that judged are still the ones in force.
    pub rules_in_force: bool,
}

/// What an old release was checked against.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "rule", content = "value")]
pub enum Supersession {
    /// The commit is the one the policy names.
    ExactCommit(String),
    /// The sequence number is at least this.
    MinimumSequence(u64),
    /// It was recorded at most this many seconds ago.
    MaximumAge(u64),
    /// The sequence number is at least the remembered mark (`None` on first use).
    HighWater(Option<u64>),
}

/// The rules that judged the release.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JudgedBy {
    /// Their address.
    #[serde(with = "address_text")]
    pub address: Address,
    /// The hash of their whole code, as recorded.
    #[serde(with = "bytes32_text")]
    pub code_hash: B256,
    /// The hash of their logic, without the configuration.
    #[serde(with = "bytes32_text")]
    pub logic_hash: B256,
    /// SHA-256 of the federation file that names every domain bit.
    #[serde(with = "bytes32_text")]
    pub federation: B256,
    /// How many independent builders each system needs.
    pub threshold: u8,
    /// Whether the policy pins this very code.
    pub pinned: bool,
}

/// A builder that counts.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct CountedBuilder {
    /// Its address.
    pub builder: BuilderId,
    /// The name the policy gives it, if it knows it.
    pub name: Option<String>,
    /// The domains the policy gives it.
    pub domains: Vec<String>,
    /// The systems (of those asked for) it counts for.
    pub systems: Vec<System>,
    /// Whether it signed after the record was written.
    pub endorsement: bool,
    /// What its vote for each of these systems rests on, in their order.
    pub evidence: Vec<CountedEvidence>,
}

/// Where it is written down why a vote for one system counts.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct CountedEvidence {
    /// The system.
    pub system: System,
    /// The digest of the evidence manifest, which the builder's signature names.
    pub manifest: Digest,
    /// The digest of the statement, a DSSE envelope that this manifest lists for the system.
    pub statement: Digest,
}

/// A builder that signed and does not count.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct DroppedBuilder {
    /// Its address.
    pub builder: BuilderId,
    /// The name the policy gives it, if it knows it.
    pub name: Option<String>,
    /// The stable code of the reason.
    pub code: crate::RejectionCode,
    /// The reason.
    pub reason: String,
}
