//! Every part of a bundle hangs from another by a hash or an equality, so that none can be changed, left out or
//! added without notice. What the outermost parts hang from is for the policy and the chain to say.

use std::collections::BTreeSet;

use alloy_primitives::keccak256;
use seed_attestation::{EvidenceManifest, LayerKind};
use seed_image::{ImageConfig, ImageManifest};
use seed_primitives::{Digest, System};
use seed_proof::{MAX_CODE_BYTES, RawHeader};

use super::{Bundle, BundleError, BundleImage};

/// As many as an index has children at most.
const MAX_IMAGES: usize = 64;
/// Two of each of 32 builders.
const MAX_ATTESTATIONS: usize = 64;

pub(super) fn consistent(bundle: &Bundle) -> Result<(), BundleError> {
    RawHeader::parse(&bundle.capture.header)?;
    rules(bundle)?;
    let systems = images(bundle)?;
    attestations(bundle)?;
    documents(bundle, &systems)?;
    let slots: Vec<_> = bundle.capture.slots.iter().map(|(slot, _)| *slot).collect();
    if slots != bundle.required_slots() {
        return Err(wrong("the proven slots are not exactly the ones needed"));
    }
    Ok(())
}

fn rules(bundle: &Bundle) -> Result<(), BundleError> {
    let code = &bundle.capture.rules_code;
    if code.len() > MAX_CODE_BYTES || keccak256(code) != bundle.record.rules_code_hash {
        return Err(wrong("the rules' code is not the recorded one"));
    }
    Ok(())
}

/// The systems of the images, which are in the record and in its order.
fn images(bundle: &Bundle) -> Result<BTreeSet<System>, BundleError> {
    count("images", bundle.images.len(), MAX_IMAGES)?;
    let mut after = 0;
    let mut systems = BTreeSet::new();
    for image in &bundle.images {
        let digest = Digest::of(&image.manifest);
        let mut digests = bundle.record.digests.iter().enumerate().skip(after);
        let found = digests.find(|(_, one)| **one == digest);
        let (at, _) = found.ok_or_else(|| {
            wrong(format!(
                "image {digest} is not in the record, or not in its order"
            ))
        })?;
        after = at + 1;
        let system = config(image)?;
        if !systems.insert(system) {
            return Err(wrong("two images are for one system"));
        }
    }
    Ok(systems)
}

fn config(image: &BundleImage) -> Result<System, BundleError> {
    let manifest = ImageManifest::parse(&image.manifest)?;
    if Digest::of(&image.config) != manifest.config.digest {
        return Err(wrong("an image config is not the one its manifest names"));
    }
    ImageConfig::parse(&image.config)?
        .system()
        .ok_or_else(|| wrong("an image is for no system that can be attested"))
}

fn attestations(bundle: &Bundle) -> Result<(), BundleError> {
    count("attestations", bundle.attestations.len(), MAX_ATTESTATIONS)?;
    for attestation in &bundle.attestations {
        attestation.leaves()?;
        if attestation.source != bundle.source || attestation.rules != bundle.record.rules {
            return Err(wrong("an attestation is about another release"));
        }
        let strange = attestation
            .systems
            .iter()
            .any(|one| !bundle.record.digests.contains(&one.digest));
        if strange {
            return Err(wrong("an attestation is about an image outside the record"));
        }
    }
    let keys = bundle.attestations.iter().map(super::capture::order);
    ascending("attestations", keys)
}

/// The evidence is exactly what the attestations name, the statements exactly what the evidence says about the
/// systems of the images.
fn documents(bundle: &Bundle, systems: &BTreeSet<System>) -> Result<(), BundleError> {
    let named = bundle.attestations.iter().map(|one| one.evidence);
    exactly("evidence manifest", &bundle.evidence, named.collect())?;
    let mut named = BTreeSet::new();
    for bytes in &bundle.evidence {
        let manifest = EvidenceManifest::from_json(bytes)?;
        let layers = manifest.layers().iter();
        let statements = layers
            .filter(|layer| layer.kind == LayerKind::Statement && systems.contains(&layer.system));
        named.extend(statements.map(|layer| layer.digest));
    }
    exactly("statement", &bundle.statements, named)
}

fn exactly(
    what: &'static str,
    blobs: &[Vec<u8>],
    named: BTreeSet<Digest>,
) -> Result<(), BundleError> {
    let found: Vec<Digest> = blobs.iter().map(|bytes| Digest::of(bytes)).collect();
    if let Some(digest) = named.iter().find(|digest| !found.contains(digest)) {
        return Err(BundleError::Missing {
            what,
            digest: *digest,
        });
    }
    if found.iter().copied().ne(named) {
        return Err(wrong(format!(
            "there is a {what} nobody names, or they are not in order of their digests"
        )));
    }
    Ok(())
}

fn ascending<K: Ord>(what: &str, keys: impl Iterator<Item = K>) -> Result<(), BundleError> {
    if keys.is_sorted_by(|a, b| a < b) {
        return Ok(());
    }
    Err(wrong(format!("the {what} do not strictly ascend")))
}

fn count(what: &'static str, count: usize, most: usize) -> Result<(), BundleError> {
    if (1..=most).contains(&count) {
        return Ok(());
    }
    Err(BundleError::Count {
        what,
        count,
        least: 1,
        most,
    })
}

fn wrong(why: impl Into<String>) -> BundleError {
    BundleError::Inconsistent(why.into())
}
