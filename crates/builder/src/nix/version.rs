use std::{fmt, str::FromStr};

use crate::Error;

/// A version of Nix: `major.minor.patch`, whatever follows is kept out.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct NixVersion {
    major: u32,
    minor: u32,
    patch: u32,
}

/// The oldest version that can be driven.
const OLDEST: NixVersion = NixVersion {
    major: 2,
    minor: 8,
    patch: 0,
};
/// Per minor version of 2 the first patch without CVE-2024-27297 and CVE-2026-39860.
const FIXED: [(u32, u32); 7] = [
    (28, 6),
    (29, 3),
    (30, 4),
    (31, 4),
    (32, 7),
    (33, 4),
    (34, 5),
];

impl NixVersion {
    /// Reads the answer to `nix --version`.
    ///
    /// # Errors
    /// When it is not a Nix, or an older one than 2.8.
    pub fn of_answer(answer: &str) -> Result<Self, Error> {
        let line = answer.lines().next().unwrap_or_default().trim();
        let unknown = || {
            Error::NixVersion(format!(
                "`{}` is not a Nix that can be driven",
                line.escape_debug()
            ))
        };
        let version: Self = line
            .strip_prefix("nix (Nix) ")
            .ok_or_else(unknown)?
            .parse()
            .map_err(|()| unknown())?;
        if version < OLDEST {
            return Err(Error::NixVersion(format!(
                "Nix {version} is older than {OLDEST}"
            )));
        }
        Ok(version)
    }

    /// Whether this version is known to let a build reach outside its sandbox.
    #[must_use]
    pub fn is_vulnerable(&self) -> bool {
        if (self.major, self.minor) > (2, 34) {
            return false;
        }
        let fixed = FIXED
            .iter()
            .find(|(minor, _)| self.major == 2 && *minor == self.minor);
        fixed.is_none_or(|(_, patch)| self.patch < *patch)
    }

    /// Whether this version is at least `major.minor`.
    #[must_use]
    pub const fn at_least(&self, major: u32, minor: u32) -> bool {
        self.major > major || (self.major == major && self.minor >= minor)
    }
}

impl FromStr for NixVersion {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let mut numbers = text[..end]
            .trim_end_matches('.')
            .split('.')
            .map(|part| part.parse::<u32>().map_err(drop));
        let version = Self {
            major: numbers.next().ok_or(())??,
            minor: numbers.next().ok_or(())??,
            patch: numbers.next().unwrap_or(Ok(0))?,
        };
        if numbers.next().is_some() {
            Err(())
        } else {
            Ok(version)
        }
    }
}

impl fmt::Display for NixVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> NixVersion {
        NixVersion::of_answer(&format!("nix (Nix) {text}\n")).unwrap()
    }

    #[test]
    fn reads_what_nix_says_of_itself() {
        assert_eq!(version("2.8.0").to_string(), "2.8.0");
        assert_eq!(version("2.19pre20231010_abc").to_string(), "2.19.0");
        for bad in [
            "",
            "nix (Nix) ",
            "nix (Nix) x",
            "nix (Lix, like Nix) 2.91.1",
            "git version 2.39.5",
            "nix (Nix) 2",
            "nix (Nix) 2.7.1",
            "nix (Nix) 2.8.1.2",
        ] {
            assert!(NixVersion::of_answer(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn knows_which_versions_are_vulnerable() {
        for bad in ["2.8.0", "2.18.1", "2.26.3", "2.28.5", "2.34.4"] {
            assert!(version(bad).is_vulnerable(), "{bad}");
        }
        for good in ["2.28.6", "2.34.5", "2.35.0", "3.0.0"] {
            assert!(!version(good).is_vulnerable(), "{good}");
        }
    }
}
