//! The documents beside an image, as another tool would check them: in-toto Statement v1 and SLSA provenance v1
//! by schemas that say what their specifications say (`schemas/README.md`) and by what no schema can say, both bills of
//! materials by their published schemas.

mod common;

use std::{collections::BTreeSet, fs, path::Path};

use common::Work;
use seed_attestation::{Domain, Envelope, EvidenceManifest, LayerKind};
use seed_primitives::Digest;
use serde_json::{Map, Value};

fn blob(work: &Work, digest: &Digest) -> Vec<u8> {
    let blobs = work.path().join("layout/blobs/sha256");
    fs::read(blobs.join(digest.to_hex())).unwrap()
}

fn object<'a>(value: &'a Value, field: &str) -> &'a Map<String, Value> {
    let found = value[field].as_object();
    found.unwrap_or_else(|| panic!("{field} is no object in {value}"))
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    let found = value[field].as_str().filter(|text| !text.is_empty());
    found.unwrap_or_else(|| panic!("{field} is no text in {value}"))
}

/// A URI with a scheme, as `TypeURI` and `ResourceURI` demand.
fn uri(text: &str) {
    let (scheme, rest) = text.split_once(':').unwrap();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"+.-".contains(&b);
    assert!(!rest.is_empty() && scheme.bytes().all(plain), "{text}");
}

/// in-toto `ResourceDescriptor`: at least one of uri, digest and content; digests in lower-case hex.
fn resource(value: &Value) {
    let found = value.as_object().unwrap();
    assert!(
        ["uri", "digest", "content"]
            .iter()
            .any(|field| found.contains_key(*field)),
        "{value}"
    );
    for (algorithm, digest) in found
        .get("digest")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let digest = digest.as_str().unwrap();
        let length = match algorithm.as_str() {
            "sha256" => 64,
            // in-toto leaves room for algorithms of one's own: the tree as Nix hashes it.
            "nixNarSha256" => 64,
            "gitCommit" | "sha1" => 40,
            other => panic!("no digest set entry of in-toto: {other}"),
        };
        assert_eq!(digest.len(), length, "{digest}");
        assert!(
            digest
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        );
    }
    if let Some(text) = found.get("uri") {
        uri(text.as_str().unwrap());
    }
}

fn time(text: &str) -> u64 {
    // RFC 3339 in UTC, as both documents demand.
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    assert_eq!(shape, "0000-00-00T00:00:00Z");
    text.chars()
        .filter(char::is_ascii_digit)
        .collect::<String>()
        .parse()
        .unwrap()
}

fn check_statement(statement: &Value) {
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    let subjects = statement["subject"].as_array().unwrap();
    assert!(!subjects.is_empty());
    for subject in subjects {
        assert!(!object(subject, "digest").is_empty());
        resource(subject);
    }
    assert_eq!(statement["predicateType"], "https://slsa.dev/provenance/v1");
    let build = &statement["predicate"]["buildDefinition"];
    uri(text(build, "buildType"));
    assert!(!object(build, "externalParameters").is_empty());
    object(build, "internalParameters");
    let run = &statement["predicate"]["runDetails"];
    uri(text(&run["builder"], "id"));
    text(&run["metadata"], "invocationId");
    let started = time(text(&run["metadata"], "startedOn"));
    assert!(started <= time(text(&run["metadata"], "finishedOn")));
    for list in [&build["resolvedDependencies"], &run["byproducts"]] {
        list.as_array().unwrap().iter().for_each(resource);
    }
}

/// Every binding that DESIGN §6 asks of the statement.
fn check_bindings(statement: &Value, outcome: &Value, audit: &Digest, sbom: &Digest) {
    let system = &outcome["systems"][0];
    let plain = |value: &Value| {
        value
            .as_str()
            .unwrap()
            .trim_start_matches("sha256:")
            .to_owned()
    };
    assert_eq!(
        statement["subject"][0]["digest"]["sha256"],
        plain(&system["image"])
    );
    let build = &statement["predicate"]["buildDefinition"];
    let external = &build["externalParameters"];
    assert_eq!(external["release"], outcome["release"]);
    assert_eq!(external["source"], outcome["source"]);
    for field in ["uri", "commit", "narHash", "flakeLock", "target", "recipe"] {
        text(&external["source"], field);
    }
    assert_eq!(external["system"], system["system"]);
    object(external, "recipe");
    let nix = &build["internalParameters"]["nix"];
    text(nix, "version");
    assert!(!object(nix, "settings").is_empty());
    let run = &statement["predicate"]["runDetails"];
    let byproducts = run["byproducts"].as_array().unwrap();
    let named = |name: &str| {
        let found = byproducts
            .iter()
            .find(|entry| entry["name"] == name)
            .unwrap();
        found["digest"]["sha256"].as_str().unwrap().to_owned()
    };
    assert_eq!(named("closure"), plain(&system["closure"]));
    assert_eq!(named("audit"), audit.to_hex());
    assert_eq!(named("sbom"), sbom.to_hex());
}

fn valid(schema: &str, others: &[(&str, &str)], document: &[u8]) {
    let document = serde_json::from_slice(document).unwrap();
    assert_eq!(errors(schema, others, &document), [""; 0]);
}

/// What the schema in the file `schema` has against a document.
fn errors(schema: &str, others: &[(&str, &str)], document: &Value) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas");
    let read = |name: &str| -> Value {
        serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap()
    };
    let mut registry = jsonschema::Registry::new();
    for (uri, name) in others {
        registry = registry.add(*uri, read(name)).unwrap();
    }
    let registry = registry.prepare().unwrap();
    let schema = read(schema);
    let validator = jsonschema::options()
        .with_registry(&registry)
        .build(&schema)
        .unwrap();
    validator
        .iter_errors(document)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect()
}

