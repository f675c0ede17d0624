use std::time::Duration;

use seed_oci::{Options, Place, Reference};
use seed_verdict::{Bundle, Policy};

use crate::{
    Answer, Fault, Memory, Outcome,
    gather::{Gatherer, Height, Notes, Request},
    judge::Judge,
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

/// Gathers evidence about images and has it judged under one policy.
#[derive(Debug)]
pub struct Verifier<'a> {
    judge: Judge<'a>,
    options: Options,
    mirrors: &'a [Place],
    bundle: Option<&'a Bundle>,
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
            judge: Judge { policy, memory },
            options,
            mirrors,
            bundle: None,
        }
    }

    /// The same, with everything but the image and the head taken from `bundle`: the endpoints are asked for nothing
    /// but whether its header is final.
    #[must_use]
    pub const fn with_bundle(mut self, bundle: &'a Bundle) -> Self {
        self.bundle = Some(bundle);
        self
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
        let gatherer = Gatherer::new(self.judge.policy, self.options.clone(), self.mirrors);
        let gathered = match self.bundle {
            Some(bundle) => gatherer.gather_beside(bundle, &request, notes).await,
            None => gatherer.gather(&request, Height::Finalised, notes).await,
        };
        let evidence = match gathered {
            Ok(evidence) => evidence,
            Err(stop) => return stop.into(),
        };
        self.judge.answer(&evidence, question.deep)
    }
}
