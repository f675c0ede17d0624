use alloy_primitives::{Address, hex};
use seed_primitives::write_address;
use serde_json::{Value, json};

use super::{Action, Decoded, Names, Operation, Warning};

/// The sentences of a tree, one per line, each with its place and indented by its depth.
#[must_use]
pub fn lines(decoded: &Decoded, place: &str) -> Vec<String> {
    let all = decoded.walk(place).into_iter();
    all.map(|(place, one)| {
        let depth = place.matches('.').count();
        format!("{}{place} {}", "  ".repeat(depth), one.sentence)
    })
    .collect()
}

/// The warnings of a tree, one line each, to be shouted beside the answer.
#[must_use]
pub fn shouts(decoded: &Decoded, place: &str) -> Vec<String> {
    let all = decoded.walk(place).into_iter();
    all.flat_map(|(place, one)| {
        let warnings = one.warnings.iter();
        warnings.map(move |warning| format!("WARNING[{}] at {place}: {warning}", warning.code()))
    })
    .collect()
}

/// A tree as JSON: every call with target, value, data, meaning, sentence, warnings and the calls inside it.
#[must_use]
pub fn json(decoded: &Decoded, place: &str, names: &Names) -> Value {
    let call = &decoded.call;
    let inner: Vec<_> = decoded.inner.iter().enumerate().collect();
    json!({
        "place": place,
        "target": write_address(&call.target),
        "targetName": names.known(call.target),
        "value": call.value.to_string(),
        "operation": call.operation,
        "selector": decoded.selector().map(|selector| selector.to_string()),
        "data": hex::encode_prefixed(&call.data),
        "action": decoded.action.as_ref().map(name),
        "arguments": decoded.action.as_ref().map(arguments),
        "sentence": decoded.sentence,
        "warnings": warnings(&decoded.warnings),
        "calls": inner
            .into_iter()
            .map(|(index, one)| json(one, &format!("{place}.{}", index + 1), names))
            .collect::<Vec<_>>(),
    })
}

/// Warnings as JSON: code and text.
#[must_use]
pub fn warnings(warnings: &[Warning]) -> Vec<Value> {
    let each = warnings.iter();
    each.map(|one| json!({ "code": one.code(), "text": one.to_string() }))
        .collect()
}

const fn name(action: &Action) -> &'static str {
    match action {
        Action::Finalise { .. } => "finalise",
        Action::FinaliseBatch { .. } => "finaliseBatch",
        Action::Genesis { .. } => "genesis",
        Action::Post { .. } => "post",
        Action::ProveEquivocation { .. } => "proveEquivocation",
        Action::SetRules { .. } => "setRules",
        Action::ConfirmRevocation { .. } => "confirmRevocation",
        Action::Revoke { .. } => "revoke",
        Action::RevokeRetroactively { .. } => "revokeRetroactively",
        Action::Pause { .. } => "pause",
        Action::Schedule { operation, .. } => {
            if operation.batch {
                "scheduleBatch"
            } else {
                "schedule"
            }
        }
        Action::Execute { operation } => {
            if operation.batch {
                "executeBatch"
            } else {
                "execute"
            }
        }
        Action::Cancel { .. } => "cancel",
        Action::UpdateDelay { .. } => "updateDelay",
        Action::GrantRole { .. } => "grantRole",
        Action::RevokeRole { .. } => "revokeRole",
        Action::RenounceRole { .. } => "renounceRole",
        Action::SafeTransaction { .. } => "execTransaction",
        Action::AddOwner { .. } => "addOwnerWithThreshold",
        Action::RemoveOwner { .. } => "removeOwner",
        Action::SwapOwner { .. } => "swapOwner",
        Action::ChangeThreshold { .. } => "changeThreshold",
        Action::SetGuard { .. } => "setGuard",
        Action::SetModuleGuard { .. } => "setModuleGuard",
        Action::EnableModule { .. } => "enableModule",
        Action::DisableModule { .. } => "disableModule",
        Action::SetFallbackHandler { .. } => "setFallbackHandler",
        Action::ApproveHash { .. } => "approveHash",
        Action::MultiSend { .. } => "multiSend",
        Action::Empty => "empty",
        Action::Unknown { .. } => "unknown",
    }
}

fn arguments(action: &Action) -> Value {
    let hex = |address: &Address| write_address(address);
    match action {
        Action::Finalise { release }
        | Action::Genesis { release }
        | Action::ProveEquivocation { release } => json!({ "release": release }),
        Action::FinaliseBatch { releases } => json!({ "releases": releases }),
        Action::Post { release, rules } => json!({ "release": release, "rules": hex(rules) }),
        Action::SetRules { rules, code_hash } => {
            json!({ "rules": hex(rules), "codeHash": code_hash })
        }
        Action::ConfirmRevocation { subject } | Action::Revoke { subject } => {
            json!({ "subject": hex(subject) })
        }
        Action::RevokeRetroactively {
            subject,
            from_sequence,
        } => json!({ "subject": hex(subject), "fromSequence": from_sequence }),
        Action::Pause { duration } => json!({ "duration": duration }),
        Action::Schedule {
            operation: one,
            delay,
        } => {
            let mut fields = operation(one);
            fields["delay"] = json!(delay.to_string());
            fields
        }
        Action::Execute { operation: one } => operation(one),
        Action::Cancel { id } => json!({ "id": id }),
        Action::UpdateDelay { delay } => json!({ "delay": delay.to_string() }),
        Action::GrantRole { role, account }
        | Action::RevokeRole { role, account }
        | Action::RenounceRole { role, account } => json!({
            "role": role.id(), "roleName": role.to_string(), "account": hex(account),
        }),
        Action::SafeTransaction { unpaid, .. } => json!({ "refunds": !unpaid }),
        Action::AddOwner { owner, threshold } => {
            json!({ "owner": hex(owner), "threshold": threshold.to_string() })
        }
        Action::RemoveOwner {
            previous,
            owner,
            threshold,
        } => json!({
            "previous": hex(previous), "owner": hex(owner), "threshold": threshold.to_string(),
        }),
        Action::SwapOwner { previous, old, new } => {
            json!({ "previous": hex(previous), "old": hex(old), "new": hex(new) })
        }
        Action::ChangeThreshold { threshold } => json!({ "threshold": threshold.to_string() }),
        Action::SetGuard { guard } | Action::SetModuleGuard { guard } => {
            json!({ "guard": hex(guard) })
        }
        Action::EnableModule { module } => json!({ "module": hex(module) }),
        Action::DisableModule { previous, module } => {
            json!({ "previous": hex(previous), "module": hex(module) })
        }
        Action::SetFallbackHandler { handler } => json!({ "handler": hex(handler) }),
        Action::ApproveHash { hash } => json!({ "hash": hash }),
        Action::MultiSend { calls } => json!({ "calls": calls.len() }),
        Action::Empty | Action::Unknown { .. } => json!({}),
    }
}

fn operation(operation: &Operation) -> Value {
    json!({
        "id": operation.id(),
        "predecessor": operation.predecessor,
        "salt": operation.salt,
    })
}
