//! Takes the annotated listings apart.

use std::collections::BTreeMap;

/// What a line of bytes is said to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// Plain data: headers and constants.
    Data,
    /// The address of a label in memory, four bytes.
    Address(String),
    /// The offset of a label in the file, four bytes.
    Offset(String),
    /// A jump or call: mnemonic and label.
    Jump(String, String),
    /// Any other instruction.
    Instruction(String),
}

/// A line that stands for bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where in the file, counted from 1.
    pub number: usize,
    /// Offset of its first byte in the program.
    pub offset: usize,
    /// The bytes; references to labels are resolved.
    pub bytes: Vec<u8>,
    /// What the comment says about them.
    pub meaning: Meaning,
}

/// A `.hex0` or `.hex1` file, read by rules of its own and not by the chain's programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// All lines that stand for bytes, in order.
    pub lines: Vec<Line>,
    /// Offsets of the labels: `:name` in hex1, a comment `# name:` in hex0.
    pub labels: BTreeMap<String, usize>,
}

/// Where programs are loaded.
const BASE: usize = 0x40_0000;

impl Listing {
    /// Reads a listing. Panics, as tests do, naming the first line it can't take.
    pub fn parse(text: &str) -> Self {
        let labels = labels(text);
        let mut lines = Vec::new();
        let mut offset = 0;
        for (number, line) in numbered(text) {
            let (code, comment) = line.split_once('#').unwrap_or((line, ""));
            if code.trim().is_empty() || code.starts_with(':') {
                continue;
            }
            let mut bytes = Vec::new();
            for word in code.split_whitespace() {
                bytes.extend(word_bytes(word, offset + bytes.len(), &labels, number));
            }
            let meaning = meaning(comment.split(';').next().unwrap_or("").trim(), number);
            lines.push(Line {
                number,
                offset,
                meaning,
                bytes: bytes.clone(),
            });
            offset += bytes.len();
        }
        Self { lines, labels }
    }

    /// The whole program.
    pub fn bytes(&self) -> Vec<u8> {
        self.lines
            .iter()
            .flat_map(|line| line.bytes.clone())
            .collect()
    }

    /// The label's offset. Panics when there is none.
    pub fn label(&self, name: &str) -> usize {
        *self
            .labels
            .get(name)
            .unwrap_or_else(|| panic!("no label {name}"))
    }
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
}

fn labels(text: &str) -> BTreeMap<String, usize> {
    let mut labels = BTreeMap::new();
    let mut offset = 0;
    for (number, line) in numbered(text) {
        let code = line.split('#').next().unwrap_or("");
        let name = match (line.strip_prefix(':'), line.strip_prefix("# ")) {
            (Some(rest), _) => rest.split_whitespace().next(),
            (None, Some(rest)) => rest
                .split(';')
                .next()
                .and_then(|rest| rest.trim().strip_suffix(':')),
            (None, None) => None,
        };
        if let Some(name) = name.filter(|name| !name.contains(' ')) {
            let before = labels.insert(name.to_owned(), offset);
            assert_eq!(before, None, "line {number}: label {name} twice");
        }
        if !line.starts_with(':') {
            offset += code
                .split_whitespace()
                .map(|word| if reference(word).is_some() { 4 } else { 1 })
                .sum::<usize>();
        }
    }
    labels
}

fn reference(word: &str) -> Option<(char, &str)> {
    let kind = word.chars().next().filter(|kind| ".=@".contains(*kind))?;
    Some((kind, &word[1..]))
}

fn word_bytes(word: &str, at: usize, labels: &BTreeMap<String, usize>, number: usize) -> Vec<u8> {
    let Some((kind, name)) = reference(word) else {
        assert_eq!(word.len(), 2, "line {number}: {word} is not one byte");
        return vec![
            u8::from_str_radix(word, 16).unwrap_or_else(|_| panic!("line {number}: {word}")),
        ];
    };
    let target = *labels
        .get(name)
        .unwrap_or_else(|| panic!("line {number}: no label {name}"));
    let value = match kind {
        '.' => target as i64 - at as i64 - 4,
        '=' => (BASE + target) as i64,
        _ => target as i64,
    };
    i32::try_from(value)
        .expect("a small program")
        .to_le_bytes()
        .to_vec()
}

fn meaning(comment: &str, number: usize) -> Meaning {
    let (first, rest) = comment.split_once(' ').unwrap_or((comment, ""));
    match first {
        "" => panic!("line {number}: bytes without a meaning"),
        "data" => Meaning::Data,
        "address" => Meaning::Address(rest.to_owned()),
        "offset" => Meaning::Offset(rest.to_owned()),
        "call" => Meaning::Jump(first.to_owned(), rest.to_owned()),
        _ if first.starts_with('j') => Meaning::Jump(first.to_owned(), rest.to_owned()),
        _ => Meaning::Instruction(comment.to_owned()),
    }
}
