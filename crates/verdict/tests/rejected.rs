//! One corruption per test, each with its exact code. The list at the end is complete: a code without a test fails.

#![allow(
    unused_variables,
    reason = "a corruption names plan and case whether it needs them or not"
)]

mod common;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use common::{Case, DAY, LEDGER_CODE, NOW, Plan, RULES, builder, sign};
use seed_attestation::{LayerKind, Locator, ReleaseData};
use seed_image::{ImageConfig, ImageManifest, media};
use seed_primitives::{Digest, System};
use seed_proof::slots;
use seed_verdict::{Document, HighWater, RejectionCode};

/// A layer as only copies have it.
const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// `name: Code, |plan| change before everything is built, |case| change to what was gathered;`
macro_rules! refusals {
    ($($name:ident: $code:ident, |$plan:ident| $before:expr, |$case:ident| $after:expr;)+) => {
        $(
            #[test]
            fn $name() {
                let before: fn(&mut Plan) = |$plan| $before;
                let after: fn(&Plan, &mut Case) = |$plan, $case| $after;
                let mut plan = Plan::new();
                before(&mut plan);
                let mut case = plan.case();
                after(&plan, &mut case);
                let rejection = case.decide().expect_err("nothing was refused");
                assert_eq!(rejection.code, RejectionCode::$code, "{rejection}");
            }
        )+

        const TESTED: &[RejectionCode] = &[$(RejectionCode::$code),+];
    };
}

