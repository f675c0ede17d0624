//! What is said, word by word where people act on it: who did not answer, whose proof fails, how many there may be.

mod common;

use alloy_primitives::Bytes;
use common::{Case, NOW, Plan, policy_text};
use seed_verdict::{
    Bundle, Context, Grade, HighWater, Policy, PolicyError, Rejection, RejectionCode as Code,
    Requested, decide,
};

#[track_caller]
fn refusal(case: &Case, code: Code) -> Rejection {
    let rejection = case.decide().expect_err("nothing was refused");
    assert_eq!(rejection.code, code, "{rejection}");
    rejection
}

#[test]
fn a_code_is_printed_as_it_is_written_down() {
    for code in Code::ALL {
        assert_eq!(code.to_string(), code.as_str());
    }
}

#[test]
fn a_grade_is_printed_as_policies_have_it() {
    let grades = [Grade::Signatures, Grade::Quorum, Grade::Proof];
    let printed = grades.map(|grade| grade.to_string());
    assert_eq!(printed, ["signatures", "quorum", "proof"]);
}

#[test]
fn how_many_operators_vouch_is_said() {
    for (down, said) in [(1, "1 operator"), (2, "0 operators")] {
        let mut case = Plan::new().case();
        let header = case.evidence.chain.header.clone().unwrap();
        for endpoint in &mut case.evidence.chain.endpoints[..=down] {
            endpoint.outcome.as_mut().unwrap().headers.clear();
        }
        case.evidence
            .chain
            .endpoints
            .truncate(if down == 1 { 3 } else { 2 });
        case.evidence.chain.header = Some(header);
        let rejection = refusal(&case, Code::EndpointQuorum);
        let all = format!(
            "{} {:?} {:?}",
            rejection.what, rejection.found, rejection.expected
        );
        assert!(all.contains(said) && !all.contains("1 operators"), "{all}");
    }
}

#[test]
fn who_answered_what_is_said_of_every_operator_by_name() {
    let mut case = Plan::new().case();
    case.evidence.chain.header = None;
    case.fail(0);
    case.evidence.chain.endpoints.pop();
    let rejection = refusal(&case, Code::HeaderMissing);
    assert_eq!(
        rejection.what,
        "no header could be chosen (operator 0: timed out; operator 1: answered; operator 2: not asked)"
    );
}

#[test]
fn whose_proof_does_not_hold_is_said() {
    let mut case = Plan::new().case();
    case.evidence.chain.proofs[0].account = vec![Bytes::from_static(b"no node")];
    let said = refusal(&case, Code::ProofInvalid).what;
    assert!(
        said.starts_with("no proof holds; the first, from operator 0: "),
        "{said}"
    );
    case.evidence.chain.proofs[0].url = "https://elsewhere.example".to_owned();
    let said = refusal(&case, Code::ProofInvalid).what;
    assert!(
        said.contains("from an endpoint outside the policy: "),
        "{said}"
    );
}

#[test]
fn a_proof_of_a_bundle_is_said_to_be_the_bundles() {
    let mut case = Plan::new().case();
    let policy = Policy::from_toml(&case.policy).unwrap();
    let bundle = Bundle::capture(&policy, &case.evidence, NOW).unwrap();
    let mut evidence = bundle.evidence(Requested::Digest(bundle.digest().unwrap()));
    evidence
        .chain
        .endpoints
        .clone_from(&case.evidence.chain.endpoints);
    evidence.chain.proofs[0].account.pop();
    case.evidence = evidence;
    let said = refusal(&case, Code::ProofInvalid).what;
    assert!(said.contains("from the bundle: "), "{said}");
}

/// However it is ordered, the complaint is about the locator that got furthest.
#[test]
fn of_several_locators_the_one_that_led_furthest_is_complained_about() {
    let mut plan = Plan::new();
    plan.slot = Some(alloy_primitives::U256::from(7));
    let mut case = plan.case();
    for place in [0, 1] {
        case.evidence.locators.insert(place, b"junk".to_vec());
        refusal(&case, Code::RecordMismatch);
    }
    // Of those that led equally far about the first.
    for junk in [&b"{}"[..], b"[7]"] {
        case.evidence.locators = vec![junk.to_vec()];
        let alone = refusal(&case, Code::LocatorMalformed);
        case.evidence.locators.push(b"\"other junk\"".to_vec());
        assert_eq!(refusal(&case, Code::LocatorMalformed), alone);
        case.evidence.locators.reverse();
        assert_ne!(refusal(&case, Code::LocatorMalformed), alone);
    }
}

#[test]
fn how_many_of_a_list_there_may_be_is_said() {
    let text = policy_text(Plan::new().logic_hash());
    let builder = "[[rules.builders]]\n";
    let end = text.find("[endpoints]").unwrap();
    let one = &text[text.rfind(builder).unwrap()..end];
    for (from, to, expected) in [
        (builder, one.repeat(63) + builder, "at most 64"),
        (
            "packers = [\"nix-seed/1\"]",
            "packers = []".to_owned(),
            "1 to 64",
        ),
    ] {
        assert!(text.contains(from), "{from} in {text}");
        match Policy::from_toml(&text.replacen(from, &to, 1)) {
            Err(PolicyError::Count { expected: said, .. }) => assert_eq!(said, expected),
            other => panic!("{other:?}"),
        }
    }
    let first = text.find("[[endpoints.nodes]]").unwrap();
    let (start, end) = (
        text[first + 1..].find("[[endpoints.nodes]]").unwrap() + first + 1,
        text.find("[[sources]]").unwrap(),
    );
    let mut one = text;
    one.replace_range(start..end, "");
    match Policy::from_toml(&one) {
        Err(PolicyError::Count { expected, .. }) => assert_eq!(expected, "2 to 64"),
        other => panic!("{other:?}"),
    }
}

/// At grade `signatures` too, a bundle holds nothing that could be left out; what lies in a registry may be junk.
#[test]
fn an_unreadable_attestation_spoils_a_bundle_and_nothing_else() {
    let mut case = Plan::new().case();
    let policy = Policy::from_toml(&case.policy).unwrap();
    let bundle = Bundle::capture(&policy, &case.evidence, NOW).unwrap();
    case.demand("version = 1\n", "version = 1\nrequire = \"signatures\"\n");
    let policy = Policy::from_toml(&case.policy).unwrap();
    let context = Context {
        now: NOW,
        deep: false,
        high_water: HighWater::NotRead,
    };
    let mut evidence = bundle.evidence(Requested::Digest(bundle.digest().unwrap()));
    evidence.attestations.push(b"{}".to_vec());
    let refused = decide(&policy, &evidence, &context).unwrap_err();
    assert_eq!(refused.code, Code::BundleUnused);
    evidence.chain = Default::default();
    assert!(decide(&policy, &evidence, &context).is_ok());
}
