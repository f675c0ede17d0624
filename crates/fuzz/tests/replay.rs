//! Every target over its corpus, the golden documents, and changed copies of both. What a fuzzer once found stays found.

use std::{fs, path::Path};

use seed_fuzz::TARGETS;
use serde_json::Value;

/// Changed copies of each input.
const COPIES: u64 = 60;

fn top() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn vectors(file: &str) -> Value {
    let path = top().join("tests/vectors").join(file);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The golden inputs of a target, which it must accept.
fn golden(name: &str) -> Vec<Vec<u8>> {
    let document = |key: &str| {
        vectors("documents.json")[key]
            .as_str()
            .unwrap()
            .as_bytes()
            .to_vec()
    };
    let record =
        |key: &str| hex::decode(&vectors("record.json")[key].as_str().unwrap()[2..]).unwrap();
    match name {
        "attestation" | "envelope" | "evidence" | "genesis" | "locator" | "statement" => {
            vec![document(name)]
        }
        "record" => vec![record("record")],
        "event" => vec![record("eventData")],
        "bundle" => fs::read(top().join("crates/verdict/tests/golden/bundle.json"))
            .into_iter()
            .collect(),
        _ => vec![],
    }
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = top().join("fuzz/corpus").join(name);
    let files =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// A copy with some bytes changed, cut out or doubled.
fn changed(input: &[u8], seed: u64) -> Vec<u8> {
    let mut bytes = input.to_vec();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |end: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % end.max(1) as u64).unwrap()
    };
    for _ in 0..=next(3) {
        if bytes.is_empty() {
            return bytes;
        }
        let at = next(bytes.len());
        match next(4) {
            0 => bytes[at] ^= 1 << next(8),
            1 => bytes.truncate(at),
            2 => drop(bytes.remove(at)),
            _ => {
                let end = (at + 1 + next(16)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

#[test]
fn no_input_breaks_a_promise() {
    for (name, target) in TARGETS {
        let inputs = [corpus(name), golden(name)].concat();
        // A target that refuses everything shows nothing.
        assert!(
            inputs.iter().any(|input| target(input)),
            "{name} accepts nothing of its corpus"
        );
        assert!(golden(name).iter().all(|input| target(input)), "{name}");
        for input in &inputs {
            target(input);
            for seed in 0..COPIES {
                target(&changed(input, seed));
            }
        }
    }
}

#[test]
fn every_folder_of_the_corpus_is_a_target() {
    for folder in fs::read_dir(top().join("fuzz/corpus")).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        assert!(seed_fuzz::target(&name).is_some(), "{name}");
    }
    assert!(seed_fuzz::target("nothing").is_none());
}
