/// Text from outside, fit for one line of a terminal: control characters, line breaks and invisible characters
/// that reorder or hide text are written as escapes.
#[must_use]
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if misleads(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_could_mislead_a_reader() {
        assert_eq!(
            shown("a \u{1b}[2J\n\u{202e}ä"),
            "a \\u{1b}[2J\\u{a}\\u{202e}ä"
        );
    }
}
