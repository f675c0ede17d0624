use std::{fmt, str::FromStr};

use super::SourceError;

const MAX_DEPTH: usize = 10;
const HARDENED: u32 = 1 << 31;

/// Which key of a device: the n-th account as the maker's own program counts, or a path (BIP 32).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Derivation {
    /// The n-th account, from 0.
    Account(u32),
    /// A whole path, `m/44'/60'/0'/0/0`.
    Path(String),
}

impl FromStr for Derivation {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || SourceError::Derivation(text.to_owned());
        if let Some(steps) = text.strip_prefix("m/") {
            let steps: Vec<_> = steps.split('/').collect();
            let good = steps.len() <= MAX_DEPTH
                && steps
                    .iter()
                    .all(|step| index(step.strip_suffix('\'').unwrap_or(step)).is_some());
            return match good {
                true => Ok(Self::Path(text.to_owned())),
                false => Err(malformed()),
            };
        }
        Ok(Self::Account(index(text).ok_or_else(malformed)?))
    }
}

impl fmt::Display for Derivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(index) => write!(f, "account {index}"),
            Self::Path(path) => f.write_str(path),
        }
    }
}

/// A number below 2^31 in its one decimal spelling.
fn index(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok().filter(|number| *number < HARDENED)?;
    (number.to_string() == text).then_some(number)
}