refusals! {
    // Bundles
    a_captured_header_is_pinned_by_nobody: HeaderNotPinned, |_p| (), |c| {
        c.evidence.chain.captured = true;
        c.evidence.chain.endpoints.clear();
    };
    a_capture_is_older_than_the_policy_allows: BundleStale, |p| p.block_time = NOW - 3601, |c| {
        c.evidence.chain.captured = true;
    };
    a_capture_holds_an_attestation_of_nobody: BundleUnused, |_p| (), |c| {
        c.evidence.chain.captured = true;
        c.evidence.attestations.push(b"{}".to_vec());
    };
    a_capture_lacks_a_statement_of_one_of_three: BundleUnused, |_p| (), |c| {
        c.evidence.chain.captured = true;
        c.lose_statement(1);
    };
    // Signatures without a chain
    signatures_bear_no_sequence: RollbackNeedsChain, |_p| (), |c| {
        c.evidence.chain = Default::default();
        c.demand("version = 1\n", "version = 1\nrequire = \"signatures\"\n");
        c.demand("# rollback", "minimum_sequence = 1");
    };
    // Image
    nothing_was_served: ImageMissing, |_p| (), |c| c.evidence.image.document = None;
    nothing_was_asked_for: ImageMissing, |_p| (), |c| c.evidence.image.requested = None;
    another_manifest_is_served: ManifestDigestMismatch, |_p| (), |c| c.image().manifest.push(b' ');
    the_manifest_is_of_another_type: ImageMalformed, |_p| (), |c| {
        c.image().manifest = br#"{"schemaVersion":2,"layers":[]}"#.to_vec();
        c.ask_for_what_is_served();
    };
    another_config_is_served: ConfigDigestMismatch, |_p| (), |c| {
        c.image().config.as_mut().unwrap().push(b' ');
    };
    the_config_is_missing: ConfigMissing, |_p| (), |c| c.image().config = None;
    the_config_has_another_size_than_stated: SizeMismatch, |_p| (), |c| {
        edit_manifest(c, |manifest| manifest.config.size += 1);
    };
    the_config_lists_more_layers: LayerCountMismatch, |_p| (), |c| {
        edit_config(c, |config| config.diff_ids.push(Digest::of(b"more")));
    };
    the_config_is_for_no_system: PlatformMismatch, |_p| (), |c| {
        edit_config(c, |config| config.os = "plan9".to_owned());
    };
    the_image_is_recorded_for_another_system: PlatformMismatch, |p| {
        // Both systems of the record have the image of the second.
        p.record = Box::new(|record| {
            record.digests.swap(0, 1);
            let systems: Vec<System> = Plan::new().systems;
            record.root = record.leaves(&systems, 3).unwrap().root();
        });
    }, |c| ();
    deep_was_asked_for_and_a_layer_could_not_be_read: LayersMissing, |_p| (), |c| {
        c.context.deep = true;
        c.image().layers = None;
    };
    deep_was_asked_for_and_one_layer_is_left_out: LayersMissing, |_p| (), |c| {
        c.image().layers.as_mut().unwrap().pop();
    };
    a_layer_is_another: LayerMismatch, |_p| (), |c| {
        c.image().layers.as_mut().unwrap()[1].digest = Digest::of(b"other");
    };
    a_layer_is_longer_than_stated: LayerMismatch, |_p| (), |c| {
        c.image().layers.as_mut().unwrap()[0].size += 1;
    };
    a_layer_holds_something_else: DiffIdMismatch, |_p| (), |c| {
        c.image().layers.as_mut().unwrap()[0].diff_id = Digest::of(b"other");
    };
    layers_in_another_order: LayerMismatch, |_p| (), |c| c.image().layers.as_mut().unwrap().reverse();
    a_child_of_the_index_is_missing: ChildMissing, |p| (), |c| {
        c.serve_index(p);
        if let Some(Document::Index { children, .. }) = &mut c.evidence.image.document {
            children.pop();
        }
    };
    a_child_of_the_index_is_another: ChildMissing, |p| (), |c| {
        c.serve_index(p);
        c.image().manifest.push(b' ');
    };
    a_child_of_the_index_has_another_size_than_stated: SizeMismatch, |p| (), |c| {
        c.serve_index(p);
        edit_index(c, |text| {
            let at = text.find("\"size\":").unwrap() + 7;
            let end = at + text[at..].find(|d: char| !d.is_ascii_digit()).unwrap();
            let size: u64 = text[at..end].parse().unwrap();
            text.replace_range(at..end, &(size + 1).to_string());
        });
    };
    the_index_swaps_platforms: PlatformMismatch, |p| (), |c| {
        c.serve_index(p);
        edit_index(c, |text| {
            *text = text.replace("arm64", "tmp").replace("amd64", "arm64").replace("tmp", "amd64");
        });
    };
    the_index_is_another: ManifestDigestMismatch, |p| (), |c| {
        c.serve_index(p);
        if let Some(Document::Index { bytes, .. }) = &mut c.evidence.image.document {
            bytes.push(b' ');
        }
    };
    the_index_has_an_unattested_child: ImageNotInRecord, |p| (), |c| {
        let stranger = Plan { systems: vec!["aarch64-darwin".parse().unwrap(), "x86_64-linux".parse().unwrap()], ..Plan::new() };
        c.serve_index(&stranger);
    };
    a_policy_whose_network_file_has_expired: NetworkExpired, |_p| (), |c| {
        c.policy.push_str(&network(NOW));
    };
    a_tag_without_a_rule_against_old_releases: TagWithoutRollbackRule, |_p| (), |c| c.tag();

    // Re-packed copies
    a_copy_without_deep: RepackedCopy, |p| (), |c| {
        c.serve_copy(p, media::LAYER_TAR);
        c.context.deep = false;
    };
    a_copy_in_a_form_of_its_own_without_deep: RepackedCopy, |p| (), |c| {
        c.serve_copy(p, GZIP);
        c.lose(&Digest::of(&p.image(&p.systems[1]).manifest));
        c.context.deep = false;
    };
    a_copy_whose_layers_were_not_read: LayersMissing, |p| (), |c| {
        c.serve_copy(p, GZIP);
        c.image().layers = None;
    };
    a_copy_with_one_layer_not_read: LayersMissing, |p| (), |c| {
        c.serve_copy(p, GZIP);
        c.image().layers.as_mut().unwrap().pop();
    };
    a_copy_with_another_layer_than_it_names: LayerMismatch, |p| (), |c| {
        c.serve_copy(p, GZIP);
        c.image().layers.as_mut().unwrap()[0].digest = Digest::of(b"other");
    };
    a_copy_of_which_a_layer_holds_something_else: DiffIdMismatch, |p| (), |c| {
        c.serve_copy(p, GZIP);
        c.image().layers.as_mut().unwrap()[1].diff_id = Digest::of(b"other");
    };
    a_copy_with_swapped_layers: DiffIdMismatch, |p| (), |c| {
        c.serve_copy(p, media::LAYER_TAR);
        c.image().layers.as_mut().unwrap().reverse();
        edit_manifest(c, |manifest| manifest.layers.reverse());
    };
    a_copy_with_a_layer_more: LayerCountMismatch, |p| (), |c| {
        c.serve_copy(p, media::LAYER_TAR);
        let more = c.image().layers.as_ref().unwrap()[0];
        c.image().layers.as_mut().unwrap().push(more);
        edit_manifest(c, |manifest| manifest.layers.push(manifest.layers[0].clone()));
    };
    a_copy_with_a_layer_less: LayerCountMismatch, |p| (), |c| {
        c.serve_copy(p, media::LAYER_TAR);
        c.image().layers.as_mut().unwrap().pop();
        edit_manifest(c, |manifest| { manifest.layers.pop(); });
    };
    a_copy_with_another_config: ImageNotInRecord, |p| (), |c| {
        c.serve_copy(p, media::LAYER_TAR);
        edit_config(c, |config| config.run.cmd = vec!["/bin/evil".to_owned()]);
    };
    a_copy_whose_original_was_not_found: OriginalMissing, |p| (), |c| {
        c.serve_copy(p, GZIP);
        let original = p.image(&p.systems[1]).manifest;
        c.lose(&Digest::of(&original));
    };
    a_copy_of_an_original_nobody_recorded: OriginalMissing, |p| (), |c| {
        // The same config, and a manifest that the registry made up.
        c.serve_copy(p, GZIP);
        let original = p.image(&p.systems[1]).manifest;
        c.lose(&Digest::of(&original));
        c.evidence.blobs.insert(p.copy(&p.systems[1], media::LAYER_TAR).manifest);
    };
    a_copy_of_an_original_with_another_size_of_the_config: SizeMismatch, |p| {
        p.manifest = Box::new(|manifest| manifest.config.size += 1);
    }, |c| {
        c.serve_copy(p, media::LAYER_TAR);
        edit_manifest(c, |manifest| manifest.config.size -= 1);
    };
    a_copy_of_an_original_with_a_layer_more: LayerCountMismatch, |p| {
        p.manifest = Box::new(|manifest| manifest.layers.push(manifest.layers[0].clone()));
    }, |c| {
        c.serve_copy(p, media::LAYER_TAR);
        edit_manifest(c, |manifest| { manifest.layers.pop(); });
    };
    a_form_of_copies_that_was_recorded: ImageNotInRecord, |p| {
        p.manifest = Box::new(|manifest| manifest.layers[0].media_type = GZIP.to_owned());
    }, |c| {
        c.add_originals(p);
        c.context.deep = true;
    };
    a_copy_of_the_image_of_another_system: PlatformMismatch, |p| {
        p.record = Box::new(|record| {
            record.digests.swap(0, 1);
            let systems: Vec<System> = Plan::new().systems;
            record.root = record.leaves(&systems, 3).unwrap().root();
        });
    }, |c| c.serve_copy(p, GZIP);
    a_copy_of_an_image_whose_closure_was_not_attested: StatementBad, |p| p.closure_annotation = false, |c| {
        c.serve_copy(p, media::LAYER_TAR);
    };

    // Head
    an_endpoint_answers_for_another_chain: WrongChain, |_p| (), |c| c.endpoint(2).chain_id = 1;
    an_endpoint_answers_for_another_genesis: WrongChain, |_p| (), |c| c.endpoint(2).genesis = B256::ZERO;
    nobody_answers: HeaderMissing, |_p| (), |c| {
        for at in 0..3 { c.fail(at); }
        c.evidence.chain.header = None;
    };
    the_header_is_junk: HeaderMissing, |_p| (), |c| c.evidence.chain.header = Some(vec![0xc0]);
    the_header_is_of_block_zero: HeaderMissing, |p| (), |c| {
        let header = p.chain(&c.record).header(0, NOW - 600);
        c.set_header(&header);
    };
    two_blocks_of_one_height_are_called_finalised: HeadersConflict, |p| (), |c| {
        let other = p.chain(&c.record).header(1000, NOW - 601);
        c.endpoint(2).headers = vec![other];
    };
    a_conflict_at_the_very_height_that_is_called_final_counts: HeadersConflict, |p| (), |c| {
        let other = p.chain(&c.record).header(1000, NOW - 601);
        c.endpoint(2).headers = vec![other];
        for at in 0..3 {
            c.endpoint(at).finalized = 1000;
        }
    };
    a_conflict_at_another_height_counts_too: HeadersConflict, |p| (), |c| {
        let chain = p.chain(&c.record);
        c.endpoint(0).headers.push(chain.header(1001, NOW - 590));
        c.endpoint(1).headers.push(chain.header(1001, NOW - 591));
    };
    one_operator_of_three_is_no_quorum: EndpointQuorum, |_p| (), |c| {
        c.fail(0);
        c.fail(1);
    };
    an_operator_answering_twice_is_one: EndpointQuorum, |_p| (), |c| {
        c.fail(0);
        c.fail(1);
        let again = c.evidence.chain.endpoints[2].clone();
        c.evidence.chain.endpoints.push(again);
    };
    endpoints_outside_the_policy_have_no_voice: EndpointQuorum, |_p| (), |c| {
        for at in 0..2 {
            c.evidence.chain.endpoints[at].url = format!("https://stranger{at}.example");
        }
    };
    liars_below_the_threshold_who_outlast_the_honest: EndpointQuorum, |p| (), |c| {
        let forged = p.chain(&c.record).header(1000, NOW - 599);
        c.set_header(&forged);
        c.fail(0);
        c.fail(1);
    };
    a_head_that_is_not_final: HeadNotFinal, |_p| (), |c| {
        for at in 0..2 { c.endpoint(at).finalized = 999; }
    };
    a_head_known_to_just_enough_operators_and_final_for_one: HeadNotFinal, |_p| (), |c| {
        c.fail(0);
        c.endpoint(1).finalized = 999;
    };
    a_stale_head: HeadStale, |p| p.block_time = NOW - 3601, |c| ();
    a_head_later_than_the_clock: HeadInFuture, |p| p.block_time = NOW + 61, |c| ();

    // State
    a_truncated_account_proof: ProofInvalid, |_p| (), |c| { c.evidence.chain.proofs[0].account.pop(); };
    a_changed_storage_proof: ProofInvalid, |_p| (), |c| {
        let node = &mut c.evidence.chain.proofs[0].slots[0].1[0];
        let mut bytes = node.to_vec();
        bytes[40] ^= 1;
        *node = Bytes::from(bytes);
    };
    a_proof_from_another_block: ProofInvalid, |p| (), |c| {
        let older = Plan { sequence: 6, ..Plan::new() }.case();
        c.evidence.chain.proofs = older.evidence.chain.proofs;
    };
    a_proof_relabelled_to_another_slot: ProofInvalid, |_p| (), |c| {
        c.evidence.chain.proofs[0].slots[0].0 = B256::repeat_byte(0x77);
    };
    no_proof_at_all: StateMissing, |_p| (), |c| c.evidence.chain.proofs.clear();
    no_proof_of_the_release: StateMissing, |p| (), |c| drop_slot(c, slots::release(&p.source.release()));
    no_proof_of_the_control_word: StateMissing, |_p| (), |c| drop_slot(c, slots::CONTROL);
    operators_differ_about_a_value: ValuesConflict, |p| (), |c| {
        quorum(p, c);
        c.values(2).slots.insert(slots::CONTROL, U256::from(1));
    };
    operators_differ_about_the_ledgers_code: ValuesConflict, |p| (), |c| {
        quorum(p, c);
        c.values(1).ledger_code_hash = B256::ZERO;
    };
    values_of_too_few_operators: StateMissing, |p| (), |c| {
        quorum(p, c);
        c.endpoint(0).values = None;
        c.endpoint(1).values = None;
    };
    values_read_at_another_block: StateMissing, |p| (), |c| {
        quorum(p, c);
        for at in 0..2 { c.values(at).block = B256::ZERO; }
    };
    a_value_of_too_few_operators: StateMissing, |p| (), |c| {
        quorum(p, c);
        for at in 0..2 { c.values(at).slots.remove(&slots::CONTROL); }
    };
    agreed_values_do_not_reach_the_floor_of_proof: FloorNotReached, |p| (), |c| c.assert_values(p);
    the_ledger_has_other_code: LedgerUnknown, |p| p.ledger_code = B256::repeat_byte(0xc1), |c| ();
    the_ledger_has_other_code_by_agreement: LedgerUnknown, |p| p.ledger_code = B256::repeat_byte(0xc1), |c| quorum(p, c);
    there_is_no_ledger: LedgerUnknown, |_p| (), |c| {
        // An address without an account, for which the proofs show exactly that.
        let absent = Address::repeat_byte(0x05);
        c.demand(&seed_primitives::write_address(&common::LEDGER), &seed_primitives::write_address(&absent));
        let plan = Plan::new();
        c.evidence.chain.proofs = vec![plan.chain(&c.record).prove_absent(absent)];
    };

    // Record
    no_locator: LocatorMissing, |_p| (), |c| c.evidence.locators.clear();
    a_malformed_locator: LocatorMalformed, |_p| (), |c| c.evidence.locators = vec![b"{}".to_vec()];
    a_record_of_other_images: ImageNotInRecord, |_p| (), |c| {
        edit_locator(c, |locator| for digest in &mut locator.record.digests { *digest = Digest::of(b"other") });
    };
    a_release_that_was_never_recorded: ReleaseNotRecorded, |p| p.slot = Some(U256::ZERO), |c| ();
    a_locator_with_a_changed_record: RecordMismatch, |_p| (), |c| {
        edit_locator(c, |locator| locator.record.sequence += 1);
    };
    a_locator_with_another_digest_for_a_system_not_asked_for: RecordMismatch, |_p| (), |c| {
        edit_locator(c, |locator| locator.record.digests[0] = Digest::of(b"other"));
    };
    a_release_of_an_unexpected_source: SourceNotExpected, |_p| (), |c| {
        c.demand("https://example.org/acme/app", "https://example.org/acme/other");
    };
    a_release_of_an_unexpected_target: SourceNotExpected, |_p| (), |c| c.demand("[\"seed\"]", "[\"other\"]");
    a_record_ahead_of_the_ledgers_counter: RecordInconsistent, |p| p.control_sequence = 6, |c| ();
    a_record_later_than_its_block: RecordInconsistent, |p| p.recorded_at = p.block_time + 1, |c| ();
    a_record_whose_root_is_not_over_its_digests: RecordInconsistent, |p| {
        p.record = Box::new(|record| record.root = seed_merkle::Root::from_word(B256::repeat_byte(1)));
    }, |c| ();
    a_record_with_fewer_systems_than_its_rules: RecordInconsistent, |p| {
        p.entries = vec![(0, 1), (1, 1), (2, 1)];
        p.record = Box::new(|record| { record.digests.remove(0); });
    }, |c| ();
    a_record_naming_a_builder_at_anothers_index: RecordInconsistent, |p| {
        p.record = Box::new(|record| record.entries[0].builder = builder(9));
    }, |c| ();
    a_record_with_an_ineligible_builder: RecordInconsistent, |p| p.members[2].systems = 1, |c| ();
    a_record_below_its_own_quorum: BelowThreshold, |p| p.entries = vec![(0, 3), (1, 2)], |c| ();
    a_record_of_dependent_builders: BelowThreshold, |p| {
        p.members[1].domains |= U256::from(1) << 40;
        p.entries = vec![(0, 3), (1, 3)];
    }, |c| ();

    // Rollback
    another_commit_than_the_policy_names: CommitNotExpected, |_p| (), |c| {
        c.demand("# rollback", &format!("commit = \"{}\"", "cd".repeat(20)));
    };
    an_old_release_under_minimum_sequence: BelowMinimumSequence, |_p| (), |c| c.demand("# rollback", "minimum_sequence = 8");
    a_release_recorded_too_long_ago: OlderThanMaximumAge, |p| p.recorded_at = NOW - DAY - 1, |c| {
        c.demand("# rollback", &format!("maximum_age = {DAY}"));
    };
    an_older_release_than_was_accepted_before: BelowHighWater, |_p| (), |c| {
        c.demand("# rollback", "high_water = true");
        c.context.high_water = HighWater::Mark(8);
    };
    a_mark_that_was_not_read: HighWaterMissing, |_p| (), |c| c.demand("# rollback", "high_water = true");

    // Rules
    the_code_of_the_rules_was_not_found: RulesCodeMissing, |_p| (), |c| c.evidence.chain.rules_codes.clear();
    other_code_is_served_for_the_rules: RulesCodeMissing, |_p| (), |c| {
        let mut code = c.evidence.chain.rules_codes[0].to_vec();
        code[0] ^= 1;
        c.evidence.chain.rules_codes = vec![code.into()];
    };
    rules_of_an_unknown_logic: RulesUnknown, |_p| (), |c| {
        let known = Plan::new().logic_hash().to_string();
        c.demand(&known, &B256::repeat_byte(1).to_string());
    };
    rules_that_are_not_rules: RulesUnknown, |p| {
        p.record = Box::new(|record| record.rules_code_hash = keccak256(b"\x60\x01 anything"));
    }, |c| c.evidence.chain.rules_codes = vec![Bytes::from_static(b"\x60\x01 anything")];
    known_logic_with_a_threshold_of_one: RulesInvalid, |p| p.threshold = 1, |c| ();
    known_logic_with_a_minority_threshold: RulesInvalid, |p| {
        let mut fourth = p.members[2].clone();
        fourth.key = 4;
        fourth.domains = U256::from(8);
        p.members.push(fourth);
    }, |c| ();
    a_threshold_below_the_policys: ThresholdTooLow, |_p| (), |c| c.demand("minimum_threshold = 2", "minimum_threshold = 3");
    rules_that_were_revoked: RulesRevoked, |p| p.revoke(RULES, NOW - DAY, 7, 0), |c| ();
    rules_under_dispute: RulesDisputed, |p| p.revoke(RULES, NOW - DAY, 1, 1), |c| ();
    rules_whose_revocation_is_not_proven: RevocationUnknown, |_p| (), |c| drop_slot(c, slots::revocation(RULES));

    // Votes: two signers of which both are needed
    a_signature_that_was_not_found: SignatureMissing, |p| two(p), |c| c.evidence.events.clear();
    a_signature_by_another_key: SignatureBad, |p| two(p), |c| {
        edit_event(c, |event| event.signatures[1] = sign(9, &B256::repeat_byte(1)).1);
    };
    signatures_swapped: SignatureBad, |p| two(p), |c| edit_event(c, |event| event.signatures.swap(0, 1));
    a_signature_for_fewer_systems_than_recorded: SignatureBad, |p| two(p), |c| {
        let signature = p.attestation(1, 2, c.record.entries[1].evidence).signature;
        edit_event(c, |event| event.signatures[1] = signature);
    };
    a_signature_over_other_evidence: SignatureBad, |p| two(p), |c| {
        let signature = p.attestation(1, 3, Digest::of(b"other")).signature;
        edit_event(c, |event| event.signatures[1] = signature);
    };
    an_event_of_another_record: SignatureMissing, |p| two(p), |c| edit_event(c, |event| event.record.sequence += 1);
    an_attestation_for_other_rules: SignatureMissing, |p| two(p), |c| {
        replace_event_by_attestations(p, c, |attestation| attestation.rules = Address::repeat_byte(0x55));
    };
    an_attestation_of_another_source: SignatureMissing, |p| two(p), |c| {
        replace_event_by_attestations(p, c, |attestation| attestation.source.target = "other".parse().unwrap());
    };
    an_attestation_of_other_digests: SignatureMissing, |p| two(p), |c| {
        replace_event_by_attestations(p, c, |attestation| attestation.systems[0].digest = Digest::of(b"other"));
    };
    an_attestation_for_another_chain: SignatureBad, |p| two(p), |c| {
        replace_event_by_attestations(p, c, |attestation| attestation.chain_id = 1);
    };
    an_attestation_for_another_ledger: SignatureBad, |p| two(p), |c| {
        replace_event_by_attestations(p, c, |attestation| attestation.ledger = RULES);
    };
    an_endorsement_for_a_system_the_builder_is_not_eligible_for: SignatureMissing, |p| {
        p.members[2].systems = 1;
        p.entries = vec![(0, 3), (1, 3)];
        p.endorsers = vec![(2, 3)];
    }, |c| lose_signature(c, 1);
    a_copied_endorsement_counts_once: SignatureMissing, |p| two(p), |c| {
        lose_signature(c, 1);
        let first = p.attestation(0, 3, c.record.entries[0].evidence).to_json().unwrap();
        c.evidence.attestations = vec![first.clone(), first];
    };
    an_endorsement_by_a_stranger: SignatureMissing, |p| {
        two(p);
        p.endorsers = vec![(2, 3)];
    }, |c| {
        lose_signature(c, 1);
        let mut stranger = Plan::new();
        stranger.members[2].key = 9;
        let attestation = stranger.attestation(2, 3, c.record.entries[0].evidence);
        c.evidence.attestations = vec![attestation.to_json().unwrap()];
    };
    a_signer_whose_revocation_is_not_proven: RevocationUnknown, |p| two(p), |c| {
        drop_slot(c, slots::revocation(builder(2).address()));
    };
    a_signer_with_an_impossible_revocation_word: RevocationUnknown, |p| {
        two(p);
        p.revocations.insert(builder(2).address(), U256::from(1) << 200);
    }, |c| ();
    a_revoked_signer: BuilderRevoked, |p| {
        two(p);
        p.revoke(builder(2).address(), NOW - DAY, 7, 0);
    }, |c| ();
    a_signer_revoked_for_equivocation: BuilderRevoked, |p| {
        two(p);
        p.revoke(builder(2).address(), NOW - DAY, 5, 4);
    }, |c| ();
    a_disputed_signer: BuilderDisputed, |p| {
        two(p);
        p.revoke(builder(2).address(), NOW - DAY, 1, 1);
    }, |c| ();

    // Evidence and statements
    evidence_that_was_not_found: EvidenceMissing, |p| two(p), |c| {
        let digest = c.record.entries[1].evidence;
        c.lose(&digest);
    };
    evidence_that_is_no_manifest: EvidenceBad, |p| {
        two(p);
        p.record = Box::new(|record| record.entries[1].evidence = Digest::of(b"junk"));
    }, |c| {
        c.evidence.blobs.insert(b"junk".to_vec());
        let event = resigned(p, c);
        c.evidence.events = vec![event];
    };
    evidence_for_another_image: EvidenceBad, |p| {
        two(p);
        p.layers = Box::new(|key, layers| if key == 2 {
            edit_layer(layers, LayerKind::ImageManifest, |layer| layer.digest = Digest::of(b"other"));
        });
    }, |c| ();
    evidence_with_a_wrong_size_of_the_image_manifest: EvidenceBad, |p| {
        two(p);
        p.layers = Box::new(|key, layers| if key == 2 {
            edit_layer(layers, LayerKind::ImageManifest, |layer| layer.size += 1);
        });
    }, |c| ();
    evidence_with_a_wrong_size_of_the_statement: EvidenceBad, |p| {
        two(p);
        p.layers = Box::new(|key, layers| if key == 2 {
            edit_layer(layers, LayerKind::Statement, |layer| layer.size += 1);
        });
    }, |c| ();
    evidence_without_the_system: EvidenceBad, |p| {
        two(p);
        p.layers = Box::new(|key, layers| if key == 2 {
            layers.retain(|layer| layer.system.as_str() == "aarch64-linux");
        });
    }, |c| ();
    a_statement_that_was_not_found: StatementMissing, |p| two(p), |c| c.lose_statement(1);
    a_statement_signed_by_another_builder: StatementBad, |p| {
        two(p);
        p.envelope_key = Box::new(|key| if key == 2 { 1 } else { key });
    }, |c| ();
    a_statement_that_is_no_envelope: StatementBad, |p| {
        two(p);
        p.layers = Box::new(|key, layers| if key == 2 {
            edit_layer(layers, LayerKind::Statement, |layer| {
                layer.digest = Digest::of(b"junk");
                layer.size = 4;
            });
        });
    }, |c| { c.evidence.blobs.insert(b"junk".to_vec()); };
    a_statement_about_another_image: StatementBad, |p| statement(p, |one| one.image = Digest::of(b"other")), |c| ();
    a_statement_about_another_commit: StatementBad, |p| statement(p, |one| one.source.commit = "cd".repeat(20).parse().unwrap()), |c| ();
    a_statement_about_another_tree: StatementBad, |p| statement(p, |one| one.source.nar_hash = Digest::of(b"other")), |c| ();
    a_statement_with_another_recipe: StatementBad, |p| statement(p, |one| {
        one.recipe.reissue = 1;
        one.source.recipe = one.recipe.digest();
    }), |c| ();
    a_statement_whose_recipe_is_not_the_sources: StatementBad, |p| statement(p, |one| one.recipe.reissue = 1), |c| ();
    a_statement_for_another_system: StatementBad, |p| statement(p, |one| {
        let other = if one.system.as_str() == "x86_64-linux" { "aarch64-linux" } else { "x86_64-linux" };
        one.system = other.parse().unwrap();
    }), |c| ();
    a_statement_about_another_closure: StatementBad, |p| statement(p, |one| one.closure = Digest::of(b"other")), |c| ();
    a_statement_naming_another_builder: StatementBad, |p| statement(p, |one| one.builder = builder(1)), |c| ();
    a_statement_for_another_chain: StatementBad, |p| statement(p, |one| one.chain_id = 1), |c| ();
    a_statement_naming_another_audit_report: StatementBad, |p| statement(p, |one| one.audit = Digest::of(b"other")), |c| ();
    a_statement_naming_another_bill_of_materials: StatementBad, |p| statement(p, |one| one.sbom = Digest::of(b"other")), |c| ();
    a_build_with_a_substituter: StatementBad, |p| setting(p, "substituters", Some("https://cache.example")), |c| ();
    a_build_that_does_not_say_whether_it_had_substituters: StatementBad, |p| setting(p, "substituters", None), |c| ();
    a_build_that_does_not_say_whether_it_had_a_sandbox: StatementBad, |p| setting(p, "sandbox", None), |c| ();
    a_build_with_extra_substituters: StatementBad, |p| setting(p, "extra-substituters", Some("https://cache.example")), |c| ();
    a_build_without_a_sandbox: StatementBad, |p| setting(p, "sandbox", Some("false")), |c| ();
    a_build_whose_sandbox_may_fall_back: StatementBad, |p| setting(p, "sandbox-fallback", Some("true")), |c| ();
    a_build_on_remote_machines: StatementBad, |p| setting(p, "builders", Some("ssh://other")), |c| ();
    an_image_that_names_no_closure: StatementBad, |p| p.closure_annotation = false, |c| ();

    // Counting by the rules: the first and the third are one company's, and what the second says is missing.
    dependent_builders_of_whom_one_only_endorses: StatementMissing, |p| {
        two(p);
        p.endorsers = vec![(2, 3)];
        p.members[0].domains |= U256::from(1) << 40;
        p.members[2].domains |= U256::from(1) << 40;
    }, |c| c.lose_statement(1);

    // Counting by the policy
    too_few_builders_known_to_the_policy: KnownSignersTooFew, |p| {
        p.members[1].key = 8;
        p.members[2].key = 9;
    }, |c| ();
    known_builders_that_share_a_domain_only_the_policy_knows: KnownSignersTooFew, |p| two(p), |c| {
        c.demand("[\"birch\", \"US\"]", "[\"birch\", \"DE\"]");
    };
    a_packer_the_policy_does_not_list: PackerNotAllowed, |_p| (), |c| c.demand("nix-seed/1", "nix-seed/2");
    a_reissue_above_the_policys_maximum: ReissueNotAllowed, |p| {
        p.recipe.reissue = 1;
        p.source.recipe = p.recipe.digest();
    }, |c| ();
}

