/// How wide a terminal is taken to be.
const COLUMNS: usize = 80;
/// Where a description begins at the latest; one that would begin later goes below its option.
const LATEST: usize = 36;

/// The text of `--help` in lines that fit a terminal. A word that is longer than a line stays whole.
pub(super) fn folded(help: &str) -> String {
    let lines = help.lines().map(fold);
    lines.flatten().map(|line| line + "\n").collect()
}

/// One line in as many as it takes. What an option or a command is followed by stays in its column.
fn fold(line: &str) -> Vec<String> {
    if line.chars().count() <= COLUMNS {
        return vec![line.to_owned()];
    }
    let (name, text) = parts(line);
    let spaces = |count: usize| " ".repeat(count);
    let column = line.len() - text.len();
    match name.is_empty() {
        true => wrap(&spaces(column), &spaces(column), text),
        false if column <= LATEST => wrap(&line[..column], &spaces(column), text),
        // Too narrow beside its name.
        false => {
            let mut lines = vec![name.trim_end().to_owned()];
            lines.extend(wrap(&spaces(10), &spaces(10), text));
            lines
        }
    }
}

/// What stands before the description, and the description: they are two spaces or more apart.
fn parts(line: &str) -> (&str, &str) {
    let bare = line.trim_start();
    let indent = line.len() - bare.len();
    match bare.find("  ") {
        Some(gap) if indent > 0 => {
            let text = bare[gap..].trim_start();
            (&line[..indent + gap], text)
        }
        _ => ("", bare),
    }
}

fn wrap(first: &str, next: &str, text: &str) -> Vec<String> {
    let mut lines = vec![first.to_owned()];
    let mut empty = true;
    for word in text.split_whitespace() {
        let last = lines
            .last_mut()
            .filter(|last| empty || last.chars().count() + 1 + word.chars().count() <= COLUMNS);
        match last {
            Some(last) if empty => last.push_str(word),
            Some(last) => {
                last.push(' ');
                last.push_str(word);
            }
            None => lines.push(format!("{next}{word}")),
        }
        empty = false;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_stay_in_their_column_or_go_below() {
        let help = "A short line\n\nOptions:\n      --a <B>  one two three four five six seven eight nine ten eleven twelve thirteen\n";
        assert_eq!(
            folded(help),
            "A short line\n\nOptions:\n      --a <B>  one two three four five six seven eight nine ten eleven twelve\n               thirteen\n"
        );
        let long = format!(
            "      --quite-a-long-option <WITH-A-VALUE>  {}",
            "word ".repeat(30)
        );
        let lines = fold(&long);
        assert_eq!(lines[0], "      --quite-a-long-option <WITH-A-VALUE>");
        assert!(
            lines[1].starts_with("          word word")
                && lines.iter().all(|line| line.len() <= 80)
        );
        let plain = fold(&"plain words ".repeat(10));
        assert_eq!(plain.len(), 2);
        assert_eq!(fold(&"x".repeat(100)), ["x".repeat(100)]);
    }
}
