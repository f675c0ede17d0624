//! The published schemas, as somebody else would use them.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(unreachable_pub, reason = "shared between test files")]

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

pub const OUTPUT: &str = include_str!("../../../../docs/schemas/seed-verify-output.schema.json");
pub const BUNDLE: &str = include_str!("../../../../docs/schemas/bundle.schema.json");
pub const NETWORK: &str = include_str!("../../../../docs/schemas/network.schema.json");
pub const VSA: &str = include_str!("../../../../docs/schemas/vsa.schema.json");

static OUTPUT_VALIDATOR: LazyLock<Validator> = LazyLock::new(|| validator(OUTPUT));
static BUNDLE_VALIDATOR: LazyLock<Validator> = LazyLock::new(|| validator(BUNDLE));
static NETWORK_VALIDATOR: LazyLock<Validator> = LazyLock::new(|| validator(NETWORK));
static VSA_VALIDATOR: LazyLock<Validator> = LazyLock::new(|| validator(VSA));

fn validator(text: &str) -> Validator {
    let schema: Value = serde_json::from_str(text).unwrap();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    assert!(jsonschema::meta::is_valid(&schema));
    // The one schema that another refers to.
    let network: Value = serde_json::from_str(NETWORK).unwrap();
    let registry = jsonschema::Registry::new()
        .add("urn:nix-seed:schema:network:1", network)
        .and_then(|registry| registry.prepare())
        .unwrap();
    jsonschema::draft202012::options()
        .with_registry(&registry)
        .build(&schema)
        .unwrap()
}

fn errors(validator: &Validator, document: &Value) -> Vec<String> {
    let errors = validator.iter_errors(document);
    errors
        .map(|error| format!("{error:.300} at {}", error.instance_path()))
        .collect()
}

/// What is wrong with what `--output json` printed; nothing for what it may print.
pub fn output_errors(document: &Value) -> Vec<String> {
    errors(&OUTPUT_VALIDATOR, document)
}

/// What is wrong with the shape of a bundle.
pub fn bundle_errors(document: &Value) -> Vec<String> {
    errors(&BUNDLE_VALIDATOR, document)
}

/// What is wrong with a verification summary.
pub fn network_errors(document: &Value) -> Vec<String> {
    errors(&NETWORK_VALIDATOR, document)
}

/// What of a verification summary is not as published.
pub fn vsa_errors(document: &Value) -> Vec<String> {
    errors(&VSA_VALIDATOR, document)
}

/// Reads one document of `--output json` and checks its form.
#[track_caller]
pub fn read_output(printed: &[u8]) -> Value {
    let value: Value = serde_json::from_slice(printed)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(printed)));
    assert_eq!(output_errors(&value), [""; 0], "{value:#}");
    value
}
