use seed_nix::{ClosureEntry, Node};
use serde_json::Value;

use super::*;

const CYCLONEDX: &str = include_str!("../../tests/schemas/bom-1.5.schema.json");
const CYCLONEDX_LICENCES: &str = include_str!("../../tests/schemas/spdx.schema.json");
const CYCLONEDX_SIGNATURES: &str = include_str!("../../tests/schemas/jsf-0.82.schema.json");
const SPDX: &str = include_str!("../../tests/schemas/spdx-2.3.schema.json");

fn path(letter: char, name: &str) -> StorePath {
    format!("/nix/store/{}-{name}", letter.to_string().repeat(32))
        .parse()
        .unwrap()
}

fn bill(facts: &str) -> Bill {
    let (app, lib) = (path('a', "app"), path('b', "gtk+-3.24"));
    let support = Node::directory([("nix-seed.json", Node::file(false, facts))]);
    let packed = |path: &StorePath, node: Node<Vec<u8>>, references: &[&StorePath]| PackedPath {
        entry: ClosureEntry {
            path: path.clone(),
            nar: seed_nix::nar_hash(&node).unwrap(),
        },
        references: references.iter().copied().cloned().collect(),
        node,
    };
    let closure = [
        packed(
            &app,
            Node::directory([("nix-support", support)]),
            &[&app, &lib],
        ),
        packed(&lib, Node::directory([]), &[]),
    ];
    let roots = BTreeSet::from([app.clone()]);
    let facts = Facts::read(&closure.iter().collect::<Vec<_>>(), &roots).unwrap();
    let source = Step {
        fixed: Some(CAHash::Flat(NixHash::Sha256([7; 32]))),
        urls: vec![
            "https://example.org/gtk.tar".to_owned(),
            "no url".to_owned(),
        ],
        ..step(&path('s', "gtk.tar.drv"), &path('n', "gtk.tar"))
    };
    let maker = Step {
        input_derivations: [source.path.clone()].into(),
        input_sources: [path('f', "build.nix")].into(),
        ..step(&path('d', "gtk.drv"), &lib)
    };
    Bill::new(
        &closure,
        &[source, maker],
        &facts,
        &roots,
        &Digest::of(b"closure"),
        (&"seed".parse().unwrap(), &"x86_64-linux".parse().unwrap()),
    )
}

fn step(path: &StorePath, output: &StorePath) -> Step {
    Step {
        builder: "builtin:none".to_owned(),
        path: path.clone(),
        outputs: [("out".to_owned(), output.clone())].into(),
        fixed: None,
        input_derivations: BTreeSet::new(),
        input_sources: BTreeSet::new(),
        input_outputs: BTreeSet::new(),
        project: None,
        mirrors_file: None,
        mirrors: BTreeMap::new(),
        urls: Vec::new(),
        fetches: false,
        system: "x86_64-linux".to_owned(),
        impurities: Vec::new(),
    }
}

fn facts() -> String {
    let lib = path('b', "gtk+-3.24");
    format!(
        r#"{{"paths":{{"{lib}":{{"licence":"LGPL-2.1-or-later AND (MIT OR LicenseRef-x)","sourceProvenance":["fromSource"]}}}}}}"#
    )
}

fn both(facts: &str) -> (Value, Value) {
    let bill = bill(facts);
    let spdx = bill.spdx();
    let cyclonedx = bill.cyclonedx(&Digest::of(&spdx));
    let read = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap();
    (read(&cyclonedx), read(&spdx))
}

