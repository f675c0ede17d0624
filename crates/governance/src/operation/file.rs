use alloy::sol_types::SolCall as _;
use alloy_primitives::{Address, B256, Bytes, U256};
use seed_primitives::{address_text, bytes32_text};
use serde::{Deserialize, Serialize};

use super::OperationError;
use crate::decode::{self, Call, SafeTransaction, abi::Timelock};

/// The most bytes of an operation file.
pub const MAX_OPERATION_BYTES: u64 = 1 << 20;
/// The most calls in one operation.
const MAX_CALLS: usize = 16;

/// One act of governance: a transaction of a Safe, which either acts at once or has the timelock act later.
///
/// The file is all that is passed from hand to hand. No hash is written into it, so that nobody can believe one: each
/// reader computes them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Operation {
    /// The chain.
    pub chain_id: u64,
    /// The Safe whose owners sign.
    pub safe: Address,
    /// Which of its transactions this is.
    pub nonce: u64,
    /// The timelock, where it is to act.
    pub timelock: Option<Timelocked>,
    /// The calls: of the timelock where there is one, else the one of the Safe.
    pub calls: Vec<Call>,
    /// Why, in a person's words. Part of no hash.
    pub description: String,
}

/// What makes an operation one of the timelock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timelocked {
    /// The timelock.
    pub timelock: Address,
    /// Seconds between queueing and executing.
    pub delay: u64,
    /// Which operation must be done before; zero for none.
    pub predecessor: B256,
    /// What tells it from others with the same calls.
    pub salt: B256,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct File {
    schema_version: u8,
    chain_id: u64,
    #[serde(with = "address_text")]
    safe: Address,
    nonce: u64,
    timelock: Option<TextAddress>,
    delay: Option<u64>,
    predecessor: Option<TextWord>,
    salt: Option<TextWord>,
    calls: Vec<FileCall>,
    description: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct FileCall {
    #[serde(with = "address_text")]
    target: Address,
    value: String,
    data: Bytes,
}

#[derive(Deserialize, Serialize)]
#[serde(transparent)]
struct TextAddress(#[serde(with = "address_text")] Address);

#[derive(Deserialize, Serialize)]
#[serde(transparent)]
struct TextWord(#[serde(with = "bytes32_text")] B256);

impl Operation {
    /// Reads an operation file: no unknown or duplicate field, one text form for every value.
    ///
    /// # Errors
    /// [`OperationError`].
    pub fn from_json(json: &[u8]) -> Result<Self, OperationError> {
        let form = |error: &dyn ToString| OperationError::Form(error.to_string());
        let file: File = serde_json::from_slice(json).map_err(|error| form(&error))?;
        if file.schema_version != 1 {
            return Err(OperationError::Version(file.schema_version));
        }
        let timelock = match (file.timelock, file.delay, file.predecessor, file.salt) {
            (Some(timelock), Some(delay), Some(predecessor), Some(salt)) => Some(Timelocked {
                timelock: timelock.0,
                delay,
                predecessor: predecessor.0,
                salt: salt.0,
            }),
            (None, None, None, None) => None,
            _ => return Err(OperationError::HalfTimelock),
        };
        let calls = file.calls.into_iter().map(|call| {
            let value: U256 = call.value.parse().map_err(|error| form(&error))?;
            if value.to_string() != call.value {
                return Err(OperationError::Form(
                    "a value is not a plain decimal number".to_owned(),
                ));
            }
            Ok(Call {
                value,
                ..Call::to(call.target, call.data)
            })
        });
        let operation = Self {
            chain_id: file.chain_id,
            safe: file.safe,
            nonce: file.nonce,
            timelock,
            calls: calls.collect::<Result<_, _>>()?,
            description: file.description,
        };
        operation.check()?;
        Ok(operation)
    }

    fn check(&self) -> Result<(), OperationError> {
        let found = self.calls.len();
        let allowed = match self.timelock {
            Some(_) if (1..=MAX_CALLS).contains(&found) => return Ok(()),
            None if found == 1 => return Ok(()),
            Some(_) => "the timelock makes 1 to 16 in one operation",
            None => "a Safe without the timelock makes exactly one",
        };
        Err(OperationError::Calls { found, allowed })
    }

    /// The file: indented JSON with a final line feed.
    #[must_use]
    pub fn to_json(&self) -> String {
        let calls = self.calls.iter();
        let file = File {
            schema_version: 1,
            chain_id: self.chain_id,
            safe: self.safe,
            nonce: self.nonce,
            timelock: self.timelock.map(|one| TextAddress(one.timelock)),
            delay: self.timelock.map(|one| one.delay),
            predecessor: self.timelock.map(|one| TextWord(one.predecessor)),
            salt: self.timelock.map(|one| TextWord(one.salt)),
            calls: calls
                .map(|call| FileCall {
                    target: call.target,
                    value: call.value.to_string(),
                    data: call.data.clone(),
                })
                .collect(),
            description: self.description.clone(),
        };
        // Nothing in this type can fail to be written: all keys are texts.
        serde_json::to_string_pretty(&file).unwrap_or_default() + "\n"
    }

    /// What the Safe does: the one call, or telling the timelock.
    #[must_use]
    pub fn safe_transaction(&self) -> SafeTransaction {
        let call = match (self.timelock, self.calls.as_slice()) {
            (None, [call]) => call.clone(),
            (Some(timelocked), calls) => {
                Call::to(timelocked.timelock, schedule(&timelocked, calls))
            }
            // `check` leaves nothing else.
            (None, _) => Call::to(Address::ZERO, Bytes::new()),
        };
        SafeTransaction::new(self.safe, call, Some(U256::from(self.nonce)))
    }

    /// The timelock's operation.
    #[must_use]
    pub fn timelocked(&self) -> Option<decode::Operation> {
        self.timelock.map(|one| decode::Operation {
            calls: self.calls.clone(),
            predecessor: one.predecessor,
            salt: one.salt,
            batch: self.calls.len() > 1,
        })
    }

    /// What anybody calls when the delay is over.
    #[must_use]
    pub fn execution(&self) -> Option<Call> {
        let timelocked = self.timelock?;
        let data = match self.calls.as_slice() {
            [call] => Timelock::executeCall {
                target: call.target,
                value: call.value,
                payload: call.data.clone(),
                predecessor: timelocked.predecessor,
                salt: timelocked.salt,
            }
            .abi_encode(),
            calls => Timelock::executeBatchCall {
                targets: calls.iter().map(|call| call.target).collect(),
                values: calls.iter().map(|call| call.value).collect(),
                payloads: calls.iter().map(|call| call.data.clone()).collect(),
                predecessor: timelocked.predecessor,
                salt: timelocked.salt,
            }
            .abi_encode(),
        };
        Some(Call::to(timelocked.timelock, data.into()))
    }
}

fn schedule(timelocked: &Timelocked, calls: &[Call]) -> Bytes {
    let delay = U256::from(timelocked.delay);
    let data = match calls {
        [call] => Timelock::scheduleCall {
            target: call.target,
            value: call.value,
            data: call.data.clone(),
            predecessor: timelocked.predecessor,
            salt: timelocked.salt,
            delay,
        }
        .abi_encode(),
        calls => Timelock::scheduleBatchCall {
            targets: calls.iter().map(|call| call.target).collect(),
            values: calls.iter().map(|call| call.value).collect(),
            payloads: calls.iter().map(|call| call.data.clone()).collect(),
            predecessor: timelocked.predecessor,
            salt: timelocked.salt,
            delay,
        }
        .abi_encode(),
    };
    data.into()
}
