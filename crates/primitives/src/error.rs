use thiserror::Error;

/// Why a text is not the value it was given as.
///
/// Carries what was expected and the offending text, cut to 80 characters and with control characters
/// escaped, so that it can be printed as it is.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{what} must be {expected}, got `{got}`")]
pub struct ParseError {
    /// The noun that was being read, with its article: `a digest`.
    pub what: &'static str,
    /// The accepted form.
    pub expected: &'static str,
    /// The refused text, shortened and escaped.
    pub got: String,
}

impl ParseError {
    /// An error for `what`, which must be `expected`, on seeing `got` (any text; stored shortened and escaped).
    #[must_use]
    pub fn new(what: &'static str, expected: &'static str, got: &str) -> Self {
        let shown: String = got.chars().take(80).flat_map(char::escape_debug).collect();
        Self {
            what,
            expected,
            got: shown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_shortens_what_an_outsider_sent() {
        let error = ParseError::new("a digest", "x", &format!("\u{1b}[31m{}", "a".repeat(500)));
        assert!(error.got.starts_with("\\u{1b}"));
        assert!(error.got.len() < 100);
    }
}