/// Where a proof is asked for and none holds, values that operators agree on are no way around.
#[test]
fn a_proof_that_fails_is_not_made_good_by_values() {
    let plan = Plan::new();
    let mut case = plan.case();
    let mut bad = case.evidence.chain.proofs[0].clone();
    bad.account.pop();
    case.assert_values(&plan);
    let code = |case: &Case| {
        case.decide()
            .map(|release| release.grade)
            .map_err(|one| one.code)
    };
    assert_eq!(code(&case), Err(RejectionCode::FloorNotReached));
    case.evidence.chain.proofs = vec![bad];
    assert_eq!(code(&case), Err(RejectionCode::ProofInvalid));
    case.demand("version = 1", "version = 1\nrequire = \"quorum\"");
    assert_eq!(code(&case), Ok(seed_verdict::Grade::Quorum));
}

#[test]
fn every_code_has_a_test() {
    let untested: Vec<_> = RejectionCode::ALL
        .iter()
        .filter(|code| !TESTED.contains(code))
        .collect();
    assert!(untested.is_empty(), "{untested:?}");
}

#[test]
fn what_is_missing_is_undecidable_and_what_is_bad_is_rejected_and_what_was_revoked_is_revoked() {
    // One good, one missing, one revoked: found, the missing one would suffice.
    let mut plan = Plan::new();
    plan.revoke(builder(3).address(), NOW - DAY, 1, 0);
    let mut case = plan.case();
    case.lose_statement(1);
    assert_eq!(case.decide().unwrap_err().class().exit_code(), 3);
    // One good, two bad.
    let mut plan = Plan::new();
    plan.statement = Box::new(|key, one| {
        if key != 1 {
            one.closure = Digest::of(b"other");
        }
    });
    assert_eq!(plan.case().decide().unwrap_err().class().exit_code(), 1);
    // One missing, two bad: finding the missing one would not suffice.
    let mut plan = Plan::new();
    plan.statement = Box::new(|key, one| {
        if key != 1 {
            one.closure = Digest::of(b"other");
        }
    });
    let mut case = plan.case();
    case.lose_statement(0);
    assert_eq!(case.decide().unwrap_err().class().exit_code(), 1);
    // One good, two revoked.
    let mut plan = Plan::new();
    for key in [2, 3] {
        plan.revoke(builder(key).address(), NOW - DAY, 1, 0);
    }
    assert_eq!(plan.case().decide().unwrap_err().class().exit_code(), 4);
}

