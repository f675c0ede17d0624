//! `docs/threat-model.md` against the sources: the tests it names are there, and its counts are those of its rows.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

const MODEL: &str = include_str!("../../../docs/threat-model.md");

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The rows of section 3: name of the row, and what is shown.
fn rows() -> Vec<(&'static str, &'static str)> {
    let cells = MODEL.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("| ")?.split_once(" | ")?;
        let (family, number) = name.split_once('-')?;
        let named = family.len() == 3 && number.parse::<u8>().is_ok();
        let (_, shown) = rest.trim_end_matches(" |").split_once(" | ")?;
        named.then_some((name, shown))
    });
    cells.collect()
}

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Every Rust file below a room that is called `module`, or lies in a folder of that name.
fn sources(room: &str, module: &str) -> String {
    let mut text = String::new();
    let rooms = ["crates", "tests"].map(|kind| (checkout().join(kind).join(room), false));
    let mut left = Vec::from(rooms);
    while let Some((folder, inside)) = left.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let here = inside || path.file_stem().is_some_and(|stem| stem == module);
            if path.is_dir() {
                left.push((path, here));
            } else if here && path.extension().is_some_and(|end| end == "rs") {
                text += &fs::read_to_string(path).unwrap();
            }
        }
    }
    text
}

fn is_there(test: &str) -> bool {
    if let Some((file, name)) = test.split_once(".sol:") {
        let file = checkout().join(format!("{file}.sol"));
        let text = fs::read_to_string(file).unwrap_or_default();
        return text.contains(&format!("function {name}("));
    }
    match test.split("::").collect::<Vec<_>>()[..] {
        [room, module] => !sources(room, module).is_empty(),
        [room, .., module, name] => {
            let text = sources(room, module);
            text.contains(&format!("fn {name}(")) || text.contains(&format!(" {name}: "))
        }
        _ => true,
    }
}

#[test]
fn every_row_that_is_tested_names_tests_that_are_there() {
    let rows = rows();
    assert!(rows.len() > 200, "{}", rows.len());
    let mut named = 0;
    for (row, shown) in rows {
        let tests = quoted(shown).filter(|word| word.contains("::") || word.contains(".sol:"));
        for test in tests {
            named += 1;
            assert!(is_there(test), "{row} names {test}");
        }
        let any = quoted(shown).next().is_some();
        assert!(any || !shown.starts_with("**tested**"), "{row}");
    }
    assert!(named > 300, "{named}");
    assert!(!is_there("verdict::rejected::a_test_that_is_not_there"));
    assert!(!is_there("contracts/test/Judge.t.sol:test_not_there"));
}

#[test]
fn the_counts_are_those_of_the_rows() {
    let mut counts: BTreeMap<&str, [usize; 5]> = BTreeMap::new();
    let grades = [
        "**tested**",
        "**in part**",
        "**not applicable**",
        "**planned**",
    ];
    for (row, shown) in rows() {
        let grade = grades.iter().position(|grade| shown.starts_with(grade));
        let grade = grade.unwrap_or_else(|| panic!("{row}: {shown}")) + 1;
        for family in [&row[..3], "**all**"] {
            let line = counts.entry(family).or_default();
            line[0] += 1;
            line[grade] += 1;
        }
    }
    assert_eq!(counts.len(), 11);
    for (family, counts) in counts {
        let bold = family.starts_with('*');
        let cells = counts.map(|count| match bold {
            true => format!(" | **{count}**"),
            false => format!(" | {count}"),
        });
        let line = format!("| {family}{} |", cells.concat());
        assert!(MODEL.lines().any(|found| found == line), "{line}");
    }
}
