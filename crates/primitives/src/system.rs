use std::{fmt, str::FromStr};

use crate::{ParseError, text::serde_as_text};

/// A Nix system double: ASCII `[a-z0-9_]+-[a-z0-9_]+`, 3 to 28 bytes (`docs/protocol.md`, "System").
///
/// Ordered by its bytes, which is the order of Merkle leaves and of every list of systems.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct System(String);

impl System {
    /// The text, 3 to 28 ASCII bytes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The OCI platform `(os, architecture)` of this system, or `None` where OCI has no name for it.
    ///
    /// `x86_64` is `amd64`, `aarch64` is `arm64`; the systems are `linux` and `darwin`.
    #[must_use]
    pub fn oci_platform(&self) -> Option<(&'static str, &'static str)> {
        let (cpu, os) = self.0.split_once('-')?;
        let architecture = match cpu {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            _ => return None,
        };
        let os = match os {
            "linux" => "linux",
            "darwin" => "darwin",
            _ => return None,
        };
        Some((os, architecture))
    }

    /// The system of an OCI platform, the inverse of [`Self::oci_platform`]; `None` for any other pair.
    #[must_use]
    pub fn from_oci_platform(os: &str, architecture: &str) -> Option<Self> {
        let cpu = match architecture {
            "amd64" => "x86_64",
            "arm64" => "aarch64",
            _ => return None,
        };
        matches!(os, "linux" | "darwin").then(|| Self(format!("{cpu}-{os}")))
    }
}

impl FromStr for System {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let word = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        match text.split_once('-') {
            Some((cpu, os)) if (3..=28).contains(&text.len()) && word(cpu) && word(os) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(ParseError::new(
                "a system",
                "a Nix system double such as x86_64-linux ([a-z0-9_]+-[a-z0-9_]+, at most 28 bytes)",
                text,
            )),
        }
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(System);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_usual_doubles() {
        for text in ["x86_64-linux", "aarch64-darwin", "a-b", "riscv64-linux"] {
            assert_eq!(text.parse::<System>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn refuses_everything_else() {
        let long = format!("{}-b", "a".repeat(27));
        for text in [
            "",
            "-",
            "a-",
            "-b",
            "x86_64",
            "X86-linux",
            "a-b-c",
            "a b-c",
            "a-b\0",
            "ä-b",
            &long,
        ] {
            assert!(text.parse::<System>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn maps_to_oci_platforms_and_back() {
        for text in [
            "x86_64-linux",
            "aarch64-linux",
            "x86_64-darwin",
            "aarch64-darwin",
        ] {
            let system: System = text.parse().unwrap();
            let (os, architecture) = system.oci_platform().unwrap();
            assert_eq!(System::from_oci_platform(os, architecture), Some(system));
        }
        assert_eq!(
            "riscv64-linux".parse::<System>().unwrap().oci_platform(),
            None
        );
        assert_eq!(System::from_oci_platform("windows", "amd64"), None);
    }
}
