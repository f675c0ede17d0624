use alloy::sol_types::{SolCall as _, SolValue as _};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};

use super::abi::Timelock;

/// One call as it would be made, not yet understood.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Call {
    /// Who is called.
    pub target: Address,
    /// Wei sent along.
    pub value: U256,
    /// What it is called with.
    pub data: Bytes,
    /// As a Safe counts: 0 is a call, 1 a delegatecall, and nothing else exists.
    pub operation: u8,
}

impl Call {
    /// An ordinary call without money.
    #[must_use]
    pub const fn to(target: Address, data: Bytes) -> Self {
        Self {
            target,
            value: U256::ZERO,
            data,
            operation: 0,
        }
    }
}

/// An operation of the timelock, scheduled or executed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Operation {
    /// The calls, in order.
    pub calls: Vec<Call>,
    /// Which operation must be done before; zero for none.
    pub predecessor: B256,
    /// What tells it from others with the same calls.
    pub salt: B256,
    /// Whether it is a batch: the identifiers of one call and of a batch of one differ.
    pub batch: bool,
}

impl Operation {
    /// Its identifier, as `hashOperation` and `hashOperationBatch` compute it.
    #[must_use]
    pub fn id(&self) -> B256 {
        if let (false, [call]) = (self.batch, self.calls.as_slice()) {
            let Call {
                target,
                value,
                data,
                ..
            } = call.clone();
            return keccak256(
                (target, value, data, self.predecessor, self.salt).abi_encode_params(),
            );
        }
        let targets: Vec<_> = self.calls.iter().map(|call| call.target).collect();
        let values: Vec<_> = self.calls.iter().map(|call| call.value).collect();
        let data: Vec<_> = self.calls.iter().map(|call| call.data.clone()).collect();
        keccak256((targets, values, data, self.predecessor, self.salt).abi_encode_params())
    }

    /// What the timelock is called with to execute it.
    #[must_use]
    pub fn execution(&self) -> Bytes {
        let (predecessor, salt) = (self.predecessor, self.salt);
        if let (false, [call]) = (self.batch, self.calls.as_slice()) {
            let call = Timelock::executeCall {
                target: call.target,
                value: call.value,
                payload: call.data.clone(),
                predecessor,
                salt,
            };
            return call.abi_encode().into();
        }
        let call = Timelock::executeBatchCall {
            targets: self.calls.iter().map(|call| call.target).collect(),
            values: self.calls.iter().map(|call| call.value).collect(),
            payloads: self.calls.iter().map(|call| call.data.clone()).collect(),
            predecessor,
            salt,
        };
        call.abi_encode().into()
    }
}
