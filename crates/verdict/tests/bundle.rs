//! A bundle is judged like everything else, and nothing in it can be changed, left out or added.

mod common;

use alloy_primitives::{B256, hex, keccak256};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use common::{Case, DAY, NOW, Plan, builder};
use seed_primitives::{Digest, canonical_json};
use seed_proof::MAX_CODE_BYTES;
use seed_verdict::{
    Bundle, BundleError, CaptureError, Context, HighWater, MAX_BUNDLE_BYTES, Policy, Rejection,
    RejectionCode, Release, Requested, Verified, Vouched, decide,
};
use serde_json::{Value, json};

/// Aster and Birch are in the record, Cedar endorses.
fn plan() -> Plan {
    let mut plan = Plan::new();
    plan.entries = vec![(0, 3), (1, 3)];
    plan.endorsers = vec![(2, 3)];
    plan
}

fn capture(case: &Case) -> Result<Bundle, CaptureError> {
    let policy = Policy::from_toml(&case.policy).unwrap();
    Bundle::capture(&policy, &case.evidence, case.context.now)
}

/// The policy with the header of the case pinned.
fn pinning(case: &Case) -> Policy {
    let hash = keccak256(case.evidence.chain.header.as_ref().unwrap());
    let text = format!(
        "{}[[checkpoints]]\nblock = 1000\nhash = \"{hash}\"\n",
        case.policy
    );
    Policy::from_toml(&text).unwrap()
}

/// What somebody without any network says about `bytes`.
fn unplugged(
    policy: &Policy,
    bytes: &[u8],
    digest: Digest,
    now: u64,
) -> Result<Result<Verified<Release>, Rejection>, BundleError> {
    let context = Context {
        now,
        deep: false,
        high_water: HighWater::NotRead,
    };
    let evidence = Bundle::from_json(bytes)?.evidence(Requested::Digest(digest));
    Ok(decide(policy, &evidence, &context))
}

#[track_caller]
fn refused(policy: &Policy, bytes: &[u8], digest: Digest) -> RejectionCode {
    let answer = unplugged(policy, bytes, digest, NOW).expect("a bundle");
    answer.expect_err("nothing was refused").code
}

#[test]
fn a_bundle_alone_gives_the_verdict_that_everything_online_gave() {
    for (systems, name) in [(1, "image"), (2, "index")] {
        let mut case = plan().case();
        if systems == 2 {
            case.serve_index(&plan());
        }
        let bundle = capture(&case).unwrap();
        assert_eq!(bundle.images().len(), systems, "{name}");
        let digest = bundle.digest().unwrap();
        let requested = case.evidence.image.requested.clone().unwrap();
        assert_eq!(digest, *requested.digest());

        let header = case.evidence.chain.header.as_ref().unwrap();
        assert_eq!(bundle.header_bytes(), header.as_slice());
        assert_eq!(bundle.header().unwrap().number(), 1000);
        // The control word, the release, the rules and three builders.
        assert_eq!(bundle.proven_slots(), 6);
        let bytes = bundle.to_json().unwrap();
        let online = case.decide().unwrap();
        let policy = pinning(&case);
        let offline = unplugged(&policy, &bytes, digest, NOW).unwrap().unwrap();
        assert_eq!(
            online.inclusion.as_ref().unwrap().vouched,
            Vouched::Operators
        );
        assert_eq!(offline.inclusion.as_ref().unwrap().vouched, Vouched::Policy);
        let mut expected: Release = (*online).clone();
        expected.inclusion.as_mut().unwrap().vouched = Vouched::Policy;
        expected.trusts[0].clone_from(&offline.trusts[0]);
        expected.layers_checked = false;
        assert_eq!(*offline, expected);
        assert!(offline.trusts[0].contains("whoever wrote the policy"));
        assert!(bundle.holds(&digest) && !bundle.holds(&Digest::of(b"another")));
        for (_, child) in bundle.images() {
            let one = unplugged(&policy, &bytes, child, NOW).unwrap().unwrap();
            assert_eq!(one.images.len(), 1);
        }
    }
}

