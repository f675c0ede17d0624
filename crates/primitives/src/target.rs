use std::{fmt, str::FromStr};

use crate::{ParseError, text::serde_as_text};

const EXPECTED: &str =
    "[dir#]attribute without its system, such as `seed` or `nix/ci#seed` (at most 255 bytes)";

/// What of a flake is the seed: `[dir#]attribute` without its system, so that one commit can carry several.
///
/// The directory is relative, of `[A-Za-z0-9._~-]` segments that are not `.` or `..`; the attribute path is of
/// `[A-Za-z_][A-Za-z0-9_-]*` names joined by dots. At most 255 bytes.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Target(String);

impl Target {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The directory of the flake inside its repository, `None` for the root.
    #[must_use]
    pub fn directory(&self) -> Option<&str> {
        self.0.split_once('#').map(|(directory, _)| directory)
    }

    /// The attribute path without its system.
    #[must_use]
    pub fn attribute(&self) -> &str {
        self.0
            .split_once('#')
            .map_or(self.as_str(), |(_, attribute)| attribute)
    }
}

fn is_directory(text: &str) -> bool {
    text.split('/').all(|segment| {
        !matches!(segment, "" | "." | "..")
            && segment
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-'))
    })
}

fn is_attribute(text: &str) -> bool {
    text.split('.').all(|name| {
        let mut bytes = name.bytes();
        bytes
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
            && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    })
}

impl FromStr for Target {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let good = text.len() <= 255
            && match text.split_once('#') {
                Some((directory, attribute)) => is_directory(directory) && is_attribute(attribute),
                None => is_attribute(text),
            };
        good.then(|| Self(text.to_owned()))
            .ok_or_else(|| ParseError::new("a target", EXPECTED, text))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(Target);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_directory_and_attribute() {
        let target: Target = "examples/bootstrap#seed".parse().unwrap();
        assert_eq!(
            (target.directory(), target.attribute()),
            (Some("examples/bootstrap"), "seed")
        );
        let target: Target = "seed".parse().unwrap();
        assert_eq!((target.directory(), target.attribute()), (None, "seed"));
    }

    #[test]
    fn refuses_paths_that_climb_and_shell_characters() {
        for text in [
            "",
            "#seed",
            "../x#seed",
            "/x#seed",
            "x#",
            "x#a#b",
            "a b",
            "a$b",
            "1a",
            "x//y#a",
            "a..b",
        ] {
            assert!(text.parse::<Target>().is_err(), "{text:?}");
        }
    }
}
