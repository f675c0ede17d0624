use alloy::sol_types::{Panic, Revert, SolError as _};
use alloy_primitives::{Bytes, hex};
use seed_chain::named_error;

use crate::output::shown;

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
    let known = named_error(data);
    shown(&known.unwrap_or_else(|| format!("unknown reason 0x{}", hex::encode(data))))
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
