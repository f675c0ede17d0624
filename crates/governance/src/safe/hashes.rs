use alloy::sol_types::SolValue as _;
use alloy_primitives::{Address, B256, U256, keccak256};

use crate::decode::SafeTransaction;

const DOMAIN_TYPE: &str = "EIP712Domain(uint256 chainId,address verifyingContract)";
const TRANSACTION_TYPE: &str = "SafeTx(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,uint256 baseGas,uint256 gasPrice,address gasToken,address refundReceiver,uint256 nonce)";

/// The three hashes of a Safe transaction (Safe 1.3 and later), as a hardware wallet shows them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SafeHashes {
    /// Of chain and Safe: the EIP-712 domain separator.
    pub domain: B256,
    /// Of the transaction: the EIP-712 struct hash.
    pub message: B256,
    /// What is signed: Keccak-256 of `0x19 ‖ 0x01 ‖ domain ‖ message`.
    pub safe_tx: B256,
}

impl SafeHashes {
    /// The hashes of a transaction with this nonce on this chain, computed from nothing else.
    #[must_use]
    pub fn new(chain_id: u64, transaction: &SafeTransaction, nonce: u64) -> Self {
        let domain = Self::domain(chain_id, transaction.safe);
        let words = (
            keccak256(TRANSACTION_TYPE),
            transaction.call.target,
            transaction.call.value,
            keccak256(&transaction.call.data),
            U256::from(transaction.call.operation),
            transaction.safe_tx_gas,
            transaction.base_gas,
            transaction.gas_price,
            transaction.gas_token,
            transaction.refund_receiver,
            U256::from(nonce),
        );
        let message = keccak256(words.abi_encode());
        let signed = [&[0x19, 0x01], domain.as_slice(), message.as_slice()].concat();
        Self {
            domain,
            message,
            safe_tx: keccak256(signed),
        }
    }

    fn domain(chain_id: u64, safe: Address) -> B256 {
        keccak256((keccak256(DOMAIN_TYPE), U256::from(chain_id), safe).abi_encode())
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::b256;

    use super::*;

    #[test]
    fn types_are_those_of_the_safe_contract() {
        assert_eq!(
            keccak256(DOMAIN_TYPE),
            b256!("47e79534a245952e8b16893a336b85a3d9ea9fa8c573f3d803afb92a79469218")
        );
        assert_eq!(
            keccak256(TRANSACTION_TYPE),
            b256!("bb8310d486368db6bd6f849402fdd73ad53d316b5a4b2644ad6efe0f941286d8")
        );
    }
}
