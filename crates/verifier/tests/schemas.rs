//! The published schemas: what they say of every code, of outputs, and of bundles right and wrong.

#[path = "common/golden.rs"]
mod golden;
#[path = "common/schema.rs"]
mod schema;

use std::collections::BTreeSet;

use golden::Golden;
use schema::{
    BUNDLE, NETWORK, OUTPUT, VSA, bundle_errors, network_errors, output_errors, read_output,
};
use seed_verdict::{Bundle, RejectionCode};
use serde_json::{Value, json};

const ERRORS: &str = include_str!("../../../docs/errors.md");

/// The codes and exit codes under a heading of `docs/errors.md`.
fn documented(heading: &str) -> BTreeSet<(String, u64)> {
    let section = ERRORS.split("\n## ").find(|one| one.starts_with(heading));
    let rows = section.unwrap().lines().filter_map(|line| {
        let (code, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
        Some((code.to_owned(), rest.split(' ').next()?.parse().ok()?))
    });
    rows.collect()
}

fn in_schema(names: &[(&str, u64)]) -> BTreeSet<(String, u64)> {
    let schema: Value = serde_json::from_str(OUTPUT).unwrap();
    let of = |(name, exit): &(&str, u64)| {
        let codes = schema["$defs"][name]["enum"].as_array().unwrap().clone();
        let exit = *exit;
        codes
            .into_iter()
            .map(move |code| (code.as_str().unwrap().to_owned(), exit))
    };
    names.iter().flat_map(of).collect()
}

#[test]
fn the_codes_of_the_schema_are_the_documented_ones_with_their_exit_codes() {
    let verdict = in_schema(&[
        ("rejectedCode", 1),
        ("undecidableCode", 3),
        ("revokedCode", 4),
    ]);
    assert_eq!(verdict, documented("Verdicts of `seed-verify`"));
    let known: BTreeSet<_> = RejectionCode::ALL
        .iter()
        .map(|code| {
            (
                code.as_str().to_owned(),
                u64::from(code.class().exit_code()),
            )
        })
        .collect();
    assert_eq!(verdict, known);
    let own = in_schema(&[("usageFault", 2), ("undecidableFault", 3)]);
    // Of what is shared by all programs, archives alone are named by their own codes here.
    let shared = documented("Registries and layouts");
    let archives = shared
        .into_iter()
        .filter(|(code, _)| code.contains("archive"));
    let mut faults = documented("`seed-verify` itself");
    faults.extend(archives);
    assert_eq!(own, faults);
}

/// Every object of a schema that lists properties allows no others and demands all it lists.
fn strict(schema: &Value, at: &str) {
    match schema {
        Value::Object(fields) => {
            // A branch may narrow an object that is described beside it.
            let branch = ["/oneOf/", "/allOf/", "/then", "/else", "/if"];
            let narrows = branch.iter().any(|one| at.contains(one))
                && !fields.contains_key("required")
                && !fields.contains_key("additionalProperties");
            if let Some(listed) = fields.get("properties").filter(|_| !narrows) {
                assert_eq!(schema["additionalProperties"], false, "{at}");
                let listed = listed.as_object().unwrap().keys().cloned();
                let listed: BTreeSet<_> = listed.collect();
                let required = schema["required"].as_array().unwrap();
                let required = required.iter().map(|one| one.as_str().unwrap().to_owned());
                assert_eq!(required.collect::<BTreeSet<_>>(), listed, "{at}");
            }
            if fields.get("type") == Some(&json!("array")) {
                assert!(fields.contains_key("maxItems"), "{at} has no cap");
            }
            for (name, inner) in fields {
                strict(inner, &format!("{at}/{name}"));
            }
        }
        Value::Array(list) => {
            for (place, inner) in list.iter().enumerate() {
                strict(inner, &format!("{at}/{place}"));
            }
        }
        _ => {}
    }
}

#[test]
fn the_schemas_leave_nothing_open() {
    for text in [OUTPUT, BUNDLE, NETWORK, VSA] {
        let schema: Value = serde_json::from_str(text).unwrap();
        for (name, definition) in schema["$defs"].as_object().unwrap() {
            // The branches of a definition that is nothing but `null` or an object are looked at below it.
            strict(definition, name);
        }
        strict(&schema["properties"], "");
    }
}

#[test]
fn the_golden_network_file_has_the_published_shape_and_corruptions_of_it_have_not() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors");
    let read = |path: &str| -> Value {
        serde_json::from_slice(&std::fs::read(format!("{folder}/{path}")).unwrap()).unwrap()
    };
    let shape = |text: &str| network_errors(&serde_json::from_str(text).unwrap());
    let golden = read("network.json");
    assert_eq!(shape(golden["file"].as_str().unwrap()), [""; 0]);
    for corruption in [
        "unknown-field",
        "unknown-field-of-a-deployment",
        "missing-expiry",
        "other-version",
        "sequence-zero",
        "sequence-too-high",
        "name-in-upper-case",
        "name-too-long",
        "no-deployments",
        "a-deployment-twice",
        "unknown-environment",
        "genesis-zero",
        "ledger-in-mixed-case",
        "no-rules",
        "a-builder-without-domains",
        "a-name-with-a-control-character",
        "a-name-with-space-around",
        "a-signature-twice",
        "a-signature-in-65-bytes",
    ] {
        let case = read(&format!("negative/network/{corruption}.json"));
        let errors = shape(case["input"].as_str().unwrap());
        assert!(!errors.is_empty(), "the schema takes {corruption}");
    }
}

