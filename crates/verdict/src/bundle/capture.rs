//! From gathered evidence to a bundle of what counts, and of nothing else.

use std::collections::BTreeMap;

use seed_attestation::{Attestation, EvidenceManifest, LayerKind, ReleaseData, SystemDigest};
use seed_primitives::{BuilderId, Digest, System};
use thiserror::Error;

use super::{Bundle, BundleError, BundleImage, Capture};
use crate::{
    Context, Document, Evidence, HighWater, ManifestEvidence, Policy, Rejection, Requested,
    StateProof,
    decide::{Report, weigh},
    head, image, state, votes,
};

/// Why no bundle was made.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum CaptureError {
    /// The evidence would not be accepted, even if its header were vouched for.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The evidence would be accepted and has no bundle form.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

/// The key by which attestations ascend.
pub(super) fn order(attestation: &Attestation) -> (BuilderId, Digest, [u8; 64]) {
    let signature = *attestation.signature.as_bytes();
    (attestation.builder, attestation.evidence, signature)
}

impl Bundle {
    /// Makes a bundle of what counts in `evidence`, at the header the evidence names, whether that is final or not.
    ///
    /// `now` is in Unix seconds. What comes out was read back and judged as whoever receives it will judge it, short
    /// of the question whether the header is final: that is answered when the bundle is used.
    ///
    /// # Errors
    /// [`CaptureError::Rejected`] when `policy` refuses the image with this evidence; [`CaptureError::Bundle`] when
    /// what counts does not fit the form.
    pub fn capture(policy: &Policy, evidence: &Evidence, now: u64) -> Result<Self, CaptureError> {
        let context = Context {
            now,
            deep: false,
            high_water: HighWater::FirstUse,
        };
        let mut evidence = evidence.clone();
        let requested = evidence.image.requested.take();
        evidence.image.requested = requested.map(|one| Requested::Digest(*one.digest()));
        let report = provisional(policy, &evidence, &context)?;
        let mut bundle = assemble(&evidence, &report)?;
        let slots = bundle.required_slots();
        let mut failure = None;
        for proof in &evidence.chain.proofs {
            bundle.capture.account.clone_from(&proof.account);
            bundle.capture.slots = slots
                .iter()
                .filter_map(|slot| proven(proof, slot))
                .collect();
            match bundle.read_back(policy, &context) {
                Ok(bundle) => return Ok(bundle),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        let none = || BundleError::Inconsistent("no endpoint proved every slot".to_owned());
        Err(failure.unwrap_or_else(|| none().into()))
    }

    fn read_back(&self, policy: &Policy, context: &Context) -> Result<Self, CaptureError> {
        let bundle = Self::from_json(&self.to_json()?)?;
        if let Some(digest) = bundle.digest() {
            let evidence = bundle.evidence(Requested::Digest(digest));
            provisional(policy, &evidence, context)?;
        }
        Ok(bundle)
    }
}

/// The verdict, short of who vouches for the header.
fn provisional<'a>(
    policy: &'a Policy,
    evidence: &'a Evidence,
    context: &'a Context,
) -> Result<Report<'a>, Rejection> {
    let images = image::check(&evidence.image, context.deep)?;
    let head = head::unconfirmed(policy, &evidence.chain, context)?;
    let state = state::establish(policy, &evidence.chain, &head)?;
    weigh(policy, evidence, context, images, head, state)
}

fn proven(
    proof: &StateProof,
    slot: &alloy_primitives::B256,
) -> Option<(alloy_primitives::B256, Vec<alloy_primitives::Bytes>)> {
    proof.slots.iter().find(|(found, _)| found == slot).cloned()
}

