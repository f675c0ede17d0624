//! The verifier says of every case of `standing.json` what the ledger says (contracts/test/Vectors.t.sol).

mod common;

use std::{fs, path::Path};

use common::{Plan, RULES, builder};
use seed_primitives::Digest;
use seed_verdict::{Document, ExitClass, ImageEvidence, Requested};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    sequence: u64,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    entries: Vec<u64>,
    endorsers: Vec<u64>,
    revocations: Vec<u64>,
    standing: Vec<String>,
}

#[test]
fn stands_as_the_ledger_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/standing.json");
    let vectors: Vectors = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert!(vectors.cases.len() > 10);
    for case in &vectors.cases {
        let plan = plan(case, vectors.sequence);
        for (position, expected) in case.standing.iter().enumerate() {
            let decided = ask_for(&plan, position).decide();
            let name = &case.name;
            match (expected.as_str(), decided) {
                ("final", Ok(_)) => {}
                ("disputed" | "tainted", Err(rejection)) => {
                    assert_eq!(
                        rejection.code.class(),
                        ExitClass::Revoked,
                        "{name}, {position}"
                    );
                }
                (_, decided) => panic!("{name}, system {position}: {expected}, but {decided:?}"),
            }
        }
    }
}

fn plan(case: &Case, sequence: u64) -> Plan {
    let mut plan = Plan::new();
    plan.sequence = sequence;
    plan.entries = pairs(&case.entries);
    plan.endorsers = pairs(&case.endorsers);
    for word in case.revocations.chunks(4) {
        let subject = match word[0] {
            255 => RULES,
            index => builder(plan.members[index as usize].key).address(),
        };
        let since = plan.block_time - word[1];
        plan.revoke(subject, since, word[2] as u32, word[3] as u8);
    }
    plan
}

fn pairs(flat: &[u64]) -> Vec<(usize, u64)> {
    flat.chunks(2)
        .map(|pair| (pair[0] as usize, pair[1]))
        .collect()
}

/// The case in which the image of one system is asked for.
fn ask_for(plan: &Plan, position: usize) -> common::Case {
    let mut case = plan.case();
    let image = plan.image(&plan.systems[position]);
    case.evidence.image = ImageEvidence {
        requested: Some(Requested::Digest(Digest::of(&image.manifest))),
        document: Some(Document::Manifest(image)),
    };
    case
}
