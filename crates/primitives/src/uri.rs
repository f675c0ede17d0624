use std::{fmt, str::FromStr};

use crate::{ParseError, text::serde_as_text};

const EXPECTED: &str = "https://host[:port]/path, lower-case host, no default port, no `.` or `..` segment, no final .git, at most 255 bytes";

/// The URI of a source repository: `^https://[a-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~-]+)+$`, at most 255 bytes.
///
/// `.` and `..` segments, `:443` and a final `.git` are refused, so that one repository has one spelling; the
/// case of the path is significant (`docs/protocol.md`, "Source").
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SourceUri(String);

impl SourceUri {
    /// The text, at most 255 ASCII bytes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_source_uri(text: &str) -> bool {
    let Some((authority, path)) = text
        .strip_prefix("https://")
        .and_then(|rest| rest.split_once('/'))
    else {
        return false;
    };
    text.len() <= 255
        && is_authority(authority)
        && path.split('/').all(is_segment)
        && !path.ends_with(".git")
}

fn is_authority(authority: &str) -> bool {
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let host_ok = !host.is_empty()
        && host
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    let port_ok = port.is_none_or(|port| {
        !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) && port != "443"
    });
    host_ok && port_ok
}

fn is_segment(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..")
        && segment
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-'))
}

impl FromStr for SourceUri {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if is_source_uri(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(ParseError::new("a source URI", EXPECTED, text))
    }
}

impl fmt::Display for SourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(SourceUri);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_repositories_with_and_without_a_port() {
        for text in [
            "https://example.org/acme/App.nix",
            "https://git.example:8443/a/b~c/d_e",
        ] {
            assert_eq!(text.parse::<SourceUri>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn refuses_second_spellings_of_one_repository() {
        let long = format!("https://example.org/{}", "a".repeat(240));
        for text in [
            "http://example.org/a",
            "https://Example.org/a",
            "https://example.org",
            "https://example.org/",
            "https://example.org/a/",
            "https://example.org//a",
            "https://example.org/a/../b",
            "https://example.org/./a",
            "https://example.org:443/a",
            "https://example.org:/a",
            "https://example.org/a.git",
            "https://user@example.org/a",
            "https://example.org/a?b",
            "https://example.org/a#b",
            "https://example.org/a%20b",
            "https:///a",
            "git+https://example.org/a",
            long.as_str(),
        ] {
            assert!(text.parse::<SourceUri>().is_err(), "{text:?}");
        }
    }
}
