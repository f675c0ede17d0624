//! `docs/errors.md` lists every code a verdict can have, with its exit code.

#[path = "common/lines.rs"]
mod lines;

use seed_verdict::{ExitClass, RejectionCode};

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

/// "Could not be found out" does not sound like "somebody did something": in no explanation of exit code 3 is there a word
/// of suspicion. Who contradicts another or the proof he gives is called a liar, but that is about endpoints and never
/// about the image.
#[test]
fn no_explanation_of_exit_code_3_accuses_anybody() {
    let contradictions = ["headers-conflict", "values-conflict", "proof-invalid"];
    for code in RejectionCode::ALL {
        if code.class() != ExitClass::Undecidable {
            continue;
        }
        let text = format!("{} {}", code.why(), code.help());
        lines::accuses_nobody(&text);
        let lying = text.contains("lying") || text.contains("lies");
        assert!(
            !lying || contradictions.contains(&code.as_str()),
            "{code}: {text}"
        );
    }
    let sections = ERRORS.split("\n## ").filter(|section| {
        section.contains("`seed-verify`") || section.starts_with("Registries and layouts")
    });
    let rows = sections
        .flat_map(str::lines)
        .filter(|line| line.contains("` | 3 | "));
    assert!(rows.clone().count() > 30);
    rows.for_each(lines::accuses_nobody);
}
