//! A Safe seen from outside: the hashes its owners sign, their signatures as files, and its state on a chain.

mod batch;
mod hashes;
mod signature;
mod state;

pub use batch::transaction_builder;
pub use hashes::SafeHashes;
pub(crate) use signature::MAX_SIGNATURE_BYTES;
pub use signature::{SignatureError, SignatureFile, Signatures};
pub use state::SafeState;
