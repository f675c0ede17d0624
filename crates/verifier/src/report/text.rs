use seed_primitives::System;
use seed_verdict::{CountedBuilder, Release, Supersession, Vouched};

use super::{DOES_NOT_PROVE, Page, Report, Tone, trust::trusts};
use crate::{
    Answer, Outcome, PolicyFile,
    moment::{age, date},
};

impl Report<'_> {
    pub(super) fn text(&self, colour: bool) -> String {
        let mut page = Page::new(colour);
        for outcome in self.outcomes {
            image(&mut page, self.policy, outcome);
            page.blank();
        }
        if let Some(policy) = self.policy {
            page.toned("policy", Tone::Quiet, &policy.path.to_string_lossy());
            page.toned("", Tone::Quiet, &policy.digest.to_string());
        }
        if self.outcomes.len() > 1 {
            let count = self.outcomes.len();
            page.toned(
                "RESULT",
                tone(self.exit_code()),
                &format!("{} ({count} images)", self.result()),
            );
        }
        page.into_text()
    }
}

fn tone(exit_code: u8) -> Tone {
    match exit_code {
        0 => Tone::Good,
        1 | 4 => Tone::Bad,
        _ => Tone::Doubtful,
    }
}

fn image(page: &mut Page, policy: Option<&PolicyFile>, outcome: &Outcome) {
    page.line("asked", &outcome.reference);
    let detail = match &outcome.answer {
        Answer::Verified(verified) => {
            release(page, verified);
            String::new()
        }
        Answer::Rejected(rejection) => {
            page.line("why", &rejection.what);
            if let Some(found) = &rejection.found {
                page.line("found", found);
            }
            if let Some(expected) = &rejection.expected {
                page.line("expected", expected);
            }
            page.line("what to do", rejection.help());
            trusted(page, &trusts(policy, &outcome.answer));
            format!(" [{}]", rejection.code)
        }
        Answer::Failed(fault) => {
            page.line("why", &fault.to_string());
            page.line("what to do", fault.help());
            trusted(page, &trusts(policy, &outcome.answer));
            format!(" [{}]", fault.code())
        }
    };
    page.toned(
        "RESULT",
        tone(outcome.exit_code()),
        &format!("{}{detail}", outcome.result()),
    );
}

fn release(page: &mut Page, release: &Release) {
    what(page, release);
    page.blank();
    verdicts(page, release);
    page.blank();
    who(page, release);
    page.blank();
    limits(page, release);
}

fn what(page: &mut Page, release: &Release) {
    if let Some(tag) = &release.tag {
        page.line("tag", &format!("{tag}, resolved once"));
    }
    match release.canonical_index {
        Some(true) => page.line("index", &release.digest.to_string()),
        Some(false) => page.line("index", &format!("{} (non-canonical)", release.digest)),
        None => {}
    }
    for (at, image) in release.images.iter().enumerate() {
        let label = if at == 0 { "image" } else { "" };
        page.line(label, &format!("{} {}", image.digest, image.system));
        if let Some(original) = &image.copy_of {
            page.toned("", Tone::Doubtful, "a re-packed copy, verified as");
            page.line("", &original.to_string());
        }
    }
    if !release.left_out.is_empty() {
        page.toned("left out", Tone::Doubtful, &systems(&release.left_out));
    }
    let layers = if release.layers_checked {
        "every layer read and unpacked"
    } else {
        "not read; their digests are in the manifest (--deep reads them)"
    };
    page.line("layers", layers);
    page.line("release", &release.release.to_string());
    page.line(
        "source",
        &format!("{}#{}", release.source.uri, release.source.target),
    );
    page.line("commit", &release.source.commit.to_string());
    page.line("packer", release.recipe.packer.as_str());
    if let Some(inclusion) = &release.inclusion {
        let ledger = address(&inclusion.ledger);
        page.line(
            "record",
            &format!("number {} of ledger {ledger}", inclusion.sequence),
        );
    }
    let Some(rules) = &release.rules else {
        return;
    };
    page.line(
        "rules",
        &format!(
            "{}, {} independent builders per system, {}",
            address(&rules.address),
            rules.threshold,
            if rules.pinned {
                "pinned"
            } else {
                "known logic and builders"
            }
        ),
    );
}

