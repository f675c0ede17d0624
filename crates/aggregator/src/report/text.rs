use std::fmt::Write as _;

use seed_primitives::shown;

use super::{ReleaseReport, Report, VoteReport};
use crate::Names;

/// Writing to a text cannot fail; the results are dropped.
pub(super) fn render(report: &Report, names: &Names) -> String {
    let mut out = String::new();
    for release in &report.releases {
        render_release(&mut out, release, names);
    }
    if report.releases.is_empty() {
        let _ = writeln!(out, "nothing found");
    }
    for document in &report.refused {
        let _ = writeln!(
            out,
            "not a vote: {}: {} [{}]",
            shown(&document.origin),
            shown(&document.why),
            document.code
        );
    }
    for trouble in &report.troubles {
        let _ = writeln!(out, "could not ask: {}", shown(trouble));
    }
    for note in &report.notes {
        let _ = writeln!(out, "note: {}", shown(note));
    }
    out
}

fn render_release(out: &mut String, one: &ReleaseReport, names: &Names) {
    let _ = writeln!(out, "release {}", one.release);
    if let Some(source) = &one.source {
        let _ = writeln!(
            out,
            "  source      {} {} {}",
            source.uri, source.commit, source.target
        );
    }
    for vote in &one.votes {
        render_vote(out, vote, one, names);
    }
    for divergence in &one.divergence {
        let _ = writeln!(out, "  DIVERGENCE on {}", divergence.system);
        for saying in &divergence.says {
            let builders = saying
                .builders
                .iter()
                .map(|builder| names.describe(builder));
            let _ = writeln!(
                out,
                "    {}  {}",
                saying.digest,
                builders.collect::<Vec<_>>().join(", ")
            );
        }
    }
    for system in &one.systems {
        let _ = writeln!(
            out,
            "  quorum      {}: {} independent, {} needed",
            system.system, system.have, system.need
        );
    }
    for lack in &one.lacking {
        let _ = writeln!(
            out,
            "  missing     {}: {}",
            names.describe(&lack.builder),
            lack.what
        );
    }
    if !one.signers.is_empty() {
        let signers = one.signers.iter().map(|builder| names.describe(builder));
        let _ = writeln!(
            out,
            "  signers     {}",
            signers.collect::<Vec<_>>().join(", ")
        );
    }
    if let Some(submission) = one.submission.as_ref().filter(|_| one.code == "ready") {
        let _ = writeln!(
            out,
            "  would call  {}(release, {}{})",
            submission.call,
            submission.bytes,
            submission
                .signatures
                .as_ref()
                .map(|text| format!(", {text}"))
                .unwrap_or_default()
        );
    }
    if let Some(transaction) = &one.transaction {
        let gas = transaction.gas_used.map(|gas| format!(", gas {gas}"));
        let _ = writeln!(
            out,
            "  transaction {} in block {}{}",
            seed_primitives::write_bytes32(&transaction.hash),
            transaction.block,
            gas.unwrap_or_default()
        );
        let finality = match transaction.finalised {
            Some(true) => ", final",
            Some(false) => ", not final yet",
            None => "",
        };
        if let (Some(sequence), Some(commitment)) = (transaction.sequence, &transaction.commitment)
        {
            let _ = writeln!(
                out,
                "  record      number {sequence}, commitment {commitment}{finality}"
            );
        }
    }
    for locator in &one.locators {
        let (place, tag) = (shown(&locator.place), &locator.tag);
        let _ = match &locator.error {
            None => writeln!(out, "  locator     {place}:{tag}"),
            Some(why) => writeln!(
                out,
                "  locator     {place}:{tag} NOT published: {}",
                shown(why)
            ),
        };
    }
    let _ = writeln!(out, "  {}: {}", one.code, shown(&one.message));
}

fn render_vote(out: &mut String, vote: &VoteReport, one: &ReleaseReport, names: &Names) {
    let builder = names.describe(&vote.builder);
    let standing = match &vote.refusal {
        Some(refusal) => format!("does not count [{}]: {}", refusal.code, shown(&refusal.why)),
        None if one.signers.contains(&vote.builder) => "signer".to_owned(),
        None if one.code == "already-finalised" => "valid".to_owned(),
        None => "counts".to_owned(),
    };
    let _ = writeln!(out, "  vote        {builder}: {standing}");
    for image in &vote.images {
        let _ = writeln!(out, "              {} {}", image.system, image.digest);
    }
}