fn assemble(evidence: &Evidence, report: &Report<'_>) -> Result<Bundle, CaptureError> {
    let recorded = &report.recorded;
    let systems: Vec<&System> = report.images.images.iter().map(|one| &one.system).collect();
    let mut documents = Documents::default();
    let mut attestations = BTreeMap::new();
    for attestation in votes_of(evidence, report) {
        if documents.add(evidence, &attestation, &systems) {
            attestations.insert(order(&attestation), attestation);
        }
    }
    let code = evidence
        .chain
        .rules_codes
        .iter()
        .find(|code| alloy_primitives::keccak256(code) == recorded.record.rules_code_hash);
    let mut images: Vec<BundleImage> = served(evidence).filter_map(BundleImage::of).collect();
    images.sort_by_key(|image| {
        let digest = Digest::of(&image.manifest);
        recorded
            .record
            .digests
            .iter()
            .position(|one| *one == digest)
    });
    Ok(Bundle {
        source: recorded.source.clone(),
        record: recorded.record.clone(),
        images,
        attestations: attestations.into_values().collect(),
        evidence: documents.evidence.into_values().collect(),
        statements: documents.statements.into_values().collect(),
        capture: Capture {
            header: report.head.header.rlp().to_vec(),
            account: Vec::new(),
            slots: Vec::new(),
            rules_code: code.cloned().unwrap_or_default(),
        },
    })
}

/// The attestations of everybody who counts: the published ones, and those the event's signatures amount to.
fn votes_of(evidence: &Evidence, report: &Report<'_>) -> Vec<Attestation> {
    let (domain, rules) = (report.policy.domain(), &report.accepted.rules);
    let counts = |builder: &BuilderId| {
        let mut counted = report.tally.builders.iter();
        counted.any(|one| one.builder == *builder)
    };
    let published = evidence.attestations.iter().take(votes::MAX_ATTESTATIONS);
    let mut found: Vec<Attestation> = published
        .filter_map(|bytes| Attestation::from_json(bytes).ok())
        .collect();
    for event in &evidence.events {
        if let Ok(data) = ReleaseData::parse(event)
            && data.record == report.recorded.record
        {
            found.extend(logged(&data, report));
        }
    }
    found.retain(|one| {
        let vote = votes::attested(&domain, &report.recorded, rules, one);
        counts(&one.builder) && matches!(vote, Some((_, _, Ok(_))))
    });
    found
}

/// What the signatures in the event say, as the builders would have published it.
fn logged(data: &ReleaseData, report: &Report<'_>) -> Vec<Attestation> {
    let (domain, record) = (report.policy.domain(), &report.recorded.record);
    let systems = |mask: u64| {
        let systems = report.accepted.rules.systems().iter().zip(&record.digests);
        let signed = systems
            .enumerate()
            .filter(move |(at, _)| mask >> at & 1 == 1);
        signed.map(|(_, (system, digest))| SystemDigest {
            system: system.clone(),
            digest: *digest,
        })
    };
    let entries = record.entries.iter().zip(&data.signatures);
    entries
        .map(|(entry, signature)| Attestation {
            source: report.recorded.source.clone(),
            systems: systems(entry.systems).collect(),
            evidence: entry.evidence,
            rules: record.rules,
            chain_id: domain.chain_id,
            ledger: domain.ledger,
            builder: entry.builder,
            signature: *signature,
        })
        .collect()
}

/// The documents behind the attestations, by digest.
#[derive(Default)]
struct Documents {
    evidence: BTreeMap<Digest, Vec<u8>>,
    statements: BTreeMap<Digest, Vec<u8>>,
}

impl Documents {
    /// Adds what `attestation` names, whole or not at all.
    fn add(&mut self, found: &Evidence, attestation: &Attestation, systems: &[&System]) -> bool {
        let digest = attestation.evidence;
        let Some(bytes) = found.blobs.get(&digest) else {
            return false;
        };
        let Ok(manifest) = EvidenceManifest::from_json(bytes) else {
            return false;
        };
        let layers = manifest.layers().iter();
        let named =
            layers.filter(|one| one.kind == LayerKind::Statement && systems.contains(&&one.system));
        let statements: Option<Vec<_>> = named
            .map(|one| Some((one.digest, found.blobs.get(&one.digest)?.to_vec())))
            .collect();
        let Some(statements) = statements else {
            return false;
        };
        self.evidence.insert(digest, bytes.to_vec());
        self.statements.extend(statements);
        true
    }
}

fn served(evidence: &Evidence) -> impl Iterator<Item = &ManifestEvidence> {
    let manifests = match &evidence.image.document {
        Some(Document::Manifest(manifest)) => std::slice::from_ref(manifest),
        Some(Document::Index { children, .. }) => children.as_slice(),
        None => &[],
    };
    manifests.iter()
}

impl BundleImage {
    fn of(served: &ManifestEvidence) -> Option<Self> {
        Some(Self {
            manifest: served.manifest.clone(),
            config: served.config.clone()?,
        })
    }
}