#[test]
fn outputs_without_a_verdict_have_the_published_form() {
    let golden = Golden::new();
    let vector = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/vectors/network.json"
    );
    let vector: Value = serde_json::from_slice(&std::fs::read(vector).unwrap()).unwrap();
    let network = vector["file"].as_str().unwrap();
    let cut = &network[..network.len() - 1];
    std::fs::write(golden.path("network.json"), network).unwrap();
    std::fs::write(golden.path("cut.json"), cut).unwrap();
    let key = format!("0x{}", "5e".repeat(20));
    for (arguments, exit, code) in [
        (&["--chain"][..], 2, Some("usage")),
        (&["--bogus"], 2, Some("usage")),
        (
            &["--chain", "--policy", "missing", "oci:x"],
            2,
            Some("policy-missing"),
        ),
        (
            &["--chain", "--policy", "policy.toml", "a b"],
            2,
            Some("reference-malformed"),
        ),
        (
            &[
                "--bundle",
                "policy.toml",
                "--policy",
                "policy.toml",
                "oci:x",
            ],
            3,
            Some("bundle-malformed"),
        ),
        (&["--explain", "nonsense"], 2, Some("unknown-code")),
        (&["record", "0x12"], 2, Some("usage")),
        (
            &["bundle", "inspect", "missing"],
            2,
            Some("file-unreadable"),
        ),
        (
            &["bundle", "inspect", "policy.toml"],
            3,
            Some("bundle-malformed"),
        ),
        (&["bundle", "inspect", "bundle.json"], 0, None),
        (&["network", "inspect", "network.json"], 0, None),
        (
            &["network", "inspect", "network.json", "--network-key", &key],
            2,
            Some("network-unsigned"),
        ),
        (
            &["network", "inspect", "cut.json"],
            2,
            Some("network-malformed"),
        ),
        (
            &["network", "inspect", "missing"],
            2,
            Some("file-unreadable"),
        ),
        (&["policy", "check", "missing"], 2, Some("policy-missing")),
        (
            &["policy", "check", "bundle.json"],
            2,
            Some("policy-malformed"),
        ),
        (&["policy", "check", "policy.toml"], 0, None),
    ] {
        for form in [&["--output", "json"][..], &["--output=json"]] {
            let output = golden.run(&[arguments, form].concat());
            assert_eq!(output.status.code(), Some(exit), "{output:?}");
            let value = read_output(&output.stdout);
            assert_eq!(value["error"]["code"].as_str(), code, "{value:#}");
        }
        // Nobody asked for JSON: standard output stays empty.
        if exit != 0 {
            assert_eq!(golden.run(arguments).stdout, b"");
        }
    }
}

