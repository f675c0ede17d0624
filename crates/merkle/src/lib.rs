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

mod hasher;
mod leaves;
mod proof;
mod root;

pub use hasher::leaf_hash;
pub use leaves::{Leaves, LeavesError, MAX_LEAVES};
pub use proof::InclusionProof;
pub use root::Root;
