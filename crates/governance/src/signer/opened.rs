#[cfg(any(feature = "ledger", feature = "trezor"))]
use std::sync::Arc;
use std::time::Duration;

use alloy::{
    consensus::TxEip1559,
    signers::{SignerSync as _, local::PrivateKeySigner},
};
use alloy_primitives::{Address, Signature};
#[cfg(feature = "aws-kms")]
use alloy_signer_aws::AwsSigner;
#[cfg(feature = "gcp-kms")]
use alloy_signer_gcp::GcpSigner;
#[cfg(feature = "ledger")]
use alloy_signer_ledger::LedgerSigner;
#[cfg(feature = "trezor")]
use alloy_signer_trezor::TrezorSigner;
use futures_util::future::BoxFuture;
use seed_chain::{SignerFault, TransactionSigner};

use super::{Ask, OwnerSignature, SignerSource, patience::within};
use crate::Fault;

/// A signer that is there and has said which account it signs for.
#[derive(Clone, Debug)]
pub struct Signer {
    name: String,
    account: Address,
    patience: Duration,
    hand: Hand,
}

/// What does the signing.
#[derive(Clone, Debug)]
enum Hand {
    Key(PrivateKeySigner),
    #[cfg(feature = "ledger")]
    Ledger(Arc<LedgerSigner>),
    #[cfg(feature = "trezor")]
    Trezor(Arc<TrezorSigner>),
    #[cfg(feature = "aws-kms")]
    Aws(AwsSigner),
    #[cfg(feature = "gcp-kms")]
    Gcp(GcpSigner),
}

