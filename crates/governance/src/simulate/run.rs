use alloy::sol_types::SolValue as _;
use alloy_primitives::{Address, B256, Bytes, U256};
use seed_proof::{ControlWord, Rules, slots};

use super::{
    Change, Halt, Objection, Outcome, State, Step,
    change::describe,
    events::event,
    expected::{Expected, expected},
    machine::{Done, Machine, Stop},
    place::{Place, timestamp},
    reason::reason,
};
use crate::decode::{
    Action, Call, Decoded, FederationNames, NamedRules, Names, Operation, Subject,
};

/// What to simulate, and what is known beside the state.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The change.
    pub subject: Subject,
    /// Who is who.
    pub names: Names,
    /// The Safe's signatures, in the order of their owners. Without them the simulation pretends that as many owners
    /// as must sign have approved the transaction's hash on the chain; the Safe's own code still counts them.
    pub signatures: Option<Bytes>,
    /// Who sends the transactions; `None` for an account that nobody has.
    pub sender: Option<Address>,
    /// The hash of the ledger's code, which is compared.
    pub ledger_code_hash: Option<B256>,
    /// The contract that the Safes must run the code of.
    pub singleton: Option<Address>,
    /// Federation files, for the names in rules.
    pub federations: Vec<FederationNames>,
}

impl Plan {
    /// Runs the change on the state: the transaction itself, then, for every operation it schedules, the execution
    /// when its time has come.
    ///
    /// Pure: the same plan on the same state always has the same outcome.
    ///
    /// # Errors
    /// [`Halt`], among them [`Halt::Missing`] for state that has to be added first.
    pub fn run(&self, state: &State) -> Result<Outcome, Halt> {
        let mut run = Run {
            plan: self,
            machine: Machine::new(state),
            time: state.header().timestamp().saturating_add(1),
            steps: Vec::new(),
            objections: Vec::new(),
        };
        run.check_contracts()?;
        let before = run.rules()?;
        let decoded = self.subject.decode(&self.names);
        run.first(&decoded)?;
        for operation in scheduled(&decoded) {
            run.later(operation)?;
        }
        let after = run.rules()?;
        let warnings = match (&before, &after) {
            (_, None) => Vec::new(),
            (Some(old), Some(new)) if old.0.rules == new.0.rules => Vec::new(),
            (old, Some((new, revoked))) => {
                new.warnings(old.as_ref().map(|(rules, _)| rules), *revoked, &self.names)
            }
        };
        run.objections
            .extend(warnings.into_iter().map(Objection::Rules));
        Ok(Outcome {
            chain_id: state.chain_id(),
            block: state.header().number(),
            block_hash: state.header().hash(),
            block_time: state.header().timestamp(),
            pretended: matches!(self.subject, Subject::Safe(_)) && self.signatures.is_none(),
            decoded,
            steps: run.steps,
            objections: run.objections,
            rules_before: before.map(|(rules, _)| rules),
            rules_after: after.map(|(rules, _)| rules),
        })
    }
}

pub(super) struct Run<'a> {
    pub(super) plan: &'a Plan,
    pub(super) machine: Machine<'a>,
    pub(super) time: u64,
    steps: Vec<Step>,
    objections: Vec<Objection>,
}

