use std::collections::BTreeMap;

use alloy_primitives::Address;
use seed_primitives::write_address;

use super::{Federation, blocs_of};
use crate::providers::{Providers, inherited};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Somebody should look at it.
    Warning,
    /// Nothing should be built from this file.
    Error,
}

/// Something about a federation that its form allows and sense does not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The stable code.
    pub code: &'static str,
    /// What, with names and values.
    pub what: String,
}

impl Finding {
    pub(crate) fn error(code: &'static str, what: String) -> Self {
        Self {
            severity: Severity::Error,
            code,
            what,
        }
    }

    pub(crate) fn warning(code: &'static str, what: String) -> Self {
        Self {
            severity: Severity::Warning,
            code,
            what,
        }
    }
}

/// Everything that stands against a federation beyond what the rules' constructor checks.
#[must_use]
pub fn check(federation: &Federation) -> Vec<Finding> {
    let mut findings = names(federation);
    findings.extend(keys(federation));
    findings.extend(facts(federation));
    findings.extend(domains(federation));
    match Providers::embedded() {
        Ok(providers) => findings.extend(inherited(federation, &providers)),
        Err(error) => findings.push(Finding::error("providers-unusable", error.to_string())),
    }
    findings
}

fn names(federation: &Federation) -> Vec<Finding> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for builder in &federation.builders {
        *seen.entry(&builder.name).or_default() += 1;
    }
    let twice = seen.iter().filter(|(_, count)| **count > 1);
    twice
        .map(|(name, count)| {
            Finding::error(
                "duplicate-name",
                format!("{count} builders are called {name}"),
            )
        })
        .collect()
}

/// Who could both vote and set the rules of the vote would need nobody else.
fn keys(federation: &Federation) -> Vec<Finding> {
    let mut findings = Vec::new();
    let governance = &federation.governance;
    let roles = [
        ("a proposer", &governance.proposers),
        ("a guardian", &governance.guardians),
    ];
    for (role, owners) in roles {
        for builder in &federation.builders {
            if owners.contains(&builder.address.address()) {
                let what = format!(
                    "builder {} is {role} too: {}",
                    builder.name, builder.address
                );
                findings.push(Finding::error("builder-governs", what));
            }
        }
        let mut once: Vec<Address> = Vec::new();
        for owner in owners {
            if once.contains(owner) {
                let what = format!("{} is {role} twice", write_address(owner));
                findings.push(Finding::error("duplicate-owner", what));
            }
            once.push(*owner);
        }
    }
    for owner in &governance.proposers {
        if governance.guardians.contains(owner) {
            let what = format!(
                "{} is a proposer and a guardian: one key less stands against a captured proposer",
                write_address(owner)
            );
            findings.push(Finding::warning("owner-in-both", what));
        }
    }
    findings
}

/// Facts that are missing make builders look independent.
fn facts(federation: &Federation) -> Vec<Finding> {
    let mut findings = Vec::new();
    for builder in &federation.builders {
        let mut missing = Vec::new();
        if builder.domains.is_empty() {
            let named = [
                ("parent", builder.parent.is_some()),
                ("jurisdictions", !builder.jurisdictions.is_empty()),
                ("infrastructure", !builder.infrastructure.is_empty()),
            ];
            missing.extend(
                named
                    .iter()
                    .filter(|(_, there)| !there)
                    .map(|(kind, _)| *kind),
            );
        }
        if !missing.is_empty() {
            let what = format!(
                "builder {} names no {}",
                builder.name,
                missing.join(", no ")
            );
            findings.push(Finding::warning("fact-missing", what));
        }
    }
    findings
}

/// Names that only look different make builders look independent, and so does a country without its bloc.
fn domains(federation: &Federation) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for builder in &federation.builders {
        let names = builder.domain_names();
        for name in &names {
            let bare = name.chars().filter(char::is_ascii_alphanumeric);
            let bare = bare.collect::<String>().to_ascii_lowercase();
            let first = seen.entry(bare).or_insert_with(|| name.clone());
            if first != name {
                let what = format!(
                    "builder {} is in domain `{name}`, another is in `{first}`: if they are one, write them alike",
                    builder.name
                );
                findings.push(Finding::error("domain-lookalike", what));
            }
            let Some(country) = name.strip_prefix("jurisdiction ") else {
                continue;
            };
            for bloc in blocs_of(country) {
                if !names.contains(&format!("bloc {}", bloc.name)) {
                    let what = format!(
                        "builder {} is in domain `{name}` and not in `bloc {}` ({}): name the country under jurisdictions",
                        builder.name, bloc.name, bloc.source
                    );
                    findings.push(Finding::warning("bloc-missing", what));
                }
            }
        }
    }
    findings
}