#[test]
fn of_two_votes_of_one_builder_the_missing_one_outweighs_the_bad_one() {
    let mut plan = Plan::new();
    statement(&mut plan, |one| one.closure = Digest::of(b"other"));
    let mut case = plan.case();
    assert_eq!(case.decide().unwrap_err().code, RejectionCode::StatementBad);
    // Of two that are bad the first is said.
    let junk = case.evidence.blobs.insert(b"no manifest".to_vec());
    case.evidence.attestations = vec![plan.attestation(1, 3, junk).to_json().unwrap()];
    assert_eq!(case.decide().unwrap_err().code, RejectionCode::StatementBad);
    let again = plan.attestation(1, 3, Digest::of(b"found nowhere"));
    case.evidence.attestations = vec![again.to_json().unwrap()];
    assert_eq!(
        case.decide().unwrap_err().code,
        RejectionCode::EvidenceMissing
    );
    // The other way round: the record's evidence is lost, the later one is bad.
    let bad = case.record.entries[1].evidence;
    let published = case.evidence.blobs.get(&bad).unwrap().to_vec();
    let spaced = String::from_utf8(published).unwrap() + " ";
    let second = case.evidence.blobs.insert(spaced.into_bytes());
    case.lose(&bad);
    case.evidence.attestations = vec![plan.attestation(1, 3, second).to_json().unwrap()];
    assert_eq!(
        case.decide().unwrap_err().code,
        RejectionCode::EvidenceMissing
    );
}

