//! Bytes to meaning: one sentence for everything governance can do, and a shout for everything it should not.

mod abi;
mod action;
mod decoded;
mod judge;
mod names;
mod sentence;
mod warning;

pub use action::{Action, Call, Operation};
pub use decoded::Decoded;
pub use names::{Kind, Names, Role, SafeFacts};
pub use warning::{Allowed, Warning};
