//! Completions and manual pages: whatever `--help` offers is in them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, Output},
};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_seed-verify"))
        .args(arguments)
        .env_clear()
        .output()
        .unwrap()
}

fn succeed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?} {output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The long options and the commands that the help of a command lists.
fn offered(help: &str) -> (BTreeSet<String>, Vec<String>) {
    let options = help
        .split_whitespace()
        .filter_map(|word| {
            let word = word.trim_matches(|c: char| !(c.is_alphanumeric() || c == '-'));
            word.starts_with("--").then(|| word.to_owned())
        })
        .filter(|word| word.len() > 2);
    // Not those that a sentence speaks of: an option begins its line.
    let begins = |option: &String| {
        help.lines().map(str::trim_start).any(|line| {
            let line =
                line.split_once(", ").map_or(
                    line,
                    |(short, rest)| {
                        if short.len() == 2 { rest } else { line }
                    },
                );
            line.split_whitespace().next() == Some(option)
        })
    };
    let commands = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        // What goes on from the line above stands further in.
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect();
    (options.filter(begins).collect(), commands)
}

/// Every command, as the words that call it, with its options.
fn commands() -> BTreeMap<Vec<String>, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![Vec::new()];
    while let Some(words) = waiting.pop() {
        let mut arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        arguments.push("--help");
        let (options, below) = offered(&succeed(&arguments));
        for name in below {
            let mut deeper: Vec<String> = words.clone();
            deeper.push(name);
            waiting.push(deeper);
        }
        found.insert(words, options);
    }
    found
}

#[test]
fn the_help_is_read_rightly() {
    let commands = commands();
    assert_eq!(commands.len(), 20, "{:?}", commands.keys());
    let first = &commands[&Vec::new()];
    for option in ["--chain", "--bundle", "--explain", "--help", "--version"] {
        assert!(first.contains(option), "{first:?}");
    }
    assert!(commands[&vec!["policy".to_owned(), "init".to_owned()]].contains("--deployment"));
}

/// Of every command, to the last one.
#[test]
fn every_help_fits_a_terminal() {
    for words in commands().into_keys() {
        let mut arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        arguments.push("--help");
        for line in succeed(&arguments).lines() {
            assert!(line.chars().count() <= 80, "{words:?}: {line}");
        }
    }
}

#[test]
fn completions_offer_every_command_and_every_option() {
    for shell in ["bash", "zsh", "fish"] {
        let script = succeed(&["completions", shell]);
        for (words, options) in commands() {
            for option in options {
                // fish writes long options without their dashes.
                let written = match shell {
                    "fish" => format!("-l {}", option.trim_start_matches('-')),
                    _ => option.clone(),
                };
                assert!(script.contains(&written), "{shell}: {words:?} {option}");
            }
            for word in words {
                assert!(script.contains(&word), "{shell}: {word}");
            }
        }
    }
    assert_eq!(run(&["completions", "tcsh"]).status.code(), Some(2));
    assert_eq!(run(&["completions"]).status.code(), Some(2));
}

/// What bash offers for the last of these words, in a real bash.
fn completed(script: &str, words: &[&str]) -> Vec<String> {
    let last = words.len() - 1;
    let asked = format!(
        "{script}\nCOMP_WORDS=({}); COMP_CWORD={last}; _seed__verify seed-verify '{}' '{}'; echo \"${{COMPREPLY[@]}}\"",
        words.join(" "),
        words[last],
        words[last - 1]
    );
    let output = Command::new("bash")
        .args(["--norc", "-c", &asked])
        .output()
        .unwrap();
    assert_eq!(output.stderr, b"");
    let answer = String::from_utf8(output.stdout).unwrap();
    answer.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn bash_completes_every_command_and_every_option() {
    let script = succeed(&["completions", "bash"]);
    assert_eq!(
        completed(&script, &["seed-verify", "bundle", "c"]),
        ["create", "confirm"]
    );
    assert_eq!(
        completed(&script, &["seed-verify", "--output", "j"]),
        ["json"]
    );
    for (words, options) in commands() {
        let mut line = vec!["seed-verify"];
        line.extend(words.iter().map(String::as_str));
        line.push("--");
        let offered: BTreeSet<_> = completed(&script, &line).into_iter().collect();
        assert_eq!(offered, options, "{line:?}");
    }
}

/// The text of a page without the dashes' escapes.
fn plain(page: &str) -> String {
    page.replace("\\-", "-")
}

#[test]
fn every_command_has_a_manual_page_with_its_options_and_the_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let listed = succeed(&["man", place]);
    let commands = commands();
    assert_eq!(listed.lines().count(), commands.len());
    for (words, options) in commands {
        let name = [&["seed-verify".to_owned()], &words[..]].concat().join("-");
        assert!(
            listed.lines().any(|line| line == format!("{name}.1")),
            "{name}"
        );
        let page = fs::read_to_string(folder.path().join(format!("{name}.1"))).unwrap();
        a_page(&plain(&page), &name);
        for option in options {
            assert!(plain(&page).contains(&option), "{name} lacks {option}");
        }
    }
    // Nothing is overwritten, and what is there is the same as what is printed.
    let first = fs::read_to_string(folder.path().join("seed-verify.1")).unwrap();
    assert_eq!(succeed(&["man"]), first);
    let again = run(&["man", place]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("error[output-exists]"));
    assert_eq!(run(&["man", "no/such/folder"]).status.code(), Some(3));
    assert!(!Path::new("no").exists());
}

#[track_caller]
fn a_page(page: &str, name: &str) {
    assert!(
        page.contains(&format!(".TH {} 1", name.to_uppercase())),
        "{page}"
    );
    for section in [
        "NAME",
        "SYNOPSIS",
        "DESCRIPTION",
        "OPTIONS",
        "\"EXIT STATUS\"",
        "FILES",
    ] {
        assert!(
            page.contains(&format!(".SH {section}\n")),
            "{name} lacks {section}\n{page}"
        );
    }
    let exits = page.split(".SH \"EXIT STATUS\"").nth(1).unwrap();
    for code in 0..5 {
        assert!(exits.contains(&format!(".TP\n\\fB{code}\\fR\n")), "{exits}");
    }
    assert!(page.contains("/etc/nix-seed/policy.toml"));
    assert!(!page.contains("seed-verify-help"), "{page}");
}
