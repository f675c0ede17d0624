//! Bytes to meaning: one sentence for everything governance can do, and a shout for everything it should not.

pub(crate) mod abi;
mod action;
mod call;
mod decoded;
mod deployment;
mod fault;
mod federation_names;
mod input;
mod judge;
mod names;
mod queue;
/// The queue as text and as JSON.
pub mod queue_report;
mod read;
/// Decoded calls as text and as JSON.
pub mod report;
mod rules;
mod sentence;
mod subject;
mod transaction_builder;
mod warning;

pub use action::Action;
pub use call::{Call, Operation};
pub use decoded::Decoded;
pub use fault::ReviewFault;
pub use federation_names::FederationNames;
pub use input::Document;
pub use names::{Kind, Names, Role, SafeFacts};
pub use queue::{Queue, Queued};
pub use rules::NamedRules;
pub use subject::{SafeTransaction, Subject};
pub use transaction_builder::{TransactionBuilder, checksum};
pub use warning::{Allowed, Warning};

pub(crate) use abi::{Ledger::LedgerEvents, Safe::SafeEvents, SafeView, Timelock::TimelockEvents};
pub(crate) use fault::same_chain;
pub(crate) use input::{MAX_FILE, subject};
pub(crate) use names::duration;