/// What the schemas of in-toto and SLSA have against a statement.
fn against(statement: &Value) -> Vec<String> {
    const IN_TOTO: &str = "in-toto-statement-1.schema.json";
    let uri = format!("https://nix-seed.example/schemas/{IN_TOTO}");
    let mut found = errors(IN_TOTO, &[], statement);
    let predicate = &statement["predicate"];
    found.extend(errors(
        "slsa-provenance-1.schema.json",
        &[(&uri, IN_TOTO)],
        predicate,
    ));
    found
}

/// Each way to be no statement, or no provenance, is one that the schemas see.
fn check_schemas_refuse(statement: &Value) {
    assert_eq!(against(statement), [""; 0]);
    let replaced = [
        ("/_type", "https://in-toto.io/Statement/v0.1".into()),
        ("/subject", serde_json::json!([])),
        ("/subject/0/digest", serde_json::json!({})),
        ("/subject/0/digest/sha256", "00".into()),
        ("/predicateType", "provenance".into()),
        ("/predicate/buildDefinition/buildType", "x".into()),
        (
            "/predicate/buildDefinition/externalParameters",
            serde_json::json!([]),
        ),
        (
            "/predicate/buildDefinition/resolvedDependencies/0",
            serde_json::json!({"name": "x"}),
        ),
        ("/predicate/runDetails/builder/id", Value::Null),
        (
            "/predicate/runDetails/metadata/startedOn",
            "yesterday".into(),
        ),
        (
            "/predicate/runDetails/metadata/finishedOn",
            "2026-13-01T00:00:00Z".into(),
        ),
        (
            "/predicate/runDetails/byproducts/0/digest/sha256",
            "AB".repeat(32).into(),
        ),
    ];
    for (place, value) in replaced {
        let mut changed = statement.clone();
        let field = changed.pointer_mut(place);
        *field.unwrap_or_else(|| panic!("the statement has no {place}")) = value;
        assert_ne!(against(&changed), [""; 0], "{place}");
    }
    let objects = [
        ("", "subject"),
        ("", "predicate"),
        ("/subject/0", "digest"),
        ("/predicate", "runDetails"),
        ("/predicate/buildDefinition", "buildType"),
        ("/predicate/runDetails", "builder"),
    ];
    for (place, field) in objects {
        let mut lacking = statement.clone();
        let removed = lacking
            .pointer_mut(place)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(field);
        assert!(removed.is_some(), "{place}/{field}");
        assert_ne!(against(&lacking), [""; 0], "{place} without {field}");
        let mut more = statement.clone();
        more.pointer_mut(place).unwrap()["unknown"] = 1.into();
        assert_ne!(against(&more), [""; 0], "{place} with more");
    }
}

#[test]
fn what_is_signed_and_what_it_binds_are_what_the_standards_ask() {
    let work = Work::new();
    work.key();
    let commit = work.repository("r", |_| {});
    let mut flags = work.flags("r", &commit, "s");
    flags.insert(0, "run".to_owned());
    flags.push("--development".to_owned());
    let arguments: Vec<&str> = flags.iter().map(String::as_str).collect();
    let (code, out, talk) = work.run(&arguments);
    assert_eq!(code, 0, "{talk}");
    let outcome: Value = serde_json::from_str(&out).unwrap();
    let evidence: Digest = outcome["evidence"].as_str().unwrap().parse().unwrap();
    let manifest = EvidenceManifest::from_json(&blob(&work, &evidence)).unwrap();
    let of = |kind: LayerKind| {
        let found = manifest.layers().iter().find(|layer| layer.kind == kind);
        found.unwrap().digest
    };
    let envelope = Envelope::from_json(&blob(&work, &of(LayerKind::Statement))).unwrap();
    let domain = Domain {
        chain_id: 31337,
        ledger: "0x00000000000000000000000000000000000000aa"
            .parse()
            .unwrap(),
    };
    let opened = envelope.open(&domain).unwrap();
    let statement: Value = serde_json::from_slice(opened.payload()).unwrap();
    check_statement(&statement);
    check_schemas_refuse(&statement);
    let (audit, sbom) = (of(LayerKind::Audit), of(LayerKind::Sbom));
    check_bindings(&statement, &outcome, &audit, &sbom);

    let cyclonedx = blob(&work, &sbom);
    let others = [
        (
            "http://cyclonedx.org/schema/spdx.schema.json",
            "spdx.schema.json",
        ),
        (
            "http://cyclonedx.org/schema/jsf-0.82.schema.json",
            "jsf-0.82.schema.json",
        ),
    ];
    valid("bom-1.5.schema.json", &others, &cyclonedx);
    let cyclonedx: Value = serde_json::from_slice(&cyclonedx).unwrap();
    let spdx = &cyclonedx["metadata"]["component"]["externalReferences"][0]["hashes"][0]["content"];
    let spdx: Digest = format!("sha256:{}", spdx.as_str().unwrap())
        .parse()
        .unwrap();
    let spdx = blob(&work, &spdx);
    valid("spdx-2.3.schema.json", &[], &spdx);
    let spdx: Value = serde_json::from_slice(&spdx).unwrap();
    let ids: BTreeSet<&str> = spdx["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| text(package, "SPDXID"))
        .collect();
    for relationship in spdx["relationships"].as_array().unwrap() {
        assert!(
            ids.contains(text(relationship, "relatedSpdxElement")),
            "{relationship}"
        );
    }
    assert_eq!(
        ids.len(),
        cyclonedx["components"].as_array().unwrap().len() + 1
    );
}
