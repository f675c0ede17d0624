//! Nothing that changes state may be without a meaning: the committed ABI against what is decoded.

use std::path::Path;

use alloy_primitives::{Address, Bytes, keccak256};
use seed_governance::decode::{Action, Call, Decoded, Names, Warning};
use serde_json::Value;

/// Functions of the timelock that receive tokens and change nothing.
const RECEIVERS: [&str; 3] = [
    "onERC721Received",
    "onERC1155Received",
    "onERC1155BatchReceived",
];

fn snapshot(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../contracts/snapshots/abi")
        .join(format!("{name}.json"));
    let json: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    match json {
        Value::Array(items) => items,
        mut object => object["abi"].take().as_array().unwrap().clone(),
    }
}

fn signature(item: &Value) -> String {
    let inputs = item["inputs"].as_array().unwrap().iter();
    let types: Vec<_> = inputs.map(kind).collect();
    format!("{}({})", item["name"].as_str().unwrap(), types.join(","))
}

fn kind(input: &Value) -> String {
    let text = input["type"].as_str().unwrap();
    let Some(rest) = text.strip_prefix("tuple") else {
        return text.to_owned();
    };
    let parts = input["components"].as_array().unwrap().iter();
    format!("({}){rest}", parts.map(kind).collect::<Vec<_>>().join(","))
}

#[test]
fn every_function_that_changes_state_has_a_meaning() {
    let target = Address::repeat_byte(1);
    let mut names = Names::none();
    for contract in ["ReleaseLedger", "TimelockController"] {
        match contract {
            "ReleaseLedger" => names.set_ledger(target),
            _ => names.set_timelock(target, None),
        }
        let mut checked = 0;
        for item in snapshot(contract) {
            let mutable = matches!(
                item["stateMutability"].as_str(),
                Some("nonpayable" | "payable")
            );
            let name = item["name"].as_str().unwrap_or_default();
            if item["type"] != "function" || !mutable || RECEIVERS.contains(&name) {
                continue;
            }
            let signature = signature(&item);
            let selector = keccak256(&signature)[..4].to_vec();
            // No arguments: known, so malformed; unknown would say so.
            let decoded = Decoded::new(Call::to(target, Bytes::from(selector)), None, &names);
            let known = !matches!(decoded.action, Some(Action::Unknown { .. }));
            assert!(known, "{contract}.{signature} has no meaning");
            let unknown = |one: &Warning| matches!(one, Warning::UnknownSelector { .. });
            assert!(!decoded.warnings.iter().any(unknown));
            checked += 1;
        }
        assert!(checked >= 9, "{contract}: {checked}");
    }
}