impl Run<'_> {
    /// The contracts must be what the deployment says, or nothing that they do means anything.
    fn check_contracts(&mut self) -> Result<(), Halt> {
        let names = &self.plan.names;
        if let (Some(ledger), Some(expected)) = (names.ledger(), self.plan.ledger_code_hash) {
            let found = alloy_primitives::keccak256(self.machine.code(ledger)?);
            if found != expected {
                return Err(Halt::Contract {
                    contract: names.of(ledger),
                    found: format!("code with hash {found}"),
                    expected: format!("code with hash {expected}"),
                });
            }
        }
        let (Subject::Safe(transaction), Some(expected)) =
            (&self.plan.subject, self.plan.singleton)
        else {
            return Ok(());
        };
        let found = self.machine.slot(transaction.safe, U256::ZERO)?;
        if found != U256::from_be_bytes(expected.into_word().0) {
            return Err(Halt::Contract {
                contract: names.of(transaction.safe),
                found: format!("a proxy for {found:#x}"),
                expected: format!("a proxy for {expected}"),
            });
        }
        Ok(())
    }

    /// The rules in force and the revoked among their builders; `None` without a ledger.
    fn rules(&mut self) -> Result<Option<(NamedRules, u32)>, Halt> {
        let plan = self.plan;
        let Some(ledger) = plan.names.ledger() else {
            return Ok(None);
        };
        let word = self.machine.slot(ledger, slots::CONTROL.into())?;
        let control = ControlWord::from_word(word);
        let code = self.machine.code(control.rules)?;
        let rules = match Rules::parse(&code) {
            Ok(rules) => rules,
            Err(error) => {
                let why = error.to_string();
                if !self
                    .objections
                    .iter()
                    .any(|one| matches!(one, Objection::BadRules { .. }))
                {
                    self.objections.push(Objection::BadRules {
                        rules: plan.names.of(control.rules),
                        why,
                    });
                }
                return Ok(None);
            }
        };
        let mut bits = 0;
        for (index, one) in rules.builders().iter().enumerate() {
            let slot = slots::revocation(one.builder.address());
            if !self.machine.slot(ledger, slot.into())?.is_zero() {
                bits |= 1_u32 << index;
            }
        }
        let slot = slots::revocation(control.rules);
        let rules_revoked = !self.machine.slot(ledger, slot.into())?.is_zero();
        let expected = if rules_revoked { u32::MAX } else { bits };
        if control.revoked != expected {
            self.objections.push(Objection::Bitmap {
                found: control.revoked,
                expected,
            });
        }
        let named = NamedRules::new(control.rules, rules, &plan.names, &plan.federations);
        Ok(Some((named, bits)))
    }

    /// The change itself.
    fn first(&mut self, decoded: &Decoded) -> Result<(), Halt> {
        match &self.plan.subject {
            Subject::Safe(transaction) => {
                let call = transaction.exec(self.signatures(transaction)?);
                let sender = self.plan.sender.unwrap_or(self.machine.sender());
                let title = "the Safe transaction";
                let done = self.step(title, sender, &call, decoded)?;
                if done.output.as_ref() != U256::from(1).abi_encode() {
                    return Err(Halt::Reverted {
                        step: title.to_owned(),
                        reason: "the call inside failed and the Safe went on".to_owned(),
                    });
                }
            }
            Subject::Direct { from, call } => {
                if let Some(Action::Execute { operation }) = &decoded.action {
                    self.wait_for(call.target, operation)?;
                }
                let sender = from.or(self.plan.sender).unwrap_or(self.machine.sender());
                self.step("the call", sender, call, decoded)?;
            }
        }
        Ok(())
    }

    /// The execution of an operation that was scheduled, when its time has come.
    fn later(&mut self, (timelock, operation): (Address, &Operation)) -> Result<(), Halt> {
        self.wait_for(timelock, operation)?;
        let sender = self.plan.sender.unwrap_or(self.machine.sender());
        let call = Call::to(timelock, operation.execution());
        let decoded = Decoded::new(call.clone(), Some(sender), &self.plan.names);
        let title = format!("the execution of operation {}", operation.id());
        self.step(&title, sender, &call, &decoded)?;
        Ok(())
    }

    fn wait_for(&mut self, timelock: Address, operation: &Operation) -> Result<(), Halt> {
        let ready = self.machine.slot(timelock, timestamp(operation.id()))?;
        // 0 and 1 mean not scheduled and done: the timelock will say so itself.
        let ready = u64::try_from(ready).map_err(|_| Halt::Never)?;
        self.time = self.time.max(ready);
        Ok(())
    }

    /// Runs one transaction and compares what it changed with what it says.
    fn step(
        &mut self,
        title: &str,
        sender: Address,
        call: &Call,
        decoded: &Decoded,
    ) -> Result<Done, Halt> {
        let names = &self.plan.names;
        self.check_code(decoded)?;
        let sequence = self.sequence()?;
        let done = self
            .machine
            .transact(
                sender,
                call.target,
                call.value,
                call.data.clone(),
                self.time,
            )
            .map_err(|stop| halted(stop, title))?;
        let expected = expected(decoded, self.time);
        let mut changes = Vec::new();
        for ((contract, slot), (before, after)) in &done.storage {
            let kind = names.kind(*contract);
            let place = Place::of(kind, *slot, |slot| self.machine.preimage(slot));
            let admitted = expected
                .get(&(*contract, place))
                .is_some_and(|becomes| becomes.admits(*before, *after, self.time, sequence));
            let change = Change {
                contract: *contract,
                slot: *slot,
                place,
                before: *before,
                after: *after,
                expected: admitted,
                fields: Vec::new(),
            };
            if !admitted {
                self.objections.push(Objection::of(&change, names));
            }
            changes.push(change);
        }
        let unchanged = unchanged(&expected, &changes, names);
        for change in &mut changes {
            change.fields = describe(change, &mut self.machine, self.plan)?;
        }
        self.object(&done);
        self.steps.push(Step {
            title: title.to_owned(),
            time: self.time,
            gas: done.gas,
            sender,
            changes,
            unchanged,
            balances: done.balances.clone(),
            codes: done.codes.clone(),
            events: done.logs.iter().map(|log| event(log, names)).collect(),
        });
        Ok(done)
    }

    fn object(&mut self, done: &Done) {
        let names = &self.plan.names;
        let codes = done.codes.keys().map(|at| Objection::Code(names.of(*at)));
        let destroyed = done.destroyed.iter();
        let destroyed = destroyed.map(|at| Objection::Destroyed(names.of(*at)));
        let creators = done.creators.iter();
        let creators = creators.map(|at| Objection::Created(names.of(*at)));
        let balances = done.balances.keys();
        let balances = balances.map(|at| Objection::Balance(names.of(*at)));
        let all = codes.chain(destroyed).chain(creators).chain(balances);
        self.objections.extend(all);
    }

    /// A call to an account without code succeeds and does nothing.
    fn check_code(&mut self, decoded: &Decoded) -> Result<(), Halt> {
        if !decoded.call.data.is_empty() && self.machine.code(decoded.call.target)?.is_empty() {
            self.objections
                .push(Objection::NoCode(self.plan.names.of(decoded.call.target)));
        }
        if matches!(decoded.action, Some(Action::Schedule { .. })) {
            return Ok(());
        }
        for inner in &decoded.inner {
            self.check_code(inner)?;
        }
        Ok(())
    }

    fn sequence(&mut self) -> Result<u32, Halt> {
        let Some(ledger) = self.plan.names.ledger() else {
            return Ok(0);
        };
        let word = self.machine.slot(ledger, slots::CONTROL.into())?;
        Ok(ControlWord::from_word(word).sequence)
    }
}

