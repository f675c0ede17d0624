use alloy_primitives::{Address, Bytes, U256};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{
    Call, ReviewFault, SafeTransaction, Subject,
    transaction_builder::{TransactionBuilder, Unusable},
};
use crate::operation;

/// The most bytes of a file that says what to do.
pub(crate) const MAX_FILE: u64 = 1 << 20;

/// What a file asks to have done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Document {
    /// The chain it is for, where it says so.
    pub chain_id: Option<u64>,
    /// What it asks for, in order.
    pub subjects: Vec<Subject>,
    /// What a reader should know about the file.
    pub notes: Vec<String>,
}

/// A Safe transaction as its services and wallets write it, alone or as EIP-712 typed data.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SafeFile {
    #[serde(default)]
    safe: Option<Address>,
    #[serde(default, deserialize_with = "some_number")]
    chain_id: Option<U256>,
    to: Address,
    #[serde(deserialize_with = "decimal")]
    value: U256,
    data: Option<Bytes>,
    #[serde(deserialize_with = "decimal")]
    operation: U256,
    #[serde(default, deserialize_with = "decimal")]
    safe_tx_gas: U256,
    #[serde(default, deserialize_with = "decimal")]
    base_gas: U256,
    #[serde(default, deserialize_with = "decimal")]
    gas_price: U256,
    #[serde(default)]
    gas_token: Option<Address>,
    #[serde(default)]
    refund_receiver: Option<Address>,
    #[serde(default, deserialize_with = "some_number")]
    nonce: Option<U256>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypedData {
    primary_type: String,
    domain: TypedDomain,
    message: SafeFile,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypedDomain {
    #[serde(deserialize_with = "decimal")]
    chain_id: U256,
    verifying_contract: Address,
}

/// Which of the known forms a file has, by a field that only it has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Form {
    #[serde(default)]
    transactions: Option<Value>,
    #[serde(default)]
    primary_type: Option<Value>,
    #[serde(default)]
    calls: Option<Value>,
}

impl Document {
    /// Reads an operation file, a file of the Transaction Builder, a Safe transaction, or its typed data. `safe` is the Safe named
    /// beside the file; one that is named in it must be the same.
    ///
    /// # Errors
    /// Outside, what is wrong with its form; inside, why it is refused.
    pub fn read(json: &[u8], safe: Option<Address>) -> Result<Result<Self, ReviewFault>, String> {
        let form: Form = parse(json)?;
        let document = if form.transactions.is_some() {
            match TransactionBuilder::read(json) {
                Ok(file) => Self::of_builder(file, safe),
                Err(Unusable::Form(why)) => return Err(why),
                Err(Unusable::Refused(fault)) => return Ok(Err(fault)),
            }
        } else if form.calls.is_some() {
            let operation = operation::Operation::from_json(json);
            Self::of_operation(&operation.map_err(|error| error.to_string())?, safe)
        } else if form.primary_type.is_some() {
            let typed: TypedData = parse(json)?;
            if typed.primary_type != "SafeTx" {
                return Err("the typed data is no SafeTx".to_owned());
            }
            let file = SafeFile {
                safe: Some(typed.domain.verifying_contract),
                chain_id: Some(typed.domain.chain_id),
                ..typed.message
            };
            Self::of_safe(file, safe)?
        } else {
            Self::of_safe(parse(json)?, safe)?
        };
        Ok(document)
    }

    fn of_builder(file: TransactionBuilder, named: Option<Address>) -> Result<Self, ReviewFault> {
        let safe = same_safe(file.safe, named)?;
        let mut notes = Vec::new();
        if !file.checked {
            notes.push("the file has no checksum".to_owned());
        }
        let mut calls = file.calls;
        if calls.len() > 1 {
            notes.push(format!(
                "Safe's own page would put these {} transactions into one delegatecall",
                calls.len()
            ));
            calls = vec![bundle(&calls)];
        }
        Ok(Self {
            chain_id: Some(file.chain_id),
            notes,
            subjects: calls.into_iter().map(|call| subject(safe, call)).collect(),
        })
    }

