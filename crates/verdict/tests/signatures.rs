//! Grade `signatures`: asked for by the policy itself, or never reached.

mod common;

use common::{Case, NOW, Plan};
use seed_attestation::Attestation;
use seed_primitives::Digest;
use seed_verdict::{
    Bundle, Context, Grade, HighWater, Policy, Rejection, RejectionCode as Code, Release,
    Requested, Verified, decide,
};

/// A case whose attestations are published, with the policy content with signatures.
fn case(plan: &Plan) -> Case {
    let mut case = plan.case();
    let policy = Policy::from_toml(&case.policy).unwrap();
    let bundle = Bundle::capture(&policy, &case.evidence, NOW).unwrap();
    let attestations = bundle.attestations().iter();
    case.evidence.attestations = attestations.map(|one| one.to_json().unwrap()).collect();
    case.demand("version = 1\n", "version = 1\nrequire = \"signatures\"\n");
    case
}

/// The same with every endpoint down.
fn dark(plan: &Plan) -> Case {
    let mut case = case(plan);
    case.evidence.chain = seed_verdict::ChainEvidence::default();
    case
}

/// The same of a release of which no bundle could be captured.
fn dark_as_it_is(plan: &Plan) -> Case {
    let mut case = plan.case();
    let attestations = plan.entries.iter().zip(&case.record.entries);
    case.evidence.attestations = attestations
        .map(|((at, mask), entry)| plan.attestation(*at, *mask, entry.evidence))
        .map(|one| one.to_json().unwrap())
        .collect();
    case.evidence.chain = seed_verdict::ChainEvidence::default();
    case.demand("version = 1\n", "version = 1\nrequire = \"signatures\"\n");
    case
}

#[track_caller]
fn refused(case: &Case, code: Code) {
    let rejection = case.decide().expect_err("nothing was refused");
    assert_eq!(rejection.code, code, "{rejection}");
}

#[test]
fn known_builders_suffice_where_the_chain_cannot_be_read_and_nothing_is_claimed_about_it() {
    let release = dark(&Plan::new()).decide().unwrap();
    assert_eq!(release.grade, Grade::Signatures);
    assert_eq!(release.inclusion, None);
    assert_eq!(release.currency, None);
    assert_eq!(release.rules, None);
    assert_eq!(release.builders.len(), 3);
    assert!(release.trusts[1].contains("nothing was asked of the chain"));
    let json = serde_json::to_value(&release).unwrap();
    assert_eq!(json["grade"], "signatures");
    assert!(json["inclusion"].is_null() && json["currency"].is_null());
}

/// Whoever signed another image for the same system is not asked about this one, and not blamed for it either.
#[test]
fn who_signed_another_image_neither_counts_nor_is_dropped() {
    let closure = Digest::of(b"another closure");
    let mut other = Plan::new();
    other.manifest = Box::new(move |manifest| manifest.closure = Some(closure));
    other.statement = Box::new(move |_, statement| statement.closure = closure);
    let other = case(&other);
    let mut case = dark(&Plan::new());
    let third = |case: &Case| {
        let mut all = case.evidence.attestations.iter();
        let of = |bytes: &[u8]| Attestation::from_json(bytes).unwrap().builder;
        all.position(|bytes| of(bytes) == common::builder(3))
            .unwrap()
    };
    let (here, there) = (third(&case), third(&other));
    let bytes = &other.evidence.attestations[there];
    assert_ne!(&case.evidence.attestations[here], bytes);
    case.evidence.attestations[here].clone_from(bytes);
    for (_, bytes) in other.evidence.blobs {
        case.evidence.blobs.insert(bytes);
    }
    let release = case.decide().unwrap();
    let counted: Vec<_> = release.builders.iter().map(|one| one.builder).collect();
    assert!(!counted.contains(&common::builder(3)) && counted.len() == 2);
    assert_eq!(release.dropped, []);
}

#[test]
fn without_being_asked_for_it_is_never_reached() {
    let mut case = dark(&Plan::new());
    case.demand("require = \"signatures\"\n", "");
    refused(&case, Code::HeaderMissing);
}

#[test]
fn a_policy_must_say_whose_signatures() {
    let text = dark(&Plan::new()).policy;
    let text = text.replace("minimum_known_signers = 2\n", "");
    let hash = format!("pinned = [\"0x{}\"]", "01".repeat(32));
    let text = text.replace("pinned = []", &hash);
    let logic = text.find("logic = ").unwrap();
    let end = logic + text[logic..].find('\n').unwrap();
    let text = format!("{}logic = []{}", &text[..logic], &text[end..]);
    let error = Policy::from_toml(&text).unwrap_err();
    assert!(error.to_string().contains("whose signatures"), "{error}");
}

