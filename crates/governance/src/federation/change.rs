use seed_primitives::System;

use super::{Federation, Plan, SystemPlan};

/// What a change of the federation means, in sentences; empty where it means nothing.
#[must_use]
pub fn difference(old: &Federation, new: &Federation) -> Vec<String> {
    let mut lines = Vec::new();
    if old.threshold != new.threshold {
        lines.push(format!(
            "the threshold changes from {} to {}",
            old.threshold, new.threshold
        ));
    }
    builders(old, new, &mut lines);
    let (before, after) = (Plan::new(old), Plan::new(new));
    for system in &new.systems {
        match (find(&before, system), find(&after, system)) {
            (None, Some(_)) => lines.push(format!("{system} is new")),
            (Some(old), Some(new)) => compare(old, new, &mut lines),
            _ => {}
        }
    }
    for system in &old.systems {
        if !new.systems.contains(system) {
            lines.push(format!("{system} goes: no release will have it any more"));
        }
    }
    lines
}

fn builders(old: &Federation, new: &Federation, lines: &mut Vec<String>) {
    for one in &new.builders {
        let same = |other: &&super::Builder| other.address == one.address;
        let Some(before) = old.builders.iter().find(same) else {
            lines.push(format!("builder {} {} is new", one.name, one.address));
            continue;
        };
        let (was, is) = (before.domain_names(), one.domain_names());
        for gone in was.iter().filter(|name| !is.contains(name)) {
            lines.push(format!(
                "builder {} is no longer in domain `{gone}`",
                one.name
            ));
        }
        for added in is.iter().filter(|name| !was.contains(name)) {
            lines.push(format!("builder {} is now in domain `{added}`", one.name));
        }
        if before.name != one.name {
            lines.push(format!("builder {} was called {}", one.name, before.name));
        }
    }
    for one in &old.builders {
        if !new
            .builders
            .iter()
            .any(|other| other.address == one.address)
        {
            lines.push(format!("builder {} {} goes", one.name, one.address));
        }
    }
}

fn find<'a>(plan: &'a Plan, system: &System) -> Option<&'a SystemPlan> {
    plan.systems.iter().find(|one| one.system == *system)
}

fn compare(old: &SystemPlan, new: &SystemPlan, lines: &mut Vec<String>) {
    let system = &new.system;
    if old.eligible.len() != new.eligible.len() || old.independent != new.independent {
        lines.push(format!(
            "{system}: {} builders of whom {} can count at once become {} of whom {} can",
            old.eligible.len(),
            old.independent,
            new.eligible.len(),
            new.independent
        ));
    }
    for now in &new.owners {
        let before = old.owners.iter().find(|one| one.kind == now.kind);
        let was = before.map(|one| one.forge);
        if was.is_some_and(|was| now.forge < was) {
            lines.push(format!(
                "{system}: after this change {} owner{} of kind `{}` could forge a release, before it took {}",
                now.forge,
                if now.forge == 1 { "" } else { "s" },
                now.kind,
                was.unwrap_or_default()
            ));
        }
        let was = before.and_then(|one| one.stop.as_ref());
        match (&now.stop, was) {
            (Some(now_), was) if was.is_none_or(|was| was.len() > now_.len()) => {
                lines.push(format!(
                    "{system}: after this change {} alone could stop every release ({})",
                    now_.join(" and "),
                    now.kind
                ));
            }
            _ => {}
        }
    }
    for problem in new
        .problems
        .iter()
        .filter(|one| !old.problems.contains(one))
    {
        lines.push(format!("{system}: new problem: {problem}"));
    }
}

/// What rules could do that a captured governance puts in force, and where they are refused.
#[must_use]
pub fn hostile_swap(federation: &Federation, delay: Option<u64>) -> Vec<String> {
    let names: Vec<&str> = federation
        .builders
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    let after = match delay {
        Some(delay) => format!("{delay} s after they were queued, if nobody cancels"),
        None => "after the timelock's delay, if nobody cancels".to_owned(),
    };
    vec![
        format!("Whoever has the proposers' keys can have other rules in force {after}."),
        "From then on the ledger records what those rules accept, whoever their builders are; their code hash is in every such record.".to_owned(),
        "Releases recorded before keep the rules that judged them.".to_owned(),
        "A verifier that pins the code hash of these rules accepts none of the new releases.".to_owned(),
        format!(
            "A verifier that pins the logic and knows the builders ({}) accepts one only if its minimum of known signers, {} where the policy was written from this file, is among them.",
            names.join(", "),
            federation.threshold
        ),
        "A verifier's own minimum threshold holds whatever the rules say. A policy that pins neither code nor builders cannot be written.".to_owned(),
    ]
}
