use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use serde::Deserialize;
use serde_json::Value;

use super::{Call, ReviewFault, input::decimal};

/// The most transactions in one file.
const MAX_TRANSACTIONS: usize = 64;

/// A file of Safe's Transaction Builder (version 1.0), as far as it says what is to be done. Its contract method and
/// argument fields are how a page would show the data; what counts, and what is decoded here, is the data.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TransactionBuilder {
    /// The chain.
    pub chain_id: u64,
    /// The Safe it was made for, if it says so.
    pub safe: Option<Address>,
    /// The calls.
    pub calls: Vec<Call>,
    /// Whether it had a checksum, which then was right.
    pub checked: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    chain_id: String,
    meta: Meta,
    transactions: Vec<Transaction>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(default)]
    created_from_safe_address: Option<String>,
    #[serde(default)]
    checksum: Option<String>,
}

#[derive(Deserialize)]
struct Transaction {
    to: Address,
    #[serde(deserialize_with = "decimal")]
    value: U256,
    data: Option<Bytes>,
    /// Refused unless it is 0: no such field is in the format, and a reader that knows it would delegatecall.
    #[serde(default)]
    operation: u8,
}

/// Why a file of the Transaction Builder cannot be used.
#[derive(Debug)]
pub(super) enum Unusable {
    Form(String),
    Refused(ReviewFault),
}

impl TransactionBuilder {
    /// Reads the file and compares its checksum, if it has one, with what is in it.
    pub(super) fn read(json: &[u8]) -> Result<Self, Unusable> {
        let form = |why: String| Unusable::Form(why);
        let file: File = serde_json::from_slice(json).map_err(|error| form(error.to_string()))?;
        if file.transactions.len() > MAX_TRANSACTIONS {
            return Err(form("more than 64 transactions".to_owned()));
        }
        if let Some(stated) = &file.meta.checksum {
            let value: Value =
                serde_json::from_slice(json).map_err(|error| form(error.to_string()))?;
            let found = checksum(&value);
            if *stated != found.to_string() {
                return Err(Unusable::Refused(ReviewFault::Checksum {
                    stated: crate::output::shown(stated),
                    found: found.to_string(),
                }));
            }
        }
        let safe = match file.meta.created_from_safe_address.as_deref() {
            None | Some("") => None,
            Some(text) => Some(
                text.parse()
                    .map_err(|_| form("createdFromSafeAddress is no address".to_owned()))?,
            ),
        };
        let calls = file.transactions.into_iter();
        Ok(Self {
            chain_id: file
                .chain_id
                .parse()
                .map_err(|_| form("chainId is no decimal number".to_owned()))?,
            safe,
            checked: file.meta.checksum.is_some(),
            calls: calls
                .map(|one| {
                    let data = one.data.ok_or_else(|| {
                        form("a transaction has no data, only arguments to encode".to_owned())
                    })?;
                    Ok(Call {
                        target: one.to,
                        value: one.value,
                        data,
                        operation: one.operation,
                    })
                })
                .collect::<Result<_, Unusable>>()?,
        })
    }
}

/// The checksum of a file of the Transaction Builder: Keccak-256 of its serialisation without the checksum and with
/// an empty name.
#[must_use]
pub fn checksum(file: &Value) -> B256 {
    let mut file = file.clone();
    if let Some(meta) = file.get_mut("meta").and_then(Value::as_object_mut) {
        meta.remove("checksum");
        meta.insert("name".to_owned(), Value::Null);
    }
    let mut text = String::new();
    serialise(&file, &mut text);
    keccak256(text)
}

/// Objects as their sorted keys and then their values, arrays and scalars as JSON.
fn serialise(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                serialise(item, text);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort();
            text.push('{');
            text.push_str(
                &Value::from(keys.iter().map(|key| key.as_str()).collect::<Vec<_>>()).to_string(),
            );
            for key in keys {
                serialise(fields.get(key).unwrap_or(&Value::Null), text);
                text.push(',');
            }
            text.push('}');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}
