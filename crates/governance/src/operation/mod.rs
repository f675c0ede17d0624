//! One act of governance, as a file: everything that its hashes are made of, and nothing else.

mod error;
mod fault;
mod file;
mod hashes;

pub use error::OperationError;
pub use fault::ActFault;
pub use file::{MAX_OPERATION_BYTES, Operation, Timelocked};
pub use hashes::{Expected, Hashes};
