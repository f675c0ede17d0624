//! Policies: what is read, and everything that is refused.

mod common;

use alloy_primitives::{Address, B256};
use common::{Plan, builder, policy_text};
use proptest::prelude::*;
use seed_attestation::{NetworkFile, NetworkKeys};
use seed_primitives::Digest;
use seed_verdict::{
    Anchor, Endpoint, ExpectedSource, Grade, InitialPolicy, KnownBuilder, NetworkPin, Policy,
    PolicyError,
};

fn text() -> String {
    policy_text(Plan::new().logic_hash())
}

/// The policy with one piece of its text replaced.
fn with(from: &str, to: &str) -> Result<Policy, PolicyError> {
    let text = text();
    assert!(text.contains(from), "{from}");
    Policy::from_toml(&text.replacen(from, to, 1))
}

fn out_of_range(result: Result<Policy, PolicyError>, name: &str) {
    match result {
        Err(PolicyError::OutOfRange { field, .. }) => assert_eq!(field, name),
        other => panic!("{other:?}"),
    }
}

#[test]
fn reads_a_policy_with_the_strict_defaults() {
    let policy = Policy::from_toml(&text()).unwrap();
    assert_eq!(policy.require(), Grade::Proof);
    assert_eq!(policy.agree(), 2);
    assert_eq!(policy.endpoints().len(), 3);
    assert_eq!(policy.maximum_head_age(), 3600);
    assert!(policy.rollback().is_empty());
    assert_eq!(policy.rules().minimum_known_signers, 2);
    assert_eq!(policy.domain().ledger, common::LEDGER);
    assert!(policy.expects(&Plan::new().source));
    let without = with("[freshness]\nmaximum_head_age = 3600\n", "").unwrap();
    assert_eq!(without.maximum_head_age(), 3600);
    let day = with("maximum_head_age = 3600", "maximum_head_age = 86400").unwrap();
    assert_eq!(day.maximum_head_age(), 86400);
    assert_eq!(policy.requiring(Grade::Quorum).require(), Grade::Quorum);
}

#[test]
fn rejects_unknown_fields_in_every_table() {
    for table in [
        "version = 1",
        "[anchor]",
        "[rules]",
        "[[rules.builders]]",
        "[endpoints]",
        "[[endpoints.nodes]]",
        "[[sources]]",
        "[recipe]",
        "[rollback]",
        "[freshness]",
    ] {
        let result = with(table, &format!("{table}\nunknown = 1"));
        let Err(PolicyError::Toml(why)) = result else {
            panic!("{table}: {result:?}");
        };
        assert!(why.contains("unknown"), "{table}: {why}");
    }
}

#[test]
fn rejects_misspelt_demands_rather_than_dropping_them() {
    for (from, to) in [
        ("# rollback", "minimum_sequense = 5"),
        ("# rollback", "maximum-age = 5"),
        ("minimum_known_signers", "minimum_known_signer"),
        ("maximum_head_age", "max_head_age"),
    ] {
        assert!(with(from, to).is_err(), "{to}");
    }
}

#[test]
fn rejects_a_policy_without_pinned_rules_or_builders() {
    let logic = format!("logic = [\"{}\"]", Plan::new().logic_hash());
    assert_eq!(with(&logic, "logic = []"), Err(PolicyError::NoRules));
    assert_eq!(with(&logic, ""), Err(PolicyError::NoRules));
    let text = text();
    let (start, end) = (
        text.find("[[rules.builders]]").unwrap(),
        text.find("[endpoints]").unwrap(),
    );
    let mut without = text.clone();
    without.replace_range(start..end, "");
    assert_eq!(
        Policy::from_toml(&without),
        Err(PolicyError::LogicWithoutBuilders)
    );
    assert_eq!(
        with("minimum_known_signers = 2\n", ""),
        Err(PolicyError::NoMinimumKnownSigners)
    );
}

#[test]
fn rejects_minimums_that_one_builder_could_meet_or_nobody() {
    for value in ["0", "1", "4"] {
        let to = format!("minimum_known_signers = {value}");
        out_of_range(
            with("minimum_known_signers = 2", &to),
            "minimum_known_signers",
        );
    }
    for value in ["0", "1", "33"] {
        let to = format!("minimum_threshold = {value}");
        out_of_range(with("minimum_threshold = 2", &to), "minimum_threshold");
    }
}

