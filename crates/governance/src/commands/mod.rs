//! One file per command: its arguments, and the call of what does the work.

pub(crate) mod decode;
pub(crate) mod federation;
pub(crate) mod simulate;
