//! Step 5: is the release one the policy still wants?

use crate::{
    Context, HighWater, Policy, Rejection, RejectionCode as Code, Supersession, record::Recorded,
};

/// Refuses a tag that nothing protects from being pointed at an old release.
pub(crate) fn decidable(policy: &Policy, tag: Option<&str>) -> Result<(), Rejection> {
    match tag {
        Some(tag) if policy.rollback().is_empty() => Err(Rejection::new(
            Code::TagWithoutRollbackRule,
            format!("whether tag {tag} points at an old release cannot be decided"),
        )),
        _ => Ok(()),
    }
}

/// Checks every demand of the policy and says which there were.
pub(crate) fn check(
    policy: &Policy,
    recorded: &Recorded,
    context: &Context,
) -> Result<Vec<Supersession>, Rejection> {
    let (rules, record) = (policy.rollback(), &recorded.record);
    let mut checked = Vec::new();
    if let Some(commit) = &rules.commit {
        if recorded.source.commit != *commit {
            return Err(Rejection::new(
                Code::CommitNotExpected,
                "the release is of another commit",
            )
            .found(recorded.source.commit)
            .expected(commit));
        }
        checked.push(Supersession::ExactCommit(commit.to_string()));
    }
    if let Some(minimum) = rules.minimum_sequence {
        at_least(Code::BelowMinimumSequence, record.sequence, minimum)?;
        checked.push(Supersession::MinimumSequence(minimum));
    }
    if let Some(maximum) = rules.maximum_age {
        let age = context.now.saturating_sub(record.timestamp);
        if age > maximum {
            return Err(Rejection::new(
                Code::OlderThanMaximumAge,
                "the release was recorded too long ago",
            )
            .found(format!("{age} s"))
            .expected(format!("at most {maximum} s")));
        }
        checked.push(Supersession::MaximumAge(maximum));
    }
    if rules.high_water {
        checked.push(Supersession::HighWater(high_water(
            record.sequence,
            context,
        )?));
    }
    Ok(checked)
}

fn high_water(sequence: u64, context: &Context) -> Result<Option<u64>, Rejection> {
    match context.high_water {
        HighWater::NotRead => Err(Rejection::new(
            Code::HighWaterMissing,
            "the remembered mark of this source was not read",
        )),
        HighWater::FirstUse => Ok(None),
        HighWater::Mark(mark) => {
            at_least(Code::BelowHighWater, sequence, mark)?;
            Ok(Some(mark))
        }
    }
}

fn at_least(code: Code, sequence: u64, minimum: u64) -> Result<(), Rejection> {
    if sequence >= minimum {
        return Ok(());
    }
    Err(
        Rejection::new(code, "the release is older than is accepted")
            .found(format!("sequence {sequence}"))
            .expected(format!("at least {minimum}")),
    )
}