#[test]
fn rejects_an_agree_of_half_or_less_or_more_than_all() {
    for value in ["0", "1", "4"] {
        out_of_range(
            with("agree = 2", &format!("agree = {value}")),
            "endpoints.agree",
        );
    }
    assert!(with("agree = 2", "agree = 3").is_ok());
    let fourth = "agree = 2\n[[endpoints.nodes]]\nurl = \"https://four.example\"\noperator = \"four\"\njurisdiction = \"J\"";
    out_of_range(with("agree = 2", fourth), "endpoints.agree");
}

#[test]
fn rejects_one_operator_or_one_url_twice_whatever_its_case() {
    for (from, to) in [
        ("\"operator 1\"", "\"operator 0\""),
        ("\"operator 1\"", "\"Operator 0\""),
        ("https://two.example/rpc", "https://one.example/rpc"),
    ] {
        assert!(
            matches!(with(from, to), Err(PolicyError::Duplicate { .. })),
            "{to}"
        );
    }
}

/// Two names for one operator: whatever the spelling, `agree` is not reached by one host.
#[test]
fn rpc_16_rejects_two_endpoints_on_one_host_whatever_the_operators_are_called() {
    for url in [
        "https://one.example/another/path",
        "https://one.example/rpc/",
        "https://one.example:8545/rpc",
        "https://one.example:443/rpc",
        "https://ONE.example/rpc",
        "https://one.example./rpc",
        "https://one.example?rpc",
        "https://eu.one.example/rpc",
        "https://example/rpc",
    ] {
        assert!(
            matches!(
                with("https://two.example/rpc", url),
                Err(PolicyError::Duplicate { .. })
            ),
            "{url}"
        );
    }
    for url in ["https://twone.example/rpc", "https://one.example.org/rpc"] {
        assert!(with("https://two.example/rpc", url).is_ok(), "{url}");
    }
}

#[test]
fn rejects_a_single_endpoint() {
    let text = text();
    let start = text
        .find("[[endpoints.nodes]]\nurl = \"https://two")
        .unwrap();
    let end = text.find("[[sources]]").unwrap();
    let mut one = text.clone();
    one.replace_range(start..end, "");
    assert!(matches!(
        Policy::from_toml(&one),
        Err(PolicyError::Count { .. })
    ));
}

#[test]
fn rejects_endpoints_that_are_neither_https_nor_on_this_machine() {
    for url in [
        "http://one.example/rpc",
        "http://127.0.0.1.example/rpc",
        "http://localhost.example/",
        "http://localhost@one.example/",
        "https://user:secret@one.example/rpc",
        "ftp://one.example",
        "https://",
        "http://",
        "https:///rpc",
        "https://one.example/a b",
        "wss://one.example",
        "HTTPS://one.example",
        "",
    ] {
        assert!(
            matches!(
                with("https://one.example/rpc", url),
                Err(PolicyError::EndpointUrl(_))
            ),
            "{url}"
        );
    }
    for url in [
        "http://127.0.0.1:8546",
        "http://127.9.9.9/x",
        "http://localhost:1",
        "http://[::1]:8545/",
        "https://one.example:8443/key/abc?x=1",
    ] {
        assert!(with("https://one.example/rpc", url).is_ok(), "{url}");
    }
}

#[test]
fn rejects_a_zero_anchor_and_words_in_another_form() {
    let genesis = format!("\"{}\"", common::GENESIS);
    assert_eq!(
        with("chain_id = 31337", "chain_id = 0"),
        Err(PolicyError::ZeroAnchor("chain_id"))
    );
    assert_eq!(
        with(&genesis, &format!("\"{}\"", B256::ZERO)),
        Err(PolicyError::ZeroAnchor("genesis"))
    );
    let zero = seed_primitives::write_address(&Address::ZERO);
    assert_eq!(
        with(&seed_primitives::write_address(&common::LEDGER), &zero),
        Err(PolicyError::ZeroAnchor("ledger"))
    );
    assert_eq!(
        with(&common::LEDGER_CODE.to_string(), &B256::ZERO.to_string()),
        Err(PolicyError::ZeroAnchor("ledger_code_hash"))
    );
    for form in ["\"\"", "\"0x12\"", "12", "\"9e9e\""] {
        assert!(with(&genesis, form).is_err(), "{form}");
    }
    let upper = genesis.to_uppercase().replace("0X", "0x");
    assert!(with(&genesis, &upper).is_err());
}

