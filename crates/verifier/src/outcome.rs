use seed_verdict::{Rejection, Release, Verified};

use crate::{Fault, fault::error_line};

/// The answer for one image.
///
/// `Verified` cannot be made here: only `seed_verdict::decide` makes the value inside.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Everything that was demanded was established.
    Verified(Box<Verified<Release>>),
    /// The image is refused, or nothing could be established about it.
    Rejected(Rejection),
    /// The question could not be put.
    Failed(Fault),
}

/// One image as it was named, with its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The image as the caller named it.
    pub reference: String,
    /// The answer.
    pub answer: Answer,
    /// What went wrong on the way without deciding anything: one line each, unescaped.
    pub notes: Vec<String>,
}

impl Outcome {
    /// 0 for verified; 1 rejected, 2 usage, 3 undecidable, 4 revoked.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match &self.answer {
            Answer::Verified(_) => 0,
            Answer::Rejected(rejection) => rejection.class().exit_code(),
            Answer::Failed(fault) => fault.exit_code(),
        }
    }

    /// The word for the exit code: `verified`, `rejected`, `usage`, `undecidable` or `revoked`.
    #[must_use]
    pub fn result(&self) -> &'static str {
        match &self.answer {
            Answer::Verified(_) => "verified",
            Answer::Rejected(rejection) => rejection.class().as_str(),
            Answer::Failed(fault) => fault.class(),
        }
    }

    /// The `error[<code>]: …` line, `None` when the image is verified.
    #[must_use]
    pub fn error_line(&self) -> Option<String> {
        match &self.answer {
            Answer::Verified(_) => None,
            Answer::Rejected(rejection) => Some(error_line(
                rejection.code.as_str(),
                &format!("{}: {rejection}", self.reference),
                rejection.help(),
            )),
            Answer::Failed(fault) => Some(error_line(
                fault.code(),
                &format!("{}: {fault}", self.reference),
                fault.help(),
            )),
        }
    }
}

/// The outcome that speaks for all: the worst, where rejected is worse than revoked, revoked worse than
/// undecidable, and anything worse than verified. `None` for no outcome, which is no success.
#[must_use]
pub fn worst(outcomes: &[Outcome]) -> Option<&Outcome> {
    outcomes
        .iter()
        .max_by_key(|outcome| match outcome.exit_code() {
            0 => 0,
            2 => 1,
            3 => 2,
            4 => 3,
            _ => 4,
        })
}

#[cfg(test)]
mod tests {
    use seed_verdict::RejectionCode;

    use super::*;

    fn outcome(code: RejectionCode) -> Outcome {
        Outcome {
            reference: "oci:x".to_owned(),
            answer: Answer::Rejected(Rejection {
                code,
                what: "what\u{1b}".to_owned(),
                found: None,
                expected: None,
            }),
            notes: vec![],
        }
    }

    #[test]
    fn a_refusal_outweighs_what_could_not_be_found_out() {
        let outcomes = [
            outcome(RejectionCode::HeadStale),
            outcome(RejectionCode::ImageNotInRecord),
            outcome(RejectionCode::RulesRevoked),
        ];
        assert_eq!(worst(&outcomes).unwrap().exit_code(), 1);
        assert_eq!(worst(&outcomes[..1]).unwrap().exit_code(), 3);
        assert!(worst(&[]).is_none());
    }

    #[test]
    fn the_error_line_names_code_image_and_remedy() {
        let line = outcome(RejectionCode::HeadInFuture).error_line().unwrap();
        assert_eq!(
            line,
            "error[head-in-future]: oci:x: what\\u{1b}; set the clock"
        );
    }
}