#[test]
fn every_changed_bit_of_the_locator_is_refused() {
    let good = Plan::new().case();
    for bit in 0..good.evidence.locators[0].len() * 8 {
        let mut case = good.clone();
        case.evidence.locators[0][bit / 8] ^= 1 << (bit % 8);
        assert!(case.decide().is_err(), "bit {bit}");
    }
    for length in 0..good.evidence.locators[0].len() {
        let mut case = good.clone();
        case.evidence.locators[0].truncate(length);
        assert!(case.decide().is_err(), "cut to {length}");
    }
}

#[test]
fn every_setting_that_could_change_a_build_must_have_its_one_value() {
    for (name, value) in [
        ("builders", "ssh://other"),
        ("extra-sandbox-paths", "/bin"),
        ("extra-substituters", "https://cache.example"),
        ("fallback", "true"),
        ("hashed-mirrors", "https://mirror.example"),
        ("allowed-impure-host-deps", "/usr/lib"),
        ("plugin-files", "/plugin.so"),
        ("post-build-hook", "/hook"),
        ("pre-build-hook", "/hook"),
        ("require-sigs", "false"),
        ("sandbox", "relaxed"),
        ("sandbox-fallback", "true"),
        ("sandbox-paths", "/bin/sh"),
        ("substitute", "true"),
        ("substituters", "https://cache.example"),
        ("trusted-substituters", "https://cache.example"),
    ] {
        let mut plan = Plan::new();
        setting(&mut plan, name, Some(value));
        let rejection = plan.case().decide().unwrap_err();
        assert_eq!(rejection.code, RejectionCode::StatementBad, "{name}");
    }
}

