use alloy::sol_types::SolInterface;
use alloy_primitives::{Address, B256, Bytes, Selector, U256};

use super::{
    Action, Call, Kind, Operation, Role,
    abi::{Ledger, MultiSend, Safe, Timelock},
};

/// Why bytes have no meaning although their function is known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Unread {
    Malformed(String),
    TooComplex(&'static str),
}

/// The most calls in one batch.
const MAX_BATCH: usize = 64;

/// Reads the data of a call to a contract of this kind; for a target of unknown kind, of any kind.
pub(crate) fn read(kind: Option<Kind>, data: &Bytes) -> Result<Action, Unread> {
    if data.is_empty() {
        return Ok(Action::Empty);
    }
    let Some(selector) = data.first_chunk::<4>().map(|four| Selector::new(*four)) else {
        return Ok(Action::Unknown { selector: None });
    };
    let may_be = |one| kind.is_none() || kind == Some(one);
    if may_be(Kind::Ledger) && Ledger::LedgerCalls::valid_selector(selector.0) {
        return Ok(ledger(strict(data)?));
    }
    if may_be(Kind::Timelock) && Timelock::TimelockCalls::valid_selector(selector.0) {
        return timelock(strict(data)?);
    }
    if may_be(Kind::Safe) && Safe::SafeCalls::valid_selector(selector.0) {
        return safe(strict(data)?);
    }
    if kind.is_none() && MultiSend::MultiSendCalls::valid_selector(selector.0) {
        let MultiSend::MultiSendCalls::multiSend(call) = strict(data)?;
        return multi_send(&call.transactions).map(|calls| Action::MultiSend { calls });
    }
    Ok(Action::Unknown {
        selector: Some(selector),
    })
}

/// Reads the data of a delegatecall: whatever a function does elsewhere, here it does it to the caller. Only bundles of
/// calls have a meaning of their own.
pub(crate) fn read_library(data: &Bytes) -> Result<Action, Unread> {
    match read(None, data)? {
        bundle @ Action::MultiSend { .. } => Ok(bundle),
        _ => Ok(Action::Unknown {
            selector: data.first_chunk::<4>().map(|four| Selector::new(*four)),
        }),
    }
}

/// Decodes the one encoding a function call has: encoding the result again must give the same bytes. Offsets that
/// overlap, padding that is not zero and trailing bytes are all accepted by contracts and refused here.
fn strict<I: SolInterface>(data: &Bytes) -> Result<I, Unread> {
    let call = I::abi_decode(data).map_err(|error| Unread::Malformed(error.to_string()))?;
    let again = call.abi_encode();
    if again == data.as_ref() {
        return Ok(call);
    }
    let place = again.iter().zip(data.iter()).take_while(|(a, b)| a == b);
    Err(Unread::Malformed(format!(
        "the data is not the plain encoding of its arguments: it differs at byte {} of {}, expected {} bytes",
        place.count(),
        data.len(),
        again.len()
    )))
}

fn ledger(call: Ledger::LedgerCalls) -> Action {
    use Ledger::LedgerCalls as Calls;
    match call {
        Calls::finalise(call) => Action::Finalise {
            release: call.release,
        },
        Calls::finaliseBatch(call) => Action::FinaliseBatch {
            releases: call.batch.iter().map(|one| one.release).collect(),
        },
        Calls::genesis(call) => Action::Genesis {
            release: call.release,
        },
        Calls::post(call) => Action::Post {
            release: call.release,
            rules: call.rules,
        },
        Calls::proveEquivocation(call) => Action::ProveEquivocation {
            release: call.release,
        },
        Calls::setRules(call) => Action::SetRules {
            rules: call.rules,
            code_hash: call.codeHash,
        },
        Calls::confirmRevocation(call) => Action::ConfirmRevocation {
            subject: call.subject,
        },
        Calls::revoke(call) => Action::Revoke {
            subject: call.subject,
        },
        Calls::revokeRetroactively(call) => Action::RevokeRetroactively {
            subject: call.subject,
            from_sequence: call.fromSequence,
        },
        Calls::pause(call) => Action::Pause {
            duration: call.duration,
        },
    }
}

