use std::io::{self, Write as _};

use clap::ValueEnum;

use crate::Fault;

/// The form of an answer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Output {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// Writes an answer to standard output, whole or not at all as far as the caller can tell.
///
/// # Errors
/// [`Fault::Output`].
pub(crate) fn say(text: &str) -> Result<(), Fault> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Fault::Output(error.to_string()))
}

/// Writes one line to standard error; that nobody reads it is no fault of the command's.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// `text` on one line of printable ASCII, as long as a line may be; everything else as an escape.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 400;
    let mut line = String::new();
    for character in text.chars() {
        if line.len() >= LONGEST {
            line.push_str("...");
            break;
        }
        match character {
            ' '..='~' => line.push(character),
            _ => line.extend(character.escape_unicode()),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_could_mislead_a_reader() {
        assert_eq!(
            shown("a\u{202e}b\u{1b}[2Jc\n"),
            "a\\u{202e}b\\u{1b}[2Jc\\u{a}"
        );
        assert!(shown(&"x".repeat(5000)).len() < 410);
    }
}
