#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod builder_id;
mod commit;
mod deployment;
mod digest;
mod error;
mod json;
mod recipe;
mod release;
mod source;
mod system;
mod target;
mod terminal;
mod text;
mod uri;

pub use builder_id::BuilderId;
pub use commit::Commit;
pub use deployment::{
    DeployedBuilder, DeployedFederation, DeployedSafes, Deployment, DeploymentError, Environment,
    MAX_DEPLOYMENT_BYTES, SafeContracts, SafeOwners,
};
pub use digest::Digest;
pub use error::ParseError;
pub use json::canonical_json;
pub use recipe::{Compression, Recipe, RecipeName};
pub use release::ReleaseId;
pub use source::{SOURCE_TYPE, Source};
pub use system::System;
pub use target::Target;
pub use terminal::{ascii_json, shown, usage_line};
pub use text::{address_text, parse_address, parse_bytes32, write_address, write_bytes32};
pub use uri::SourceUri;

/// Serde for a 32-byte word written `0x` and 64 lower-case hex digits; use with `#[serde(with = …)]`.
pub mod bytes32_text {
    pub use crate::text::{deserialize, serialize};
}