/// What should change and does not. Links and counts of lists are left out: they follow from the rest.
fn unchanged(expected: &Expected, changes: &[Change], names: &Names) -> Vec<String> {
    let changed = |key: &(Address, Place)| {
        let mut all = changes.iter();
        all.any(|change| (change.contract, change.place) == *key)
    };
    let said = expected.iter().filter(|(_, becomes)| becomes.is_definite());
    said.filter(|(key, _)| !changed(key))
        .map(|((contract, place), _)| format!("{place} of {}", names.of(*contract)))
        .collect()
}

/// The operations that a tree schedules, outermost first, with their timelocks.
fn scheduled(decoded: &Decoded) -> Vec<(Address, &Operation)> {
    let all = decoded.walk("1").into_iter();
    all.filter_map(|(_, one)| match &one.action {
        Some(Action::Schedule { operation, .. }) => Some((one.call.target, operation)),
        _ => None,
    })
    .collect()
}

pub(super) fn halted(stop: Stop, step: &str) -> Halt {
    match stop {
        Stop::Missing(need) => Halt::Missing(need),
        Stop::Reverted(data) => Halt::Reverted {
            step: step.to_owned(),
            reason: reason(&data),
        },
        Stop::Halted(why) => Halt::Halted {
            step: step.to_owned(),
            why,
        },
    }
}
