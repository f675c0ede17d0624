use alloy_primitives::{Address, U256};
use seed_proof::{ControlWord, Rules};

use super::{
    Halt, Plan,
    machine::Machine,
    place::Place,
    words::{control, word},
};
use crate::decode::NamedRules;

/// One storage slot that a step changes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// The contract.
    pub contract: Address,
    /// The slot.
    pub slot: U256,
    /// What it holds.
    pub place: Place,
    /// The word before.
    pub before: U256,
    /// The word after.
    pub after: U256,
    /// Whether the operation says that this changes, and to this.
    pub expected: bool,
    /// The change in words: what, before, after.
    pub fields: Vec<Field>,
}

/// One thing that a change means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Field {
    /// What changes.
    pub name: String,
    /// What it was, in words.
    pub before: String,
    /// What it becomes, in words.
    pub after: String,
}

/// The change in words. The control word is taken apart, with the builders of the rules before and after.
pub(super) fn describe(
    change: &Change,
    machine: &mut Machine<'_>,
    plan: &Plan,
) -> Result<Vec<Field>, Halt> {
    let names = &plan.names;
    if change.place != Place::Control {
        return Ok(vec![Field {
            name: change.place.to_string(),
            before: word(&change.place, change.before, names),
            after: word(&change.place, change.after, names),
        }]);
    }
    let mut rules = Vec::new();
    for value in [change.before, change.after] {
        let address = ControlWord::from_word(value).rules;
        let parsed = Rules::parse(&machine.code(address)?).ok();
        rules.push(parsed.map(|rules| NamedRules::new(address, rules, names, &plan.federations)));
    }
    let [before, after] = [rules.first(), rules.last()].map(|one| one.and_then(Option::as_ref));
    let fields = control(change.before, change.after, names, [before, after]);
    Ok(fields
        .into_iter()
        .map(|(name, before, after)| Field {
            name: format!("{}.{name}", change.place),
            before,
            after,
        })
        .collect())
}
