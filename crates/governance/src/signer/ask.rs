use seed_primitives::write_bytes32;

use super::SignerSource;
use crate::{decode::SafeTransaction, operation::Operation, safe::SafeHashes};

/// A Safe transaction that an owner is asked to sign.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The chain of the Safe.
    pub chain_id: u64,
    /// What the Safe is to do.
    pub transaction: SafeTransaction,
    /// Which of the Safe's transactions it is.
    pub nonce: u64,
    /// Its hashes, computed here and by nobody else.
    pub hashes: SafeHashes,
}

impl Ask {
    /// What the owners of the operation's Safe are asked.
    #[must_use]
    pub fn of(operation: &Operation) -> Self {
        Self {
            chain_id: operation.chain_id,
            transaction: operation.safe_transaction(),
            nonce: operation.nonce,
            hashes: operation.hashes().safe,
        }
    }

    /// What the signer's own screen must show, line by line, for whoever holds it to compare; nothing for a key in a
    /// file.
    #[must_use]
    pub fn screen(&self, source: &SignerSource) -> Vec<String> {
        let SafeHashes {
            domain,
            message,
            safe_tx,
        } = self.hashes;
        let (domain, message) = (write_bytes32(&domain), write_bytes32(&message));
        let safe_tx = write_bytes32(&safe_tx);
        match source {
            SignerSource::Key(_) => Vec::new(),
            SignerSource::Ledger(_) => vec![
                "The Ledger shows two hashes and not what they mean. Confirm only if they are:"
                    .to_owned(),
                format!("  Domain hash   {domain}"),
                format!("  Message hash  {message}"),
                format!("which together are the Safe transaction hash {safe_tx}"),
            ],
            SignerSource::Trezor(_) => vec![
                "The Trezor shows a message of 32 bytes and not what it means. Confirm only if it is:"
                    .to_owned(),
                format!("  Message  {}", safe_tx.trim_start_matches("0x")),
                format!("the Safe transaction hash, of domain {domain} and message {message}"),
            ],
            SignerSource::AwsKms(_) | SignerSource::GcpKms(_) => vec![
                "The service shows nothing to anybody. It is asked to sign:".to_owned(),
                format!("  Safe transaction hash  {safe_tx}"),
                format!("of domain {domain} and message {message}"),
            ],
        }
    }
}
