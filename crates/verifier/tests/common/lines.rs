//! What a terminal shows.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(unreachable_pub, reason = "shared between test files")]

const COLUMNS: usize = 80;
/// Where values begin.
const INDENT: usize = 12;

/// Refuses a line that does not fit the terminal, unless its value is one word that has no place to be broken at:
/// a digest, an address, a path.
#[track_caller]
pub fn fits_a_terminal(text: &str) {
    for line in text.lines() {
        let value: String = line.chars().skip(INDENT).collect();
        let word = !value.trim().contains(' ');
        assert!(
            line.chars().count() <= COLUMNS || word,
            "{line}\nin\n{text}"
        );
    }
}

/// Refuses a report in which an image's answer does not end with who is still trusted: of each, the last things said
/// before its result.
#[track_caller]
pub fn ends_with_who_is_trusted(text: &str, images: usize) {
    let lines: Vec<&str> = text.lines().collect();
    let label = |line: &str| line.get(..INDENT).unwrap_or(line).trim().to_owned();
    let mut found = 0;
    for (at, line) in lines.iter().enumerate() {
        if label(line) != "RESULT" || line.ends_with(" images)") {
            continue;
        }
        let labels: Vec<_> = lines[..at]
            .iter()
            .rev()
            .take_while(|line| !line.is_empty())
            .map(|line| label(line))
            .filter(|label| !label.is_empty() && label != "not proven")
            .collect();
        assert_eq!(
            labels.first().map(String::as_str),
            Some("trusted"),
            "{text}"
        );
        found += 1;
    }
    assert_eq!(found, images, "{text}");
}

/// Words that say or suggest that somebody did something to an image, a record or an answer.
const ACCUSATIONS: [&str; 17] = [
    "tamper",
    "forg",
    "attack",
    "malici",
    "manipul",
    "compromis",
    "corrupt",
    "fake",
    "spoof",
    "hijack",
    "poison",
    "impost",
    "intru",
    "evil",
    "suspicio",
    "do not run",
    "changed the",
];

/// Refuses words of suspicion in what is said where nothing could be found out.
#[track_caller]
pub fn accuses_nobody(text: &str) {
    let lower = text.to_lowercase();
    for word in ACCUSATIONS {
        assert!(!lower.contains(word), "`{word}` in\n{text}");
    }
}

/// What is on standard error: the lines with a code, and all others.
pub fn errors(printed: &[u8]) -> (Vec<String>, Vec<String>) {
    let lines = std::str::from_utf8(printed).unwrap().lines();
    lines
        .map(str::to_owned)
        .partition(|line| line.starts_with("error["))
}
