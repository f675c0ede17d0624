use std::str::FromStr;

use super::{Lie, LieError};

/// A lie with its occasion, as text `LIE[@PART][~CLIENT][#FIRST[-LAST]]`: `LIE@PART` only where the path or
/// JSON-RPC method has `PART` in it, `LIE~CLIENT` only to a client one of whose headers has `CLIENT` in it, `LIE#3`
/// only from the third such request on, `LIE#1-2` only to the first two.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Told {
    /// What is told.
    pub lie: Lie,
    /// What the path, or the method of a JSON-RPC request, must have in it; empty for any.
    pub about: String,
    /// What one of the headers of the request must have in it; empty for any client.
    pub client: String,
    /// The first matching request that is lied to, from 1.
    pub from: usize,
    /// The last one.
    pub to: usize,
}

impl Told {
    /// Only about requests that have `part` in their path or JSON-RPC method.
    #[must_use]
    pub fn about(self, part: &str) -> Self {
        Self {
            about: part.to_owned(),
            ..self
        }
    }

    /// Only to clients that send a header with `part` in its value.
    #[must_use]
    pub fn only_to(self, part: &str) -> Self {
        Self {
            client: part.to_owned(),
            ..self
        }
    }

    /// Only from the `number`th matching request on, from 1.
    #[must_use]
    pub fn from_request(self, number: usize) -> Self {
        Self {
            from: number,
            ..self
        }
    }

    /// Not any more after the `number`th matching request.
    #[must_use]
    pub fn to_request(self, number: usize) -> Self {
        Self { to: number, ..self }
    }

    pub(super) fn is_about(&self, target: &str, clients: &[&str]) -> bool {
        let to_them =
            self.client.is_empty() || clients.iter().any(|one| one.contains(&self.client));
        to_them && target.contains(&self.about)
    }
}

impl From<Lie> for Told {
    fn from(lie: Lie) -> Self {
        Self {
            lie,
            about: String::new(),
            client: String::new(),
            from: 1,
            to: usize::MAX,
        }
    }
}

impl FromStr for Told {
    type Err = LieError;

    fn from_str(text: &str) -> Result<Self, LieError> {
        let refused = || LieError(text.to_owned());
        let number = |text: &str| text.parse::<usize>().map_err(|_| refused());
        let (rest, from, to) = match text.rsplit_once('#') {
            Some((rest, numbers)) => match numbers.split_once('-') {
                Some((from, to)) => (rest, number(from)?, number(to)?),
                None => (rest, number(numbers)?, usize::MAX),
            },
            None => (text, 1, usize::MAX),
        };
        let (rest, client) = rest.rsplit_once('~').unwrap_or((rest, ""));
        // An argument may have an @ in it, such as a URL; a part of a path comes after the last one.
        let (lie, about) = rest.rsplit_once('@').unwrap_or((rest, ""));
        let told = Self::from(lie.parse::<Lie>()?).about(about).only_to(client);
        Ok(told.from_request(from.max(1)).to_request(to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_occasions() {
        let told: Told = "status=404@/referrers/~nix-seed#3-4".parse().unwrap();
        let expected = Told::from(Lie::Status(404)).about("/referrers/");
        let expected = expected.only_to("nix-seed").from_request(3).to_request(4);
        assert_eq!(told, expected);
        let agent = ["nix-seed/0.1.0"];
        assert!(told.is_about("/v2/a/referrers/sha256:00", &agent));
        assert!(!told.is_about("/v2/a/referrers/sha256:00", &["curl"]));
        assert!(!told.is_about("/v2/a/manifests/x", &agent));
    }

    #[test]
    fn refuses_what_is_no_lie() {
        for text in [
            "",
            "truth",
            "status",
            "status=9",
            "status=x",
            "wrong-bytes=1",
            "drip",
            "stall#x",
            "stall#1-x",
            "replace=a",
            "envelope=nice",
            "forged=0x12",
        ] {
            assert!(text.parse::<Told>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_name_of_the_help_is_known() {
        let names = Lie::HELP.split('(').next().unwrap().split(", ");
        for name in names.map(str::trim) {
            let text = match name.split_once('=') {
                None => name.to_owned(),
                Some((name, "NUMBER" | "CODE" | "MILLISECONDS")) => format!("{name}=404"),
                Some(("replace", _)) => "replace=a=>b".to_owned(),
                Some(("envelope", _)) => "envelope=id".to_owned(),
                Some(("forged", _)) => format!("forged=0x{}", "11".repeat(20)),
                Some((name, _)) => format!("{name}=x"),
            };
            assert!(text.parse::<Told>().is_ok(), "{text}");
        }
    }
}