#[test]
fn outputs_with_a_verdict_have_the_published_form_and_no_other() {
    let golden = Golden::new();
    for case in golden.cases() {
        let value = read_output(&golden.json(&case.arguments).stdout);
        assert_eq!(value["exitCode"], case.exit, "{value:#}");
        refused_when_changed(&value);
    }
}

/// Whatever a field of a verdict is changed to, the schema notices what the class of an answer hangs from.
fn refused_when_changed(value: &Value) {
    let mut changes: Vec<(&str, Value)> = vec![
        (
            "/exitCode",
            json!(if value["exitCode"] == 0 { 3 } else { 0 }),
        ),
        ("/result", json!("allowed")),
        ("/schemaVersion", json!(2)),
        ("/images", json!([])),
        ("/error", json!({"code": "usage"})),
        ("/policy", Value::Null),
        ("/images/0/result", json!("ok")),
        (
            "/images/0/exitCode",
            json!(if value["exitCode"] == 1 { 3 } else { 1 }),
        ),
        ("/images/0/trusts", json!([])),
    ];
    if value["exitCode"] == 0 {
        let release = "/images/0/release";
        changes.extend([
            (release, Value::Null),
            (
                "/images/0/release/digest",
                json!(format!("sha256:{}", "0".repeat(64))),
            ),
            ("/images/0/release/builders", json!([])),
            ("/images/0/release/grade", json!("rpc")),
            ("/images/0/release/source/commit", json!("main")),
        ]);
        if value.pointer("/images/0/release/grade") == Some(&json!("signatures")) {
            // Nothing may be said about a chain that was not read.
            changes.push(("/images/0/release/grade", json!("proof")));
        } else {
            changes.extend([
                ("/images/0/release/inclusion", Value::Null),
                ("/images/0/release/rules/threshold", json!(1)),
                ("/images/0/release/grade", json!("signatures")),
            ]);
        }
    } else {
        changes.extend([
            ("/images/0/error", Value::Null),
            ("/images/0/error/code", json!("nonsense")),
            ("/images/0/error/class", json!("verified")),
        ]);
    }
    for (pointer, new) in changes {
        let mut changed = value.clone();
        *changed.pointer_mut(pointer).unwrap() = new;
        assert!(changed != *value, "{pointer}");
        assert!(!output_errors(&changed).is_empty(), "{pointer} is open");
    }
    for parent in objects(value) {
        let mut changed = value.clone();
        let object = changed.pointer_mut(&parent).unwrap();
        object["unknown"] = json!(1);
        assert!(!output_errors(&changed).is_empty(), "{parent} is open");
    }
}

/// Pointers to every object.
fn objects(value: &Value) -> Vec<String> {
    places(value, "")
        .into_iter()
        .filter(|at| value.pointer(at).unwrap().is_object())
        .collect()
}

/// Pointers to everything.
fn places(value: &Value, at: &str) -> Vec<String> {
    let mut found = vec![at.to_owned()];
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                found.extend(places(inner, &format!("{at}/{name}")));
            }
        }
        Value::Array(list) => {
            for (place, inner) in list.iter().enumerate() {
                found.extend(places(inner, &format!("{at}/{place}")));
            }
        }
        _ => {}
    }
    found
}

fn reader_refuses(value: &Value) -> bool {
    Bundle::from_json(&seed_primitives::canonical_json(value).unwrap()).is_err()
}

#[test]
fn the_golden_bundle_has_the_published_shape() {
    let bytes = Golden::new().bundle();
    let value: Value = serde_json::from_slice(&bytes).unwrap();
    assert!(!reader_refuses(&value));
    assert_eq!(bundle_errors(&value), [""; 0]);
}

