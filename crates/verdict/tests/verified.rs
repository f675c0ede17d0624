//! What is verified, and what the verdict says about it.

mod common;

use alloy_primitives::U256;
use common::{Case, DAY, NOW, Plan, builder};
use seed_attestation::{EvidenceManifest, LayerKind};
use seed_primitives::{Digest, System};
use seed_verdict::{CountedEvidence, Grade, HighWater, RejectionCode, Supersession};

/// What a builder's vote for the system at `at` rests on, looked up in its evidence.
fn stated(case: &Case, manifest: Digest, at: usize) -> CountedEvidence {
    let system: System = ["aarch64-linux", "x86_64-linux"][at].parse().unwrap();
    let bytes = case.evidence.blobs.get(&manifest).unwrap();
    let evidence = EvidenceManifest::from_json(bytes).unwrap();
    let statement = evidence
        .layer(&system, LayerKind::Statement)
        .unwrap()
        .digest;
    CountedEvidence {
        system,
        manifest,
        statement,
    }
}

#[test]
fn an_intact_release_is_verified_with_both_verdicts() {
    let plan = Plan::new();
    let release = plan.case().decide().unwrap();
    assert_eq!(release.inclusion.as_ref().unwrap().grade, Grade::Proof);
    assert_eq!(release.inclusion.as_ref().unwrap().sequence, 7);
    assert_eq!(release.inclusion.as_ref().unwrap().age, 5 * DAY);
    assert_eq!(release.inclusion.as_ref().unwrap().block, 1000);
    assert_eq!(release.currency.as_ref().unwrap().age, 600);
    assert_eq!(release.currency.as_ref().unwrap().ledger_sequence, 9);
    assert!(release.currency.as_ref().unwrap().rules_in_force);
    assert_eq!(release.release, plan.source.release());
    assert_eq!(release.supersession, []);
    assert!(release.dropped.is_empty());
    assert!(release.layers_checked);
    let names: Vec<_> = release
        .builders
        .iter()
        .map(|one| one.name.as_deref())
        .collect();
    assert_eq!(names, [Some("Aster"), Some("Birch"), Some("Cedar")]);
    let case = plan.case();
    for (counted, entry) in release.builders.iter().zip(&case.record.entries) {
        assert_eq!(counted.evidence, [stated(&case, entry.evidence, 1)]);
    }
    assert!(
        release
            .trusts
            .iter()
            .any(|line| line.contains("operator 0 (J0)"))
    );
}

#[test]
fn the_report_has_every_field_in_json() {
    let release = Plan::new().case().decide().unwrap();
    let json = serde_json::to_value(&release).unwrap();
    for field in [
        "digest",
        "images",
        "layersChecked",
        "release",
        "source",
        "recipe",
        "inclusion",
        "currency",
        "supersession",
        "rules",
        "builders",
        "dropped",
        "trusts",
    ] {
        assert!(!json[field].is_null(), "{field}");
    }
    assert_eq!(json["inclusion"]["grade"], "proof");
}

#[test]
fn agreed_values_reach_grade_quorum_when_that_is_the_floor() {
    let plan = Plan::new();
    let mut case = plan.case();
    case.demand("version = 1", "version = 1\nrequire = \"quorum\"");
    case.assert_values(&plan);
    assert_eq!(
        case.decide().unwrap().currency.as_ref().unwrap().grade,
        Grade::Quorum
    );
    case.fail(1);
    assert!(case.decide().is_ok());
}

#[test]
fn an_index_is_verified_child_by_child() {
    let plan = Plan::new();
    let mut case = plan.case();
    case.serve_index(&plan);
    let release = case.decide().unwrap();
    assert_eq!(release.images.len(), 2);
    assert_eq!(release.canonical_index, Some(true));
    assert_eq!(release.left_out, []);
    assert_eq!(release.builders[0].systems.len(), 2);
    let evidence = case.record.entries[0].evidence;
    let stated = [0, 1].map(|at| stated(&case, evidence, at));
    assert_eq!(release.builders[0].evidence, stated);
}

#[test]
fn one_endpoint_may_be_down_or_behind_and_one_prover_may_lie() {
    let mut case = Plan::new().case();
    case.fail(2);
    let mut lie = case.evidence.chain.proofs[0].clone();
    lie.account.pop();
    case.evidence.chain.proofs.insert(0, lie);
    assert!(case.decide().is_ok());

    let mut case = Plan::new().case();
    case.endpoint(2).finalized = 3;
    case.endpoint(2).headers.clear();
    assert!(case.decide().is_ok());
}

#[test]
fn junk_among_locators_events_and_attestations_is_harmless() {
    let plan = Plan::new();
    let mut case = plan.case();
    let mut other = Plan::new();
    other.source.target = "other".parse().unwrap();
    case.evidence.locators.insert(0, b"{}".to_vec());
    case.evidence
        .locators
        .insert(0, other.case().evidence.locators[0].clone());
    case.evidence.events.insert(0, vec![1; 500]);
    case.evidence.attestations.push(b"junk".to_vec());
    let mut forged = plan.attestation(0, 3, case.record.entries[0].evidence);
    forged.signature = plan
        .attestation(1, 3, case.record.entries[1].evidence)
        .signature;
    case.evidence.attestations.push(forged.to_json().unwrap());
    assert_eq!(case.decide().unwrap().builders.len(), 3);
}

