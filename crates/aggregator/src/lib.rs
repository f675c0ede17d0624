#![doc = include_str!("../README.md")]

mod arguments;
mod claim;
mod command;
mod divergence;
mod documents;
mod evidence;
mod fault;
mod file;
mod follow;
mod genesis;
mod ledger;
mod locator;
mod names;
mod once;
mod outcome;
mod places;
mod posts;
pub mod quorum;
mod release;
pub mod report;
mod sender;
mod settings;
mod submission;
mod submit;
#[cfg(test)]
mod testing;
mod vote;

pub use arguments::Output;
pub use command::run;
pub use divergence::{Divergence, Saying, divergence};
pub use documents::{Documents, Found, RefusedDocument, Wanted};
pub use evidence::check_evidence;
pub use fault::Fault;
pub use genesis::{GenesisError, Lack, first_release};
pub use ledger::{Ledger, LedgerState, Recorded};
pub use locator::PublishedLocator;
pub use names::Names;
pub use once::once;
pub use outcome::Outcome;
pub use places::Places;
pub use release::{Release, group};
pub use report::{ReleaseReport, Report};
pub use settings::Settings;
pub use submission::Submission;
pub use vote::{Refusal, Vote};

/// The version of the protocol that is spoken (`docs/protocol.md`).
pub const PROTOCOL_VERSION: u32 = 1;