fn verdicts(page: &mut Page, release: &Release) {
    let (Some(inclusion), Some(currency)) = (&release.inclusion, &release.currency) else {
        signatures_only(page, release);
        return;
    };
    page.toned(
        "inclusion",
        Tone::Good,
        &format!("recorded, by {}", inclusion.grade),
    );
    page.line(
        "",
        &format!(
            "on {} ({} ago)",
            date(inclusion.recorded_at),
            age(inclusion.age)
        ),
    );
    page.line(
        "",
        &format!(
            "read at finalised block {} of chain {}{}",
            inclusion.block,
            inclusion.chain_id,
            match inclusion.vouched {
                Vouched::Operators => "",
                Vouched::Policy => ", pinned in the policy; nobody was asked",
            }
        ),
    );
    page.line("", &format!("{:#x}", inclusion.block_hash));
    page.toned(
        "currency",
        Tone::Good,
        &format!("not revoked, disputed or tainted, by {}", currency.grade),
    );
    page.line(
        "",
        &format!(
            "as of block {}, {} ({} ago)",
            currency.block,
            date(currency.as_of),
            age(currency.age)
        ),
    );
    let rules = if currency.rules_in_force {
        "its rules are in force"
    } else {
        "its rules have been replaced since"
    };
    page.line(
        "",
        &format!(
            "the ledger holds {} releases; {rules}",
            currency.ledger_sequence
        ),
    );
    let supersession = supersession(&release.supersession);
    page.line("", &format!("supersession: {supersession}"));
}

fn signatures_only(page: &mut Page, release: &Release) {
    page.toned(
        "inclusion",
        Tone::Doubtful,
        "unknown: nothing was established about the chain",
    );
    page.toned(
        "currency",
        Tone::Doubtful,
        "unknown: it may be revoked, disputed, tainted or replaced",
    );
    page.line(
        "grade",
        "signatures: builders the policy knows signed this very image",
    );
    let supersession = supersession(&release.supersession);
    page.line("", &format!("supersession: {supersession}"));
}

fn who(page: &mut Page, release: &Release) {
    for (at, builder) in release.builders.iter().enumerate() {
        let label = if at == 0 { "counted" } else { "" };
        page.line(label, &counted(builder));
        if !builder.domains.is_empty() {
            page.toned(
                "",
                Tone::Quiet,
                &format!("  {}", builder.domains.join(", ")),
            );
        }
    }
    for (at, builder) in release.dropped.iter().enumerate() {
        let label = if at == 0 { "not counted" } else { "" };
        let name = builder.name.as_deref().unwrap_or("unnamed");
        page.toned(
            label,
            Tone::Doubtful,
            &format!(
                "{name} {} [{}] {}",
                builder.builder, builder.code, builder.reason
            ),
        );
    }
}

fn limits(page: &mut Page, release: &Release) {
    trusted(page, &release.trusts);
    for (at, limit) in DOES_NOT_PROVE.iter().enumerate() {
        page.line(if at == 0 { "not proven" } else { "" }, limit);
    }
}

fn trusted(page: &mut Page, trusts: &[String]) {
    for (at, trust) in trusts.iter().enumerate() {
        page.line(if at == 0 { "trusted" } else { "" }, trust);
    }
}

fn counted(builder: &CountedBuilder) -> String {
    let name = builder.name.as_deref().unwrap_or("unnamed");
    let endorsement = if builder.endorsement {
        ", after the record"
    } else {
        ""
    };
    format!(
        "{name} {} for {}{endorsement}",
        builder.builder,
        systems(&builder.systems)
    )
}

fn supersession(rules: &[Supersession]) -> String {
    if rules.is_empty() {
        return "not checked; a newer release may exist".to_owned();
    }
    let rules: Vec<_> = rules
        .iter()
        .map(|rule| match rule {
            Supersession::ExactCommit(commit) => format!("exactly commit {commit}"),
            Supersession::MinimumSequence(number) => format!("number {number} or later"),
            Supersession::MaximumAge(seconds) => format!("at most {} old", age(*seconds)),
            Supersession::HighWater(Some(mark)) => {
                format!("not below {mark}, accepted here before")
            }
            Supersession::HighWater(None) => "first use of this source here".to_owned(),
        })
        .collect();
    format!("checked: {}", rules.join(", "))
}

fn systems(systems: &[System]) -> String {
    let names: Vec<_> = systems.iter().map(System::as_str).collect();
    names.join(", ")
}

fn address(address: &alloy_primitives::Address) -> String {
    seed_primitives::write_address(address)
}