/// Every field, in turn, left out, of another kind, and beside an unknown one: the schema refuses each, and so does the
/// reader, which is the judge.
#[test]
fn a_bundle_of_another_shape_is_refused_by_schema_and_reader_alike() {
    let good: Value = serde_json::from_slice(&Golden::new().bundle()).unwrap();
    let mut tried = 0;
    for at in places(&good, "") {
        let mut wrong: Vec<Value> = Vec::new();
        for kind in [Value::Null, json!(true), json!(-1), json!({}), json!("!")] {
            let mut changed = good.clone();
            *changed.pointer_mut(&at).unwrap() = kind;
            wrong.push(changed);
        }
        if good.pointer(&at).unwrap().is_object() {
            for name in good.pointer(&at).unwrap().as_object().unwrap().keys() {
                let mut changed = good.clone();
                let object = changed.pointer_mut(&at).unwrap().as_object_mut().unwrap();
                object.remove(name);
                wrong.push(changed);
            }
            let mut changed = good.clone();
            changed.pointer_mut(&at).unwrap()["threshold"] = json!(1);
            wrong.push(changed);
        }
        for changed in wrong {
            tried += 1;
            assert!(!bundle_errors(&changed).is_empty(), "the schema takes {at}");
            assert!(reader_refuses(&changed), "the reader takes {at}");
        }
    }
    assert!(tried > 800, "{tried}");
}

#[test]
fn what_a_bundle_must_not_be_is_in_the_schema() {
    let good: Value = serde_json::from_slice(&Golden::new().bundle()).unwrap();
    let replace = |at: &str, new: Value| {
        let mut changed = good.clone();
        *changed.pointer_mut(at).unwrap() = new;
        (at.to_owned(), changed)
    };
    let upper = |at: &str| {
        let text = good.pointer(at).unwrap().as_str().unwrap();
        replace(at, json!(text.to_uppercase().replacen("0X", "0x", 1)))
    };
    let cut = |at: &str, left: usize| {
        let text = good.pointer(at).unwrap().as_str().unwrap();
        replace(at, json!(text[..text.len() - left]))
    };
    let twice = |at: &str| {
        let list = good.pointer(at).unwrap().as_array().unwrap();
        replace(at, json!([&list[..1], &list[..]].concat()))
    };
    let zero = format!("sha256:{}", "0".repeat(64));
    let nobody = format!("0x{}", "0".repeat(40));
    let many: Vec<Value> = (0..5000).map(|at| json!(format!("{at:08}"))).collect();
    let mut cases = vec![
        replace("/mediaType", json!("application/json")),
        replace("/chain/nodes", json!(many)),
        replace("/chain/account", json!(vec![0; 66])),
        replace("/chain/account/0", json!(4096)),
        replace("/attestations/0/evidence", json!(zero)),
        replace("/attestations/0/builder", json!(nobody)),
        replace("/attestations/0/systems", json!([])),
        replace("/attestations/0/systems/0/system", json!("linux")),
        replace("/source/uri", json!("http://example.org/acme/app")),
        replace("/source/uri", json!("https://example.org/acme/app.git")),
        replace("/source/uri", json!("https://example.org/acme/../app")),
        replace("/source/uri", json!("https://example.org:443/acme/app")),
        replace("/source/commit", json!("0".repeat(40))),
        replace("/source/commit", json!("ab".repeat(21))),
        replace("/source/target", json!("a b")),
        upper("/chain/header"),
        upper("/record"),
        upper("/chain/slots/1/slot"),
        cut("/record", 2),
        cut("/chain/header", 1),
        cut("/attestations/0/signature", 2),
        cut("/evidence/0", 1),
    ];
    for list in ["/attestations", "/evidence", "/images", "/statements"] {
        cases.push(replace(list, json!([])));
        cases.push(twice(list));
    }
    cases.push(twice("/chain/nodes"));
    cases.push(twice("/chain/slots"));
    for (at, changed) in cases {
        assert!(changed != good, "{at}");
        assert!(!bundle_errors(&changed).is_empty(), "the schema takes {at}");
        assert!(reader_refuses(&changed), "the reader takes {at}");
    }
}
