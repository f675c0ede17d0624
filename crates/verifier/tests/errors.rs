//! `docs/errors.md` lists every code a verdict can have, with its exit code.

use seed_verdict::RejectionCode;

const ERRORS: &str = include_str!("../../../docs/errors.md");

#[test]
fn every_code_of_a_verdict_is_documented() {
    for code in RejectionCode::ALL {
        let row = format!("| `{}` | {} | ", code.as_str(), code.class().exit_code());
        assert!(ERRORS.contains(&row), "docs/errors.md lacks {row}");
    }
}

#[test]
fn every_documented_code_is_explained() {
    for line in ERRORS.lines().filter(|line| line.starts_with("| `")) {
        let code = line.trim_start_matches("| `").split('`').next().unwrap();
        assert!(seed_verifier::explain(code).is_ok(), "{code}");
    }
}
