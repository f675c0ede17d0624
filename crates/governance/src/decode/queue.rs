use std::collections::{BTreeMap, BTreeSet};

use alloy::sol_types::SolEvent as _;
use alloy_primitives::{Address, B256, Log, U256};
use seed_chain::{ChainError, Endpoint};
use seed_proof::{ControlWord, Rules, slots};

use super::{
    Action, Allowed, Call, Decoded, FederationNames, NamedRules, Names, Operation, ReviewFault,
    Warning, abi::Timelock,
};
use crate::simulate::{Halt, Live, Machine, State, timestamp};

/// The most blocks that one question covers at first; halved for endpoints that serve fewer.
const WINDOW: u64 = 10_000;
/// The fewest.
const LEAST_WINDOW: u64 = 100;
/// The most questions to one endpoint.
const MAX_QUESTIONS: usize = 20_000;
/// The most events that are read of one endpoint.
const MAX_EVENTS: usize = 20_000;

/// An operation that waits in the timelock.
#[derive(Clone, Debug, PartialEq)]
pub struct Queued {
    /// Its identifier.
    pub id: B256,
    /// When it may be executed, Unix seconds: proven.
    pub ready: U256,
    /// Its calls.
    pub operation: Operation,
    /// Their meaning, as made by the timelock.
    pub decoded: Vec<Decoded>,
    /// What the rules it puts in force change, a line each.
    pub difference: Vec<String>,
    /// What must not be overlooked about those rules.
    pub warnings: Vec<Warning>,
}

/// What waits in a timelock.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// The block that it was read at.
    pub block: u64,
    /// The hash of that block.
    pub block_hash: B256,
    /// The time of that block, Unix seconds.
    pub time: u64,
    /// The operations, the one that is ready first first.
    pub operations: Vec<Queued>,
    /// How many endpoints were asked: one that is honest among them is enough to see everything.
    pub endpoints: usize,
    /// What an endpoint showed and cannot be true.
    pub lies: Vec<String>,
}

impl Queue {
    /// Reads the queue of `timelock` from the events since block `from` and the proven state of the newest block.
    ///
    /// What endpoints show is put together: an operation's identifier is the hash of its calls, so that nothing can be
    /// invented, and what one endpoint hides another shows. Whether it waits, and until when, is proven.
    ///
    /// # Errors
    /// [`ReviewFault`] when an endpoint does not answer, or an operation waits whose calls none shows.
    pub async fn read(
        live: &Live,
        timelock: Address,
        from: u64,
        names: &Names,
        files: &[FederationNames],
    ) -> Result<Self, ReviewFault> {
        let mut seen = Seen::default();
        for endpoint in live.endpoints() {
            let logs = events(endpoint, timelock, from, live.block()).await?;
            seen.add(&endpoint.place(), &logs);
        }
        let mut state = live.state()?;
        let all: Vec<B256> = seen.mentioned.iter().copied().collect();
        let ask = |state: &State| pending(state, timelock, &all);
        let waiting = live.complete(&mut state, ask).await??;
        let mut operations = Vec::new();
        for (id, ready) in waiting {
            let operation = seen.operations.get(&id).cloned();
            let operation =
                operation.ok_or_else(|| ReviewFault::QueueIncomplete { id: id.to_string() })?;
            let judge = |state: &State| judge(state, timelock, id, ready, &operation, names, files);
            operations.push(live.complete(&mut state, judge).await??);
        }
        operations.sort_by_key(|one| (one.ready, one.id));
        Ok(Self {
            block: state.header().number(),
            block_hash: state.header().hash(),
            time: state.header().timestamp(),
            operations,
            endpoints: live.endpoints().len(),
            lies: seen.lies,
        })
    }
}

impl Queue {
    /// The first warning that stays a refusal with these things let through.
    #[must_use]
    pub fn refusal(&self, allowed: Allowed) -> Option<&Warning> {
        let operations = self.operations.iter();
        let mut all = operations.flat_map(|one| {
            let calls = one.decoded.iter();
            let calls = calls.filter_map(|call| call.refusal(allowed));
            let rules = one.warnings.iter();
            calls.chain(rules.filter(|warning| warning.refuses(allowed)))
        });
        all.next()
    }
}

/// What the events of all endpoints add up to.
#[derive(Debug, Default)]
struct Seen {
    /// Every identifier in any event.
    mentioned: BTreeSet<B256>,
    /// Those whose calls hash to them.
    operations: BTreeMap<B256, Operation>,
    lies: Vec<String>,
}

#[derive(Debug, Default)]
struct Parts {
    calls: BTreeMap<U256, (Call, B256)>,
    salt: B256,
}

impl Seen {
    fn add(&mut self, place: &str, logs: &[Log]) {
        let mut parts: BTreeMap<B256, Parts> = BTreeMap::new();
        for log in logs {
            if let Ok(event) = Timelock::CallScheduled::decode_log(log) {
                let call = Call {
                    value: event.value,
                    ..Call::to(event.target, event.data.data.clone())
                };
                let part = parts.entry(event.id).or_default();
                part.calls.insert(event.index, (call, event.predecessor));
            } else if let Ok(event) = Timelock::CallSalt::decode_log(log) {
                parts.entry(event.id).or_default().salt = event.salt;
            }
        }
        for (id, part) in parts {
            self.mentioned.insert(id);
            match part.operation(id) {
                Some(operation) => {
                    self.operations.insert(id, operation);
                }
                None => self.lies.push(format!(
                    "endpoint {} shows calls of operation {id} that do not hash to it",
                    crate::output::shown(place)
                )),
            }
        }
    }
}

