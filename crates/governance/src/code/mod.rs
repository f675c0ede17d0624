//! Whether the code on the chain is the code of the sources.

mod compare;
mod compile;
mod expected;
mod fault;
mod verify;

pub use compare::{CodeDifference, first_difference};
pub use compile::Sources;
pub use expected::{Expected, expected};
pub use fault::CodeFault;
pub use verify::{Verified, VerifiedContract, verify};
