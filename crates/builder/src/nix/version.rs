use std::{cmp::Ordering, fmt, str::FromStr};

use super::{ADVISORIES, Advisory};
use crate::Error;

/// A version of Nix: `major.minor.patch`, and whether it is a release. Whatever else follows is kept out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NixVersion {
    major: u32,
    minor: u32,
    patch: u32,
    /// Made from the sources before that release.
    early: bool,
}

/// The oldest version that can be driven.
const OLDEST: NixVersion = NixVersion {
    major: 2,
    minor: 8,
    patch: 0,
    early: false,
};

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

    /// Major, minor and patch.
    #[must_use]
    pub const fn numbers(&self) -> (u32, u32, u32) {
        (self.major, self.minor, self.patch)
    }

    /// The known holes of this version.
    pub fn holes(&self) -> impl Iterator<Item = &'static Advisory> + use<> {
        let version = *self;
        ADVISORIES.iter().filter(move |row| row.concerns(version))
    }

    /// Why a production key must not sign what this version built, if it must not: its known holes, or that it is
    /// no release, so that no advisory speaks of it.
    #[must_use]
    pub fn refusal(&self) -> Option<Error> {
        let holes: Vec<&str> = self.holes().map(|hole| hole.id).collect();
        let why = match (self.early, holes.is_empty()) {
            (_, false) => format!("has known holes: {}", holes.join(", ")),
            (true, true) => "is no release, so no advisory speaks of it".to_owned(),
            (false, true) => return None,
        };
        Some(Error::NixVulnerable(format!("{self} {why}")))
    }

    /// Whether this version is at least `major.minor`.
    #[must_use]
    pub const fn at_least(&self, major: u32, minor: u32) -> bool {
        self.major > major || (self.major == major && self.minor >= minor)
    }
}

impl Ord for NixVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = self.numbers().cmp(&other.numbers());
        // What comes before a release is older than it.
        numbers.then(other.early.cmp(&self.early))
    }
}

impl PartialOrd for NixVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
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
            early: text[end..].starts_with("pre"),
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
        let early = if self.early { "pre" } else { "" };
        write!(f, "{}.{}.{}{early}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> NixVersion {
        NixVersion::of_answer(&format!("nix (Nix) {text}\n")).unwrap()
    }

    #[test]
    fn reads_what_nix_says_of_itself() {
        assert_eq!(version("2.8.0").to_string(), "2.8.0");
        assert_eq!(version("2.19pre20231010_abc").to_string(), "2.19.0pre");
        for bad in [
            "",
            "nix (Nix) ",
            "nix (Nix) x",
            "nix (Lix, like Nix) 2.91.1",
            "git version 2.39.5",
            "nix (Nix) 2",
            "nix (Nix) 2.7.1",
            "nix (Nix) 2.8pre1",
            "nix (Nix) 2.8.1.2",
        ] {
            assert!(NixVersion::of_answer(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn production_keys_are_refused_with_the_holes_named() {
        for (bad, hole) in [
            ("2.8.0", "CVE-2024-27297"),
            ("2.18.1", "CVE-2024-27297"),
            ("2.24.5", "CVE-2024-45593"),
            ("2.26.3", "CVE-2025-46415"),
            ("2.28.5", "CVE-2026-39860"),
            ("2.28.6", "CVE-2026-44028"),
            ("2.34.4", "CVE-2026-39860"),
            ("2.34.5", "CVE-2026-44028"),
            ("2.35pre20260301", "no release"),
        ] {
            let refusal = version(bad).refusal().unwrap();
            assert_eq!(refusal.code(), "nix-vulnerable");
            assert!(refusal.to_string().contains(hole), "{bad}: {refusal}");
        }
        for good in ["2.28.7", "2.33.6", "2.34.7", "2.35.0", "3.0.0"] {
            assert!(version(good).refusal().is_none(), "{good}");
        }
    }

    proptest! {
        #[test]
        fn order_is_that_of_the_numbers_and_text_loses_nothing(
            one: (u32, u32, u32, bool), other: (u32, u32, u32, bool),
        ) {
            let of = |(major, minor, patch, early)| NixVersion { major, minor, patch, early };
            let (left, right) = (of(one), of(other));
            let key = |(major, minor, patch, early): (u32, u32, u32, bool)| (major, minor, patch, !early);
            prop_assert_eq!(left.cmp(&right), key(one).cmp(&key(other)));
            prop_assert_eq!(left.to_string().parse::<NixVersion>(), Ok(left));
        }

        #[test]
        fn no_text_is_read_as_more_than_it_says(text in "\\PC{0,40}") {
            if let Ok(version) = text.parse::<NixVersion>() {
                let shown = version.to_string();
                let short = format!("{}.{}", version.major, version.minor);
                prop_assert!(text.starts_with(|c: char| c.is_ascii_digit()), "{} of {:?}", shown, short);
            }
        }
    }
}
