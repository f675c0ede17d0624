//! `docs/known-holes.md` against the sources: what it names is there.

use std::{fs, path::Path};

const HOLES: &str = include_str!("../../../docs/known-holes.md");

/// The files that may hold the tests of `module` of `room`.
fn sources(room: &str, module: &str) -> String {
    let room = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(room);
    let mut text = String::new();
    let mut folders = vec![room.join("tests"), room.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_stem().is_some_and(|stem| stem == module) {
                text += &fs::read_to_string(path).unwrap();
            }
        }
    }
    text
}

#[test]
fn every_known_hole_names_tests_that_are_there_or_a_reason() {
    let rows: Vec<_> = HOLES
        .lines()
        .filter(|line| line.starts_with("| CVE-") || line.starts_with("| GHSA-"))
        .collect();
    assert!(rows.len() > 60, "{}", rows.len());
    for row in rows {
        let cell = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let tests: Vec<_> = cell.split('`').filter(|word| word.contains("::")).collect();
        assert!(!tests.is_empty() || cell.starts_with("none"), "{row}");
        for test in tests {
            let [room, module, name] = test.split("::").collect::<Vec<_>>()[..] else {
                panic!("{test}");
            };
            let text = sources(room, module);
            let (written, listed) = (format!("fn {name}("), format!(" {name}: "));
            assert!(
                text.contains(&written) || text.contains(&listed),
                "{test} of\n{row}"
            );
        }
    }
}
