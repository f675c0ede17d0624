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

mod account;
mod error;
mod header;
mod independent;
mod rules;
pub mod slots;
mod walk;
mod words;

pub use account::{Account, prove_account, prove_slot};
pub use error::{HeaderError, ProofError, WordError};
pub use header::{MAX_HEADER_BYTES, RawHeader};
pub use independent::{largest_disjoint, largest_independent};
pub use rules::{
    MAX_BUILDERS, MAX_CODE_BYTES, MAX_SYSTEMS, Rules, RulesBuilder, RulesError, logic_of,
};
pub use words::{ControlWord, DISPUTE_PERIOD, Effect, RevocationWord};
