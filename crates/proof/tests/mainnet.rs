//! Real proofs from Ethereum's main network, where `SEED_FIXTURES` names the directory that has them.

use std::path::PathBuf;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_rlp::{Encodable, Header};
use seed_proof::{ProofError, RawHeader, prove_account, prove_slot};
use serde_json::Value;

/// A fixture, or `None`, loudly, where the machine has none.
fn fixture(name: &str) -> Option<Value> {
    let Some(directory) = std::env::var_os("SEED_FIXTURES") else {
        eprintln!(
            "NOT TESTED on real proofs: SEED_FIXTURES does not name a directory with evm-proofs/{name}"
        );
        return None;
    };
    let path = PathBuf::from(directory).join("evm-proofs").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("SEED_FIXTURES is set and {path:?} cannot be read: {error}")
    });
    Some(serde_json::from_str(&text).unwrap())
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field}"))
}

fn nodes(value: &Value) -> Vec<Bytes> {
    let nodes = value.as_array().unwrap().iter();
    nodes
        .map(|node| node.as_str().unwrap().parse().unwrap())
        .collect()
}

/// The RLP of a block given as JSON, in the field order of the fork it is of.
fn header(block: &Value) -> Vec<u8> {
    let mut payload = Vec::new();
    for field in [
        "parentHash",
        "sha3Uncles",
        "miner",
        "stateRoot",
        "transactionsRoot",
        "receiptsRoot",
        "logsBloom",
        "difficulty",
        "number",
        "gasLimit",
        "gasUsed",
        "timestamp",
        "extraData",
        "mixHash",
        "nonce",
        "baseFeePerGas",
        "withdrawalsRoot",
        "blobGasUsed",
        "excessBlobGas",
        "parentBeaconBlockRoot",
    ] {
        let number = matches!(
            field,
            "difficulty"
                | "number"
                | "gasLimit"
                | "gasUsed"
                | "timestamp"
                | "baseFeePerGas"
                | "blobGasUsed"
                | "excessBlobGas"
        );
        if number {
            text(block, field)
                .parse::<U256>()
                .unwrap()
                .encode(&mut payload);
        } else {
            text(block, field)
                .parse::<Bytes>()
                .unwrap()
                .encode(&mut payload);
        }
    }
    let mut rlp = Vec::new();
    Header {
        list: true,
        payload_length: payload.len(),
    }
    .encode(&mut rlp);
    rlp.extend(payload);
    rlp
}

#[test]
fn proves_the_deposit_contract_and_a_slot_from_a_header_that_hashes() {
    let (Some(block), Some(proof)) = (
        fixture("mainnet-21925176-block.json"),
        fixture("mainnet-21925176-proof.json"),
    ) else {
        return;
    };
    let header = RawHeader::parse(&header(&block)).unwrap();
    assert_eq!(header.hash(), text(&block, "hash").parse::<B256>().unwrap());
    assert_eq!(header.number(), 21_925_176);

    let address: Address = text(&proof, "address").parse().unwrap();
    let root = header.state_root().unwrap();
    let account = prove_account(root, address, &nodes(&proof["accountProof"]))
        .unwrap()
        .unwrap();
    assert_eq!(
        account.code_hash,
        text(&proof, "codeHash").parse::<B256>().unwrap()
    );
    let slot = &proof["storageProof"][0];
    assert_eq!(
        prove_slot(
            account.storage_root,
            text(slot, "key").parse().unwrap(),
            &nodes(&slot["proof"])
        ),
        Ok(text(slot, "value").parse().unwrap())
    );
}

#[test]
fn proves_contracts_people_and_absence_and_no_truncation_of_them() {
    let Some(file) = fixture("mainnet-22935079-eth.json") else {
        return;
    };
    let root: B256 = text(&file, "stateRoot").parse().unwrap();
    for (name, case) in file["tests"].as_object().unwrap() {
        let address: Address = text(case, "address").parse().unwrap();
        let proof = nodes(&case["accountProof"]);
        let account = prove_account(root, address, &proof).unwrap();
        assert_eq!(account.is_none(), name == "dne", "{name}");
        for length in 0..proof.len() {
            assert!(
                matches!(
                    prove_account(root, address, &proof[..length]),
                    Err(ProofError::Truncated { .. })
                ),
                "{name} cut to {length}"
            );
        }
        for slot in case["storageProof"].as_array().unwrap() {
            let account = account.unwrap();
            assert_eq!(
                account.storage_root,
                text(case, "storageHash").parse::<B256>().unwrap()
            );
            assert_eq!(
                prove_slot(
                    account.storage_root,
                    text(slot, "key").parse().unwrap(),
                    &nodes(&slot["proof"])
                ),
                Ok(text(slot, "value").parse().unwrap()),
                "{name}"
            );
        }
    }
}

#[test]
fn rejects_every_changed_bit_of_a_real_proof() {
    let Some(file) = fixture("mainnet-22935079-eth.json") else {
        return;
    };
    let root: B256 = text(&file, "stateRoot").parse().unwrap();
    let case = &file["tests"]["dne"];
    let address: Address = text(case, "address").parse().unwrap();
    let proof = nodes(&case["accountProof"]);
    for node in 0..proof.len() {
        for bit in 0..proof[node].len() * 8 {
            let mut changed = proof.clone();
            let mut bytes = changed[node].to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(keccak256(&bytes), keccak256(&proof[node]));
            changed[node] = bytes.into();
            assert!(
                prove_account(root, address, &changed).is_err(),
                "node {node} bit {bit}"
            );
        }
    }
}
