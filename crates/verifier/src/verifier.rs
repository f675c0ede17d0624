use std::{path::Path, time::Duration};

use seed_oci::{Options, Place, Reference};
use seed_primitives::{SourceUri, Target};
use seed_verdict::{Context, Evidence, HighWater, Policy, Release, Verified, decide};

use crate::{
    Answer, Fault, HighWaterMarks, Outcome,
    gather::{Gatherer, Notes, Request, candidates},
    moment::now,
};

/// What is asked about one image.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The image, as one of the forms of [`Reference`].
    pub image: &'a str,
    /// A locator that was given; where there is none, one is looked for beside the image.
    pub locator: Option<&'a [u8]>,
    /// Whether every layer is read and compared.
    pub deep: bool,
}

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

/// Gathers evidence about images and has it judged under one policy.
#[derive(Debug)]
pub struct Verifier<'a> {
    policy: &'a Policy,
    memory: Memory,
    options: Options,
    mirrors: &'a [Place],
}

impl<'a> Verifier<'a> {
    /// A verifier under `policy` that looks for evidence in the image's repository and in `mirrors`.
    #[must_use]
    pub const fn new(
        policy: &'a Policy,
        memory: Memory,
        options: Options,
        mirrors: &'a [Place],
    ) -> Self {
        Self {
            policy,
            memory,
            options,
            mirrors,
        }
    }

    /// Answers one question within `time`. Never panics on what registries or endpoints say.
    pub async fn ask(&self, question: &Question<'_>, time: Duration) -> Outcome {
        let notes = Notes::default();
        let answer = match tokio::time::timeout(time, self.answer(question, &notes)).await {
            Ok(answer) => answer,
            Err(_) => Answer::Failed(Fault::Deadline(time.as_secs())),
        };
        Outcome {
            reference: question.image.to_owned(),
            answer,
            notes: notes.into_lines(),
        }
    }

    async fn answer(&self, question: &Question<'_>, notes: &Notes) -> Answer {
        let reference: Reference = match question.image.parse() {
            Ok(reference) => reference,
            Err(error) => return Answer::Failed(Fault::Reference(error)),
        };
        let request = Request {
            reference: &reference,
            deep: question.deep,
            locator: question.locator,
        };
        let gatherer = Gatherer::new(self.policy, self.options.clone(), self.mirrors);
        let evidence = match gatherer.gather(&request, notes).await {
            Ok(evidence) => evidence,
            Err(stop) => return stop.into(),
        };
        self.judge(&evidence, question.deep)
    }

    /// The one call of `decide`; what follows can only turn a yes into no answer.
    fn judge(&self, evidence: &Evidence, deep: bool) -> Answer {
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
        let sequence = release.inclusion.sequence;
        self.memory
            .marks
            .raise(&self.policy.domain(), &release.source, sequence)
    }
}