#[test]
fn one_changed_bit_in_anything_that_is_needed_is_refused() {
    let mut plan = Plan::new();
    two(&mut plan);
    let good = plan.case();
    assert!(good.decide().is_ok());
    // Every buffer a verdict with two signers rests on; the seed makes the sample the same every time.
    let mut seed = 0x5eed_u64;
    for round in 0..600 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = (seed >> 20) as usize;
        let mut case = good.clone();
        let chain = &mut case.evidence.chain;
        let flipped = match round % 6 {
            0 => flip(&mut case.evidence.events[0], at),
            1 => flip(chain.header.as_mut().unwrap(), at),
            2 => flip_bytes(&mut chain.rules_codes[0], at),
            3 => {
                let nodes = &mut chain.proofs[0].account;
                let node = at % nodes.len();
                flip_bytes(&mut nodes[node], at)
            }
            4 => {
                let slots = &mut chain.proofs[0].slots;
                let slot = at % slots.len();
                flip_bytes(&mut slots[slot].1[0], at)
            }
            _ => {
                let image = case.image();
                flip(&mut image.manifest, at)
            }
        };
        assert!(case.decide().is_err(), "round {round}, bit {flipped}");
    }
}

fn flip(bytes: &mut [u8], at: usize) -> usize {
    let bit = at % (bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
    bit
}

fn flip_bytes(bytes: &mut Bytes, at: usize) -> usize {
    let mut changed = bytes.to_vec();
    let bit = flip(&mut changed, at);
    *bytes = changed.into();
    bit
}

#[test]
fn agree_is_never_lowered_whoever_is_up() {
    for up in 0_u32..8 {
        let mut case = Plan::new().case();
        for at in 0..3 {
            if up >> at & 1 == 0 {
                case.fail(at);
            }
        }
        let result = case.decide();
        assert_eq!(result.is_ok(), up.count_ones() >= 2, "{up:03b}");
    }
}

#[test]
fn a_rejection_carries_what_was_found_and_expected() {
    let mut case = Plan::new().case();
    case.demand("# rollback", "minimum_sequence = 8");
    let rejection = case.decide().unwrap_err();
    assert_eq!(rejection.found.as_deref(), Some("sequence 7"));
    assert_eq!(rejection.expected.as_deref(), Some("at least 8"));
    let json = serde_json::to_value(&rejection).unwrap();
    assert_eq!(json["code"], "below-minimum-sequence");
    assert!(LEDGER_CODE != B256::ZERO && rejection.help().contains("newer"));
}

fn two(plan: &mut Plan) {
    plan.entries = vec![(0, 3), (1, 3)];
}

fn statement(plan: &mut Plan, edit: impl Fn(&mut seed_attestation::Statement) + 'static) {
    two(plan);
    plan.statement = Box::new(move |key, one| {
        if key == 2 {
            edit(one);
        }
    });
}

fn setting(plan: &mut Plan, name: &'static str, value: Option<&'static str>) {
    statement(plan, move |one| {
        match value {
            Some(value) => one.nix.settings.insert(name.to_owned(), value.to_owned()),
            None => one.nix.settings.remove(name),
        };
    });
}

/// The anchor is from a network file that expires then.
fn network(expires: u64) -> String {
    format!(
        "[network]\nname = \"example\"\ndeployment = \"base\"\nkeys = [\"{}\"]\nthreshold = 1\nsequence = 1\n\
         digest = \"{}\"\nexpires = {expires}\n",
        builder(1),
        Digest::of(b"network")
    )
}

#[test]
fn a_policy_whose_network_file_has_not_expired_is_used() {
    let mut case = Plan::new().case();
    case.policy.push_str(&network(NOW + 1));
    case.decide().unwrap();
}

fn quorum(plan: &Plan, case: &mut Case) {
    case.demand("version = 1", "version = 1\nrequire = \"quorum\"");
    case.assert_values(plan);
}

fn drop_slot(case: &mut Case, slot: B256) {
    for proof in &mut case.evidence.chain.proofs {
        proof.slots.retain(|(one, _)| *one != slot);
    }
}

fn edit_layer(
    layers: &mut [seed_attestation::EvidenceLayer],
    kind: LayerKind,
    edit: impl Fn(&mut seed_attestation::EvidenceLayer),
) {
    for layer in layers {
        if layer.kind == kind && layer.system.as_str() == "x86_64-linux" {
            edit(layer);
        }
    }
}

fn edit_manifest(case: &mut Case, edit: impl Fn(&mut ImageManifest)) {
    let image = case.image();
    let mut manifest = ImageManifest::parse(&image.manifest).unwrap();
    edit(&mut manifest);
    image.manifest = manifest.to_bytes();
    case.ask_for_what_is_served();
}

fn edit_config(case: &mut Case, edit: impl Fn(&mut ImageConfig)) {
    let image = case.image();
    let mut config = ImageConfig::parse(image.config.as_ref().unwrap()).unwrap();
    edit(&mut config);
    let bytes = config.to_bytes();
    image.config = Some(bytes.clone());
    edit_manifest(case, |manifest| {
        manifest.config.digest = Digest::of(&bytes);
        manifest.config.size = bytes.len() as u64;
    });
}

fn edit_index(case: &mut Case, edit: impl Fn(&mut String)) {
    if let Some(Document::Index { bytes, .. }) = &mut case.evidence.image.document {
        let mut text = String::from_utf8(bytes.clone()).unwrap();
        edit(&mut text);
        *bytes = text.into_bytes();
    }
    case.ask_for_what_is_served();
}

fn edit_locator(case: &mut Case, edit: impl Fn(&mut Locator)) {
    let mut locator = Locator::from_json(&case.evidence.locators[0]).unwrap();
    edit(&mut locator);
    case.evidence.locators[0] = locator.to_json().unwrap();
}

fn edit_event(case: &mut Case, edit: impl Fn(&mut ReleaseData)) {
    let mut event = ReleaseData::parse(&case.evidence.events[0]).unwrap();
    edit(&mut event);
    case.evidence.events[0] = event.to_bytes();
}

/// The event is withdrawn; the signature of the entry at `lost` is to be found nowhere.
fn lose_signature(case: &mut Case, lost: usize) {
    let event = ReleaseData::parse(&case.evidence.events[0]).unwrap();
    case.evidence.events.clear();
    let plan = Plan::new();
    for (at, entry) in event.record.entries.iter().enumerate() {
        if at != lost {
            let attestation = plan.attestation(at, entry.systems, entry.evidence);
            case.evidence
                .attestations
                .push(attestation.to_json().unwrap());
        }
    }
}

/// Attestations stand in for the event; the second one is edited after it was signed.
fn replace_event_by_attestations(
    plan: &Plan,
    case: &mut Case,
    edit: impl Fn(&mut seed_attestation::Attestation),
) {
    case.evidence.events.clear();
    for (at, entry) in case.record.entries.iter().enumerate() {
        let mut attestation = plan.attestation(at, 3, entry.evidence);
        if at == 1 {
            edit(&mut attestation);
        }
        case.evidence
            .attestations
            .push(attestation.to_json().unwrap());
    }
}

/// The event with every entry signed over the evidence its record names.
fn resigned(plan: &Plan, case: &Case) -> Vec<u8> {
    let signatures = case
        .record
        .entries
        .iter()
        .enumerate()
        .map(|(at, entry)| plan.attestation(at, 3, entry.evidence).signature);
    ReleaseData {
        record: case.record.clone(),
        signatures: signatures.collect(),
    }
    .to_bytes()
}
