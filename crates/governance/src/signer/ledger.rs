use std::sync::Arc;

use alloy::{
    consensus::TxEip1559,
    network::TxSigner as _,
    signers::Signer as _,
    sol,
    sol_types::{Eip712Domain, SolStruct as _},
};
use alloy_primitives::{Signature, U256};
use alloy_signer_ledger::{HDPath, LedgerSigner};
use seed_chain::SignerFault;

use super::{Ask, Derivation, patience::on_a_thread};

sol! {
    /// What the owners of a Safe sign, as typed data.
    struct SafeTx {
        address to;
        uint256 value;
        bytes data;
        uint8 operation;
        uint256 safeTxGas;
        uint256 baseGas;
        uint256 gasPrice;
        address gasToken;
        address refundReceiver;
        uint256 nonce;
    }
}

/// Connects to the first Ledger and asks it for its account.
pub(super) async fn open(name: &str, derivation: &Derivation) -> Result<LedgerSigner, SignerFault> {
    let path = match derivation {
        Derivation::Account(index) => {
            HDPath::LedgerLive(usize::try_from(*index).unwrap_or(usize::MAX))
        }
        Derivation::Path(path) => HDPath::Other(path.clone()),
    };
    on_a_thread(name, || async {
        let ledger = LedgerSigner::new(path, None).await;
        ledger.map_err(|error| error.to_string())
    })
    .await
}

/// Has the Safe transaction signed as typed data; the device shows its domain hash and message hash.
pub(super) async fn sign_safe(
    name: &str,
    ledger: &Arc<LedgerSigner>,
    ask: &Ask,
) -> Result<Signature, SignerFault> {
    let (data, domain) = typed_data(ask);
    let ours = (domain.separator(), data.eip712_hash_struct());
    if ours != (ask.hashes.domain, ask.hashes.message) {
        return Err(SignerFault::Unavailable {
            signer: name.to_owned(),
            why: "it would be asked for something else than was shown".to_owned(),
        });
    }
    let ledger = Arc::clone(ledger);
    on_a_thread(name, move || async move {
        let signed = ledger.sign_typed_data(&data, &domain).await;
        signed.map_err(|error| error.to_string())
    })
    .await
}

/// Has a transaction signed; the device shows account, value and fees, and the data where it knows the contract.
pub(super) async fn sign(
    name: &str,
    ledger: &Arc<LedgerSigner>,
    transaction: &TxEip1559,
) -> Result<Signature, SignerFault> {
    let (ledger, mut transaction) = (Arc::clone(ledger), transaction.clone());
    on_a_thread(name, move || async move {
        let signed = ledger.sign_transaction(&mut transaction).await;
        signed.map_err(|error| error.to_string())
    })
    .await
}

fn typed_data(ask: &Ask) -> (SafeTx, Eip712Domain) {
    let one = &ask.transaction;
    let data = SafeTx {
        to: one.call.target,
        value: one.call.value,
        data: one.call.data.clone(),
        operation: one.call.operation,
        safeTxGas: one.safe_tx_gas,
        baseGas: one.base_gas,
        gasPrice: one.gas_price,
        gasToken: one.gas_token,
        refundReceiver: one.refund_receiver,
        nonce: U256::from(ask.nonce),
    };
    let domain = Eip712Domain {
        chain_id: Some(U256::from(ask.chain_id)),
        verifying_contract: Some(one.safe),
        ..Eip712Domain::default()
    };
    (data, domain)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, Bytes};

    use super::*;
    use crate::{
        decode::{Call, SafeTransaction},
        safe::SafeHashes,
    };

    #[test]
    fn the_device_is_asked_for_exactly_what_is_shown() {
        let call = Call::to(Address::repeat_byte(3), Bytes::from_static(b"what to do"));
        let mut transaction = SafeTransaction::new(Address::repeat_byte(1), call, None);
        transaction.call.value = U256::from(7);
        transaction.base_gas = U256::from(8);
        transaction.gas_token = Address::repeat_byte(9);
        let hashes = SafeHashes::new(31337, &transaction, 5);
        let ask = Ask {
            chain_id: 31337,
            transaction,
            nonce: 5,
            hashes,
        };
        let (data, domain) = typed_data(&ask);
        assert_eq!(domain.separator(), hashes.domain);
        assert_eq!(data.eip712_hash_struct(), hashes.message);
        assert_eq!(data.eip712_signing_hash(&domain), hashes.safe_tx);
    }
}
