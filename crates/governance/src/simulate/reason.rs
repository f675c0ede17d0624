use alloy::sol_types::{Panic, Revert, SolError as _, SolInterface};
use alloy_primitives::{Bytes, hex};

use crate::output::shown;

/// The contracts' own errors, from the committed ABI.
mod errors {
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
use errors::{IQuorumRules, ReleaseLedger, TimelockController};

/// A contract's reason in one line of printable ASCII: its named error with its values, its text, or its bytes.
pub(crate) fn reason(data: &Bytes) -> String {
    if data.is_empty() {
        return "no reason given".to_owned();
    }
    if let Ok(revert) = Revert::abi_decode(data) {
        return shown(&text(&revert.reason));
    }
    if let Ok(panic) = Panic::abi_decode(data) {
        return format!("panic {:#x}", panic.code);
    }
    named::<ReleaseLedger::ReleaseLedgerErrors>(data)
        .or_else(|| named::<IQuorumRules::IQuorumRulesErrors>(data))
        .or_else(|| named::<TimelockController::TimelockControllerErrors>(data))
        .unwrap_or_else(|| shown(&format!("unknown reason 0x{}", hex::encode(data))))
}

fn named<E: SolInterface + std::fmt::Debug>(data: &Bytes) -> Option<String> {
    let error = format!("{:?}", E::abi_decode(data).ok()?);
    // The outer enum repeats the name: `Name(Name { … })`.
    let inner = error
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    Some(shown(inner.unwrap_or(&error)))
}

/// The codes that a Safe gives instead of words.
fn text(reason: &str) -> String {
    let meaning = match reason {
        "GS013" => "the call inside failed",
        "GS020" => "too few signatures",
        "GS025" => "an owner has not approved",
        "GS026" => "a signature is by nobody who owns the Safe, or out of order",
        "GS031" => "only the Safe itself may do this",
        "GS201" => "the threshold would be more than there are owners",
        "GS202" => "the threshold would be zero",
        "GS203" => "not an address that can be an owner",
        "GS204" => "already an owner",
        "GS205" => "the owner is not the next one after the previous one named",
        _ => return reason.to_owned(),
    };
    format!("{reason}: {meaning}")
}
