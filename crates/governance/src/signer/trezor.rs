use std::sync::Arc;

use alloy::{consensus::TxEip1559, network::TxSigner as _, signers::Signer as _};
use alloy_primitives::{B256, Signature};
use alloy_signer_trezor::{HDPath, TrezorSigner};
use seed_chain::SignerFault;

use super::{Derivation, patience::on_a_thread};

/// Connects to the only Trezor and asks it for its account.
pub(super) async fn open(name: &str, derivation: &Derivation) -> Result<TrezorSigner, SignerFault> {
    let path = match derivation {
        Derivation::Account(index) => {
            HDPath::TrezorLive(usize::try_from(*index).unwrap_or(usize::MAX))
        }
        Derivation::Path(path) => HDPath::Other(path.clone()),
    };
    on_a_thread(name, || async {
        let trezor = TrezorSigner::new(path, None).await;
        trezor.map_err(|error| error.to_string())
    })
    .await
}

/// Has a hash signed as a message of 32 bytes (EIP-191): the library signs no hashes and no typed data, and a Safe
/// takes messages too.
pub(super) async fn sign_message(
    name: &str,
    trezor: &Arc<TrezorSigner>,
    hash: B256,
) -> Result<Signature, SignerFault> {
    let trezor = Arc::clone(trezor);
    on_a_thread(name, move || async move {
        let signed = trezor.sign_message(hash.as_slice()).await;
        signed.map_err(|error| error.to_string())
    })
    .await
}

/// Has a transaction signed; the device shows it.
pub(super) async fn sign(
    name: &str,
    trezor: &Arc<TrezorSigner>,
    transaction: &TxEip1559,
) -> Result<Signature, SignerFault> {
    let (trezor, mut transaction) = (Arc::clone(trezor), transaction.clone());
    on_a_thread(name, move || async move {
        let signed = trezor.sign_transaction(&mut transaction).await;
        signed.map_err(|error| error.to_string())
    })
    .await
}
