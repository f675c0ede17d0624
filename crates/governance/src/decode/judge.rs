use alloy_primitives::{Address, U256};

use super::{Action, Call, Kind, Names, Role, SafeFacts, Warning, names::duration};

/// What must not be overlooked about one call, the calls inside it aside.
pub(super) fn judge(
    call: &Call,
    action: Option<&Action>,
    caller: Option<Address>,
    names: &Names,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if call.operation == 1 {
        warnings.push(Warning::Delegatecall {
            target: names.of(call.target),
        });
    }
    if !call.value.is_zero() {
        warnings.push(Warning::Value { wei: call.value });
    }
    let kind = names.kind(call.target);
    if kind.is_none() {
        warnings.push(Warning::UnknownTarget {
            target: names.of(call.target),
        });
    }
    let Some(action) = action else {
        return warnings;
    };
    if let Action::Unknown { selector } = action {
        warnings.push(Warning::UnknownSelector {
            target: names.of(call.target),
            selector: *selector,
        });
    }
    if matches!(action, Action::SafeTransaction { unpaid: false, .. }) {
        warnings.push(Warning::Refund);
    }
    warnings.extend(weaker(action, call, names).map(|what| Warning::Weaker { what }));
    if let (Some(kind), Some(caller), 0) = (kind, caller, call.operation) {
        warnings.extend(futile(kind, action, call, caller, names));
    }
    warnings
}

/// What an action takes away from the governance there is, if it does.
fn weaker(action: &Action, call: &Call, names: &Names) -> Option<String> {
    match action {
        Action::UpdateDelay { delay } => shorter(*delay, names),
        Action::GrantRole { role, account } => granted(*role, *account, call, names),
        Action::RevokeRole { role, account } | Action::RenounceRole { role, account } => {
            taken(*role, *account, call, names)
        }
        Action::AddOwner { owner, threshold } => {
            new_owner(*owner, names).or_else(|| lower(*threshold, names.safe_at(call.target)))
        }
        Action::SwapOwner { new, .. } => new_owner(*new, names),
        Action::RemoveOwner { threshold, .. } | Action::ChangeThreshold { threshold } => {
            lower(*threshold, names.safe_at(call.target))
        }
        Action::SetGuard { guard } | Action::SetModuleGuard { guard } if guard.is_zero() => {
            Some("the Safe would have no guard any more".to_owned())
        }
        Action::SetGuard { guard } | Action::SetModuleGuard { guard } => Some(format!(
            "the guard {} could block every transaction of the Safe for ever",
            names.of(*guard)
        )),
        Action::EnableModule { module } => Some(format!(
            "the module {} could act as the Safe without any signature",
            names.of(*module)
        )),
        Action::SetFallbackHandler { handler } if names.handler() != Some(*handler) => {
            Some(format!(
                "the handler {} would answer for the Safe, signatures of contracts included",
                names.of(*handler)
            ))
        }
        Action::ApproveHash { hash } => Some(format!(
            "the Safe would sign {hash}, of which nothing can be seen here"
        )),
        _ => None,
    }
}

fn shorter(delay: U256, names: &Names) -> Option<String> {
    match names.delay() {
        Some(now) if delay >= now => None,
        Some(now) => Some(format!(
            "the delay would go down from {} to {}",
            duration(now),
            duration(delay)
        )),
        None => Some(format!(
            "the delay would be {}, and what it is now is not known here",
            duration(delay)
        )),
    }
}

fn granted(role: Role, account: Address, call: &Call, names: &Names) -> Option<String> {
    if let Role::Unknown(_) = role {
        return Some(format!("{role} would get a holder"));
    }
    if account.is_zero() {
        return Some(format!("anybody at all would have the {role}"));
    }
    let expected = match role {
        Role::Admin => account == call.target,
        Role::Proposer => names.proposer() == Some(account),
        Role::Canceller => [names.proposer(), names.guardian()].contains(&Some(account)),
        Role::Executor | Role::Unknown(_) => false,
    };
    (!expected).then(|| format!("{} would have the {role}", names.of(account)))
}

fn taken(role: Role, account: Address, call: &Call, names: &Names) -> Option<String> {
    let needed = match role {
        Role::Admin => account == call.target,
        Role::Proposer => names.proposer() == Some(account),
        Role::Canceller => [names.proposer(), names.guardian()].contains(&Some(account)),
        Role::Executor => account.is_zero(),
        Role::Unknown(_) => false,
    };
    needed.then(|| {
        let holder = if account.is_zero() {
            "anybody".to_owned()
        } else {
            names.of(account)
        };
        format!("{holder} would no longer have the {role}")
    })
}

fn new_owner(owner: Address, names: &Names) -> Option<String> {
    names.is_builder(owner).then(|| {
        format!(
            "{} would hold a governance key beside a builder's key",
            names.of(owner)
        )
    })
}

fn lower(threshold: U256, safe: Option<&SafeFacts>) -> Option<String> {
    match safe.and_then(|safe| safe.threshold) {
        Some(now) if threshold >= U256::from(now) => None,
        Some(now) => Some(format!(
            "the threshold of the Safe would go down from {now} to {threshold}"
        )),
        None => Some(format!(
            "the threshold of the Safe would be {threshold}, and what it is now is not known here"
        )),
    }
}

/// Who alone may do this, if the caller is not it: the chain would refuse, after the signers have signed.
fn futile(
    kind: Kind,
    action: &Action,
    call: &Call,
    caller: Address,
    names: &Names,
) -> Option<Warning> {
    let (only, who) = match (kind, action) {
        (Kind::Ledger, Action::SetRules { .. } | Action::ConfirmRevocation { .. }) => {
            (names.timelock()?, "the timelock")
        }
        (
            Kind::Ledger,
            Action::Revoke { .. } | Action::RevokeRetroactively { .. } | Action::Pause { .. },
        ) => (names.guardian()?, "the guardian Safe"),
        (Kind::Timelock, Action::Schedule { .. }) => (names.proposer()?, "the proposer Safe"),
        (
            Kind::Timelock,
            Action::UpdateDelay { .. } | Action::GrantRole { .. } | Action::RevokeRole { .. },
        ) => (call.target, "the timelock, after its delay,"),
        (
            Kind::Safe,
            Action::AddOwner { .. }
            | Action::RemoveOwner { .. }
            | Action::SwapOwner { .. }
            | Action::ChangeThreshold { .. }
            | Action::SetGuard { .. }
            | Action::SetModuleGuard { .. }
            | Action::EnableModule { .. }
            | Action::DisableModule { .. }
            | Action::SetFallbackHandler { .. },
        ) => (call.target, "the Safe itself"),
        _ => return None,
    };
    (only != caller).then(|| Warning::Futile {
        only: who.to_owned(),
    })
}
