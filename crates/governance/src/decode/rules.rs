use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, U256};
use seed_primitives::write_address;
use seed_proof::{Rules, largest_disjoint};

use super::{FederationNames, Names, Warning};

/// Rules with the names of their builders, to be shown and compared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NamedRules {
    /// Where they are.
    pub address: Address,
    /// Their configuration, every constructor check repeated.
    pub rules: Rules,
    names: BTreeMap<Address, String>,
    domains: BTreeMap<Address, BTreeSet<String>>,
    /// Whether a federation file with the hash in the rules was given.
    pub file_given: bool,
}

impl NamedRules {
    /// Names the builders of `rules` from the federation file among `files` that they name by hash, and from
    /// `names` where there is none.
    #[must_use]
    pub fn new(address: Address, rules: Rules, names: &Names, files: &[FederationNames]) -> Self {
        let file = files.iter().find(|file| file.digest == rules.federation());
        let (mut all, mut domains) = (BTreeMap::new(), BTreeMap::new());
        for builder in rules.builders() {
            let key = builder.builder.address();
            let known = file.and_then(|file| file.builders.get(&key));
            if let Some(named) = known {
                domains.insert(key, named.domains.clone());
            }
            let name = known.map(|named| named.name.clone());
            if let Some(name) = name.or_else(|| names.known(key)) {
                all.insert(key, name);
            }
        }
        Self {
            address,
            names: all,
            domains,
            file_given: file.is_some(),
            rules,
        }
    }

    /// A builder's name and address.
    #[must_use]
    pub fn builder(&self, key: Address) -> String {
        let whole = write_address(&key);
        match self.names.get(&key) {
            Some(name) => format!("{name} {whole}"),
            None => format!("unknown address {whole}"),
        }
    }

    /// The names of the builders in a bitmap of indices.
    #[must_use]
    pub fn in_bitmap(&self, bits: u32) -> String {
        if bits == 0 {
            return "none".to_owned();
        }
        let listed = self.rules.builders().iter().enumerate();
        let mut named: Vec<_> = listed
            .filter(|(index, _)| bits >> index & 1 == 1)
            .map(|(_, one)| self.builder(one.builder.address()))
            .collect();
        let beyond = self.rules.builders().len()..32;
        let others = beyond.filter(|index| bits >> index & 1 == 1).count();
        if others > 0 {
            named.push(format!("{others} bits without a builder"));
        }
        named.join(", ")
    }

    /// One line: threshold, builders and systems.
    #[must_use]
    pub fn summary(&self) -> String {
        format!(
            "{} of {} builders for {} systems, federation {}{}",
            self.rules.threshold(),
            self.rules.builders().len(),
            self.rules.systems().len(),
            self.rules.federation(),
            if self.file_given {
                ""
            } else {
                " (its file was not given: failure domains have no names)"
            }
        )
    }

    /// What changes from `old` to these, a line each; empty when nothing does.
    #[must_use]
    pub fn difference(&self, old: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        let (before, after) = (&old.rules, &self.rules);
        if before.threshold() != after.threshold() {
            lines.push(format!(
                "threshold {} -> {}",
                before.threshold(),
                after.threshold()
            ));
        }
        for system in after.systems() {
            if before.position_of(system).is_none() {
                lines.push(format!("system added: {system}"));
            }
        }
        for system in before.systems() {
            if after.position_of(system).is_none() {
                lines.push(format!("system removed: {system}"));
            }
        }
        for one in after.builders() {
            let name = self.builder(one.builder.address());
            match before.index_of(&one.builder) {
                None => lines.push(format!(
                    "builder added: {name} for {}",
                    self.systems(one.systems)
                )),
                Some(index) => lines.extend(self.changed(one, old, index, &name)),
            }
        }
        for one in before.builders() {
            if after.index_of(&one.builder).is_none() {
                lines.push(format!(
                    "builder removed: {}",
                    old.builder(one.builder.address())
                ));
            }
        }
        if before.logic_hash() != after.logic_hash() {
            lines.push(format!(
                "logic {} -> {}",
                before.logic_hash(),
                after.logic_hash()
            ));
        }
        lines
    }

    fn changed(
        &self,
        one: &seed_proof::RulesBuilder,
        old: &Self,
        index: usize,
        name: &str,
    ) -> Vec<String> {
        let mut lines = Vec::new();
        let Some(was) = old.rules.builders().get(index) else {
            return lines;
        };
        let (before, after) = (old.systems(was.systems), self.systems(one.systems));
        if before != after {
            lines.push(format!("builder {name}: systems {before} -> {after}"));
        }
        let key = one.builder.address();
        if let (Some(before), Some(after)) = (old.domains.get(&key), self.domains.get(&key)) {
            let gone = before.difference(after);
            lines.extend(gone.map(|domain| format!("builder {name}: no longer in {domain}")));
            let new = after.difference(before);
            lines.extend(new.map(|domain| format!("builder {name}: now in {domain}")));
            return lines;
        }
        // The low 32 bits are its own index; the rest are failure domains, numbered per federation file.
        let (before, after): (U256, U256) = (was.domains >> 32, one.domains >> 32);
        if before != after {
            lines.push(format!(
                "builder {name}: failure domain bits {before:#x} -> {after:#x}"
            ));
        }
        lines
    }

    fn systems(&self, mask: u64) -> String {
        let all = self.rules.systems().iter().enumerate();
        let named: Vec<_> = all
            .filter(|(index, _)| mask >> index & 1 == 1)
            .map(|(_, system)| system.to_string())
            .collect();
        named.join(" ")
    }

    /// What must not be overlooked when these take the place of `old`, with `revoked` builders among them.
    #[must_use]
    pub fn warnings(&self, old: Option<&Self>, revoked: u32, names: &Names) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let known = seed_chain::logic_hash();
        if self.rules.logic_hash() != known {
            warnings.push(Warning::UnknownLogic {
                found: self.rules.logic_hash(),
                known,
            });
        }
        if let Some(old) = old.filter(|old| old.rules.threshold() > self.rules.threshold()) {
            warnings.push(Warning::Weaker {
                what: format!(
                    "{} independent builders would suffice instead of {}",
                    self.rules.threshold(),
                    old.rules.threshold()
                ),
            });
        }
        for one in self.rules.builders() {
            let key = one.builder.address();
            if names.is_owner(key) {
                warnings.push(Warning::Weaker {
                    what: format!(
                        "{} would hold a builder's key beside a governance key",
                        names.of(key)
                    ),
                });
            }
        }
        warnings.extend(self.stuck(revoked));
        warnings
    }

    /// The systems for which no quorum is possible.
    fn stuck(&self, revoked: u32) -> Option<Warning> {
        let mut stuck = Vec::new();
        for (index, system) in self.rules.systems().iter().enumerate() {
            let builders = self.rules.builders().iter().enumerate();
            let domains: Vec<U256> = builders
                .filter(|(at, one)| one.systems >> index & 1 == 1 && revoked >> at & 1 == 0)
                .map(|(_, one)| one.domains)
                .collect();
            let most = largest_disjoint(&domains).len();
            if most < usize::from(self.rules.threshold()) {
                stuck.push(format!("{system} ({most} independent builders)"));
            }
        }
        (!stuck.is_empty()).then(|| Warning::Weaker {
            what: format!(
                "nothing could be released any more for {}, where {} must agree",
                stuck.join(", "),
                self.rules.threshold()
            ),
        })
    }
}