    fn of_operation(
        operation: &operation::Operation,
        named: Option<Address>,
    ) -> Result<Self, ReviewFault> {
        same_safe(Some(operation.safe), named)?;
        Ok(Self {
            chain_id: Some(operation.chain_id),
            notes: Vec::new(),
            subjects: vec![Subject::Safe(operation.safe_transaction())],
        })
    }

    fn of_safe(
        file: SafeFile,
        named: Option<Address>,
    ) -> Result<Result<Self, ReviewFault>, String> {
        let safe = match same_safe(file.safe, named) {
            Ok(safe) => safe,
            Err(fault) => return Ok(Err(fault)),
        };
        let safe = safe.ok_or("it names no Safe; name it with --safe")?;
        let operation = u8::try_from(file.operation).map_err(|_| "operation is no byte")?;
        let chain_id = file.chain_id.map(u64::try_from).transpose();
        let call = Call {
            target: file.to,
            value: file.value,
            data: file.data.unwrap_or_default(),
            operation,
        };
        Ok(Ok(Self {
            chain_id: chain_id.map_err(|_| "chainId is too large")?,
            notes: Vec::new(),
            subjects: vec![Subject::Safe(SafeTransaction {
                safe_tx_gas: file.safe_tx_gas,
                base_gas: file.base_gas,
                gas_price: file.gas_price,
                gas_token: file.gas_token.unwrap_or_default(),
                refund_receiver: file.refund_receiver.unwrap_or_default(),
                ..SafeTransaction::new(safe, call, file.nonce)
            })],
        }))
    }
}

/// A call that a Safe makes where one is known, and nobody knows who where not.
pub(crate) fn subject(safe: Option<Address>, call: Call) -> Subject {
    match safe {
        Some(safe) => Subject::Safe(SafeTransaction::new(safe, call, None)),
        None => Subject::Direct { from: None, call },
    }
}

/// Several calls as Safe's page bundles them: a delegatecall of `MultiSend`, whose address the file does not say.
fn bundle(calls: &[Call]) -> Call {
    use alloy::sol_types::SolCall as _;
    let mut packed = Vec::new();
    for call in calls {
        packed.push(call.operation);
        packed.extend_from_slice(call.target.as_slice());
        packed.extend_from_slice(&call.value.to_be_bytes::<32>());
        packed.extend_from_slice(&U256::from(call.data.len()).to_be_bytes::<32>());
        packed.extend_from_slice(&call.data);
    }
    let call = super::abi::MultiSend::multiSendCall {
        transactions: packed.into(),
    };
    Call {
        operation: 1,
        ..Call::to(Address::ZERO, call.abi_encode().into())
    }
}

fn same_safe(
    inside: Option<Address>,
    beside: Option<Address>,
) -> Result<Option<Address>, ReviewFault> {
    match (inside, beside) {
        (Some(found), Some(expected)) if found != expected => Err(ReviewFault::OtherDeployment {
            what: "Safe",
            found: seed_primitives::write_address(&found),
            expected: seed_primitives::write_address(&expected),
        }),
        (found, expected) => Ok(found.or(expected)),
    }
}

fn parse<T: serde::de::DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|error| error.to_string())
}

/// A number as JSON has it, or in decimal or 0x-hexadecimal digits as a text.
pub(super) fn decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<U256, D::Error> {
    let refuse = || serde::de::Error::custom("expected a whole number");
    match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_u64().map(U256::from).ok_or_else(refuse),
        Value::String(text) => {
            let digits = text
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() || byte == b'x');
            let read = digits.then(|| text.parse().ok()).flatten();
            read.filter(|_| !text.is_empty()).ok_or_else(refuse)
        }
        _ => Err(refuse()),
    }
}

fn some_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<U256>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    let value = value.filter(|value| !value.is_null());
    let read = value.map(|value| decimal(value).map_err(serde::de::Error::custom));
    read.transpose()
}