#[test]
fn rejects_a_policy_without_sources_or_packers() {
    assert!(with("packers = [\"nix-seed/1\"]", "packers = []").is_err());
    assert!(with("targets = [\"seed\"]", "targets = []").is_err());
    let text = text();
    let (start, end) = (
        text.find("[[sources]]").unwrap(),
        text.find("[recipe]").unwrap(),
    );
    let mut without = text.clone();
    without.replace_range(start..end, "");
    assert!(Policy::from_toml(&without).is_err());
    let empty = without.replacen("version = 1", "version = 1\nsources = []", 1);
    assert!(matches!(
        Policy::from_toml(&empty),
        Err(PolicyError::Count {
            field: "sources",
            ..
        })
    ));
}

#[test]
fn rejects_builders_without_domains_and_names_that_mislead() {
    for (from, to) in [
        ("[\"birch\", \"US\"]", "[]"),
        ("[\"birch\", \"US\"]", "[\"US\", \"US\"]"),
        ("[\"birch\", \"US\"]", "[\"US\", \"\"]"),
        ("\"J1\"", "\"\""),
        ("\"J1\"", "\"J\\n1\""),
        ("\"Birch\"", "\"aster\""),
        ("\"Birch\"", "\"\""),
        ("\"Birch\"", "\" Birch\""),
        ("\"Birch\"", "\"Bir\\u001bch\""),
        ("\"Birch\"", "\"Bіrch\""),
    ] {
        assert!(with(from, to).is_err(), "{to}");
    }
    let (first, second) = (builder(1).to_string(), builder(2).to_string());
    assert!(matches!(
        with(&second, &first),
        Err(PolicyError::Duplicate { .. })
    ));
}

#[test]
fn rejects_limits_that_limit_nothing() {
    for (from, to, name) in [
        (
            "maximum_head_age = 3600",
            "maximum_head_age = 0",
            "maximum_head_age",
        ),
        (
            "maximum_head_age = 3600",
            "maximum_head_age = 86401",
            "maximum_head_age",
        ),
        (
            "# rollback",
            "minimum_sequence = 0",
            "rollback.minimum_sequence",
        ),
        ("# rollback", "maximum_age = 0", "rollback.maximum_age"),
        ("version = 1", "version = 2", "version"),
    ] {
        out_of_range(with(from, to), name);
    }
}

#[test]
fn rejects_other_grades_and_texts_that_are_too_large() {
    for grade in ["rpc", "signature", "none", "PROOF"] {
        let to = format!("version = 1\nrequire = \"{grade}\"");
        assert!(with("version = 1", &to).is_err(), "{grade}");
    }
    let mut full = text() + "#";
    full += &"x".repeat(256 * 1024 - full.len());
    assert!(Policy::from_toml(&full).is_ok());
    let large = full + "x";
    assert!(matches!(
        Policy::from_toml(&large),
        Err(PolicyError::TooLarge(_))
    ));
}

fn initial() -> InitialPolicy {
    let endpoint = |at: usize| Endpoint {
        url: format!("https://node{at}.example"),
        operator: format!("operator \"{at}\""),
        jurisdiction: "DE".to_owned(),
    };
    let known = |key: u8| KnownBuilder {
        address: builder(key),
        name: format!("builder {key}"),
        domains: vec![format!("company {key}")],
    };
    InitialPolicy {
        anchor: Anchor {
            chain_id: 8453,
            genesis: B256::repeat_byte(1),
            ledger: Address::repeat_byte(2),
            ledger_code_hash: B256::repeat_byte(3),
        },
        pinned: vec![B256::repeat_byte(4)],
        logic: vec![B256::repeat_byte(5)],
        minimum_known_signers: Some(2),
        builders: vec![known(1), known(2), known(3)],
        endpoints: (0..3).map(endpoint).collect(),
        agree: 2,
        sources: vec![ExpectedSource {
            uri: "https://example.org/acme/app".parse().unwrap(),
            targets: Some(vec!["seed".parse().unwrap()]),
        }],
        packers: vec!["nix-seed/1".parse().unwrap()],
    }
}

#[test]
fn an_initial_policy_reads_back_as_what_was_asked() {
    let wanted = initial();
    let policy = Policy::from_toml(&wanted.render().unwrap()).unwrap();
    assert_eq!(policy.anchor(), &wanted.anchor);
    assert_eq!(policy.rules().pinned, wanted.pinned);
    assert_eq!(policy.rules().logic, wanted.logic);
    assert_eq!(policy.rules().builders, wanted.builders);
    assert_eq!(policy.endpoints(), wanted.endpoints);
    assert_eq!(policy.sources(), wanted.sources);
    assert_eq!(policy.packers(), wanted.packers);
    assert_eq!(policy.require(), Grade::Proof);
}

