use std::fmt;

use serde::Serialize;

use crate::{ExitClass, RejectionCode};

/// Why an image was not verified: a stable code, what was judged, and the values that disagree.
///
/// Printed as `error[<code>]: <what>: <found>, expected <expected>; <help>`. Texts from outside are shortened
/// and escaped.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, thiserror::Error)]
pub struct Rejection {
    /// The stable code.
    pub code: RejectionCode,
    /// What was judged and what is wrong with it.
    pub what: String,
    /// What was found, where there is a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What was expected, where there is a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
}

impl Rejection {
    pub(crate) fn new(code: RejectionCode, what: impl Into<String>) -> Self {
        Self {
            code,
            what: escape(&what.into()),
            found: None,
            expected: None,
        }
    }

    pub(crate) fn found(mut self, found: impl ToString) -> Self {
        self.found = Some(escape(&found.to_string()));
        self
    }

    pub(crate) fn expected(mut self, expected: impl ToString) -> Self {
        self.expected = Some(escape(&expected.to_string()));
        self
    }

    /// The class, which is the exit code.
    #[must_use]
    pub const fn class(&self) -> ExitClass {
        self.code.class()
    }

    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        self.code.help()
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match (&self.found, &self.expected) {
            (Some(found), Some(expected)) => write!(f, ": {found}, expected {expected}"),
            (Some(found), None) => write!(f, ": {found}"),
            (None, Some(expected)) => write!(f, ": expected {expected}"),
            (None, None) => Ok(()),
        }
    }
}

fn escape(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(400) {
        if c.is_control() {
            shown.extend(c.escape_debug());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_values_and_never_control_characters() {
        let rejection = Rejection::new(RejectionCode::HeadStale, "the head \u{1b}[2J")
            .found("7200 s")
            .expected("at most 3600 s");
        assert_eq!(
            rejection.to_string(),
            "the head \\u{1b}[2J: 7200 s, expected at most 3600 s"
        );
    }
}