#[test]
fn a_chain_that_can_be_read_decides() {
    let case_ = case(&Plan::new());
    let release = case_.decide().unwrap();
    assert_eq!(release.grade, Grade::Proof);
    let mut plan = Plan::new();
    for key in [1, 2] {
        plan.revoke(common::builder(key).address(), NOW - 100, 1, 3);
    }
    let mut revoked = plan.case();
    revoked.evidence.attestations = case_.evidence.attestations;
    revoked.demand("version = 1\n", "version = 1\nrequire = \"signatures\"\n");
    refused(&revoked, Code::BuilderRevoked);
}

#[test]
fn where_somebody_lies_about_the_chain_signatures_are_no_way_around() {
    let mut wrong_chain = case(&Plan::new());
    wrong_chain.endpoint(0).chain_id += 1;
    refused(&wrong_chain, Code::WrongChain);
    let mut conflict = case(&Plan::new());
    let other = Plan::new().chain(&conflict.record).header(1000, NOW - 599);
    conflict.endpoint(1).headers = vec![other];
    refused(&conflict, Code::HeadersConflict);
    let mut plan = Plan::new();
    plan.ledger_code = alloy_primitives::B256::repeat_byte(3);
    let mut other_ledger = plan.case();
    other_ledger.evidence.attestations = case(&Plan::new()).evidence.attestations;
    other_ledger.demand("version = 1\n", "version = 1\nrequire = \"signatures\"\n");
    refused(&other_ledger, Code::LedgerUnknown);
}

#[test]
fn old_releases_cannot_be_told_without_the_chain_except_by_commit() {
    for rule in [
        "minimum_sequence = 1",
        "maximum_age = 99999999",
        "high_water = true",
    ] {
        let mut case = dark(&Plan::new());
        case.demand("# rollback", rule);
        refused(&case, Code::RollbackNeedsChain);
    }
    let mut case = dark(&Plan::new());
    case.tag();
    refused(&case, Code::TagWithoutRollbackRule);
    case.demand("# rollback", &format!("commit = \"{}\"", "ab".repeat(20)));
    assert!(case.decide().is_ok());
    case.demand(&"ab".repeat(20), &"cd".repeat(20));
    refused(&case, Code::SignatureMissing);
}

#[test]
fn only_independent_builders_the_policy_knows_count_and_each_once() {
    let attestations = |case: &Case, keep: &[usize]| -> Vec<Vec<u8>> {
        let all = &case.evidence.attestations;
        keep.iter().map(|at| all[*at].clone()).collect()
    };
    let mut case = dark(&Plan::new());
    for keep in [&[0][..], &[0, 0, 0], &[]] {
        let mut few = case.clone();
        few.evidence.attestations = attestations(&case, keep);
        let code = match keep.len() {
            0 => Code::SignatureMissing,
            _ => Code::KnownSignersTooFew,
        };
        refused(&few, code);
    }
    // All of one jurisdiction: one authority.
    for domain in ["\"US\"", "\"JP\""] {
        case.demand(domain, "\"DE\"");
    }
    refused(&case, Code::KnownSignersTooFew);
    // Strangers.
    let mut case = dark(&Plan::new());
    for key in [1, 2] {
        case.demand(
            &common::builder(key).to_string(),
            &common::builder(key + 50).to_string(),
        );
    }
    refused(&case, Code::KnownSignersTooFew);
}

#[test]
fn statements_are_checked_as_ever() {
    let mut case = dark(&Plan::new());
    case.lose_statement(0);
    let release = case.decide().unwrap();
    assert_eq!(release.dropped[0].code, Code::StatementMissing);
    case.lose_statement(1);
    refused(&case, Code::StatementMissing);
    let mut plan = Plan::new();
    plan.statement = Box::new(|_, statement| {
        statement
            .nix
            .settings
            .insert("sandbox".to_owned(), "false".to_owned());
    });
    refused(&dark_as_it_is(&plan), Code::StatementBad);
}

/// Whom the policy does not know is not named among those who vouch.
#[test]
fn strangers_are_not_counted() {
    let mut case = dark(&Plan::new());
    let known = common::builder(3).to_string();
    case.demand(&known, &common::builder(53).to_string());
    let release = case.decide().unwrap();
    let mut counted: Vec<_> = release.builders.iter().map(|one| one.builder).collect();
    counted.sort_unstable();
    let mut expected = [1, 2].map(common::builder);
    expected.sort_unstable();
    assert_eq!(counted, expected);
}

