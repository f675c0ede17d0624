use alloy_primitives::{Bytes, U256, hex};

use super::{Action, Call, Names, Operation, Warning, names::duration};

/// The most bytes of unknown data that are shown.
const SHOWN_DATA: usize = 64;

/// One sentence of printable ASCII that says what a call does, and shouts first if something is wrong with it.
pub(super) fn sentence(
    call: &Call,
    action: Option<&Action>,
    warnings: &[Warning],
    names: &Names,
) -> String {
    let plain = match action {
        Some(action) => meaning(call, action, names),
        None => format!(
            "Call {} with {}, which says nothing.",
            names.of(call.target),
            excerpt(&call.data)
        ),
    };
    let mut shouts: Vec<&str> = warnings.iter().map(shout).collect();
    shouts.dedup();
    if shouts.is_empty() {
        return plain;
    }
    format!("WARNING, {}: {plain}", shouts.join(", "))
}

const fn shout(warning: &Warning) -> &'static str {
    match warning {
        Warning::Delegatecall { .. } => "DELEGATECALL",
        Warning::Malformed { .. } => "MALFORMED CALL",
        Warning::TooComplex { .. } => "TOO COMPLEX TO REVIEW",
        Warning::UnknownTarget { .. } => "UNKNOWN TARGET",
        Warning::UnknownSelector { .. } => "UNKNOWN FUNCTION",
        Warning::UnknownLogic { .. } => "UNKNOWN RULES",
        Warning::BadRules { .. } => "BAD RULES",
        Warning::Value { .. } | Warning::Refund => "MONEY",
        Warning::Weaker { .. } => "WEAKENS GOVERNANCE",
        Warning::Futile { .. } => "WOULD BE REFUSED",
    }
}

fn meaning(call: &Call, action: &Action, names: &Names) -> String {
    let target = names.of(call.target);
    match action {
        Action::Finalise { release } => format!("On {target}, record release {release}."),
        Action::FinaliseBatch { releases } => {
            format!("On {target}, record {} releases.", releases.len())
        }
        Action::Genesis { release } => {
            format!("On {target}, complete the genesis with release {release}.")
        }
        Action::Post { release, .. } => {
            format!("On {target}, log one unchecked signature for release {release}.")
        }
        Action::ProveEquivocation { release } => format!(
            "On {target}, prove that one builder signed two images for release {release}, which revokes its key."
        ),
        Action::SetRules { rules, code_hash } => format!(
            "On {target}, put the rules at {} with code hash {code_hash} in force for future releases.",
            names.of(*rules)
        ),
        Action::ConfirmRevocation { subject } => format!(
            "On {target}, confirm the dispute about {}, so that the releases it concerns stay tainted.",
            names.of(*subject)
        ),
        Action::Revoke { subject } => format!(
            "On {target}, revoke {} for ever, from the next release on.",
            names.of(*subject)
        ),
        Action::RevokeRetroactively {
            subject,
            from_sequence,
        } => format!(
            "On {target}, revoke {} for ever and dispute its signatures from release number {from_sequence} on.",
            names.of(*subject)
        ),
        Action::Pause { duration: seconds } => format!(
            "On {target}, stop new releases for {}.",
            duration(U256::from(*seconds))
        ),
        Action::Schedule { operation, delay } => format!(
            "On {target}, schedule operation {} ({}) to be executed no sooner than {} later{}.",
            operation.id(),
            calls(operation),
            duration(*delay),
            ordered(operation)
        ),
        Action::Execute { operation } => format!(
            "On {target}, execute operation {} ({}) now{}.",
            operation.id(),
            calls(operation),
            ordered(operation)
        ),
        Action::Cancel { id } => format!("On {target}, cancel operation {id}."),
        Action::UpdateDelay { delay } => format!(
            "On {target}, change the least delay to {}.",
            duration(*delay)
        ),
        Action::GrantRole { role, account } => {
            format!("On {target}, give the {role} to {}.", names.of(*account))
        }
        Action::RevokeRole { role, account } => {
            format!("On {target}, take the {role} from {}.", names.of(*account))
        }
        Action::RenounceRole { role, account } => {
            format!("On {target}, give up the {role} of {}.", names.of(*account))
        }
        _ => of_safe(call, action, names, &target),
    }
}

fn of_safe(call: &Call, action: &Action, names: &Names, target: &str) -> String {
    match action {
        Action::SafeTransaction { call: inner, .. } => format!(
            "As {target}, {} {}.",
            if inner.operation == 1 {
                "DELEGATECALL"
            } else {
                "call"
            },
            names.of(inner.target)
        ),
        Action::AddOwner { owner, threshold } => format!(
            "On {target}, add the owner {} and let {threshold} signatures suffice.",
            names.of(*owner)
        ),
        Action::RemoveOwner {
            owner, threshold, ..
        } => format!(
            "On {target}, remove the owner {} and let {threshold} signatures suffice.",
            names.of(*owner)
        ),
        Action::SwapOwner { old, new, .. } => format!(
            "On {target}, replace the owner {} by {}.",
            names.of(*old),
            names.of(*new)
        ),
        Action::ChangeThreshold { threshold } => {
            format!("On {target}, let {threshold} signatures suffice.")
        }
        Action::SetGuard { guard } => {
            format!(
                "On {target}, set the transaction guard {}.",
                names.of(*guard)
            )
        }
        Action::SetModuleGuard { guard } => {
            format!("On {target}, set the module guard {}.", names.of(*guard))
        }
        Action::EnableModule { module } => {
            format!("On {target}, enable the module {}.", names.of(*module))
        }
        Action::DisableModule { module, .. } => {
            format!("On {target}, disable the module {}.", names.of(*module))
        }
        Action::SetFallbackHandler { handler } => format!(
            "On {target}, set the fallback handler {}.",
            names.of(*handler)
        ),
        Action::ApproveHash { hash } => format!("On {target}, approve the hash {hash}."),
        Action::MultiSend { calls } => format!(
            "With the code of {target}, make {} calls one after the other.",
            calls.len()
        ),
        Action::Empty => format!("Call {target} with {} wei and no data.", call.value),
        _ if call.operation == 1 => format!(
            "Run the code of {target} as the caller itself, with {}.",
            excerpt(&call.data)
        ),
        _ => format!(
            "Call {target} with {} wei and {}.",
            call.value,
            excerpt(&call.data)
        ),
    }
}

fn calls(operation: &Operation) -> String {
    match operation.calls.len() {
        1 => "1 call".to_owned(),
        count => format!("{count} calls"),
    }
}

fn ordered(operation: &Operation) -> String {
    let mut text = String::new();
    if !operation.predecessor.is_zero() {
        text = format!(", after operation {}", operation.predecessor);
    }
    if !operation.salt.is_zero() {
        text = format!("{text}, salt {}", operation.salt);
    }
    text
}

fn excerpt(data: &Bytes) -> String {
    let shown = data.get(..SHOWN_DATA.min(data.len())).unwrap_or_default();
    let more = if data.len() > SHOWN_DATA { "..." } else { "" };
    format!(
        "{} bytes of data 0x{}{more}",
        data.len(),
        hex::encode(shown)
    )
}
