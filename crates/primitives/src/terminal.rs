/// Text from outside, fit for one line of a terminal: control characters, line breaks and invisible characters
/// that reorder or hide text are written as escapes.
#[must_use]
pub fn shown(text: &str) -> String {
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

/// The same for a JSON text: everything but printable ASCII becomes `\u` and four hex digits, which read back as the
/// same value.
#[must_use]
pub fn ascii_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut units = [0; 2];
    for c in json.chars() {
        // Line breaks are the layout of the document: inside strings serde_json has escaped them already.
        if c == '\n' || (c.is_ascii() && !c.is_ascii_control()) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut units) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    }
    out
}

/// What a command line parser complains about, in one line: `text` as it would print it, without `error: `, tips, usage
/// and where to find help.
#[must_use]
pub fn usage_line(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"))
        .filter(|line| !line.is_empty() && !line.starts_with("tip:"))
        .collect();
    let line = lines.join(" ");
    line.trim_start_matches("error: ").to_owned()
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
            shown("a \u{1b}[2J\n\u{202e}ä\u{9b}"),
            "a \\u{1b}[2J\\u{a}\\u{202e}ä\\u{9b}"
        );
    }

    #[test]
    fn a_wrong_command_line_is_one_line() {
        let text = "error: the following are required:\n  --rpc <URL>\n\n  tip: a similar one exists\n\nUsage: a [OPTIONS]\n\nFor more information, try '--help'.\n";
        assert_eq!(usage_line(text), "the following are required: --rpc <URL>");
        assert_eq!(usage_line(""), "");
    }

    #[test]
    fn json_becomes_ascii_and_keeps_its_meaning() {
        let value = serde_json::json!({"a": "ä\u{9b}\u{1f600}\u{7f}\n"});
        let text = ascii_json(&value.to_string());
        assert!(
            text.bytes().all(|byte| (0x20..0x7f).contains(&byte)),
            "{text}"
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }
}
