#![doc = include_str!("../README.md")]

mod batch;
mod bindings;
mod claim;
mod configuration;
mod endpoint;
mod error;
mod header;
mod history;
mod json_rpc;
mod key;
mod logs;
mod options;
mod posted;
mod proof;
mod signer;
mod wallet;

pub use bindings::{Bytecode, ledger_code_hash, logic_hash, named_error};
pub use claim::Claim;
pub use configuration::{BuilderEntry, RulesConfiguration};
pub use endpoint::{Endpoint, FinalisedEvent};
pub use error::ChainError;
pub use header::Header;
pub use key::{KeyError, KeySource};
pub use options::Options;
pub use posted::Posted;
pub use proof::StateProof;
pub use signer::{SignerFault, TransactionSigner, check_signature, complete_signature};
pub use wallet::{Mined, Wallet};