impl Signer {
    /// Opens the key, or asks the device or service which account it signs for; waits `patience` for each answer.
    /// `prompt` is what the terminal shows where a password must be asked for.
    ///
    /// # Errors
    /// [`Fault`] when the key does not open, the signer is not built in, is not there or stays silent.
    pub async fn open(
        source: &SignerSource,
        prompt: &str,
        patience: Duration,
    ) -> Result<Self, Fault> {
        source.built()?;
        let name = source.to_string();
        let opened = |account, hand| Self {
            name: name.clone(),
            account,
            patience,
            hand,
        };
        match source {
            SignerSource::Key(source) => {
                let key = source.open(prompt)?;
                Ok(opened(key.address(), Hand::Key(key)))
            }
            #[cfg(feature = "ledger")]
            SignerSource::Ledger(derivation) => {
                let open = super::ledger::open(&name, derivation);
                let ledger = within(&name, patience, open).await?;
                let account = alloy::signers::Signer::address(&ledger);
                Ok(opened(account, Hand::Ledger(Arc::new(ledger))))
            }
            #[cfg(feature = "trezor")]
            SignerSource::Trezor(derivation) => {
                let open = super::trezor::open(&name, derivation);
                let trezor = within(&name, patience, open).await?;
                let account = alloy::signers::Signer::address(&trezor);
                Ok(opened(account, Hand::Trezor(Arc::new(trezor))))
            }
            #[cfg(feature = "aws-kms")]
            SignerSource::AwsKms(key) => {
                // Boxed: the library's futures are nested deeper than the compiler looks.
                let open: BoxFuture<'_, _> = Box::pin(super::aws::open(&name, key));
                let aws = within(&name, patience, open).await?;
                let account = alloy::signers::Signer::address(&aws);
                Ok(opened(account, Hand::Aws(aws)))
            }
            #[cfg(feature = "gcp-kms")]
            SignerSource::GcpKms(key) => {
                // Boxed: the library's futures are nested deeper than the compiler looks.
                let open: BoxFuture<'_, _> = Box::pin(super::gcp::open(&name, key));
                let gcp = within(&name, patience, open).await?;
                let account = alloy::signers::Signer::address(&gcp);
                Ok(opened(account, Hand::Gcp(gcp)))
            }
            #[cfg(not(all(
                feature = "ledger",
                feature = "trezor",
                feature = "aws-kms",
                feature = "gcp-kms"
            )))]
            other => Err(Fault::Machine(format!("{other} is not built in"))),
        }
    }

    /// Refuses a signer of another account than these; nobody is meant where there are none.
    ///
    /// # Errors
    /// [`SignerFault::OtherAccount`].
    pub fn expect(&self, accounts: &[Address]) -> Result<(), SignerFault> {
        if accounts.contains(&self.account) {
            return Ok(());
        }
        Err(SignerFault::OtherAccount {
            signer: self.name.clone(),
            found: self.account,
            expected: accounts.to_vec(),
        })
    }

    /// Has a Safe transaction signed, and recovers the account from the answer before it is returned.
    ///
    /// # Errors
    /// [`SignerFault`] when there is no answer in time, or it is anything else than this account's signature.
    pub async fn sign_safe(&self, ask: &Ask) -> Result<OwnerSignature, SignerFault> {
        let hash = ask.hashes.safe_tx;
        let signed = async {
            match &self.hand {
                Hand::Key(key) => {
                    let signed = key.sign_hash_sync(&hash);
                    let signed = signed.map_err(|error| self.unavailable(error))?;
                    Ok(OwnerSignature::Hash(signed))
                }
                #[cfg(feature = "ledger")]
                Hand::Ledger(ledger) => super::ledger::sign_safe(&self.name, ledger, ask)
                    .await
                    .map(OwnerSignature::Hash),
                #[cfg(feature = "trezor")]
                Hand::Trezor(trezor) => super::trezor::sign_message(&self.name, trezor, hash)
                    .await
                    .map(OwnerSignature::Message),
                #[cfg(feature = "aws-kms")]
                Hand::Aws(aws) => {
                    let sign: BoxFuture<'_, _> = Box::pin(super::aws::sign(&self.name, aws, &hash));
                    sign.await.map(OwnerSignature::Hash)
                }
                #[cfg(feature = "gcp-kms")]
                Hand::Gcp(gcp) => {
                    let sign: BoxFuture<'_, _> = Box::pin(super::gcp::sign(&self.name, gcp, &hash));
                    sign.await.map(OwnerSignature::Hash)
                }
            }
        };
        let signature = within(&self.name, self.patience, signed).await?;
        signature.check(&self.name, &hash, self.account)?;
        Ok(signature)
    }

    async fn sign_transaction(&self, transaction: &TxEip1559) -> Result<Signature, SignerFault> {
        match &self.hand {
            Hand::Key(key) => TransactionSigner::sign(key, transaction).await,
            #[cfg(feature = "ledger")]
            Hand::Ledger(ledger) => super::ledger::sign(&self.name, ledger, transaction).await,
            #[cfg(feature = "trezor")]
            Hand::Trezor(trezor) => super::trezor::sign(&self.name, trezor, transaction).await,
            #[cfg(feature = "aws-kms")]
            Hand::Aws(aws) => {
                use alloy::consensus::SignableTransaction as _;
                super::aws::sign(&self.name, aws, &transaction.signature_hash()).await
            }
            #[cfg(feature = "gcp-kms")]
            Hand::Gcp(gcp) => {
                use alloy::consensus::SignableTransaction as _;
                super::gcp::sign(&self.name, gcp, &transaction.signature_hash()).await
            }
        }
    }

    fn unavailable(&self, why: impl ToString) -> SignerFault {
        SignerFault::Unavailable {
            signer: self.name.clone(),
            why: why.to_string(),
        }
    }
}

impl TransactionSigner for Signer {
    fn account(&self) -> Address {
        self.account
    }

    fn sign<'a>(
        &'a self,
        transaction: &'a TxEip1559,
    ) -> BoxFuture<'a, Result<Signature, SignerFault>> {
        Box::pin(within(
            &self.name,
            self.patience,
            self.sign_transaction(transaction),
        ))
    }

    fn name(&self) -> &str {
        &self.name
    }
}
