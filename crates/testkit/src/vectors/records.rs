use serde_json::{Value, json};

use super::{Scene, hex0x};

/// The record of the scene, its commitment, its event and the words it is made of.
pub(super) fn golden() -> Value {
    let data = Scene::release_data();
    let record = &data.record;
    json!({
        "sequence": record.sequence,
        "timestamp": record.timestamp,
        "root": record.root.to_string(),
        "rules": hex0x(record.rules),
        "rulesCodeHash": hex0x(record.rules_code_hash),
        "systems": Scene::images().iter().map(|(system, _)| system).collect::<Vec<_>>(),
        "digests": record.digests.iter().map(|d| hex0x(d.as_bytes())).collect::<Vec<_>>(),
        "entries": record.entries.iter().map(|entry| json!({
            "index": entry.index,
            "builder": entry.builder,
            "systems": entry.systems,
            "evidence": hex0x(entry.evidence.as_bytes()),
        })).collect::<Vec<_>>(),
        "signatures": data.signatures,
        "record": hex0x(record.to_bytes()),
        "commitment": hex0x(record.commitment()),
        "eventData": hex0x(data.to_bytes()),
        "release": Scene::source().release(),
        "submission": hex0x(submission()),
    })
}

/// The calldata argument of `finalise` that leads to the record of the scene.
fn submission() -> Vec<u8> {
    let data = Scene::release_data();
    let mut bytes: Vec<u8> = data
        .record
        .digests
        .iter()
        .flat_map(|d| *d.as_bytes())
        .collect();
    for (entry, signature) in data.record.entries.iter().zip(&data.signatures) {
        bytes.push(entry.index);
        bytes.extend_from_slice(&entry.systems.to_be_bytes());
        bytes.extend_from_slice(entry.evidence.as_bytes());
        bytes.extend_from_slice(signature.as_bytes());
    }
    bytes
}
