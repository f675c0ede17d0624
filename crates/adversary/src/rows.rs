use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::Path,
};

use crate::Line;

/// How many rows each family of the threat model has.
const FAMILIES: [(&str, u32); 3] = [("REG", 23), ("RPC", 20), ("PAR", 22)];

/// Rows that every run is about: no panic, and three forms of one answer.
const EVERY_RUN: [&str; 2] = ["PAR-09", "PAR-20"];

/// Rows that a run is about where `scripts/adversary` has put hostile files and variables around it.
const AROUND: [&str; 2] = ["PAR-16", "PAR-17"];

/// Rows that a run cannot be about, and why.
const ELSEWHERE: [(&str, &str); 5] = [
    ("RPC-18", "no light client is used"),
    ("RPC-19", "the ledger has no proxy"),
    ("RPC-20", "no light client is used"),
    ("PAR-18", "needs a second verifier"),
    ("PAR-19", "of the verifier itself: scripts/ablate"),
];

/// The rows of one run, with those that every run is about, and those of what stands around it.
#[must_use]
pub fn rows_around(mut rows: BTreeSet<&'static str>) -> Vec<String> {
    rows.extend(EVERY_RUN);
    let hostile = std::env::var_os("SEED_POLICY").is_some()
        && std::env::var_os("HTTP_PROXY").is_some()
        && Path::new(".netrc").exists();
    if hostile {
        rows.extend(AROUND);
    }
    rows.into_iter().map(str::to_owned).collect()
}

/// How often each row that a run can be about must be hit.
const WANTED: usize = 100;

/// The rows that were hit fewer than a hundred times, with how often.
#[must_use]
pub fn missed<'a>(lines: impl Iterator<Item = &'a Line>) -> Vec<String> {
    let hits = hits(lines);
    let rows = all().filter(|row| !ELSEWHERE.iter().any(|(known, _)| known == row));
    rows.filter_map(|row| {
        let hit = hits.get(row.as_str()).copied().unwrap_or_default();
        (hit < WANTED).then(|| format!("{row}: {hit}"))
    })
    .collect()
}

fn hits<'a>(lines: impl Iterator<Item = &'a Line>) -> BTreeMap<&'a str, usize> {
    let mut hits: BTreeMap<&str, usize> = BTreeMap::new();
    for row in lines.flat_map(|line| &line.rows) {
        *hits.entry(row).or_default() += 1;
    }
    hits
}

fn all() -> impl Iterator<Item = String> {
    let families = FAMILIES.iter();
    families.flat_map(|(family, count)| (1..=*count).map(move |at| format!("{family}-{at:02}")))
}

/// A table: each row, how often it was hit, or where it is shown instead.
#[must_use]
pub fn table<'a>(lines: impl Iterator<Item = &'a Line> + Clone) -> String {
    let hits = hits(lines);
    let mut table = String::from("| row | runs |\n|---|---|\n");
    for row in all() {
        let elsewhere = ELSEWHERE.iter().find(|(known, _)| *known == row);
        let hit = hits.get(row.as_str()).copied().unwrap_or_default();
        let cell = match elsewhere {
            Some((_, why)) if hit == 0 => format!("– {why}"),
            _ => hit.to_string(),
        };
        let _ = writeln!(table, "| {row} | {cell} |");
    }
    table
}