#[test]
fn attestations_stand_in_for_a_lost_event() {
    let plan = Plan::new();
    let mut case = plan.case();
    case.evidence.events.clear();
    for (at, entry) in case.record.entries.iter().enumerate() {
        let attestation = plan.attestation(at, 3, entry.evidence);
        case.evidence
            .attestations
            .push(attestation.to_json().unwrap());
    }
    assert_eq!(case.decide().unwrap().builders.len(), 3);
}

#[test]
fn an_endorsement_counts_where_a_signer_of_the_record_no_longer_does() {
    let mut plan = Plan::new();
    plan.entries = vec![(0, 3), (1, 3)];
    plan.revoke(builder(2).address(), NOW - DAY, 1, 3);
    assert_eq!(
        plan.case().decide().unwrap_err().code,
        RejectionCode::BuilderRevoked
    );
    plan.endorsers = vec![(2, 3)];
    let release = plan.case().decide().unwrap();
    let counted: Vec<_> = release
        .builders
        .iter()
        .map(|one| (one.builder, one.endorsement))
        .collect();
    assert_eq!(counted, [(builder(1), false), (builder(3), true)]);
    assert_eq!(release.dropped[0].code, RejectionCode::BuilderRevoked);
}

/// Whatever the flags, also where the revocation has no effect on what the record says.
#[test]
fn an_endorsement_by_a_revoked_builder_never_counts() {
    for (since, from, flags) in [
        (NOW - DAY, u32::MAX, 0),
        (NOW - DAY, 8, 4),
        (NOW - 40 * DAY, 1, 1),
        (NOW - DAY, 1, 3),
    ] {
        let mut plan = Plan::new();
        plan.entries = vec![(0, 3), (1, 3)];
        plan.endorsers = vec![(2, 3)];
        plan.revoke(builder(2).address(), NOW - DAY, 1, 3);
        assert!(plan.case().decide().is_ok());
        plan.revoke(builder(3).address(), since, from, flags);
        let rejection = plan.case().decide().unwrap_err();
        assert_eq!(
            rejection.code,
            RejectionCode::BuilderRevoked,
            "flags {flags}"
        );
    }
}

#[test]
fn a_builder_revoked_later_counts_by_the_record_and_adds_nothing_to_it() {
    let mut plan = Plan::new();
    plan.entries = vec![(0, 3), (1, 3), (2, 1)];
    plan.endorsers = vec![(2, 3)];
    plan.revoke(builder(2).address(), NOW - DAY, 1, 3);
    assert!(plan.case().decide().is_ok());
    // Its entry is for the other system; only its endorsement is for the one that was asked for.
    plan.revoke(builder(3).address(), NOW - DAY, 8, 0);
    assert_eq!(
        plan.case().decide().unwrap_err().code,
        RejectionCode::BuilderRevoked
    );
    // With an entry for both, what it signed beside the record is not needed.
    plan.entries = vec![(0, 3), (1, 3), (2, 3)];
    plan.endorsers = Vec::new();
    assert!(plan.case().decide().is_ok());
}

#[test]
fn what_repeats_an_entry_is_no_endorsement() {
    let mut plan = Plan::new();
    plan.entries = vec![(0, 3), (1, 3)];
    plan.revoke(builder(2).address(), NOW - DAY, 8, 0);
    let mut case = plan.case();
    case.evidence.events.clear();
    for (at, entry) in case.record.entries.iter().enumerate() {
        let attestation = plan.attestation(at, 3, entry.evidence);
        case.evidence
            .attestations
            .push(attestation.to_json().unwrap());
    }
    assert_eq!(case.decide().unwrap().builders.len(), 2);
}

#[test]
fn one_bad_signer_of_three_is_dropped_and_named() {
    let mut plan = Plan::new();
    plan.statement = Box::new(|key, statement| {
        if key == 2 {
            statement
                .nix
                .settings
                .insert("substituters".into(), "https://cache".into());
        }
    });
    let release = plan.case().decide().unwrap();
    assert_eq!(release.dropped.len(), 1);
    assert_eq!(release.dropped[0].builder, builder(2));
    assert_eq!(release.dropped[0].code, RejectionCode::StatementBad);
    assert!(release.dropped[0].reason.contains("substituters"));
}

#[test]
fn a_prospective_revocation_leaves_earlier_releases_alone() {
    let mut plan = Plan::new();
    plan.entries = vec![(0, 3), (1, 3)];
    plan.revoke(builder(2).address(), NOW - DAY, 8, 0);
    assert!(plan.case().decide().is_ok());
    plan.revoke(builder(2).address(), NOW - DAY, 7, 0);
    assert!(plan.case().decide().is_err());
}

