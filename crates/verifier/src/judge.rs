use std::path::Path;

use seed_primitives::{SourceUri, Target};
use seed_verdict::{Context, Evidence, HighWater, Policy, Release, Verified, decide};

use crate::{Answer, Fault, HighWaterMarks, gather::candidates, moment::now};

/// Where a verifier remembers which releases it accepted, for policies with `high_water`.
#[derive(Clone, Debug)]
pub struct Memory {
    marks: HighWaterMarks,
    first_use: bool,
}

impl Memory {
    /// A memory in the folder `state`; with `first_use`, a source without a mark is accepted and gets one.
    #[must_use]
    pub fn new(state: &Path, first_use: bool) -> Self {
        Self {
            marks: HighWaterMarks::new(state),
            first_use,
        }
    }
}

/// One policy, and what is remembered under it.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) memory: Memory,
}

impl Judge<'_> {
    /// The one call of `decide`; what follows can only turn a yes into no answer.
    pub(crate) fn answer(&self, evidence: &Evidence, deep: bool) -> Answer {
        let high_water = match self.high_water(evidence) {
            Ok(high_water) => high_water,
            Err(fault) => return Answer::Failed(fault),
        };
        let context = Context {
            now: now(),
            deep,
            high_water,
        };
        match decide(self.policy, evidence, &context) {
            Ok(verified) => match self.remember(&verified) {
                Ok(()) => Answer::Verified(Box::new(verified)),
                Err(fault) => Answer::Failed(fault),
            },
            Err(rejection) => Answer::Rejected(rejection),
        }
    }

    /// The mark of the one source in question. Where locators of several expected sources compete, none: a mark of
    /// one says nothing about another.
    fn high_water(&self, evidence: &Evidence) -> Result<HighWater, Fault> {
        if !self.policy.rollback().high_water {
            return Ok(HighWater::NotRead);
        }
        let candidates = candidates(self.policy, evidence);
        let Some(first) = candidates.first() else {
            return Ok(HighWater::NotRead);
        };
        let of = |locator: &seed_attestation::Locator| -> (SourceUri, Target) {
            (locator.source.uri.clone(), locator.source.target.clone())
        };
        if candidates.iter().any(|other| of(other) != of(first)) {
            return Ok(HighWater::NotRead);
        }
        let mark = self
            .memory
            .marks
            .read(&self.policy.domain(), &first.source)?;
        Ok(match (mark, self.memory.first_use) {
            (Some(mark), _) => HighWater::Mark(mark),
            (None, true) => HighWater::FirstUse,
            (None, false) => HighWater::NotRead,
        })
    }

    fn remember(&self, release: &Verified<Release>) -> Result<(), Fault> {
        if !self.policy.rollback().high_water {
            return Ok(());
        }
        // Without the chain there is no number to remember, and no verdict that needed one.
        let Some(inclusion) = &release.inclusion else {
            return Ok(());
        };
        let sequence = inclusion.sequence;
        self.memory
            .marks
            .raise(&self.policy.domain(), &release.source, sequence)
    }
}
