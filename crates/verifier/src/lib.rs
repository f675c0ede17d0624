#![doc = include_str!("../README.md")]

mod bundle_file;
mod command;
mod deployment;
mod explain;
mod fault;
mod gather;
mod high_water;
mod judge;
mod layer;
mod look;
mod moment;
mod network_file;
mod outcome;
mod policy_file;
mod report;
mod threads;
mod unplugged;
mod verifier;

pub use bundle_file::{BundlePlace, load_bundle};
pub use command::run;
pub use deployment::load_deployment;
pub use explain::explain;
pub use fault::Fault;
pub use gather::{Gatherer, Height, Notes, Request, Stop};
pub use high_water::{HighWaterMarks, SYSTEM_STATE};
pub use judge::Memory;
pub use layer::{Encoding, LayerError, LayerReader, ReadLayer};
pub use outcome::{Answer, Outcome, worst};
pub use policy_file::{PolicyFile, SYSTEM_POLICY};
pub use report::{Format, Report, SCHEMA_VERSION};
pub use unplugged::Unplugged;
pub use verifier::{Question, Verifier};

/// The version of the protocol that is spoken (`docs/protocol.md`).
pub const PROTOCOL_VERSION: u32 = 1;
