use std::{collections::BTreeMap, fmt::Write as _};

use crate::Line;

/// How many rows each family of the threat model has.
const FAMILIES: [(&str, u32); 3] = [("REG", 22), ("RPC", 20), ("PAR", 22)];

/// Rows that every run is about: no panic, hostile files and variables around it, and three forms of one answer.
const EVERY_RUN: [&str; 4] = ["PAR-09", "PAR-16", "PAR-17", "PAR-20"];

/// Rows that a run cannot be about, and why.
const ELSEWHERE: [(&str, &str); 6] = [
    ("RPC-18", "no light client is used"),
    ("RPC-19", "the ledger has no proxy"),
    ("RPC-20", "no light client is used"),
    ("PAR-18", "needs a second verifier"),
    ("PAR-19", "scripts/ablate"),
    ("PAR-22", "the tests of bundles"),
];

/// A table: each row, how often it was hit, or where it is shown instead.
#[must_use]
pub fn table<'a>(lines: impl Iterator<Item = &'a Line> + Clone) -> String {
    let mut hits: BTreeMap<&str, usize> = BTreeMap::new();
    for row in lines.clone().flat_map(|line| &line.rows) {
        *hits.entry(row).or_default() += 1;
    }
    let runs = lines.count();
    let mut table = String::from("| row | runs |\n|---|---|\n");
    for (family, count) in FAMILIES {
        for number in 1..=count {
            let row = format!("{family}-{number:02}");
            let elsewhere = ELSEWHERE.iter().find(|(known, _)| *known == row);
            let hit = hits.get(row.as_str()).copied().unwrap_or_default();
            let cell = match elsewhere {
                _ if EVERY_RUN.contains(&row.as_str()) => format!("{runs}, every one"),
                Some((_, why)) if hit == 0 => format!("– {why}"),
                _ => hit.to_string(),
            };
            let _ = writeln!(table, "| {row} | {cell} |");
        }
    }
    table
}