#[test]
fn a_dispute_lapses_by_the_time_of_the_block() {
    let mut plan = Plan::new();
    plan.entries = vec![(0, 3), (1, 3)];
    plan.revoke(builder(2).address(), plan.block_time - 30 * DAY, 1, 1);
    assert!(plan.case().decide().is_ok());
    plan.revoke(builder(2).address(), plan.block_time - 30 * DAY + 1, 1, 1);
    assert_eq!(
        plan.case().decide().unwrap_err().code,
        RejectionCode::BuilderDisputed
    );
}

#[test]
fn pinned_rules_need_no_known_builders() {
    let plan = Plan::new();
    let mut case = plan.case();
    let hash = case.record.rules_code_hash;
    let start = case.policy.find("[rules]").unwrap();
    let end = case.policy.find("[endpoints]").unwrap();
    let pinned = format!("[rules]\npinned = [\"{hash}\"]\n");
    case.policy.replace_range(start..end, &pinned);
    let release = case.decide().unwrap();
    assert!(release.rules.as_ref().unwrap().pinned);
    assert_eq!(release.builders[0].name, None);
}

#[test]
fn every_rule_against_old_releases_is_reported() {
    let mut case = Plan::new().case();
    case.tag();
    case.context.high_water = HighWater::Mark(7);
    let rules = format!(
        "minimum_sequence = 7\ncommit = \"{}\"\nmaximum_age = {}\nhigh_water = true",
        "ab".repeat(20),
        5 * DAY
    );
    case.demand("# rollback", &rules);
    let release = case.decide().unwrap();
    assert_eq!(release.tag.as_deref(), Some("latest"));
    assert_eq!(
        release.supersession,
        [
            Supersession::ExactCommit("ab".repeat(20)),
            Supersession::MinimumSequence(7),
            Supersession::MaximumAge(5 * DAY),
            Supersession::HighWater(Some(7)),
        ]
    );
    case.context.high_water = HighWater::FirstUse;
    assert!(case.decide().is_ok());
}

#[test]
fn the_newest_of_several_expected_releases_is_reported() {
    let plan = Plan::new();
    let mut case = plan.case();
    // The same record again under another target of the same source, recorded later.
    let mut newer = Plan::new();
    newer.source.target = "other".parse().unwrap();
    newer.sequence = 8;
    let second = newer.case();
    case.evidence
        .locators
        .extend(second.evidence.locators.clone());
    case.evidence.events.extend(second.evidence.events.clone());
    for (_, blob) in second.evidence.blobs.clone() {
        case.evidence.blobs.insert(blob);
    }
    case.demand("targets = [\"seed\"]\n", "");
    let mut both = Plan::new();
    let slot = seed_proof::slots::release(&newer.source.release());
    let word = U256::from_be_bytes(second.record.commitment().0);
    both.extra = vec![(slot, word)];
    both.observe(&case.record, &mut case.evidence);
    let release = case.decide().unwrap();
    assert_eq!(release.inclusion.as_ref().unwrap().sequence, 8);
    assert_eq!(release.source.target.as_str(), "other");
}

#[test]
fn a_release_judged_by_rules_no_longer_in_force_says_so() {
    let mut plan = Plan::new();
    plan.rules_in_force = alloy_primitives::Address::repeat_byte(0x33);
    assert!(
        !plan
            .case()
            .decide()
            .unwrap()
            .currency
            .as_ref()
            .unwrap()
            .rules_in_force
    );
}

#[test]
fn limits_are_met_by_their_exact_value() {
    let accepted = |change: fn(&mut Plan)| {
        let mut plan = Plan::new();
        change(&mut plan);
        plan.case()
            .decide()
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    assert_eq!(accepted(|plan| plan.block_time = NOW - 3600), Ok(()));
    assert_eq!(accepted(|plan| plan.block_time = NOW + 60), Ok(()));
    assert_eq!(accepted(|plan| plan.control_sequence = 7), Ok(()));
    assert_eq!(accepted(|plan| plan.recorded_at = plan.block_time), Ok(()));
    let mut case = Plan::new().case();
    for at in 0..3 {
        case.endpoint(at).finalized = 1000;
    }
    assert!(case.decide().is_ok());
    let mut plan = Plan::new();
    plan.recipe.reissue = 3;
    plan.source.recipe = plan.recipe.digest();
    for (most, fine) in [(0, false), (2, false), (3, true), (4, true)] {
        let mut case = plan.case();
        let most = format!("maximum_reissue = {most}");
        case.demand("maximum_reissue = 0", &most);
        assert_eq!(case.decide().is_ok(), fine, "{most}");
    }
}

#[test]
fn blocks_that_are_not_final_yet_may_differ() {
    let plan = Plan::new();
    let mut case = plan.case();
    let chain = plan.chain(&case.record);
    for at in 0..3 {
        let ahead = chain.header(1003, NOW - at as u64);
        case.endpoint(at).headers.push(ahead);
    }
    assert!(case.decide().is_ok());
}
