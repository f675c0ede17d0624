#![doc = include_str!("../README.md")]

mod chain;
mod encode;
mod listing;

pub use chain::{Chain, Run, folder};
pub use encode::encode;
pub use listing::{Line, Listing, Meaning};
