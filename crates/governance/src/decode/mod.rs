//! Bytes to meaning: one sentence for everything governance can do, and a shout for everything it should not.

mod abi;
mod action;
mod decoded;
mod judge;
mod names;
mod rules;
mod sentence;
mod subject;
mod warning;

pub use action::{Action, Call, Operation};
pub use decoded::Decoded;
pub(crate) use names::duration;
pub use names::{Kind, Names, Role, SafeFacts};
pub use rules::{FederationNames, NamedRules};
pub use subject::{SafeTransaction, Subject};
pub use warning::{Allowed, Warning};

pub(crate) use abi::{
    Ledger::LedgerEvents, Safe::SafeEvents, SafeView, Timelock, Timelock::TimelockEvents,
};
