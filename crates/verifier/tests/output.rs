//! What people see: text that fits a terminal and ends with who is still trusted, and what `--quiet` leaves of it.

#[path = "common/golden.rs"]
mod golden;
#[path = "common/lines.rs"]
mod lines;
#[path = "common/schema.rs"]
mod schema;

use std::process::Output;

use golden::Golden;
use schema::read_output;

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Without the seconds, which go on between two runs.
fn without_time(output: &Output) -> String {
    let printed = text(&output.stdout);
    let lines = printed
        .lines()
        .filter(|line| !line.trim_start().starts_with("\"time\"") && !line.contains(" ago)"));
    let lines = lines.filter(|line| !line.trim_start().starts_with("\"age\""));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_answer_fits_a_terminal_and_ends_with_who_is_trusted() {
    let golden = Golden::new();
    for case in golden.cases() {
        let arguments: Vec<&str> = case.arguments.iter().map(String::as_str).collect();
        let output = golden.run(&arguments);
        assert_eq!(output.status.code(), Some(case.exit), "{}", case.name);
        let value = read_output(&golden.json(&case.arguments).stdout);
        let images = value["images"].as_array().unwrap();
        lines::fits_a_terminal(text(&output.stdout));
        lines::ends_with_who_is_trusted(text(&output.stdout), images.len());
        assert_eq!(
            images[0]["error"]["code"].as_str(),
            case.code,
            "{}",
            case.name
        );
        for image in images {
            let trusts = image["trusts"].as_array().unwrap();
            let first = trusts[0].as_str().unwrap();
            let formed = matches!(image["exitCode"].as_i64(), Some(0 | 1 | 4));
            assert_eq!(formed, !first.starts_with("nobody"), "{first}");
            if formed && image["exitCode"] != 0 {
                assert!(
                    first.contains("fewer than 2 of these 3 operators"),
                    "{first}"
                );
            }
        }
    }
}

#[test]
fn what_is_shown_without_a_verdict_fits_a_terminal() {
    let golden = Golden::new();
    for arguments in [
        &["bundle", "inspect", "bundle.json"][..],
        &["policy", "check", "policy.toml"],
        &["policy", "explain", "policy.toml"],
    ] {
        let output = golden.run(arguments);
        assert!(output.status.success(), "{output:?}");
        lines::fits_a_terminal(text(&output.stdout));
    }
    let codes = seed_verdict::RejectionCode::ALL
        .iter()
        .map(|one| one.as_str());
    for code in codes.chain(["usage", "policy-not-roots", "bundle-malformed", "internal"]) {
        lines::fits_a_terminal(&seed_verifier::explain(code).unwrap());
    }
}

/// `--quiet` takes nothing from standard output or the exit code, and leaves nothing on standard error but errors.
#[test]
fn quiet_leaves_errors_and_the_answer() {
    let golden = Golden::new();
    for case in golden.cases() {
        for form in ["text", "json"] {
            let mut arguments: Vec<&str> = case.arguments.iter().map(String::as_str).collect();
            arguments.extend(["--output", form]);
            let loud = golden.run(&arguments);
            arguments.push("--quiet");
            let quiet = golden.run(&arguments);
            quiet_as_promised(case.name, &loud, &quiet);
        }
    }
    for (name, arguments) in [
        (
            "no policy",
            &["--chain", "--policy", "missing", "oci:x"][..],
        ),
        ("no image", &["--chain", "--policy", "policy.toml"]),
        (
            "no bundle",
            &[
                "--bundle",
                "policy.toml",
                "--policy",
                "policy.toml",
                "oci:x",
            ],
        ),
    ] {
        for form in ["text", "json"] {
            let all = [arguments, &["--output", form]].concat();
            let loud = golden.run(&all);
            let quiet = golden.run(&[&all[..], &["--quiet"]].concat());
            quiet_as_promised(name, &loud, &quiet);
        }
    }
}

#[track_caller]
fn quiet_as_promised(name: &str, loud: &Output, quiet: &Output) {
    assert_eq!(quiet.status.code(), loud.status.code(), "{name}");
    assert_eq!(without_time(quiet), without_time(loud), "{name}");
    let (all, left) = (lines::errors(&loud.stderr), lines::errors(&quiet.stderr));
    assert_eq!(all.0, left.0, "{name}");
    assert_eq!(left.1, [""; 0], "{name}");
    assert_eq!(left.0.is_empty(), quiet.status.success(), "{name}");
}
