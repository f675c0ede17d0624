use alloy::sol_types::SolEventInterface;
use alloy_primitives::{Log, hex};

use crate::{
    decode::{Kind, LedgerEvents, Names, SafeEvents, TimelockEvents},
    output::shown,
};

/// One event in one line of printable ASCII; events that are not known are shouted about.
pub(super) fn event(log: &Log, names: &Names) -> String {
    let decoded = match names.kind(log.address) {
        Some(Kind::Ledger) => named::<LedgerEvents>(log),
        Some(Kind::Timelock) => named::<TimelockEvents>(log),
        Some(Kind::Safe) => named::<SafeEvents>(log),
        None => None,
    };
    let what = decoded.unwrap_or_else(|| {
        let topics: Vec<_> = log.topics().iter().map(ToString::to_string).collect();
        format!(
            "UNKNOWN EVENT {} with 0x{}",
            topics.join(" "),
            hex::encode(&log.data.data)
        )
    });
    shown(&format!("{}: {what}", names.of(log.address)))
}

fn named<E: SolEventInterface + std::fmt::Debug>(log: &Log) -> Option<String> {
    let event = E::decode_raw_log(log.topics(), &log.data.data).ok()?;
    let event = format!("{event:?}");
    // The outer enum repeats the name: `Name(Name { … })`.
    let inner = event
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    Some(inner.unwrap_or(&event).to_owned())
}
