//! A bundle taken apart, and put together again without any check: what liars write bundles with.

use std::collections::BTreeSet;

use alloy_primitives::B256;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use seed_attestation::Record;
use seed_primitives::{BuilderId, Digest, Source, write_bytes32};
use seed_proof::slots;
use serde_json::{Value, json};

/// A bundle as JSON in which every proof has its own nodes, in base64, instead of places in one list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parts(pub(crate) Value);

impl Parts {
    /// Takes apart what an honest writer wrote.
    ///
    /// # Panics
    /// When it is no bundle, which would be a fault of this program.
    pub(crate) fn open(bytes: &[u8]) -> Self {
        let mut value: Value = serde_json::from_slice(bytes).expect("an honest bundle");
        let nodes = value["chain"]["nodes"].take();
        let walk = |path: &Value| -> Value {
            let places = path.as_array().into_iter().flatten();
            places
                .map(|at| nodes[at.as_u64().unwrap_or_default() as usize].clone())
                .collect()
        };
        value["chain"]["account"] = walk(&value["chain"]["account"]);
        for slot in list(&mut value["chain"]["slots"]) {
            slot["path"] = walk(&slot["path"]);
        }
        if let Some(chain) = value["chain"].as_object_mut() {
            chain.remove("nodes");
        }
        Self(value)
    }

    /// The one spelling, whether it makes sense or not.
    pub(crate) fn close(&self) -> Vec<u8> {
        let mut value = self.0.clone();
        let mut nodes: Vec<Value> = Vec::new();
        let mut places = |path: &Value| -> Value {
            let path = path.as_array().into_iter().flatten();
            path.map(|node| match nodes.iter().position(|one| one == node) {
                Some(at) => json!(at),
                None => {
                    nodes.push(node.clone());
                    json!(nodes.len() - 1)
                }
            })
            .collect()
        };
        value["chain"]["account"] = places(&value["chain"]["account"]);
        for slot in list(&mut value["chain"]["slots"]) {
            slot["path"] = places(&slot["path"]);
        }
        value["chain"]["nodes"] = json!(nodes);
        value.to_string().into_bytes()
    }

    /// A list at the top.
    pub(crate) fn list(&mut self, name: &str) -> &mut Vec<Value> {
        list(&mut self.0[name])
    }

    /// The proven slots.
    pub(crate) fn slots(&mut self) -> &mut Vec<Value> {
        list(&mut self.0["chain"]["slots"])
    }

    /// Puts attestations, evidence and statements in their order, each once.
    pub(crate) fn tidy(&mut self) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.list("attestations").sort_by_cached_key(|one| {
            ["builder", "evidence", "signature"].map(|field| text(&one[field]))
        });
        for name in ["evidence", "statements"] {
            let documents = self.list(name);
            documents.sort_by_cached_key(digest);
            documents.dedup();
        }
    }

    /// The slots that a bundle of these parts must prove, ascending.
    pub(crate) fn required(&self) -> BTreeSet<B256> {
        let mut needed = BTreeSet::from([slots::CONTROL]);
        let source = serde_json::from_value::<Source>(self.0["source"].clone());
        if let Ok(source) = source {
            needed.insert(slots::release(&source.release()));
        }
        let mut builders: Vec<BuilderId> = Vec::new();
        if let Some(record) = self.record() {
            needed.insert(slots::revocation(record.rules));
            builders.extend(record.entries.iter().map(|entry| entry.builder));
        }
        for one in self.0["attestations"].as_array().into_iter().flatten() {
            builders.extend(serde_json::from_value::<BuilderId>(one["builder"].clone()));
        }
        needed.extend(builders.iter().map(|one| slots::revocation(one.address())));
        needed
    }

    /// Leaves only the proofs that are needed.
    pub(crate) fn trim(&mut self) {
        let needed: BTreeSet<String> = self.required().iter().map(write_bytes32).collect();
        self.slots().retain(|one| {
            one["slot"]
                .as_str()
                .is_some_and(|slot| needed.contains(slot))
        });
    }

    pub(crate) fn record(&self) -> Option<Record> {
        let digits = self.0["record"].as_str()?.strip_prefix("0x")?;
        Record::parse(&alloy_primitives::hex::decode(digits).ok()?).ok()
    }
}

/// The elements of a list; of anything else, none.
pub(crate) fn list(value: &mut Value) -> &mut Vec<Value> {
    if !value.is_array() {
        *value = json!([]);
    }
    value.as_array_mut().expect("a list")
}

/// The digest of a document in base64.
pub(crate) fn digest(document: &Value) -> Digest {
    Digest::of(&bytes(document))
}

/// The bytes of a document in base64.
pub(crate) fn bytes(document: &Value) -> Vec<u8> {
    STANDARD
        .decode(document.as_str().unwrap_or_default())
        .unwrap_or_default()
}

/// A document as it stands in a bundle.
pub(crate) fn base64(bytes: &[u8]) -> Value {
    json!(STANDARD.encode(bytes))
}
