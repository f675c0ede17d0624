use seed_oci::{Options, Place, Pointer, Reference, Repository};
use seed_primitives::Digest;
use seed_verdict::{Bundle, Policy, RejectionCode, Requested};
use tokio::runtime::Builder;

use crate::{
    Answer, Fault, Memory, Outcome, Question, Stop,
    gather::{Notes, image},
    judge::Judge,
    threads,
};

/// Verifies images from a bundle and nothing else: no endpoint, no registry, no credentials.
///
/// An image in a layout is read from there; of one in a registry only the digest is used, and its bytes come from the
/// bundle. What runs here has no way to open a connection: there is no I/O driver for one.
#[derive(Debug)]
pub struct Unplugged<'a> {
    judge: Judge<'a>,
    bundle: &'a Bundle,
}

impl<'a> Unplugged<'a> {
    /// A verifier under `policy` of what is in `bundle`.
    #[must_use]
    pub const fn new(policy: &'a Policy, memory: Memory, bundle: &'a Bundle) -> Self {
        Self {
            judge: Judge { policy, memory },
            bundle,
        }
    }

    /// Answers one question; a locator that was given is not looked at.
    #[must_use]
    pub fn ask(&self, question: &Question<'_>) -> Outcome {
        let notes = Notes::default();
        let answer = self
            .answer(question, &notes)
            .unwrap_or_else(std::convert::identity);
        Outcome {
            reference: question.image.to_owned(),
            answer,
            notes: notes.into_lines(),
        }
    }

    fn answer(&self, question: &Question<'_>, notes: &Notes) -> Result<Answer, Answer> {
        let evidence = match Asked::parse(question.image).map_err(Answer::Failed)? {
            Asked::Digest(digest) if question.deep => {
                return Err(Answer::Failed(Fault::Usage(format!(
                    "--deep reads layers, and a bundle has none: name {digest} in a layout"
                ))));
            }
            Asked::Digest(digest) => {
                let evidence = self.bundle.evidence(Requested::Digest(digest));
                if evidence.image.document.is_none() {
                    return Err(Stop::rejected(
                        RejectionCode::ImageMissing,
                        format!("the bundle holds no image {digest}"),
                    )
                    .into());
                }
                evidence
            }
            Asked::Layout(reference) => {
                let repository = Repository::open(&reference.place, &Options::default());
                let repository = repository.map_err(|error| {
                    Stop::no_image(&error, RejectionCode::ManifestDigestMismatch)
                })?;
                let deep = question.deep;
                let served = image::serve(&repository, &reference, deep, notes);
                let served = without_network(deep, served).map_err(Answer::Failed)??;
                self.bundle.evidence_with(served.evidence)
            }
        };
        Ok(self.judge.answer(&evidence, question.deep))
    }
}

/// The digest of the image that `text` names, if it names it by one.
pub(crate) fn named_digest(text: &str) -> Option<Digest> {
    let reference = match text.parse() {
        Ok(digest) => return Some(digest),
        Err(_) => text.parse::<Reference>().ok()?,
    };
    match reference.pointer {
        Pointer::Digest(digest) => Some(digest),
        _ => None,
    }
}

/// What was asked for, as far as it can be answered here.
enum Asked {
    Digest(Digest),
    Layout(Reference),
}

impl Asked {
    fn parse(text: &str) -> Result<Self, Fault> {
        if let Ok(digest) = text.parse() {
            return Ok(Self::Digest(digest));
        }
        let reference: Reference = text.parse().map_err(Fault::Reference)?;
        match (&reference.place, &reference.pointer) {
            (Place::Layout(_) | Place::Archive(_), _) => Ok(Self::Layout(reference)),
            (Place::Registry { .. }, Pointer::Digest(digest)) => Ok(Self::Digest(*digest)),
            (Place::Registry { .. }, _) => Err(Fault::Usage(format!(
                "{text} is a tag, which only its registry can resolve: name the image by digest"
            ))),
        }
    }
}

/// Runs work on files, with threads for layers where it is `deep`. The runtime has no I/O driver: a connection cannot even
/// be tried.
pub(crate) fn without_network<T>(deep: bool, work: impl Future<Output = T>) -> Result<T, Fault> {
    Ok(threads::runtime(deep, Builder::enable_time)?.block_on(work))
}
