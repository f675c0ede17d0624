use alloy_primitives::{Address, hex};
use serde_json::{Value, json};

use crate::decode::{Call, checksum};

/// The JSON file that Safe's Transaction Builder reads (version 1.0), with its checksum.
///
/// `created` is in milliseconds since 1970 and is shown by the page, nothing more.
#[must_use]
pub fn transaction_builder(
    chain_id: u64,
    safe: Address,
    name: &str,
    description: &str,
    created: u64,
    calls: &[Call],
) -> Value {
    let transactions: Vec<_> = calls
        .iter()
        .map(|call| {
            json!({
                "to": call.target.to_checksum(None),
                "value": call.value.to_string(),
                "data": hex::encode_prefixed(&call.data),
                "contractMethod": null,
                "contractInputsValues": null,
            })
        })
        .collect();
    let mut file = json!({
        "version": "1.0",
        "chainId": chain_id.to_string(),
        "createdAt": created,
        "meta": {
            "name": name,
            "description": description,
            "txBuilderVersion": "1.18.0",
            "createdFromSafeAddress": safe.to_checksum(None),
            "createdFromOwnerAddress": "",
        },
        "transactions": transactions,
    });
    let sum = checksum(&file).to_string();
    if let Some(meta) = file.get_mut("meta").and_then(Value::as_object_mut) {
        meta.insert("checksum".to_owned(), Value::String(sum));
    }
    file
}