impl Parts {
    /// The operation with this identifier, if these are all its parts.
    fn operation(self, id: B256) -> Option<Operation> {
        let predecessor = self.calls.values().map(|(_, one)| *one).next();
        let one = Operation {
            calls: self.calls.into_values().map(|(call, _)| call).collect(),
            predecessor: predecessor.unwrap_or_default(),
            salt: self.salt,
            batch: false,
        };
        let batch = Operation {
            batch: true,
            ..one.clone()
        };
        [one, batch].into_iter().find(|one| one.id() == id)
    }
}

/// The events that announce operations, asked for in windows of blocks.
async fn events(
    endpoint: &Endpoint,
    timelock: Address,
    from: u64,
    to: u64,
) -> Result<Vec<Log>, ReviewFault> {
    let kinds = [
        Timelock::CallScheduled::SIGNATURE_HASH,
        Timelock::CallSalt::SIGNATURE_HASH,
    ];
    let mut logs = Vec::new();
    let (mut next, mut window) = (from, WINDOW);
    for _ in 0..MAX_QUESTIONS {
        if next > to {
            return Ok(logs);
        }
        let last = next.saturating_add(window - 1).min(to);
        let left = MAX_EVENTS.saturating_sub(logs.len());
        match endpoint.logs(timelock, &kinds, (next, last), left).await {
            Ok(found) => {
                logs.extend(found);
                next = last.saturating_add(1);
            }
            // Too wide for this one, perhaps.
            Err(ChainError::Refused { .. }) if window > LEAST_WINDOW => window /= 2,
            Err(error) => return Err(error.into()),
        }
    }
    Err(ReviewFault::QueueIncomplete {
        id: format!("(any after block {next})"),
    })
}

/// Those that wait, with the time from which on they may be executed.
fn pending(state: &State, timelock: Address, ids: &[B256]) -> Result<Vec<(B256, U256)>, Halt> {
    let mut machine = Machine::new(state);
    let mut waiting = Vec::new();
    for id in ids {
        let ready = machine.slot(timelock, timestamp(*id))?;
        // 0: cancelled, or never was; 1: done.
        if ready > U256::from(1) {
            waiting.push((*id, ready));
        }
    }
    Ok(waiting)
}

fn judge(
    state: &State,
    timelock: Address,
    id: B256,
    ready: U256,
    operation: &Operation,
    names: &Names,
    files: &[FederationNames],
) -> Result<Queued, Halt> {
    let calls = operation.calls.iter().cloned();
    let decoded: Vec<_> = calls
        .map(|call| Decoded::new(call, Some(timelock), names))
        .collect();
    let mut queued = Queued {
        id,
        ready,
        operation: operation.clone(),
        decoded,
        difference: Vec::new(),
        warnings: Vec::new(),
    };
    let mut machine = Machine::new(state);
    for call in queued.decoded.clone() {
        if let Some(Action::SetRules { rules, code_hash }) = call.action {
            let ledger = call.call.target;
            compare(
                &mut machine,
                ledger,
                rules,
                code_hash,
                names,
                files,
                &mut queued,
            )?;
        }
    }
    Ok(queued)
}

/// Compares rules that are to come with those in force.
fn compare(
    machine: &mut Machine<'_>,
    ledger: Address,
    address: Address,
    code_hash: B256,
    names: &Names,
    files: &[FederationNames],
    queued: &mut Queued,
) -> Result<(), Halt> {
    let code = machine.code(address)?;
    let found = alloy_primitives::keccak256(&code);
    if found != code_hash {
        queued.difference.push(format!(
            "the code at {} has hash {found}: the ledger will refuse it",
            names.of(address)
        ));
        return Ok(());
    }
    let new = match Rules::parse(&code) {
        Ok(rules) => NamedRules::new(address, rules, names, files),
        Err(error) => {
            queued.warnings.push(Warning::BadRules {
                why: error.to_string(),
            });
            return Ok(());
        }
    };
    let control = ControlWord::from_word(machine.slot(ledger, slots::CONTROL.into())?);
    let old = Rules::parse(&machine.code(control.rules)?).ok();
    let old = old.map(|rules| NamedRules::new(control.rules, rules, names, files));
    let mut revoked = 0;
    for (index, one) in new.rules.builders().iter().enumerate() {
        let slot = slots::revocation(one.builder.address());
        if !machine.slot(ledger, slot.into())?.is_zero() {
            revoked |= 1_u32 << index;
        }
    }
    queued
        .difference
        .push(format!("new rules: {}", new.summary()));
    if let Some(old) = &old {
        queued.difference.extend(new.difference(old));
    }
    queued
        .warnings
        .extend(new.warnings(old.as_ref(), revoked, names));
    Ok(())
}
