//! PAR-02 and PAR-03: JSON that readers may take for different things is refused in every format of this crate.

use std::{fs, path::Path};

use seed_attestation::{
    Attestation, Envelope, EvidenceManifest, GenesisSignature, Locator, Statement,
};
use serde_json::Value;

type Reader = fn(&[u8]) -> bool;

/// The golden documents, a key of each, and what reads them.
fn documents() -> Vec<(&'static str, String, &'static str, Reader)> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/documents.json");
    let all: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let readers: [(&str, &str, Reader); 6] = [
        ("attestation", "evidence", |bytes| {
            Attestation::from_json(bytes).is_ok()
        }),
        ("genesis", "release", |bytes| {
            GenesisSignature::from_json(bytes).is_ok()
        }),
        ("locator", "record", |bytes| {
            Locator::from_json(bytes).is_ok()
        }),
        ("evidence", "layers", |bytes| {
            EvidenceManifest::from_json(bytes).is_ok()
        }),
        ("envelope", "payload", |bytes| {
            Envelope::from_json(bytes).is_ok()
        }),
        ("statement", "subject", |bytes| {
            Statement::from_json(bytes).is_ok()
        }),
    ];
    let document = |name: &str| all[name].as_str().unwrap().to_owned();
    let with_text = readers.map(|(name, key, read)| (name, document(name), key, read));
    with_text.to_vec()
}

#[test]
fn par_02_refuses_escaped_look_alike_and_differently_cased_keys() {
    for (name, text, key, read) in documents() {
        assert!(read(text.as_bytes()), "{name}");
        let quoted = format!("\"{key}\"");
        assert!(text.contains(&quoted), "{name}");
        let (first, rest) = key.split_at(1);
        let escaped = format!("\"\\u{:04x}{rest}\"", first.as_bytes()[0]);
        let capital = format!("\"{}{rest}\"", first.to_uppercase());
        // A Cyrillic letter after the first: it looks like the key and is another.
        let look_alike = format!(
            "\"{first}{}\"",
            rest.replacen('e', "е", 1)
                .replacen('a', "а", 1)
                .replacen('u', "ս", 1)
        );
        for other in [escaped, capital, look_alike] {
            let twisted = text.replacen(&quoted, &other, 1);
            assert!(!read(twisted.as_bytes()), "{name}: {other}");
        }
    }
}

#[test]
fn par_02_refuses_escapes_in_values_that_need_none() {
    for (name, text, ..) in documents() {
        let Some(at) = text.find("0x").or_else(|| text.find("sha256:")) else {
            continue;
        };
        let escaped = format!(
            "{}\\u{:04x}{}",
            &text[..at],
            text.as_bytes()[at],
            &text[at + 1..]
        );
        let (.., read) = documents()
            .into_iter()
            .find(|(other, ..)| *other == name)
            .unwrap();
        let value: Value = serde_json::from_str(&escaped).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(&text).unwrap());
        assert!(!read(escaped.as_bytes()), "{name}");
    }
}

#[test]
fn par_03_refuses_surrogates_numbers_and_depth_without_a_crash() {
    let depth =
        |open: &str, close: &str| format!("{}{}", open.repeat(10_000), close.repeat(10_000));
    let values = [
        "\"\\ud800\"".to_owned(),
        "\"\\udfff\\ud800\"".to_owned(),
        "NaN".to_owned(),
        "1e400".to_owned(),
        "9007199254740993".to_owned(),
        "-0".to_owned(),
        depth("[", "]"),
        depth("{\"a\":", "}").replace(":}", ":1}"),
    ];
    for (name, text, key, read) in documents() {
        for value in &values {
            let added = text.replacen('{', &format!("{{\"x\":{value},"), 1);
            assert!(
                !read(added.as_bytes()),
                "{name}: an added {}",
                &value[..value.len().min(20)]
            );
            let quoted = format!("\"{key}\":");
            let replaced = text.replacen(&quoted, &format!("{quoted}{value},\"x\":"), 1);
            assert!(
                !read(replaced.as_bytes()),
                "{name}: {}",
                &value[..value.len().min(20)]
            );
        }
        for other in [
            format!("\u{feff}{text}"),
            format!("{text}\0"),
            format!("{text}{text}"),
            format!("{text} 1"),
        ] {
            assert!(!read(other.as_bytes()), "{name}");
        }
        let mut bytes = text.into_bytes();
        let last = bytes.len() - 3;
        bytes[last] = 0xff;
        assert!(!read(&bytes), "{name}: no UTF-8");
    }
}
