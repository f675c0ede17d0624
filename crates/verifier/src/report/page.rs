use seed_primitives::shown;

/// How a word is meant; a colour where there is a terminal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Bad,
    Doubtful,
    Quiet,
}

/// Labelled lines of text; everything that is put in is escaped.
pub(crate) struct Page {
    text: String,
    colour: bool,
}

const LABEL: usize = 12;
/// Before the second and every later line of one value, so that several values under one label can be told apart.
const HANGING: &str = "  ";
/// The most columns of a value, so that a line fits 80; a single longer word, such as a digest, stays whole.
const WIDTH: usize = 80 - LABEL;

impl Page {
    pub(crate) const fn new(colour: bool) -> Self {
        Self {
            text: String::new(),
            colour,
        }
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// A line `label  value`; without a label the value stands below the one before.
    pub(crate) fn line(&mut self, label: &str, value: &str) {
        self.toned(label, Tone::Plain, value);
    }

    pub(crate) fn toned(&mut self, label: &str, tone: Tone, value: &str) {
        let value = shown(value);
        for (at, line) in wrapped(&value).iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            let label = self.paint(Tone::Quiet, &format!("{label:<LABEL$}"));
            let value = self.paint(tone, line);
            self.text.push_str(&label);
            self.text.push_str(&value);
            self.text.push('\n');
        }
    }

    pub(crate) fn blank(&mut self) {
        self.text.push('\n');
    }

    fn paint(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Good => "1;32",
            Tone::Bad => "1;31",
            Tone::Doubtful => "1;33",
            Tone::Quiet => "2",
        };
        if self.colour && !text.trim().is_empty() {
            return format!("\x1b[{code}m{text}\x1b[0m");
        }
        text.to_owned()
    }
}

/// The text in lines of at most [`WIDTH`] characters, broken at spaces; what is broken goes on a little to the right.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for piece in text.split_inclusive(' ') {
        let width = line.chars().count() + piece.trim_end().chars().count();
        if width > WIDTH && !line.trim().is_empty() {
            lines.push(line.trim_end().to_owned());
            HANGING.clone_into(&mut line);
        }
        line.push_str(piece);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_only_where_asked_and_never_lets_a_value_colour() {
        let mut plain = Page::new(false);
        plain.toned("RESULT", Tone::Good, "verified\u{1b}[31m");
        assert_eq!(plain.into_text(), "RESULT      verified\\u{1b}[31m\n");
        let mut coloured = Page::new(true);
        coloured.toned("", Tone::Bad, "rejected");
        assert_eq!(
            coloured.into_text(),
            "            \x1b[1;31mrejected\x1b[0m\n"
        );
    }

    #[test]
    fn long_values_are_broken_at_spaces_and_keep_every_word() {
        let text = "word ".repeat(60) + &"x".repeat(200);
        let lines = wrapped(&text);
        assert!(lines.len() > 3 && lines.iter().all(|line| line.len() <= 202));
        assert!(
            lines[..lines.len() - 1]
                .iter()
                .all(|line| line.len() <= WIDTH)
        );
        assert!(
            lines[1..]
                .iter()
                .all(|line| line.starts_with("  word") || line.starts_with("  x"))
        );
        let words: Vec<_> = lines.iter().map(|line| line.trim_start()).collect();
        assert_eq!(words.join(" "), text);
        assert_eq!(wrapped("  two spaces first"), ["  two spaces first"]);
        assert_eq!(wrapped(""), [""]);
    }
}