fn timelock(call: Timelock::TimelockCalls) -> Result<Action, Unread> {
    use Timelock::TimelockCalls as Calls;
    Ok(match call {
        Calls::schedule(call) => Action::Schedule {
            operation: single(
                call.target,
                call.value,
                call.data,
                call.predecessor,
                call.salt,
            ),
            delay: call.delay,
        },
        Calls::execute(call) => Action::Execute {
            operation: single(
                call.target,
                call.value,
                call.payload,
                call.predecessor,
                call.salt,
            ),
        },
        Calls::scheduleBatch(call) => Action::Schedule {
            operation: batch(
                call.targets,
                call.values,
                call.payloads,
                call.predecessor,
                call.salt,
            )?,
            delay: call.delay,
        },
        Calls::executeBatch(call) => Action::Execute {
            operation: batch(
                call.targets,
                call.values,
                call.payloads,
                call.predecessor,
                call.salt,
            )?,
        },
        Calls::cancel(call) => Action::Cancel { id: call.id },
        Calls::updateDelay(call) => Action::UpdateDelay {
            delay: call.newDelay,
        },
        Calls::grantRole(call) => Action::GrantRole {
            role: Role::of(call.role),
            account: call.account,
        },
        Calls::revokeRole(call) => Action::RevokeRole {
            role: Role::of(call.role),
            account: call.account,
        },
        Calls::renounceRole(call) => Action::RenounceRole {
            role: Role::of(call.role),
            account: call.callerConfirmation,
        },
    })
}

fn single(target: Address, value: U256, data: Bytes, predecessor: B256, salt: B256) -> Operation {
    Operation {
        calls: vec![Call {
            value,
            ..Call::to(target, data)
        }],
        predecessor,
        salt,
        batch: false,
    }
}

fn batch(
    targets: Vec<Address>,
    values: Vec<U256>,
    data: Vec<Bytes>,
    predecessor: B256,
    salt: B256,
) -> Result<Operation, Unread> {
    if targets.len() != values.len() || targets.len() != data.len() {
        return Err(Unread::Malformed(format!(
            "a batch of {} targets, {} values and {} payloads",
            targets.len(),
            values.len(),
            data.len()
        )));
    }
    if targets.len() > MAX_BATCH {
        return Err(Unread::TooComplex("64 calls in one batch"));
    }
    let calls = targets.into_iter().zip(values).zip(data);
    Ok(Operation {
        calls: calls
            .map(|((target, value), data)| Call {
                value,
                ..Call::to(target, data)
            })
            .collect(),
        predecessor,
        salt,
        batch: true,
    })
}

fn safe(call: Safe::SafeCalls) -> Result<Action, Unread> {
    use Safe::SafeCalls as Calls;
    Ok(match call {
        Calls::execTransaction(call) => {
            if call.operation > 1 {
                return Err(Unread::Malformed(format!(
                    "operation {} of a Safe transaction is neither call nor delegatecall",
                    call.operation
                )));
            }
            Action::SafeTransaction {
                unpaid: call.gasPrice.is_zero()
                    && call.gasToken.is_zero()
                    && call.refundReceiver.is_zero(),
                call: Call {
                    target: call.to,
                    value: call.value,
                    data: call.data,
                    operation: call.operation,
                },
            }
        }
        Calls::addOwnerWithThreshold(call) => Action::AddOwner {
            owner: call.owner,
            threshold: call.threshold,
        },
        Calls::removeOwner(call) => Action::RemoveOwner {
            previous: call.previous,
            owner: call.owner,
            threshold: call.threshold,
        },
        Calls::swapOwner(call) => Action::SwapOwner {
            previous: call.previous,
            old: call.oldOwner,
            new: call.newOwner,
        },
        Calls::changeThreshold(call) => Action::ChangeThreshold {
            threshold: call.threshold,
        },
        Calls::setGuard(call) => Action::SetGuard { guard: call.guard },
        Calls::setModuleGuard(call) => Action::SetModuleGuard { guard: call.guard },
        Calls::enableModule(call) => Action::EnableModule {
            module: call.module,
        },
        Calls::disableModule(call) => Action::DisableModule {
            previous: call.previous,
            module: call.module,
        },
        Calls::setFallbackHandler(call) => Action::SetFallbackHandler {
            handler: call.handler,
        },
        Calls::approveHash(call) => Action::ApproveHash { hash: call.hash },
    })
}

/// The packed calls of a `multiSend`, each `u8 operation ‖ address ‖ u256 value ‖ u256 length ‖ data`.
fn multi_send(packed: &Bytes) -> Result<Vec<Call>, Unread> {
    let cut = || Unread::Malformed("the packed calls end within a call".to_owned());
    let mut calls = Vec::new();
    let mut rest = packed.as_ref();
    while !rest.is_empty() {
        let (head, after) = rest.split_first_chunk::<85>().ok_or_else(cut)?;
        let (head, length) = head.split_at(53);
        let length = usize::try_from(U256::from_be_slice(length)).map_err(|_| cut())?;
        let data = after.get(..length).ok_or_else(cut)?;
        let (operation, head) = head.split_at(1);
        let (target, value) = head.split_at(20);
        calls.push(Call {
            operation: operation.first().copied().unwrap_or(u8::MAX),
            target: Address::from_slice(target),
            value: U256::from_be_slice(value),
            data: Bytes::copy_from_slice(data),
        });
        if calls.len() > MAX_BATCH {
            return Err(Unread::TooComplex("64 calls in one batch"));
        }
        rest = after.get(length..).unwrap_or_default();
    }
    Ok(calls)
}
