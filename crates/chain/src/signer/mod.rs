//! Who signs transactions, and why no signature is believed before it is checked.

mod check;
mod fault;
mod transaction_signer;

pub use check::{check_signature, complete_signature};
pub use fault::SignerFault;
pub use transaction_signer::TransactionSigner;
