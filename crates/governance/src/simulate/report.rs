use seed_primitives::write_address;
use serde_json::{Value, json};

use super::{Change, Outcome, Step};
use crate::decode::{Allowed, NamedRules, Names, report};

/// The outcome in lines for people.
#[must_use]
pub fn text(outcome: &Outcome, names: &Names) -> String {
    let mut lines = vec![format!(
        "on the state of block {} ({}), time {}, chain {}",
        outcome.block, outcome.block_hash, outcome.block_time, outcome.chain_id
    )];
    if outcome.pretended {
        lines.push("signatures pretended: as many owners as must sign are taken to have approved the transaction's hash".to_owned());
    }
    lines.extend(report::lines(&outcome.decoded, "1"));
    for (index, step) in outcome.steps.iter().enumerate() {
        lines.push(format!(
            "step {}: {}, at {}, {} gas",
            index + 1,
            step.title,
            step.time,
            step.gas
        ));
        lines.extend(step_lines(step, names));
    }
    lines.extend(federation(outcome));
    lines.join("\n") + "\n"
}

fn step_lines(step: &Step, names: &Names) -> Vec<String> {
    let mut lines = Vec::new();
    let mut contract = None;
    for change in &step.changes {
        if contract != Some(change.contract) {
            contract = Some(change.contract);
            lines.push(format!("  {}", names.of(change.contract)));
        }
        let shout = if change.expected { "" } else { "UNEXPECTED " };
        for field in &change.fields {
            lines.push(format!(
                "    {shout}{}: {} -> {}",
                field.name, field.before, field.after
            ));
        }
    }
    for place in &step.unchanged {
        lines.push(format!("  no change: {place} is so already"));
    }
    for (address, (before, after)) in &step.balances {
        let who = names.of(*address);
        lines.push(format!("  BALANCE of {who}: {before} -> {after} wei"));
    }
    for (address, (before, after)) in &step.codes {
        let who = names.of(*address);
        lines.push(format!("  CODE of {who}: {before} -> {after}"));
    }
    for event in &step.events {
        lines.push(format!("  event {event}"));
    }
    lines
}

fn federation(outcome: &Outcome) -> Vec<String> {
    let mut lines = Vec::new();
    match (&outcome.rules_before, &outcome.rules_after) {
        (Some(before), Some(after)) => {
            lines.push(format!("federation before: {}", before.summary()));
            lines.push(format!("federation after: {}", after.summary()));
            let difference = after.difference(before);
            lines.extend(difference.iter().map(|line| format!("  {line}")));
        }
        (None, Some(after)) => lines.push(format!("federation after: {}", after.summary())),
        (_, None) => {}
    }
    lines
}

/// The outcome as JSON.
#[must_use]
pub fn json(outcome: &Outcome, names: &Names, allowed: Allowed) -> Value {
    let objections = outcome.objections.iter();
    let objections = objections.map(|one| json!({ "code": one.code(), "text": one.to_string() }));
    let difference = match (&outcome.rules_before, &outcome.rules_after) {
        (Some(before), Some(after)) => after.difference(before),
        _ => Vec::new(),
    };
    json!({
        "chainId": outcome.chain_id,
        "block": outcome.block,
        "blockHash": outcome.block_hash,
        "blockTime": outcome.block_time,
        "signaturesPretended": outcome.pretended,
        "call": report::json(&outcome.decoded, "1", names),
        "steps": outcome.steps.iter().map(|step| step_json(step, names)).collect::<Vec<_>>(),
        "federation": {
            "before": outcome.rules_before.as_ref().map(rules),
            "after": outcome.rules_after.as_ref().map(rules),
            "difference": difference,
        },
        "objections": objections.collect::<Vec<_>>(),
        "refused": outcome.refusal(allowed).map(|fault| fault.code()),
    })
}

fn step_json(step: &Step, names: &Names) -> Value {
    let balances = step.balances.iter().map(|(address, (before, after))| {
        json!({
            "account": write_address(address), "name": names.known(*address),
            "before": before.to_string(), "after": after.to_string(),
        })
    });
    let codes = step.codes.iter().map(|(address, (before, after))| {
        json!({
            "account": write_address(address), "name": names.known(*address),
            "before": before, "after": after,
        })
    });
    json!({
        "title": step.title,
        "time": step.time,
        "gas": step.gas,
        "sender": write_address(&step.sender),
        "storage": step.changes.iter().map(|change| change_json(change, names)).collect::<Vec<_>>(),
        "unchanged": step.unchanged,
        "balances": balances.collect::<Vec<_>>(),
        "codes": codes.collect::<Vec<_>>(),
        "events": step.events,
    })
}

fn change_json(change: &Change, names: &Names) -> Value {
    let fields = change.fields.iter();
    let fields =
        fields.map(|one| json!({ "name": one.name, "before": one.before, "after": one.after }));
    json!({
        "contract": write_address(&change.contract),
        "name": names.known(change.contract),
        "slot": format!("{:#066x}", change.slot),
        "place": change.place.to_string(),
        "before": format!("{:#066x}", change.before),
        "after": format!("{:#066x}", change.after),
        "expected": change.expected,
        "fields": fields.collect::<Vec<_>>(),
    })
}

fn rules(rules: &NamedRules) -> Value {
    let builders = rules.rules.builders().iter();
    let builders = builders.map(|one| rules.builder(one.builder.address()));
    json!({
        "address": write_address(&rules.address),
        "codeHash": rules.rules.code_hash(),
        "logicHash": rules.rules.logic_hash(),
        "federation": rules.rules.federation(),
        "threshold": rules.rules.threshold(),
        "systems": rules.rules.systems().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "builders": builders.collect::<Vec<_>>(),
    })
}
