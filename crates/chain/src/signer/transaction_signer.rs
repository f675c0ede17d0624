use std::{fmt::Debug, sync::Arc};

use alloy::{
    consensus::{SignableTransaction as _, TxEip1559},
    signers::{SignerSync as _, local::PrivateKeySigner},
};
use alloy_primitives::{Address, Signature};
use futures_util::future::BoxFuture;

use super::SignerFault;

/// Somebody who can sign a transaction: a key of this process, a device, a service.
///
/// What it returns is not believed: [`Wallet`](crate::Wallet) recovers the signer before it sends anything.
pub trait TransactionSigner: Debug + Send + Sync {
    /// The account it says to sign for.
    fn account(&self) -> Address;

    /// Signs the whole transaction, so that a device can show what is in it.
    fn sign<'a>(
        &'a self,
        transaction: &'a TxEip1559,
    ) -> BoxFuture<'a, Result<Signature, SignerFault>>;

    /// What it is called in errors.
    fn name(&self) -> &str;
}

impl TransactionSigner for PrivateKeySigner {
    fn account(&self) -> Address {
        self.address()
    }

    fn sign<'a>(
        &'a self,
        transaction: &'a TxEip1559,
    ) -> BoxFuture<'a, Result<Signature, SignerFault>> {
        let signed = self.sign_hash_sync(&transaction.signature_hash());
        let signed = signed.map_err(|error| SignerFault::Unavailable {
            signer: self.name().to_owned(),
            why: error.to_string(),
        });
        Box::pin(std::future::ready(signed))
    }

    fn name(&self) -> &str {
        "the key"
    }
}

impl<T: TransactionSigner + ?Sized> TransactionSigner for Arc<T> {
    fn account(&self) -> Address {
        (**self).account()
    }

    fn sign<'a>(
        &'a self,
        transaction: &'a TxEip1559,
    ) -> BoxFuture<'a, Result<Signature, SignerFault>> {
        (**self).sign(transaction)
    }

    fn name(&self) -> &str {
        (**self).name()
    }
}
