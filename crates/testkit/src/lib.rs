#![doc = include_str!("../README.md")]

/// Signing keys derived from a name, the same on every machine.
pub mod keys;
pub mod vectors;

/// A real anvil.
pub mod chain;
/// Federations as rules, and a development deployment.
pub mod deployment;
mod forge;

pub use forge::forge;

mod artifact;
mod attest;
/// Releases: what builders publish and sign, and the ledger records.
pub mod release;

pub use artifact::push_artifact;
pub use attest::attest;

/// Synthetic closures, built by a real Nix.
pub mod closure;
/// A proxy that tells lies on command, before a real registry or JSON-RPC endpoint.
pub mod liar;
/// A real docker-registry.
pub mod registry;
