use seed_merkle::{Leaves, leaf_hash};
use seed_primitives::{Digest, System};
use serde_json::{Value, json};

use super::hex0x;

/// Trees of 1 to 9 systems and of 16, 31, 32, 33 and 64, each with the proof of every leaf.
pub(super) fn trees() -> Value {
    let sizes = (1..=9).chain([16, 31, 32, 33, 64]);
    Value::Array(sizes.map(tree).collect())
}

fn tree(size: usize) -> Value {
    let leaf = |i: usize| -> (System, Digest) {
        let name = format!("cpu{i:02}-linux");
        (
            name.parse().expect("fixed"),
            Digest::of(format!("image {name}").as_bytes()),
        )
    };
    let leaves = Leaves::new((0..size).map(leaf).collect()).expect("ascending");
    let hashes = leaves
        .as_slice()
        .iter()
        .map(|(system, digest)| hex0x(leaf_hash(system, digest)));
    let paths = (0..size).map(|i| {
        let path = leaves.prove(i).expect("in range").path;
        path.iter().map(hex0x).collect::<Vec<_>>()
    });
    json!({
        "systems": leaves.as_slice().iter().map(|(system, _)| system).collect::<Vec<_>>(),
        "digests": leaves.as_slice().iter().map(|(_, d)| hex0x(d.as_bytes())).collect::<Vec<_>>(),
        "leaves": hashes.collect::<Vec<_>>(),
        "root": leaves.root().to_string(),
        "paths": paths.collect::<Vec<_>>(),
    })
}
