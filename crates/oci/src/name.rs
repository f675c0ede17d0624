use std::{fmt, str::FromStr};

use seed_primitives::{Digest, ParseError};

/// The name of a repository in a registry, `acme/app`: at most 255 bytes of lower-case segments.
///
/// A segment is `[a-z0-9]+` words joined by `.`, `_`, `__` or any number of `-` (OCI distribution 1.1).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RepositoryName(String);

impl RepositoryName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_segment(segment: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = segment.bytes().next().is_some_and(alphanumeric)
        && segment.bytes().next_back().is_some_and(alphanumeric);
    let separators = segment
        .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        .all(|between| {
            matches!(between, "" | "." | "_" | "__") || between.bytes().all(|b| b == b'-')
        });
    ends && separators
}

impl FromStr for RepositoryName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let good = (1..=255).contains(&text.len()) && text.split('/').all(is_segment);
        good.then(|| Self(text.to_owned())).ok_or_else(|| {
            ParseError::new(
                "a repository",
                "lower-case words joined by / . _ or -, at most 255 bytes",
                text,
            )
        })
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A tag: `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}` (OCI distribution 1.1).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Tag(String);

impl Tag {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag under which a registry without a referrers API keeps the referrers of `subject`:
    /// `sha256-<hex>`.
    #[must_use]
    pub fn referrers(subject: &Digest) -> Self {
        Self(format!("sha256-{}", subject.to_hex()))
    }

    /// Whether this is the form of [`Self::referrers`] for any subject.
    pub(crate) fn is_referrers(&self) -> bool {
        self.0
            .strip_prefix("sha256-")
            .is_some_and(|hex| Digest::from_hex(hex).is_ok())
    }
}

impl FromStr for Tag {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let good = (1..=128).contains(&text.len())
            && !text.starts_with(['.', '-'])
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        good.then(|| Self(text.to_owned())).ok_or_else(|| {
            ParseError::new(
                "a tag",
                "letters, digits, . _ and -, not starting with . or -, at most 128",
                text,
            )
        })
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_grammar_of_the_distribution_specification() {
        for text in ["a", "acme/app", "a.b/c_d/e__f/g---h", "0/1"] {
            assert!(text.parse::<RepositoryName>().is_ok(), "{text:?}");
        }
        for text in ["latest", "_", "v1.2-x", "A", &"a".repeat(128)] {
            assert!(text.parse::<Tag>().is_ok(), "{text:?}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            "A",
            "a..b",
            "a/../b",
            ".a",
            "a.",
            "a___b",
            "a._b",
            "a b",
            "a%2fb",
            "a\n",
            "ä",
            "a?b",
            "a#b",
            &"a".repeat(256),
        ] {
            assert!(text.parse::<RepositoryName>().is_err(), "{text:?}");
        }
        for text in ["", ".a", "-a", "a/b", "a:b", "a b", "a\0", &"a".repeat(129)] {
            assert!(text.parse::<Tag>().is_err(), "{text:?}");
        }
    }
}
