use std::fmt::Debug;

use alloy::sol_types::SolInterface;
use alloy_primitives::{Address, B256, Bytes, keccak256};
use serde::Deserialize;

use crate::error::shown;

/// The contracts' interfaces as `sol!` reads them from the committed ABI.
mod abi {
    #![allow(
        missing_docs,
        unreachable_pub,
        missing_debug_implementations,
        clippy::all
    )]
    alloy::sol!(
        #[derive(Debug)]
        ReleaseLedger,
        "../../contracts/snapshots/abi/ReleaseLedger.json"
    );
    alloy::sol!(
        #[derive(Debug)]
        IQuorumRules,
        "../../contracts/snapshots/abi/IQuorumRules.json"
    );
    alloy::sol!(
        #[derive(Debug)]
        TimelockController,
        "../../contracts/snapshots/abi/TimelockController.json"
    );
}
pub(crate) use abi::{IQuorumRules, IReleaseLedger, ReleaseLedger, TimelockController};

/// The committed bytecode of one contract.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bytecode {
    /// What is deployed, before the constructor's arguments.
    pub creation_code: Bytes,
    #[serde(default)]
    runtime_code: Bytes,
    #[serde(default)]
    logic_code: Bytes,
    #[serde(default)]
    logic_hash: B256,
    #[serde(default)]
    immutable_references: Vec<Immutable>,
}

#[derive(Clone, Debug, Deserialize)]
struct Immutable {
    name: String,
    places: Vec<Place>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Place {
    start: usize,
    length: usize,
}

impl Bytecode {
    /// The `ReleaseLedger`.
    ///
    /// # Panics
    /// Never: the snapshot is part of this crate and a test reads it.
    #[must_use]
    pub fn ledger() -> Self {
        Self::read(include_str!(
            "../../../contracts/snapshots/bytecode/ReleaseLedger.json"
        ))
    }

    /// The `QuorumRules`.
    ///
    /// # Panics
    /// Never: the snapshot is part of this crate and a test reads it.
    #[must_use]
    pub fn rules() -> Self {
        Self::read(include_str!(
            "../../../contracts/snapshots/bytecode/QuorumRules.json"
        ))
    }

    /// OpenZeppelin's `TimelockController`, unmodified.
    ///
    /// # Panics
    /// Never: the snapshot is part of this crate and a test reads it.
    #[must_use]
    pub fn timelock() -> Self {
        Self::read(include_str!(
            "../../../contracts/snapshots/bytecode/TimelockController.json"
        ))
    }

    /// The code of rules before their configuration; empty for other contracts.
    #[must_use]
    pub fn logic_code(self) -> Bytes {
        self.logic_code
    }

    fn read(json: &str) -> Self {
        serde_json::from_str(json).expect("a committed bytecode snapshot")
    }
}

/// Keccak-256 of the code of a `ReleaseLedger` deployed with these two addresses.
#[must_use]
pub fn ledger_code_hash(timelock: Address, guardian: Address) -> B256 {
    let bytecode = Bytecode::ledger();
    let mut code = bytecode.runtime_code.to_vec();
    for immutable in &bytecode.immutable_references {
        let word = if immutable.name == "timelock" {
            timelock
        } else {
            guardian
        }
        .into_word();
        for place in &immutable.places {
            if let Some(hole) = code.get_mut(place.start..place.start + place.length) {
                hole.copy_from_slice(word.as_slice());
            }
        }
    }
    keccak256(code)
}

/// Keccak-256 of the code of `QuorumRules` before its configuration: the logic this crate was built with.
#[must_use]
pub fn logic_hash() -> B256 {
    Bytecode::rules().logic_hash
}

/// The named error in a contract's revert data, with its values: `Name { value: 1 }`. `None` where it is none of the
/// ledger's, the rules' or the timelock's.
#[must_use]
pub fn named_error(data: &[u8]) -> Option<String> {
    named::<ReleaseLedger::ReleaseLedgerErrors>(data)
        .or_else(|| named::<IQuorumRules::IQuorumRulesErrors>(data))
        .or_else(|| named::<TimelockController::TimelockControllerErrors>(data))
}

fn named<E: SolInterface + Debug>(data: &[u8]) -> Option<String> {
    let error = format!("{:?}", E::abi_decode(data).ok()?);
    // The outer enum repeats the name: `Name(Name { … })`.
    let inner = error
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    Some(inner.unwrap_or(&error).to_owned())
}

/// The named error in a contract's revert data, with its values; the raw data where none is known.
pub(crate) fn reason(data: &[u8]) -> String {
    let raw = || shown(&alloy_primitives::hex::encode(data));
    named_error(data).unwrap_or_else(|| format!("unknown reason 0x{}", raw()))
}

#[cfg(test)]
mod tests {
    use alloy::sol_types::SolError as _;
    use alloy_primitives::U256;

    use super::*;

    #[test]
    fn reads_the_committed_snapshots() {
        assert!(!Bytecode::ledger().runtime_code.is_empty());
        assert_eq!(Bytecode::ledger().immutable_references.len(), 2);
        assert!(!Bytecode::timelock().creation_code.is_empty());
        assert_ne!(logic_hash(), B256::ZERO);
    }

    #[test]
    fn names_the_error_and_its_values() {
        let error = IQuorumRules::QuorumBelowThreshold {
            system: U256::ZERO,
            have: U256::from(1),
            need: U256::from(2),
        };
        assert_eq!(
            reason(&error.abi_encode()),
            "QuorumBelowThreshold { system: 0, have: 1, need: 2 }"
        );
        assert!(reason(&[1, 2, 3, 4]).contains("0x01020304"));
    }
}