#[test]
fn an_initial_policy_that_would_be_refused_is_not_rendered() {
    let mut empty = initial();
    (empty.pinned, empty.logic) = (Vec::new(), Vec::new());
    assert_eq!(empty.render(), Err(PolicyError::NoRules));
    let mut hostile = initial();
    hostile.endpoints[0].operator = "a\"\nagree = 1\nb = \"".to_owned();
    assert!(matches!(hostile.render(), Err(PolicyError::Name { .. })));
}

proptest! {
    #[test]
    fn junk_is_refused_without_a_panic(text in ".{0,300}") {
        prop_assert!(Policy::from_toml(&text).is_err());
    }
}

/// The policy with a `[network]` table.
fn network(keys: &[u8], threshold: usize, more: &str) -> Result<Policy, PolicyError> {
    let keys: Vec<String> = keys
        .iter()
        .map(|key| format!("\"{}\"", builder(*key)))
        .collect();
    let table = format!(
        "[network]\nname = \"example\"\ndeployment = \"base\"\nkeys = [{}]\nthreshold = {threshold}\n\
         sequence = 4\ndigest = \"sha256:{}\"\nexpires = 1900000000\n{more}",
        keys.join(", "),
        "ab".repeat(32)
    );
    Policy::from_toml(&(text() + &table))
}

#[test]
fn a_network_is_pinned_with_a_majority_of_keys_that_differ() {
    assert_eq!(Policy::from_toml(&text()).unwrap().network(), None);
    let policy = network(&[1, 2, 3], 2, "").unwrap();
    let pin = policy.network().unwrap();
    assert_eq!((pin.sequence, pin.expires), (4, 1_900_000_000));
    assert_eq!((pin.keys.threshold(), pin.keys.keys().len()), (2, 3));
    // What is written is what is read.
    let again = Policy::from_toml(&(text() + &pin.to_toml())).unwrap();
    assert_eq!(again.network(), Some(pin));
    for (keys, threshold) in [
        (&[][..], 1),
        (&[1], 0),
        (&[1, 2], 1),
        (&[1, 1], 2),
        (&[1, 2], 3),
    ] {
        let refused = network(keys, threshold, "").unwrap_err();
        assert!(matches!(refused, PolicyError::NetworkKeys(_)), "{refused}");
    }
    for more in ["unknown = 1\n", "keys = []\n"] {
        assert!(matches!(network(&[1], 1, more), Err(PolicyError::Toml(_))));
    }
}

#[test]
fn pins_at_most_1024_blocks() {
    let pinned = |count: u64| {
        let mut text = text();
        for block in 1..=count {
            let hash = "0b".repeat(32);
            text.push_str(&format!(
                "[[checkpoints]]\nblock = {block}\nhash = \"0x{hash}\"\n"
            ));
        }
        Policy::from_toml(&text).map(|policy| policy.checkpoints().len())
    };
    assert_eq!(pinned(1024), Ok(1024));
    assert_eq!(
        pinned(1025),
        Err(PolicyError::Count {
            field: "checkpoints",
            count: 1025,
            expected: "at most 1024",
        })
    );
}

/// Only what follows on the pinned file takes its place.
#[test]
fn a_network_file_is_followed_by_a_newer_one_of_its_name_alone() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/vectors/network.json"
    );
    let golden: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let file = NetworkFile::from_json(golden["file"].as_str().unwrap().as_bytes()).unwrap();
    let keys: Vec<_> = file.signatures.iter().map(|one| one.key).collect();
    let keys = NetworkKeys::new(keys, 2).unwrap();
    let network = file.verify(&keys, 1_800_000_100).unwrap();
    let deployment = network.network().deployment(Some("base")).unwrap();
    let pin = NetworkPin::of(&network, deployment, keys);
    assert_eq!(pin.accepts(&network), Ok(()));
    let older = NetworkPin {
        sequence: pin.sequence - 1,
        ..pin.clone()
    };
    assert_eq!(older.accepts(&network), Ok(()));
    for pin in [
        NetworkPin {
            name: "other".to_owned(),
            ..pin.clone()
        },
        NetworkPin {
            sequence: pin.sequence + 1,
            ..pin.clone()
        },
        NetworkPin {
            digest: Digest::of(b"another"),
            ..pin.clone()
        },
    ] {
        assert!(pin.accepts(&network).is_err(), "{pin:?}");
    }
    // What it writes into a policy is what is read from it.
    let read = Policy::from_toml(&format!("{}{}", text(), pin.to_toml())).unwrap();
    assert_eq!(read.network(), Some(&pin));
}
