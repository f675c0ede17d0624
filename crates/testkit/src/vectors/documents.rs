use seed_attestation::{
    Envelope, EvidenceLayer, EvidenceManifest, GenesisSignature, LayerKind, Locator, evidence_tag,
    locator_tag,
};
use seed_primitives::Digest;
use serde_json::{Value, json};

use super::{Scene, hex0x};
use crate::keys;

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

/// The genesis signature of the builder called `name`.
fn genesis(name: &str) -> GenesisSignature {
    let (domain, release) = (Scene::domain(), Scene::source().release());
    let root = Scene::leaves(0b11).root();
    let digest = domain.genesis_digest(Scene::rules_code_hash(), &release, &root);
    GenesisSignature {
        rules_code_hash: Scene::rules_code_hash(),
        release,
        root: root.word(),
        chain_id: domain.chain_id,
        ledger: domain.ledger,
        builder: keys::builder(name),
        signature: keys::sign(name, &digest),
    }
}

pub(super) fn envelope(name: &str) -> Envelope {
    let payload = Scene::statement(name).to_json().expect("fixed");
    let signature = keys::sign(name, &Envelope::digest(&Scene::domain(), &payload));
    Envelope::new(&Scene::domain(), payload, keys::builder(name), signature)
}

pub(super) fn evidence(name: &str) -> EvidenceManifest {
    let envelope = envelope(name).to_json().expect("fixed");
    let layer = |kind, digest, size| EvidenceLayer {
        system: "x86_64-linux".parse().expect("fixed"),
        kind,
        digest,
        size,
    };
    EvidenceManifest::new(vec![
        layer(
            LayerKind::Statement,
            Digest::of(&envelope),
            envelope.len() as u64,
        ),
        layer(
            LayerKind::ImageManifest,
            Digest::of(b"image x86_64-linux"),
            18,
        ),
        layer(LayerKind::Audit, Digest::of(b"audit"), 5),
        layer(LayerKind::Sbom, Digest::of(b"sbom"), 4),
    ])
    .expect("fixed")
}

/// Whole documents as texts, each with its digest where others refer to it by digest.
pub(super) fn golden() -> Value {
    let evidence = text(evidence("ada").to_json().expect("fixed"));
    let locator = Locator {
        source: Scene::source(),
        record: Scene::record(),
    };
    let image = Digest::of(b"image x86_64-linux");
    json!({
        "attestation": text(Scene::attestation("ada", 0b11).to_json().expect("fixed")),
        "genesis": text(genesis("ada").to_json().expect("fixed")),
        "statement": text(Scene::statement("ada").to_json().expect("fixed")),
        "envelope": text(envelope("ada").to_json().expect("fixed")),
        "evidence": evidence,
        "evidenceDigest": Digest::of(evidence.as_bytes()),
        "evidenceTag": evidence_tag(&Scene::source().release(), &keys::builder("ada")),
        "locator": text(locator.to_json().expect("fixed")),
        "locatorTag": locator_tag(&image),
        "recordInLocator": hex0x(Scene::record().to_bytes()),
    })
}
