//! The TOML form: every table refuses fields it does not know.

use alloy_primitives::{Address, B256};
use seed_primitives::{
    BuilderId, Commit, Digest, RecipeName, SourceUri, Target, parse_address, parse_bytes32,
};
use serde::{Deserialize, Deserializer, de::Error as _};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Policy {
    pub(super) version: u32,
    pub(super) require: Option<String>,
    pub(super) anchor: Anchor,
    pub(super) rules: Rules,
    pub(super) endpoints: Endpoints,
    pub(super) sources: Vec<Source>,
    pub(super) recipe: Recipe,
    #[serde(default)]
    pub(super) rollback: Rollback,
    #[serde(default)]
    pub(super) freshness: Freshness,
    #[serde(default)]
    pub(super) checkpoints: Vec<Checkpoint>,
    pub(super) network: Option<Network>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Anchor {
    pub(super) chain_id: u64,
    #[serde(deserialize_with = "word")]
    pub(super) genesis: B256,
    #[serde(deserialize_with = "address")]
    pub(super) ledger: Address,
    #[serde(deserialize_with = "word")]
    pub(super) ledger_code_hash: B256,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    #[serde(default, deserialize_with = "words")]
    pub(super) pinned: Vec<B256>,
    #[serde(default, deserialize_with = "words")]
    pub(super) logic: Vec<B256>,
    pub(super) minimum_threshold: Option<u8>,
    pub(super) minimum_known_signers: Option<u8>,
    #[serde(default)]
    pub(super) builders: Vec<Builder>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Builder {
    pub(super) address: BuilderId,
    pub(super) name: String,
    pub(super) domains: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Endpoints {
    pub(super) agree: usize,
    pub(super) nodes: Vec<Node>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Node {
    pub(super) url: String,
    pub(super) operator: String,
    pub(super) jurisdiction: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    pub(super) uri: SourceUri,
    pub(super) targets: Option<Vec<Target>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recipe {
    pub(super) packers: Vec<RecipeName>,
    #[serde(default)]
    pub(super) maximum_reissue: u32,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rollback {
    pub(super) minimum_sequence: Option<u64>,
    pub(super) commit: Option<Commit>,
    pub(super) maximum_age: Option<u64>,
    #[serde(default)]
    pub(super) high_water: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Freshness {
    pub(super) maximum_head_age: Option<u64>,
    pub(super) maximum_bundle_age: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkpoint {
    pub(super) block: u64,
    #[serde(deserialize_with = "word")]
    pub(super) hash: B256,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Network {
    pub(super) name: String,
    pub(super) deployment: String,
    pub(super) keys: Vec<BuilderId>,
    pub(super) threshold: usize,
    pub(super) sequence: u64,
    pub(super) digest: Digest,
    pub(super) expires: u64,
}

fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<B256, D::Error> {
    parse_bytes32(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<B256>, D::Error> {
    Vec::<String>::deserialize(deserializer)?
        .iter()
        .map(|text| parse_bytes32(text).map_err(D::Error::custom))
        .collect()
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
    parse_address(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}
