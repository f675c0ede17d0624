//! One file per command: its arguments, and the call of what does the work.

pub(crate) mod chain;
pub(crate) mod decode;
pub(crate) mod deploy;
pub(crate) mod execute;
pub(crate) mod federation;
pub(crate) mod hash;
pub(crate) mod propose;
pub(crate) mod queue;
pub(crate) mod revoke;
pub(crate) mod sign;
pub(crate) mod signer;
pub(crate) mod simulate;
pub(crate) mod verify_code;
pub(crate) mod write;