/// In a bundle nothing may be left out without anybody noticing; what was gathered may be short of it.
#[test]
fn a_vote_of_a_bundle_that_does_not_count_spoils_it() {
    let mut case = case(&Plan::new());
    case.evidence.chain.endpoints.clear();
    case.evidence.chain.captured = true;
    assert_eq!(case.decide().unwrap().grade, Grade::Signatures);
    case.lose_statement(0);
    refused(&case, Code::BundleUnused);
    case.evidence.chain = seed_verdict::ChainEvidence::default();
    assert_eq!(case.decide().unwrap().dropped.len(), 1);
}

/// Of one that is bad and one that was not found, the one that was not found is why nothing is known.
#[test]
fn what_was_not_found_outweighs_what_is_bad() {
    for (bad, lost) in [(1, 1), (2, 0)] {
        let mut plan = Plan::new();
        plan.entries.truncate(2);
        let good = plan.case();
        plan.statement = Box::new(move |key, statement| {
            if key == bad {
                statement.closure = Digest::of(b"other");
            }
        });
        let mut case = dark_as_it_is(&plan);
        assert_ne!(case.record, good.record);
        refused(&case, Code::StatementBad);
        case.lose_statement(lost);
        refused(&case, Code::StatementMissing);
    }
}

#[test]
fn another_source_packer_or_image_is_refused() {
    let mut case = dark(&Plan::new());
    case.demand("example.org/acme/app", "example.org/acme/other");
    refused(&case, Code::SignatureMissing);
    let mut case = dark(&Plan::new());
    case.demand("nix-seed/1", "nix-seed/0");
    refused(&case, Code::PackerNotAllowed);
    let plan = Plan::new();
    let mut case = dark(&plan);
    *case.image() = plan.image(&"aarch64-darwin".parse().unwrap());
    case.ask_for_what_is_served();
    assert!(case.decide().is_err());
}

#[test]
fn a_vote_for_another_image_of_the_system_is_none_for_this_one() {
    let plan = Plan::new();
    let other = Plan {
        manifest: Box::new(|manifest| manifest.closure = Some(Digest::of(b"another"))),
        ..Plan::new()
    };
    let mut case = dark(&plan);
    *case.image() = other.image(&plan.systems[0]);
    case.ask_for_what_is_served();
    refused(&case, Code::KnownSignersTooFew);
}

/// What somebody with nothing pinned says about a bundle.
fn unplugged(policy: &Policy, bytes: &[u8], digest: Digest) -> Option<Verified<Release>> {
    let context = Context {
        now: NOW,
        deep: false,
        high_water: HighWater::NotRead,
    };
    let evidence = Bundle::from_json(bytes)
        .ok()?
        .evidence(Requested::Digest(digest));
    let answer: Result<_, Rejection> = decide(policy, &evidence, &context);
    answer.ok()
}

/// The exceptions to "every flipped bit is refused", and the reason: at this grade nothing is claimed about the chain,
/// so that what was read from it, header and proofs and record, is judged by nobody.
#[test]
fn of_a_bundle_only_what_is_about_the_chain_can_be_changed() {
    let mut plan = Plan::new();
    plan.crowd = 3;
    let case = case(&plan);
    let policy = Policy::from_toml(&case.policy).unwrap();
    let captured = plan.case();
    let bundle = Bundle::capture(&policy, &captured.evidence, NOW).unwrap();
    let (bytes, digest) = (bundle.to_json().unwrap(), bundle.digest().unwrap());
    let release = unplugged(&policy, &bytes, digest).unwrap();
    assert_eq!(release.grade, Grade::Signatures);
    let text = std::str::from_utf8(&bytes).unwrap();
    let range = |start: &str, end: &str| text.find(start).unwrap()..text.find(end).unwrap();
    let unjudged = [
        range("\"chain\":", ",\"evidence\":["),
        text.rfind("\"record\":").unwrap()..text.rfind(",\"source\":").unwrap(),
    ];
    let judged = (0..bytes.len()).filter(|at| !unjudged.iter().any(|range| range.contains(at)));
    for at in judged {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let around = text.get(at.saturating_sub(60)..=at);
        assert!(unplugged(&policy, &changed, digest).is_none(), "{around:?}");
    }
}
