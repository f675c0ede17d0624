//! Who signs for governance: a key in a file, a Ledger, a Trezor, a key of AWS or of Google Cloud.
//!
//! Each device and service is behind a cargo feature (`ledger`, `trezor`, `aws-kms`, `gcp-kms`). None of them is believed:
//! what comes back is recovered against the account that is to sign before anything is written or sent.

mod ask;
#[cfg(feature = "aws-kms")]
mod aws;
mod derivation;
#[cfg(feature = "gcp-kms")]
mod gcp;
mod kms_key;
#[cfg(feature = "ledger")]
mod ledger;
mod opened;
mod owner_signature;
mod patience;
mod source;
#[cfg(feature = "trezor")]
mod trezor;

pub use ask::Ask;
pub use derivation::Derivation;
pub use kms_key::{AwsKey, GcpKeyVersion};
pub use opened::Signer;
pub use owner_signature::OwnerSignature;
pub use source::{SignerSource, SourceError};
