use std::{io, time::Duration};

use seed_primitives::{ascii_json, shown, write_address, write_bytes32};
use serde_json::json;

use super::{
    arguments::{Output, RecordArguments},
    block_on, colour, complain, not_written, say,
};
use crate::{
    Fault, Format, Outcome, PolicyFile, Report,
    gather::Notes,
    look::{Look, RevocationLook, look},
    moment::{age, date, now},
    report::{Page, SCHEMA_VERSION, Tone},
};

/// Shows a release; 0 means that it was found, and nothing about any image.
pub(super) fn run(arguments: &RecordArguments) -> Result<u8, Fault> {
    let file = PolicyFile::load(arguments.policy.as_deref())?;
    let notes = Notes::default();
    let time = Duration::from_secs(arguments.timeout);
    let found = block_on(false, async {
        tokio::time::timeout(time, look(&file.policy, arguments.release, &notes)).await
    })?;
    let found = found.map_err(|_| Fault::Deadline(arguments.timeout))?;
    let notes = notes.into_lines();
    if !arguments.quiet {
        for note in &notes {
            complain(&format!("note: {}", shown(note)));
        }
    }
    match found {
        Ok(look) => {
            say(&match arguments.output {
                Output::Text => text(&look),
                Output::Json => json_text(&json!({
                    "schemaVersion": SCHEMA_VERSION, "record": look, "notes": notes,
                }))?,
            })?;
            Ok(0)
        }
        Err(stop) => {
            let outcome = Outcome {
                reference: arguments.release.to_string(),
                answer: stop.into(),
                notes,
            };
            if let Some(line) = outcome.error_line() {
                complain(&line);
            }
            let report = Report {
                policy: Some(&file),
                time: now(),
                outcomes: std::slice::from_ref(&outcome),
                fault: None,
            };
            if matches!(arguments.output, Output::Json) {
                report
                    .write(Format::Json, false, &mut io::stdout().lock())
                    .map_err(|error| not_written(&error))?;
            }
            Ok(report.exit_code())
        }
    }
}

pub(super) fn json_text(value: &serde_json::Value) -> Result<String, Fault> {
    serde_json::to_string_pretty(value)
        .map(|text| format!("{}\n", ascii_json(&text)))
        .map_err(|error| Fault::Internal(error.to_string()))
}

fn text(look: &Look) -> String {
    let mut page = Page::new(colour());
    page.line("release", &look.release.to_string());
    page.line(
        "record",
        &format!("number {} of {}", look.sequence, look.ledger_sequence),
    );
    page.line("", &format!("on {}", date(look.recorded_at)));
    page.line(
        "",
        &format!("commitment {}", write_bytes32(&look.commitment)),
    );
    page.line("", &format!("root {}", write_bytes32(&look.root)));
    page.line(
        "ledger",
        &format!("{} on chain {}", write_address(&look.ledger), look.chain_id),
    );
    page.line(
        "as of",
        &format!("finalised block {}, {}", look.block, date(look.block_time)),
    );
    page.line("", &write_bytes32(&look.block_hash));
    for (at, image) in look.images.iter().enumerate() {
        let system = image.system.as_ref().map_or("?", |system| system.as_str());
        page.line(
            if at == 0 { "images" } else { "" },
            &format!("{} {system}", image.digest),
        );
    }
    rules(&mut page, look);
    for entry in &look.entries {
        page.blank();
        let name = entry.name.as_deref().unwrap_or("not named in the policy");
        page.line("builder", &format!("{name}, number {}", entry.index));
        page.line("", &entry.builder.to_string());
        page.line("systems", &entry.systems.join(", "));
        page.line("evidence", &entry.evidence.to_string());
        revocation(&mut page, entry.revocation.as_ref());
    }
    page.blank();
    page.toned(
        "note",
        Tone::Quiet,
        "this shows what the ledger holds; it checks no image, signature or statement",
    );
    page.into_text()
}

fn rules(page: &mut Page, look: &Look) {
    let rules = &look.rules;
    page.blank();
    page.line("rules", &write_address(&rules.address));
    page.line("", &format!("code {}", write_bytes32(&rules.code_hash)));
    let asks = match (rules.threshold, rules.builders) {
        (Some(threshold), Some(builders)) => {
            format!("{threshold} independent builders of {builders} per system")
        }
        _ => "their code could not be read".to_owned(),
    };
    page.line("", &asks);
    page.line(
        "",
        if rules.in_force {
            "in force"
        } else {
            "replaced since"
        },
    );
    revocation(page, rules.revocation.as_ref());
}

fn revocation(page: &mut Page, revocation: Option<&RevocationLook>) {
    match revocation {
        None => page.line("revoked", "no"),
        Some(found) => {
            let since = age(now().saturating_sub(found.since));
            page.toned(
                "revoked",
                Tone::Doubtful,
                &format!(
                    "{since} ago, from number {} on; for this release: {}",
                    found.from_sequence, found.effect
                ),
            );
        }
    }
}
