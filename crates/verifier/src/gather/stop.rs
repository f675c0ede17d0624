use seed_oci::Fault as Blame;
use seed_verdict::{Rejection, RejectionCode};

use crate::{Answer, Fault};

/// Why gathering ends early: the answer is already known, and it is not yes.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// The image is refused, or could not be had.
    Rejected(Rejection),
    /// The question was wrong, or time ran out.
    Failed(Fault),
}

impl Stop {
    pub(crate) fn rejected(code: RejectionCode, what: impl ToString) -> Self {
        Self::Rejected(Rejection {
            code,
            what: what.to_string(),
            found: None,
            expected: None,
        })
    }

    /// Why there is no image: `wrong` where the bytes are not those of the digest.
    pub(crate) fn no_image(error: &seed_oci::Error, wrong: RejectionCode) -> Self {
        // A file that is not read at all: nothing was found out about any image in it.
        if let seed_oci::Error::Archive { place, fault } = error {
            let file = place.strip_prefix("oci-archive:").unwrap_or(place);
            return Self::Failed(Fault::Archive {
                file: file.into(),
                fault: fault.clone(),
            });
        }
        match error.fault() {
            Blame::Usage => Self::Failed(Fault::Usage(error.to_string())),
            Blame::WrongBytes => Self::rejected(wrong, error),
            Blame::Malformed => Self::rejected(RejectionCode::ImageMalformed, error),
            Blame::NotFound | Blame::Unavailable | Blame::Denied => {
                Self::rejected(RejectionCode::ImageMissing, error)
            }
        }
    }
}

impl From<Stop> for Answer {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Rejected(rejection) => Self::Rejected(rejection),
            Stop::Failed(fault) => Self::Failed(fault),
        }
    }
}
