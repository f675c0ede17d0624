//! Evidence in one file, captured earlier and judged by the same `decide` as everything else.

mod capture;
mod check;
mod error;
mod wire;

use alloy_primitives::{B256, Bytes};
use seed_attestation::{Attestation, Locator, Record};
use seed_image::{Descriptor, ImageConfig, ImageIndex, media};
use seed_primitives::{Digest, Source, System};
use seed_proof::RawHeader;

pub use capture::CaptureError;
pub use error::BundleError;

use crate::{
    Blobs, ChainEvidence, Document, Evidence, ImageEvidence, ManifestEvidence, Requested,
    StateProof, record::slots_of,
};

/// The most bytes of a bundle.
pub const MAX_BUNDLE_BYTES: usize = 4 * 1024 * 1024;
/// The most different nodes of all its proofs.
const MAX_NODES: usize = 4096;
/// Who is named where an endpoint's URL stands for a proof that was read from a bundle.
pub(crate) const ORIGIN: &str = "bundle:";

/// Everything a verdict needs besides policy, image and time (`docs/protocol.md`, §15):
/// `application/vnd.nix-seed.bundle.v1+json`.
///
/// Consistent in itself and complete, and for all that nobody's word: it brings no anchor, key, address or
/// threshold. Its header counts only where the policy pins its hash or enough operators vouch for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bundle {
    source: Source,
    record: Record,
    images: Vec<BundleImage>,
    attestations: Vec<Attestation>,
    evidence: Vec<Vec<u8>>,
    statements: Vec<Vec<u8>>,
    capture: Capture,
}

/// One image of the release: the bytes of its manifest and its config.
#[derive(Clone, Debug, Eq, PartialEq)]
struct BundleImage {
    manifest: Vec<u8>,
    config: Vec<u8>,
}

/// What was read from the chain at one block.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Capture {
    header: Vec<u8>,
    account: Vec<Bytes>,
    slots: Vec<(B256, Vec<Bytes>)>,
    rules_code: Bytes,
}

impl Bundle {
    /// Reads a bundle: at most [`MAX_BUNDLE_BYTES`], canonical, every part used and bound to another.
    ///
    /// # Errors
    /// [`BundleError`] for anything else.
    pub fn from_json(bytes: &[u8]) -> Result<Self, BundleError> {
        let bundle = wire::read(bytes)?;
        check::consistent(&bundle)?;
        if wire::write(&bundle)? != bytes {
            return Err(BundleError::NotCanonical);
        }
        Ok(bundle)
    }

    /// The bytes of the bundle: canonical JSON.
    ///
    /// # Errors
    /// Only when a field has no JSON form, which none of these lacks.
    pub fn to_json(&self) -> Result<Vec<u8>, BundleError> {
        wire::write(self)
    }

    /// What was built, as the bundle says.
    #[must_use]
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// The record, as the bundle says.
    #[must_use]
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// The attestations, unverified.
    #[must_use]
    pub fn attestations(&self) -> &[Attestation] {
        &self.attestations
    }

    /// The RLP bytes of the header everything was read at.
    #[must_use]
    pub fn header_bytes(&self) -> &[u8] {
        &self.capture.header
    }

    /// The header everything was read at.
    ///
    /// # Errors
    /// Never for a bundle that was read; its header was parsed then.
    pub fn header(&self) -> Result<RawHeader, BundleError> {
        Ok(RawHeader::parse(&self.capture.header)?)
    }

    /// How many storage slots are proven.
    #[must_use]
    pub fn proven_slots(&self) -> usize {
        self.capture.slots.len()
    }

    /// The systems of the images in it and the digests of their manifests, in the order of the record.
    #[must_use]
    pub fn images(&self) -> Vec<(System, Digest)> {
        let images = self.images.iter();
        images
            .filter_map(|image| Some((image.system()?, Digest::of(&image.manifest))))
            .collect()
    }

    /// The digest by which all its images can be asked for at once: that of the only manifest, or of the
    /// canonical index over all of them.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        match self.images.as_slice() {
            [only] => Some(Digest::of(&only.manifest)),
            _ => self.index().map(|bytes| Digest::of(&bytes)),
        }
    }

    /// Whether the image or canonical index with this digest is in it.
    #[must_use]
    pub fn holds(&self, digest: &Digest) -> bool {
        self.document(digest).is_some()
    }

    /// The evidence for the image that was asked for, whose bytes come from the bundle: one image by the digest of
    /// its manifest, all of them by that of their canonical index. Where it holds neither, no image is served.
    #[must_use]
    pub fn evidence(&self, requested: Requested) -> Evidence {
        let document = self.document(requested.digest());
        self.evidence_with(ImageEvidence {
            requested: Some(requested),
            document,
        })
    }

    /// The evidence for an image whose bytes come from elsewhere: one of these images, or a re-packed copy of one.
    #[must_use]
    pub fn evidence_with(&self, image: ImageEvidence) -> Evidence {
        let mut blobs = Blobs::default();
        for bytes in self.evidence.iter().chain(&self.statements) {
            blobs.insert(bytes.clone());
        }
        for image in &self.images {
            blobs.insert(image.manifest.clone());
        }
        let locator = Locator {
            source: self.source.clone(),
            record: self.record.clone(),
        };
        let attestations = self.attestations.iter();
        Evidence {
            image,
            locators: locator.to_json().into_iter().collect(),
            chain: ChainEvidence {
                endpoints: Vec::new(),
                header: Some(self.capture.header.clone()),
                proofs: vec![StateProof {
                    url: ORIGIN.to_owned(),
                    account: self.capture.account.clone(),
                    slots: self.capture.slots.clone(),
                }],
                rules_codes: vec![self.capture.rules_code.clone()],
                captured: true,
            },
            attestations: attestations.flat_map(Attestation::to_json).collect(),
            events: Vec::new(),
            blobs,
        }
    }

    /// The slots a verdict on this bundle needs, whatever image of it is asked for.
    #[must_use]
    pub fn required_slots(&self) -> Vec<B256> {
        slots_of(
            std::iter::once((&self.source, &self.record)),
            self.attestations.iter().map(|one| one.builder),
        )
    }

    fn document(&self, digest: &Digest) -> Option<Document> {
        let mut images = self.images.iter();
        if let Some(image) = images.find(|image| Digest::of(&image.manifest) == *digest) {
            return Some(Document::Manifest(image.served()));
        }
        let bytes = self.index().filter(|bytes| Digest::of(bytes) == *digest)?;
        Some(Document::Index {
            bytes,
            children: self.images.iter().map(BundleImage::served).collect(),
        })
    }

    /// The canonical index over all images; it is never stored.
    fn index(&self) -> Option<Vec<u8>> {
        let children = self.images.iter().map(|image| {
            let manifest = Descriptor::of(media::MANIFEST, &image.manifest);
            Some((image.system()?, manifest))
        });
        let index = ImageIndex::of_systems(children.collect::<Option<_>>()?)?;
        Some(index.to_bytes())
    }
}

impl BundleImage {
    fn system(&self) -> Option<System> {
        ImageConfig::parse(&self.config).ok()?.system()
    }

    fn served(&self) -> ManifestEvidence {
        ManifestEvidence {
            manifest: self.manifest.clone(),
            config: Some(self.config.clone()),
            layers: None,
        }
    }
}
