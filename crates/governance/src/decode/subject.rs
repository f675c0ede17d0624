use alloy::sol_types::SolCall as _;
use alloy_primitives::{Address, Bytes, U256};

use super::{Call, Decoded, Names, abi::Safe};

/// A Safe transaction, complete but for its signatures.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SafeTransaction {
    /// The Safe.
    pub safe: Address,
    /// What it is to do.
    pub call: Call,
    /// Gas for it; 0 means that a failure undoes everything.
    pub safe_tx_gas: U256,
    /// Gas that is refunded beside it.
    pub base_gas: U256,
    /// What the Safe pays per gas; 0 for nothing.
    pub gas_price: U256,
    /// In which token it pays.
    pub gas_token: Address,
    /// Whom it pays.
    pub refund_receiver: Address,
    /// Which of the Safe's transactions it is; `None` for the next one.
    pub nonce: Option<U256>,
}

impl SafeTransaction {
    /// A transaction that pays for nothing.
    #[must_use]
    pub const fn new(safe: Address, call: Call, nonce: Option<U256>) -> Self {
        Self {
            safe,
            call,
            safe_tx_gas: U256::ZERO,
            base_gas: U256::ZERO,
            gas_price: U256::ZERO,
            gas_token: Address::ZERO,
            refund_receiver: Address::ZERO,
            nonce,
        }
    }

    /// The call that anybody makes to have it executed with these signatures.
    #[must_use]
    pub fn exec(&self, signatures: Bytes) -> Call {
        let call = Safe::execTransactionCall {
            to: self.call.target,
            value: self.call.value,
            data: self.call.data.clone(),
            operation: self.call.operation,
            safeTxGas: self.safe_tx_gas,
            baseGas: self.base_gas,
            gasPrice: self.gas_price,
            gasToken: self.gas_token,
            refundReceiver: self.refund_receiver,
            signatures,
        };
        Call::to(self.safe, call.abi_encode().into())
    }
}

/// What is to be looked at: one thing that somebody would send.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Subject {
    /// Owners of a Safe sign it, anybody sends it.
    Safe(SafeTransaction),
    /// An account calls, or a contract does.
    Direct {
        /// Who; `None` where it is not known.
        from: Option<Address>,
        /// What.
        call: Call,
    },
}

impl Subject {
    /// Its meaning. A Safe transaction is the call of the Safe, with what the Safe does inside it.
    #[must_use]
    pub fn decode(&self, names: &Names) -> Decoded {
        match self {
            Self::Safe(transaction) => Decoded::new(transaction.exec(Bytes::new()), None, names),
            Self::Direct { from, call } => Decoded::new(call.clone(), *from, names),
        }
    }
}
