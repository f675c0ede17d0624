use alloy::sol_types::SolCall as _;
use alloy_primitives::{Address, B256, Bytes, U256};
use serde::Deserialize;

use super::{
    Call, Operation, SafeTransaction,
    abi::Timelock,
    input::{decimal, some_number},
};

/// The most calls in one file.
const MAX_CALLS: usize = 64;

/// An operation file: what a Safe is to have the timelock do, or to do itself where there is no timelock.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OperationFile {
    schema_version: u8,
    #[serde(deserialize_with = "decimal")]
    pub(super) chain_id: U256,
    pub(super) safe: Address,
    #[serde(deserialize_with = "decimal")]
    nonce: U256,
    timelock: Option<Address>,
    #[serde(default, deserialize_with = "some_number")]
    delay: Option<U256>,
    predecessor: Option<B256>,
    salt: Option<B256>,
    calls: Vec<FileCall>,
    #[serde(default, rename = "description")]
    _description: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileCall {
    target: Address,
    #[serde(deserialize_with = "decimal")]
    value: U256,
    data: Bytes,
}

impl OperationFile {
    /// The Safe transaction that the file stands for.
    pub(super) fn transaction(self) -> Result<SafeTransaction, String> {
        if self.schema_version != 1 {
            return Err(format!("schemaVersion {}, expected 1", self.schema_version));
        }
        if self.calls.len() > MAX_CALLS {
            return Err("more than 64 calls".to_owned());
        }
        let calls = self.calls.into_iter();
        let calls: Vec<Call> = calls
            .map(|one| Call {
                value: one.value,
                ..Call::to(one.target, one.data)
            })
            .collect();
        let call = match (self.timelock, self.delay) {
            (Some(timelock), Some(delay)) => {
                let operation = Operation {
                    batch: calls.len() != 1,
                    calls,
                    predecessor: self.predecessor.unwrap_or_default(),
                    salt: self.salt.unwrap_or_default(),
                };
                Call::to(timelock, schedule(&operation, delay))
            }
            (None, None) => match <[Call; 1]>::try_from(calls) {
                Ok([call]) => call,
                Err(calls) => {
                    let count = calls.len();
                    return Err(format!("{count} calls without a timelock, expected one"));
                }
            },
            _ => return Err("a timelock and a delay go together".to_owned()),
        };
        Ok(SafeTransaction::new(self.safe, call, Some(self.nonce)))
    }
}

fn schedule(operation: &Operation, delay: U256) -> Bytes {
    let (predecessor, salt) = (operation.predecessor, operation.salt);
    if let (false, [call]) = (operation.batch, operation.calls.as_slice()) {
        let call = Timelock::scheduleCall {
            target: call.target,
            value: call.value,
            data: call.data.clone(),
            predecessor,
            salt,
            delay,
        };
        return call.abi_encode().into();
    }
    let calls = &operation.calls;
    let call = Timelock::scheduleBatchCall {
        targets: calls.iter().map(|call| call.target).collect(),
        values: calls.iter().map(|call| call.value).collect(),
        payloads: calls.iter().map(|call| call.data.clone()).collect(),
        predecessor,
        salt,
        delay,
    };
    call.abi_encode().into()
}
