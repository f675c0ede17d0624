use std::{fmt, str::FromStr};

use seed_primitives::ParseError;
use serde::{Serialize, Serializer};

/// How strongly the chain's word was established, weakest first (DESIGN §8, "Grades").
///
/// A grade is a floor that is met or not; nothing in this crate lowers one.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Grade {
    /// Enough independent builders the policy knows signed; nothing is said about the chain. Only where the policy
    /// itself asks for no more.
    Signatures,
    /// k of n operators agree on the finalised header's hash and on every value.
    Quorum,
    /// k of n operators agree on the finalised header's hash; every value is proven against it.
    Proof,
}

impl Grade {
    /// The name in policies, on the command line and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signatures => "signatures",
            Self::Quorum => "quorum",
            Self::Proof => "proof",
        }
    }
}

impl FromStr for Grade {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "signatures" => Ok(Self::Signatures),
            "quorum" => Ok(Self::Quorum),
            "proof" => Ok(Self::Proof),
            _ => Err(ParseError::new(
                "a grade",
                "`signatures`, `quorum` or `proof`",
                text,
            )),
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Grade {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_by_strength_and_reads_only_its_own_names() {
        assert!(Grade::Signatures < Grade::Quorum && Grade::Quorum < Grade::Proof);
        for grade in [Grade::Signatures, Grade::Quorum, Grade::Proof] {
            assert_eq!(grade.as_str().parse::<Grade>().unwrap(), grade);
        }
        for text in ["", "rpc", "Proof", "proof ", "signature"] {
            assert!(text.parse::<Grade>().is_err(), "{text:?}");
        }
    }
}