#[test]
fn signatures_of_the_event_become_the_attestations_they_are() {
    let bundle = capture(&plan().case()).unwrap();
    let found: Vec<_> = bundle
        .attestations()
        .iter()
        .map(|one| one.builder)
        .collect();
    let mut expected = [1, 2, 3].map(builder);
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn a_bundle_vouches_for_nothing_itself() {
    let case = plan().case();
    let bundle = capture(&case).unwrap();
    let (bytes, digest) = (bundle.to_json().unwrap(), bundle.digest().unwrap());
    let unpinned = Policy::from_toml(&case.policy).unwrap();
    assert_eq!(
        refused(&unpinned, &bytes, digest),
        RejectionCode::HeaderNotPinned
    );
    // The same hash for another height, and the same height with another hash.
    let hash = keccak256(case.evidence.chain.header.as_ref().unwrap());
    for (block, hash) in [(1001, hash), (1000, B256::repeat_byte(7))] {
        let text = format!(
            "{}[[checkpoints]]\nblock = {block}\nhash = \"{hash}\"\n",
            case.policy
        );
        let policy = Policy::from_toml(&text).unwrap();
        assert_eq!(
            refused(&policy, &bytes, digest),
            RejectionCode::HeaderNotPinned
        );
    }
}

#[test]
fn operators_vouch_for_a_bundle_where_the_policy_pins_nothing() {
    let case = plan().case();
    let policy = Policy::from_toml(&case.policy).unwrap();
    let bundle = capture(&case).unwrap();
    let mut evidence = bundle.evidence(Requested::Digest(bundle.digest().unwrap()));
    evidence
        .chain
        .endpoints
        .clone_from(&case.evidence.chain.endpoints);
    let release = decide(&policy, &evidence, &case.context).unwrap();
    assert_eq!(
        release.inclusion.as_ref().unwrap().vouched,
        Vouched::Operators
    );
    // One of three is not enough, and a pin does not stand in for operators that were asked.
    evidence.chain.endpoints.truncate(1);
    for policy in [policy, pinning(&case)] {
        let rejection = decide(&policy, &evidence, &case.context).unwrap_err();
        assert_eq!(rejection.code, RejectionCode::EndpointQuorum);
    }
}

#[test]
fn a_pin_means_nothing_to_evidence_that_was_gathered_online() {
    let mut case = plan().case();
    case.evidence.chain.endpoints.clear();
    let rejection = decide(&pinning(&case), &case.evidence, &case.context).unwrap_err();
    assert_eq!(rejection.code, RejectionCode::EndpointQuorum);
}

#[test]
fn age_is_counted_from_the_capture_and_an_hour_where_the_policy_says_nothing() {
    let mut case = plan().case();
    let bundle = capture(&case).unwrap();
    let (bytes, digest) = (bundle.to_json().unwrap(), bundle.digest().unwrap());
    let at = |case: &Case, now| {
        let answer = unplugged(&pinning(case), &bytes, digest, now).unwrap();
        answer
            .map(|release| release.currency.as_ref().unwrap().age)
            .map_err(|one| one.code)
    };
    let captured = NOW - 600;
    assert_eq!(at(&case, captured + 3600), Ok(3600));
    assert_eq!(at(&case, captured + 3601), Err(RejectionCode::BundleStale));
    case.demand(
        "[freshness]\n",
        "[freshness]\nmaximum_bundle_age = 2592000\n",
    );
    assert_eq!(at(&case, captured + 30 * DAY), Ok(30 * DAY));
    assert_eq!(
        at(&case, captured + 30 * DAY + 1),
        Err(RejectionCode::BundleStale)
    );
    assert_eq!(at(&case, captured - 61), Err(RejectionCode::HeadInFuture));
}

#[test]
fn what_would_be_refused_is_not_captured() {
    let mut case = plan().case();
    case.demand("example.org/acme/app", "example.org/acme/other");
    let Err(CaptureError::Rejected(rejection)) = capture(&case) else {
        panic!("captured");
    };
    assert_eq!(rejection.code, RejectionCode::SourceNotExpected);
}

/// One operator alone must not have bundles made of a chain that nobody else knows.
#[test]
fn as_many_operators_as_agree_must_know_the_block_of_a_capture() {
    for (known, made) in [(3, true), (2, true), (1, false), (0, false)] {
        let mut case = plan().case();
        for endpoint in &mut case.evidence.chain.endpoints[known..] {
            endpoint.outcome.as_mut().unwrap().headers.clear();
        }
        match capture(&case) {
            Ok(_) => assert!(made, "{known}"),
            Err(CaptureError::Rejected(rejection)) => {
                assert!(!made, "{rejection}");
                assert_eq!(rejection.code, RejectionCode::EndpointQuorum);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn what_does_not_count_is_left_out() {
    let plan = plan();
    let mut case = plan.case();
    case.lose_statement(1);
    case.evidence.attestations.push(b"{}".to_vec());
    let bundle = capture(&case);
    // Birch's vote stands in the record, so that nobody could tell this bundle from one with its statement cut out.
    let Err(CaptureError::Rejected(rejection)) = bundle else {
        panic!("captured");
    };
    assert_eq!(rejection.code, RejectionCode::BundleUnused);

    let mut case = plan.case();
    case.evidence.attestations.push(b"{}".to_vec());
    case.evidence.blobs.insert(b"noise".to_vec());
    case.evidence.locators.insert(0, b"noise".to_vec());
    assert_eq!(capture(&case).unwrap(), capture(&plan.case()).unwrap());
}

#[test]
fn builders_that_were_revoked_are_left_out_and_may_be() {
    let mut plan = Plan::new();
    plan.revoke(builder(3).address(), NOW - 40 * DAY, 1, 3);
    let case = plan.case();
    let bundle = capture(&case).unwrap();
    assert_eq!(bundle.attestations().len(), 2);
    let bytes = bundle.to_json().unwrap();
    let answer = unplugged(&pinning(&case), &bytes, bundle.digest().unwrap(), NOW).unwrap();
    let release = answer.unwrap();
    assert_eq!(release.dropped[0].code, RejectionCode::BuilderRevoked);
}

#[test]
fn another_image_is_not_in_the_bundle() {
    let case = plan().case();
    let bytes = capture(&case).unwrap().to_json().unwrap();
    assert_eq!(
        refused(&pinning(&case), &bytes, Digest::of(b"another")),
        RejectionCode::ImageMissing
    );
}

/// Every change of one bit, and every truncation, of a real bundle in which one vote more stands than is needed. No
/// exception is known: each part is bound by a hash or a signature to the header, which the policy pins, and there is
/// one spelling of everything.
#[test]
fn rejects_every_flipped_bit_and_every_truncation() {
    let mut plan = Plan::new();
    plan.systems.remove(0);
    for member in &mut plan.members {
        member.systems = 1;
    }
    plan.entries = vec![(0, 1), (1, 1)];
    plan.endorsers = vec![(2, 1)];
    plan.crowd = 3;
    let case = plan.case();
    let bundle = capture(&case).unwrap();
    let (bytes, digest) = (bundle.to_json().unwrap(), bundle.digest().unwrap());
    let policy = pinning(&case);
    assert!(unplugged(&policy, &bytes, digest, NOW).unwrap().is_ok());
    let stopped = |changed: &[u8]| match unplugged(&policy, changed, digest, NOW) {
        Err(_) => true,
        Ok(verdict) => verdict.is_err(),
    };
    let flipped = |half: usize| {
        let mut changed = bytes.clone();
        let bits = (0..bytes.len() * 8).skip(half).step_by(2);
        let accepted = bits.filter(|bit| {
            let mask = 1 << (bit % 8);
            changed[bit / 8] ^= mask;
            let stopped = stopped(&changed);
            changed[bit / 8] ^= mask;
            !stopped
        });
        accepted.collect::<Vec<_>>()
    };
    let (even, odd) = std::thread::scope(|scope| {
        let odd = scope.spawn(|| flipped(1));
        (flipped(0), odd.join().unwrap())
    });
    assert!(even.is_empty() && odd.is_empty(), "{even:?} {odd:?}");
    for length in 0..bytes.len() {
        assert!(stopped(&bytes[..length]), "{length}");
    }
    assert!(stopped(&[&bytes[..], b"\n"].concat()));
    assert!(stopped(&[b" ", &bytes[..]].concat()));
}

/// A bundle as it was written once, with the policy that pins it: what version 1 reads, it reads for ever. Written
/// again with `SEED_WRITE_GOLDEN=1`.
#[test]
fn the_golden_bundle_is_still_made_and_still_verified() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");
    let mut plan = plan();
    plan.crowd = 120;
    plan.block_time = 1_780_000_000;
    plan.recorded_at = plan.block_time - DAY;
    let mut case = plan.case();
    case.serve_index(&plan);
    case.context.now = plan.block_time + 600;
    let hash = keccak256(case.evidence.chain.header.as_ref().unwrap());
    let age = "[freshness]\nmaximum_bundle_age = 4294967295\n";
    let pin = format!("[[checkpoints]]\nblock = 1000\nhash = \"{hash}\"\n");
    let text = case.policy.replace("[freshness]\n", age) + &pin;
    let bytes = capture(&case).unwrap().to_json().unwrap();
    let (bundle, policy) = (
        format!("{folder}/bundle.json"),
        format!("{folder}/policy.toml"),
    );
    if std::env::var_os("SEED_WRITE_GOLDEN").is_some() {
        std::fs::write(&bundle, &bytes).unwrap();
        std::fs::write(&policy, &text).unwrap();
    }
    assert!(std::fs::read(&bundle).unwrap() == bytes);
    assert_eq!(std::fs::read_to_string(&policy).unwrap(), text);
    let digest = Bundle::from_json(&bytes).unwrap().digest().unwrap();
    let policy = Policy::from_toml(&text).unwrap();
    let release = unplugged(&policy, &bytes, digest, NOW).unwrap().unwrap();
    assert_eq!(release.images.len(), 2);
}

/// Changes the JSON, writes it canonically again, and returns why it is no bundle.
#[track_caller]
fn malformed(change: impl Fn(&mut Value)) -> BundleError {
    let mut case = plan().case();
    case.serve_index(&plan());
    let bytes = capture(&case).unwrap().to_json().unwrap();
    let mut value = serde_json::from_slice(&bytes).unwrap();
    change(&mut value);
    let changed = canonical_json(&value).unwrap();
    assert_ne!(changed, bytes);
    Bundle::from_json(&changed).expect_err("nothing was refused")
}

#[test]
fn rejects_what_is_in_another_order_twice_left_over_or_left_out() {
    for list in ["attestations", "evidence", "images", "statements"] {
        let swapped = malformed(|value| value[list].as_array_mut().unwrap().swap(0, 1));
        assert!(matches!(swapped, BundleError::Inconsistent(_)), "{list}");
        let twice = malformed(|value| {
            let first = value[list][0].clone();
            value[list].as_array_mut().unwrap().insert(0, first);
        });
        assert!(matches!(twice, BundleError::Inconsistent(_)), "{list}");
        malformed(|value| drop(value[list].as_array_mut().unwrap().remove(0)));
    }
    let unused = malformed(|value| {
        value["chain"]["nodes"]
            .as_array_mut()
            .unwrap()
            .push(json!("AAAA"))
    });
    assert_eq!(unused, BundleError::NotCanonical);
    let nowhere = malformed(|value| value["chain"]["account"][0] = json!(4095));
    assert_eq!(nowhere, BundleError::Node(4095));
    let slot = malformed(|value| drop(value["chain"]["slots"].as_array_mut().unwrap().pop()));
    assert!(matches!(slot, BundleError::Inconsistent(_)));
    for (field, other) in [
        ("source", json!("https://example.org/acme/other")),
        ("rules", json!(format!("0x{}", "ab".repeat(20)))),
    ] {
        let elsewhere = malformed(|value| match field {
            "source" => value["attestations"][0]["source"]["uri"] = other.clone(),
            _ => value["attestations"][0][field] = other.clone(),
        });
        let said = "an attestation is about another release";
        assert!(elsewhere.to_string().contains(said), "{elsewhere}");
    }
    let image = malformed(|value| {
        let digest = Digest::of(b"another").to_string();
        value["attestations"][0]["systems"][0]["digest"] = json!(digest);
    });
    let said = "an attestation is about an image outside the record";
    assert!(image.to_string().contains(said), "{image}");
    for (list, called) in [
        ("evidence", "evidence manifest"),
        ("statements", "statement"),
    ] {
        let lost = malformed(|value| drop(value[list].as_array_mut().unwrap().remove(0)));
        assert!(
            matches!(lost, BundleError::Missing { what, .. } if what == called),
            "{lost}"
        );
    }
    let code = malformed(|value| value["chain"]["rulesCode"] = json!("0x00"));
    assert!(matches!(code, BundleError::Inconsistent(_)));
    let field = malformed(|value| value["threshold"] = json!(1));
    assert!(matches!(field, BundleError::Json(_)));
    let kind = malformed(|value| value["mediaType"] = json!("application/json"));
    assert!(matches!(kind, BundleError::MediaType(_)));
    let upper = malformed(|value| {
        let header = value["chain"]["header"].as_str().unwrap().to_uppercase();
        value["chain"]["header"] = json!(header.replace("0X", "0x"));
    });
    assert_eq!(upper, BundleError::NotCanonical);
}

#[test]
fn rejects_another_spelling_of_the_same() {
    let bytes = capture(&plan().case()).unwrap().to_json().unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    let pretty: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(canonical_json(&pretty).unwrap(), bytes);
    let pretty = serde_json::to_vec_pretty(&pretty).unwrap();
    assert_eq!(Bundle::from_json(&pretty), Err(BundleError::NotCanonical));
    let escaped = text.replacen("application/", "application\\/", 1);
    assert_eq!(
        Bundle::from_json(escaped.as_bytes()),
        Err(BundleError::NotCanonical)
    );
    let twice = text.replacen(
        "{\"attestations\"",
        "{\"mediaType\":\"x\",\"attestations\"",
        1,
    );
    assert!(matches!(
        Bundle::from_json(twice.as_bytes()),
        Err(BundleError::Json(_))
    ));
}

#[test]
fn rejects_too_much_and_too_deep_without_reading_it() {
    assert_eq!(MAX_BUNDLE_BYTES, 4 << 20, "docs/protocol.md says 4 MiB");
    let mut large = vec![b' '; MAX_BUNDLE_BYTES + 1];
    assert!(matches!(
        Bundle::from_json(&large),
        Err(BundleError::TooLarge { .. })
    ));
    large.pop();
    assert!(matches!(
        Bundle::from_json(&large),
        Err(BundleError::Json(_))
    ));
    let deep = "[".repeat(1_000_000);
    assert!(matches!(
        Bundle::from_json(deep.as_bytes()),
        Err(BundleError::Json(_))
    ));
    let nodes = malformed(|value| value["chain"]["nodes"] = json!(vec![""; 5000]));
    assert!(matches!(nodes, BundleError::Count { .. }));
    for (count, too_many) in [(4096, false), (4097, true)] {
        let nodes = malformed(|value| value["chain"]["nodes"] = json!(vec![""; count]));
        assert_eq!(matches!(nodes, BundleError::Count { .. }), too_many);
    }
    for list in ["images", "attestations"] {
        for (count, too_many) in [(0, true), (64, false), (65, true)] {
            let found = malformed(|value| {
                let one = value[list][0].clone();
                value[list] = json!(vec![one; count]);
            });
            let counted =
                matches!(found, BundleError::Count { what, most: 64, .. } if what == list);
            assert_eq!(counted, too_many, "{count} {list}: {found}");
        }
    }
    for (length, too_long) in [(65, false), (66, true)] {
        let path = malformed(|value| value["chain"]["account"] = json!(vec![0; length]));
        assert_eq!(
            matches!(path, BundleError::Count { .. }),
            too_long,
            "{path}"
        );
    }
}

/// What stands at the place of another system in the record is still for the system that its config says.
#[test]
fn rejects_two_images_for_one_system() {
    let plan = plan();
    let other = Plan {
        manifest: Box::new(|manifest| manifest.closure = Some(Digest::of(b"another"))),
        ..Plan::new()
    };
    let first = Digest::of(&plan.image(&plan.systems[0]).manifest);
    let second = other.image(&plan.systems[1]);
    let error = malformed(|value| {
        let record = value["record"].as_str().unwrap();
        let digest = Digest::of(&second.manifest);
        value["record"] = json!(record.replace(&first.to_hex(), &digest.to_hex()));
        value["images"][0] = json!({
            "config": STANDARD.encode(second.config.as_ref().unwrap()),
            "manifest": STANDARD.encode(&second.manifest),
        });
    });
    assert!(
        error.to_string().contains("two images are for one system"),
        "{error}"
    );
}

#[test]
fn rejects_a_config_that_the_manifest_does_not_name() {
    let plan = plan();
    let config = plan.image(&plan.systems[0]).config.unwrap();
    let longer = [config.as_slice(), b" "].concat();
    for other in [longer, plan.image(&plan.systems[1]).config.unwrap()] {
        let error =
            malformed(|value| value["images"][0]["config"] = json!(STANDARD.encode(&other)));
        let said = "an image config is not the one its manifest names";
        assert!(error.to_string().contains(said), "{error}");
    }
}

/// The largest rules there may be fit into a bundle, and no byte more.
#[test]
fn rules_in_a_bundle_are_of_a_bounded_size() {
    let of = |size: usize| {
        let mut plan = plan();
        plan.logic.clear();
        plan.logic.resize(size - plan.rules_code().len(), 7);
        plan.rules_code()
    };
    let (largest, larger) = (of(MAX_CODE_BYTES), of(MAX_CODE_BYTES + 1));
    let mut plan = plan();
    plan.logic = largest[..largest.len() - (plan.rules_code().len() - plan.logic.len())].to_vec();
    assert_eq!(plan.rules_code(), largest);
    let bundle = capture(&plan.case()).unwrap();
    let text = String::from_utf8(bundle.to_json().unwrap()).unwrap();
    let [hash, other] = [&largest, &larger].map(|code| hex::encode(keccak256(code)));
    let [code, longer] = [&largest, &larger].map(hex::encode);
    assert!(text.contains(&hash) && text.contains(&code));
    let text = text.replace(&hash, &other).replace(&code, &longer);
    let error = Bundle::from_json(text.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("the rules' code"), "{error}");
}