fn schema(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Errors of `document` under the published CycloneDX schema, with formats checked.
fn cyclonedx_errors(document: &Value) -> Vec<String> {
    let registry = jsonschema::Registry::new()
        .add(
            "http://cyclonedx.org/schema/spdx.schema.json",
            schema(CYCLONEDX_LICENCES),
        )
        .unwrap()
        .add(
            "http://cyclonedx.org/schema/jsf-0.82.schema.json",
            schema(CYCLONEDX_SIGNATURES),
        )
        .unwrap()
        .prepare()
        .unwrap();
    let schema = schema(CYCLONEDX);
    let validator = jsonschema::options()
        .with_registry(&registry)
        .should_validate_formats(true)
        .build(&schema)
        .unwrap();
    let errors = validator.iter_errors(document);
    errors
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect()
}

fn spdx_errors(document: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(&schema(SPDX)).unwrap();
    let errors = validator.iter_errors(document);
    errors
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect()
}

#[test]
fn both_forms_are_valid_under_the_published_schemas() {
    for facts in ["{}".to_owned(), facts()] {
        let (cyclonedx, spdx) = both(&facts);
        assert_eq!(cyclonedx_errors(&cyclonedx), [""; 0]);
        assert_eq!(spdx_errors(&spdx), [""; 0]);
    }
}

#[test]
fn the_schemas_do_refuse() {
    let (cyclonedx, spdx) = both("{}");
    let mut bad = cyclonedx.clone();
    bad["components"][0]["bom-ref"] = Value::from("");
    assert!(!cyclonedx_errors(&bad).is_empty());
    let mut bad = cyclonedx;
    bad["metadata"]["component"]["externalReferences"][0]["hashes"][0]["content"] = "x".into();
    assert!(!cyclonedx_errors(&bad).is_empty());
    let mut bad = spdx;
    bad["relationships"][0]["relationshipType"] = "LIKES".into();
    assert!(!spdx_errors(&bad).is_empty());
}

#[test]
fn says_licence_package_url_and_where_the_sources_are() {
    let (cyclonedx, spdx) = both(&facts());
    let lib = &cyclonedx["components"][1];
    assert_eq!(lib["purl"], "pkg:nix/gtk%2B@3.24");
    assert_eq!(
        lib["licenses"][0]["expression"],
        "LGPL-2.1-or-later AND (MIT OR LicenseRef-x)"
    );
    let downloads = lib["externalReferences"].as_array().unwrap();
    assert_eq!(downloads.len(), 1);
    assert_eq!(downloads[0]["url"], "https://example.org/gtk.tar");
    assert_eq!(downloads[0]["hashes"][0]["content"], "07".repeat(32));
    let values: Vec<&str> = lib["properties"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|property| property["value"].as_str())
        .collect();
    assert!(values.contains(&path('d', "gtk.drv").to_string().as_str()));
    assert!(values.contains(&path('f', "build.nix").to_string().as_str()));
    assert!(values.contains(&"fromSource"));
    let lib = &spdx["packages"][2];
    assert_eq!(
        lib["licenseDeclared"],
        "LGPL-2.1-or-later AND (MIT OR LicenseRef-x)"
    );
    assert_eq!(
        lib["SPDXID"],
        format!("SPDXRef-{}-gtk--3.24", "b".repeat(32))
    );
    let info = lib["sourceInfo"].as_str().unwrap();
    assert!(
        info.contains("https://example.org/gtk.tar") && !info.contains("no url"),
        "{info}"
    );
}

#[test]
fn the_first_form_binds_the_second() {
    let bill = bill("{}");
    let spdx = Digest::of(&bill.spdx());
    let text = String::from_utf8(bill.cyclonedx(&spdx)).unwrap();
    assert!(text.contains(&spdx.to_hex()));
}

#[test]
fn splits_names_as_nix_does() {
    assert_eq!(split_name("hello-2.12.1"), ("hello", Some("2.12.1")));
    assert_eq!(
        split_name("gcc-wrapper-13.2.0-lib"),
        ("gcc-wrapper", Some("13.2.0-lib"))
    );
    assert_eq!(split_name("source"), ("source", None));
    assert_eq!(purl("gtk+", Some("3.24")), "pkg:nix/gtk%2B@3.24");
}
