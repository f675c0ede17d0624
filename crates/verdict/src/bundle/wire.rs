//! The JSON form. Nodes of proofs are listed once and named by their place.

use alloy_primitives::{B256, Bytes};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use seed_attestation::{Attestation, Record, media};
use seed_primitives::{Source, bytes32_text};
use serde::{Deserialize, Serialize, Serializer};

use super::{Bundle, BundleError, BundleImage, Capture, MAX_BUNDLE_BYTES, MAX_NODES};

// The fields of all of these stand in the order of their names, which is the canonical one.

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire {
    #[serde(serialize_with = "sorted")]
    attestations: Vec<Attestation>,
    chain: Chain,
    evidence: Vec<String>,
    images: Vec<Image>,
    media_type: String,
    record: String,
    #[serde(serialize_with = "sorted")]
    source: Source,
    statements: Vec<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Chain {
    account: Vec<usize>,
    header: String,
    nodes: Vec<String>,
    rules_code: String,
    slots: Vec<Slot>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Slot {
    path: Vec<usize>,
    #[serde(with = "bytes32_text")]
    slot: B256,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Image {
    config: String,
    manifest: String,
}

/// Reads the form and nothing but the form; the caller compares with what [`write`] makes of it.
pub(super) fn read(bytes: &[u8]) -> Result<Bundle, BundleError> {
    if bytes.len() > MAX_BUNDLE_BYTES {
        return Err(BundleError::TooLarge {
            size: bytes.len(),
            max: MAX_BUNDLE_BYTES,
        });
    }
    let wire: Wire =
        serde_json::from_slice(bytes).map_err(|error| BundleError::Json(error.to_string()))?;
    if wire.media_type != media::BUNDLE {
        return Err(BundleError::MediaType(wire.media_type));
    }
    let record = unhex("record", &wire.record)?;
    Ok(Bundle {
        source: wire.source,
        record: Record::parse(&record)?,
        images: wire
            .images
            .iter()
            .map(|image| {
                Ok(BundleImage {
                    manifest: unbase64("an image manifest", &image.manifest)?,
                    config: unbase64("an image config", &image.config)?,
                })
            })
            .collect::<Result<_, BundleError>>()?,
        attestations: wire.attestations,
        evidence: blobs("an evidence manifest", &wire.evidence)?,
        statements: blobs("a statement", &wire.statements)?,
        capture: capture(&wire.chain)?,
    })
}

fn capture(wire: &Chain) -> Result<Capture, BundleError> {
    if wire.nodes.len() > MAX_NODES {
        return Err(BundleError::Count {
            what: "proof nodes",
            count: wire.nodes.len(),
            least: 0,
            most: MAX_NODES,
        });
    }
    let nodes = wire
        .nodes
        .iter()
        .map(|text| unbase64("a proof node", text).map(Bytes::from))
        .collect::<Result<Vec<_>, _>>()?;
    let slots = wire
        .slots
        .iter()
        .map(|one| Ok((one.slot, walk(&nodes, &one.path)?)))
        .collect::<Result<_, BundleError>>()?;
    Ok(Capture {
        header: unhex("the header", &wire.header)?,
        account: walk(&nodes, &wire.account)?,
        slots,
        rules_code: unhex("the rules' code", &wire.rules_code)?.into(),
    })
}

/// The nodes at these places. No trie is deeper than its 64 nibbles and one leaf.
fn walk(nodes: &[Bytes], path: &[usize]) -> Result<Vec<Bytes>, BundleError> {
    if path.len() > 65 {
        return Err(BundleError::Count {
            what: "nodes of one proof",
            count: path.len(),
            least: 0,
            most: 65,
        });
    }
    path.iter()
        .map(|at| nodes.get(*at).cloned().ok_or(BundleError::Node(*at)))
        .collect()
}

/// The one spelling of a bundle: canonical JSON, nodes in the order in which the proofs first name them.
pub(super) fn write(bundle: &Bundle) -> Result<Vec<u8>, BundleError> {
    let capture = &bundle.capture;
    let mut nodes: Vec<Bytes> = Vec::new();
    let mut known = std::collections::BTreeMap::new();
    let mut path = |proof: &[Bytes]| -> Vec<usize> {
        let places = proof.iter().map(|node| {
            *known.entry(node.clone()).or_insert_with(|| {
                nodes.push(node.clone());
                nodes.len() - 1
            })
        });
        places.collect()
    };
    let account = path(&capture.account);
    let slots = capture.slots.iter().map(|(slot, proof)| Slot {
        path: path(proof),
        slot: *slot,
    });
    let slots = slots.collect();
    let wire = Wire {
        attestations: bundle.attestations.clone(),
        chain: Chain {
            account,
            header: hex(&capture.header),
            nodes: nodes.iter().map(|node| STANDARD.encode(node)).collect(),
            rules_code: hex(&capture.rules_code),
            slots,
        },
        evidence: bundle
            .evidence
            .iter()
            .map(|one| STANDARD.encode(one))
            .collect(),
        images: bundle
            .images
            .iter()
            .map(|image| Image {
                config: STANDARD.encode(&image.config),
                manifest: STANDARD.encode(&image.manifest),
            })
            .collect(),
        media_type: media::BUNDLE.to_owned(),
        record: hex(&bundle.record.to_bytes()),
        source: bundle.source.clone(),
        statements: bundle
            .statements
            .iter()
            .map(|one| STANDARD.encode(one))
            .collect(),
    };
    serde_json::to_vec(&wire).map_err(|error| BundleError::Json(error.to_string()))
}

/// Documents whose own form has another order of fields.
fn sorted<T: Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let value = serde_json::to_value(value).map_err(serde::ser::Error::custom)?;
    value.serialize(serializer)
}

fn blobs(what: &'static str, texts: &[String]) -> Result<Vec<Vec<u8>>, BundleError> {
    texts.iter().map(|text| unbase64(what, text)).collect()
}

fn unbase64(what: &'static str, text: &str) -> Result<Vec<u8>, BundleError> {
    STANDARD
        .decode(text)
        .map_err(|_| BundleError::Encoding(what))
}

fn hex(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

fn unhex(what: &'static str, text: &str) -> Result<Vec<u8>, BundleError> {
    text.strip_prefix("0x")
        .and_then(|digits| hex::decode(digits).ok())
        .ok_or(BundleError::Encoding(what))
}
