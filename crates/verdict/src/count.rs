//! Step 8: independent authorities are counted, never signatures.

use seed_primitives::{BuilderId, System};
use seed_proof::{Rules, largest_disjoint, largest_independent};

use crate::{
    CountedEvidence, ExitClass, KnownBuilder, Policy, Rejection, RejectionCode as Code,
    record::Recorded,
    votes::{Fault, Signer},
};

/// One signer's verdict for one system.
pub(crate) struct Judged<'a> {
    pub(crate) signer: &'a Signer,
    /// What its vote rests on, or why it does not count.
    pub(crate) verdict: Result<CountedEvidence, Fault>,
}

/// Refuses a record whose own entries reach no quorum for some system: honest rules never write one.
pub(crate) fn record_quorum(recorded: &Recorded, rules: &Rules) -> Result<(), Rejection> {
    for (position, system) in rules.systems().iter().enumerate() {
        let entries = recorded.record.entries.iter();
        let domains: Vec<_> = entries
            .filter(|entry| entry.systems >> position & 1 == 1)
            .filter_map(|entry| rules.builders().get(usize::from(entry.index)))
            .map(|builder| builder.domains)
            .collect();
        let count = largest_disjoint(&domains).len();
        if count < usize::from(rules.threshold()) {
            return Err(below(
                Code::BelowThreshold,
                system,
                "in the record",
                count,
                rules.threshold(),
            ));
        }
    }
    Ok(())
}

/// Refuses unless enough independent builders count for `system`, by the rules and by the policy.
pub(crate) fn enough(
    policy: &Policy,
    rules: &Rules,
    system: &System,
    judged: &[Judged<'_>],
) -> Result<(), Rejection> {
    let domains = |index: usize| {
        rules
            .builders()
            .get(index)
            .map(|one| one.domains)
            .unwrap_or_default()
    };
    let dependent = |a: &&Judged<'_>, b: &&Judged<'_>| {
        !(domains(a.signer.index) & domains(b.signer.index)).is_zero()
    };
    let everybody: Vec<&Judged<'_>> = judged.iter().collect();
    reach(
        system,
        &everybody,
        dependent,
        rules.threshold(),
        Code::BelowThreshold,
        "independent builders",
    )?;

    let known = |one: &Judged<'_>| policy.rules().builder(&one.signer.builder);
    let strangers_left_out: Vec<&Judged<'_>> =
        judged.iter().filter(|one| known(one).is_some()).collect();
    let dependent_by_policy = |a: &&Judged<'_>, b: &&Judged<'_>| {
        dependent(a, b)
            || known(a)
                .zip(known(b))
                .is_some_and(|(a, b)| share_domain(a, b))
    };
    reach(
        system,
        &strangers_left_out,
        dependent_by_policy,
        policy.rules().minimum_known_signers,
        Code::KnownSignersTooFew,
        "independent builders known to the policy",
    )
}

pub(crate) fn share_domain(a: &KnownBuilder, b: &KnownBuilder) -> bool {
    a.domains.iter().any(|domain| b.domains.contains(domain))
}

/// Refuses unless `need` of the signers without a fault are independent.
///
/// The complaint names what would have to change: first what is merely missing, then what is bad, then what was
/// revoked; where nothing would help, the quorum was never there.
fn reach(
    system: &System,
    signers: &[&Judged<'_>],
    dependent: impl Fn(&&Judged<'_>, &&Judged<'_>) -> bool,
    need: u8,
    short: Code,
    whom: &str,
) -> Result<(), Rejection> {
    let excused_up_to = |classes: &[ExitClass]| {
        let chosen: Vec<&Judged<'_>> = signers
            .iter()
            .copied()
            .filter(|one| match &one.verdict {
                Ok(_) => true,
                Err(fault) => classes.contains(&fault.code.class()),
            })
            .collect();
        largest_independent(&chosen, &dependent).len()
    };
    let count = excused_up_to(&[]);
    if count >= usize::from(need) {
        return Ok(());
    }
    let order = [
        ExitClass::Undecidable,
        ExitClass::Rejected,
        ExitClass::Revoked,
    ];
    for (last, class) in order.iter().enumerate() {
        let excused = order.get(..=last).unwrap_or_default();
        if excused_up_to(excused) < usize::from(need) {
            continue;
        }
        let culprit = signers.iter().find_map(|one| {
            let fault = one.verdict.as_ref().err()?;
            (fault.code.class() == *class).then_some((one.signer.builder, fault))
        });
        if let Some((builder, fault)) = culprit {
            return Err(dropped(fault, builder, system, whom, count, need));
        }
    }
    Err(below(short, system, whom, count, need))
}

fn dropped(
    fault: &Fault,
    builder: BuilderId,
    system: &System,
    whom: &str,
    count: usize,
    need: u8,
) -> Rejection {
    Rejection::new(
        fault.code,
        format!(
            "{system} is short of {whom} without {builder}: {}",
            fault.reason
        ),
    )
    .found(count)
    .expected(format!("at least {need}"))
}

fn below(code: Code, system: &System, whom: &str, count: usize, need: u8) -> Rejection {
    Rejection::new(code, format!("{system} is short of {whom}"))
        .found(count)
        .expected(format!("at least {need}"))
}
