use alloy_primitives::U256;
use serde_json::{Value, json};

use super::{Allowed, Names, Queue, Queued, Warning, names::duration, report};

/// The queue in lines for people.
#[must_use]
pub fn text(queue: &Queue) -> String {
    let mut text = format!(
        "{} operations wait at block {} ({}), time {}\n",
        queue.operations.len(),
        queue.block,
        queue.block_hash,
        queue.time
    );
    for (index, one) in queue.operations.iter().enumerate() {
        let place = (index + 1).to_string();
        let (id, when) = (one.id, when(queue, one));
        text.push_str(&format!("{place} operation {id} may be executed {when}\n"));
        for (index, call) in one.decoded.iter().enumerate() {
            for line in report::lines(call, &format!("{place}.{}", index + 1)) {
                text.push_str(&format!("  {line}\n"));
            }
        }
        for line in &one.difference {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}

fn when(queue: &Queue, one: &Queued) -> String {
    match one.ready.checked_sub(U256::from(queue.time)) {
        Some(left) if !left.is_zero() => format!("from {} on, in {}", one.ready, duration(left)),
        _ => format!("since {}: ANYBODY MAY EXECUTE IT NOW", one.ready),
    }
}

/// The warnings, one line each, to be shouted beside the answer.
#[must_use]
pub fn shouts(queue: &Queue) -> Vec<String> {
    let mut lines: Vec<_> = queue
        .lies
        .iter()
        .map(|lie| format!("WARNING: {lie}"))
        .collect();
    for (index, one) in queue.operations.iter().enumerate() {
        let place = (index + 1).to_string();
        for (index, call) in one.decoded.iter().enumerate() {
            lines.extend(report::shouts(call, &format!("{place}.{}", index + 1)));
        }
        let of_rules = one.warnings.iter();
        lines.extend(
            of_rules.map(|warning| format!("WARNING[{}] at {place}: {warning}", warning.code())),
        );
    }
    lines
}

/// The queue as JSON.
#[must_use]
pub fn json(queue: &Queue, names: &Names, allowed: Allowed) -> Value {
    let operations = queue.operations.iter().enumerate().map(|(index, one)| {
        let calls = one.decoded.iter().enumerate();
        let calls: Vec<_> = calls
            .map(|(call, tree)| report::json(tree, &format!("{}.{}", index + 1, call + 1), names))
            .collect();
        json!({
            "id": one.id,
            "ready": one.ready.to_string(),
            "executable": one.ready <= U256::from(queue.time),
            "predecessor": one.operation.predecessor,
            "salt": one.operation.salt,
            "calls": calls,
            "difference": one.difference,
            "warnings": report::warnings(&one.warnings),
        })
    });
    json!({
        "block": queue.block,
        "blockHash": queue.block_hash,
        "time": queue.time,
        "endpoints": queue.endpoints,
        "lies": queue.lies,
        "operations": operations.collect::<Vec<_>>(),
        "refused": queue.refusal(allowed).map(Warning::code),
    })
}
