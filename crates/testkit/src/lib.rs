#![doc = include_str!("../README.md")]

/// Signing keys derived from a name, the same on every machine.
pub mod keys;
pub mod vectors;

mod forge;

pub use forge::forge;
