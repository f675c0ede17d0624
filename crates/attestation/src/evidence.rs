use seed_primitives::{BuilderId, Digest, ReleaseId, System};
use serde::{Deserialize, Serialize};

use crate::{Descriptor, FormatError, descriptor::SystemAnnotation, media};

const WHAT: &str = "an evidence manifest";
const MAX_BYTES: usize = 1024 * 1024;
/// Four kinds of blob for each of at most 64 systems.
const MAX_LAYERS: usize = 256;

/// What a blob of the evidence is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum LayerKind {
    /// The builder's statement in its DSSE envelope.
    Statement,
    /// The bytes of the image manifest it attests.
    ImageManifest,
    /// The audit report.
    Audit,
    /// The CycloneDX bill of materials.
    Sbom,
}

impl LayerKind {
    const ALL: [Self; 4] = [
        Self::Statement,
        Self::ImageManifest,
        Self::Audit,
        Self::Sbom,
    ];

    /// The media type of the blob.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Statement => media::DSSE,
            Self::ImageManifest => media::IMAGE_MANIFEST_COPY,
            Self::Audit => media::AUDIT,
            Self::Sbom => media::CYCLONEDX,
        }
    }

    fn of(media_type: &str) -> Option<Self> {
        [
            Self::Statement,
            Self::ImageManifest,
            Self::Audit,
            Self::Sbom,
        ]
        .into_iter()
        .find(|kind| kind.media_type() == media_type)
    }
}

/// One blob of the evidence.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EvidenceLayer {
    /// The system it speaks for.
    pub system: System,
    /// What it is.
    pub kind: LayerKind,
    /// The digest of its bytes.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// What one builder shows for one release: an OCI artifact manifest over plain blobs
/// (`docs/protocol.md`, "Evidence manifest").
///
/// Layers strictly ascend by system and kind; every system has one of each kind. The digest
/// of the manifest's bytes is the `evidence` the builder signs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EvidenceManifest {
    layers: Vec<EvidenceLayer>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire {
    schema_version: u32,
    media_type: String,
    artifact_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

/// The tag that keeps an evidence manifest from being collected: `seed-<release hex>-<builder hex>`.
#[must_use]
pub fn evidence_tag(release: &ReleaseId, builder: &BuilderId) -> String {
    format!("seed-{}-{}", release.to_hex(), builder.to_hex())
}

impl EvidenceManifest {
    /// A manifest over `layers`, in any order; they are put in their one order.
    ///
    /// # Errors
    /// When there are none, too many, or a system does not have exactly one of each kind.
    pub fn new(mut layers: Vec<EvidenceLayer>) -> Result<Self, FormatError> {
        layers.sort_by(|a, b| (&a.system, a.kind).cmp(&(&b.system, b.kind)));
        Self::checked(layers)
    }

    /// Reads a manifest: at most 1 MiB, no unknown or duplicate field, no `subject`, layers in their order.
    ///
    /// # Errors
    /// When the bytes are anything else.
    pub fn from_json(bytes: &[u8]) -> Result<Self, FormatError> {
        FormatError::plain(WHAT, bytes, MAX_BYTES)?;
        let wire: Wire = serde_json::from_slice(bytes).map_err(FormatError::json(WHAT))?;
        let empty = Descriptor::of(media::OCI_EMPTY, media::EMPTY_CONFIG);
        if wire.schema_version != 2 || wire.media_type != media::OCI_MANIFEST {
            return Err(FormatError::field(
                WHAT,
                "schemaVersion or mediaType is not an OCI manifest's",
            ));
        }
        if wire.artifact_type != media::EVIDENCE {
            return Err(FormatError::field(
                WHAT,
                format!("artifactType is {:?}", wire.artifact_type),
            ));
        }
        if wire.config != empty {
            return Err(FormatError::field(
                WHAT,
                "config is not the OCI empty descriptor",
            ));
        }
        Self::checked(
            wire.layers
                .into_iter()
                .map(layer)
                .collect::<Result<_, _>>()?,
        )
    }

    /// The bytes whose digest is signed: JSON in the field order of the OCI specification, no white space.
    ///
    /// # Errors
    /// Only when a field has no JSON form, which none of these lacks.
    pub fn to_json(&self) -> Result<Vec<u8>, FormatError> {
        let wire = Wire {
            schema_version: 2,
            media_type: media::OCI_MANIFEST.to_owned(),
            artifact_type: media::EVIDENCE.to_owned(),
            config: Descriptor::of(media::OCI_EMPTY, media::EMPTY_CONFIG),
            layers: self.layers.iter().map(descriptor).collect(),
        };
        serde_json::to_vec(&wire).map_err(FormatError::json(WHAT))
    }

    /// The blobs, ascending by system and kind.
    #[must_use]
    pub fn layers(&self) -> &[EvidenceLayer] {
        &self.layers
    }

    /// The blob of one kind for one system, if the manifest has it.
    #[must_use]
    pub fn layer(&self, system: &System, kind: LayerKind) -> Option<&EvidenceLayer> {
        self.layers
            .iter()
            .find(|layer| layer.system == *system && layer.kind == kind)
    }

    fn checked(layers: Vec<EvidenceLayer>) -> Result<Self, FormatError> {
        if layers.is_empty() || layers.len() > MAX_LAYERS {
            return Err(FormatError::field(WHAT, format!("{} layers", layers.len())));
        }
        for (first, second) in layers.iter().zip(layers.iter().skip(1)) {
            if (&first.system, first.kind) >= (&second.system, second.kind) {
                let why = "layers must strictly ascend by system and kind";
                return Err(FormatError::field(WHAT, why));
            }
        }
        let manifest = Self { layers };
        for layer in &manifest.layers {
            for kind in LayerKind::ALL {
                if manifest.layer(&layer.system, kind).is_none() {
                    let why = format!("{} has no {} layer", layer.system, kind.media_type());
                    return Err(FormatError::field(WHAT, why));
                }
            }
        }
        Ok(manifest)
    }
}

fn layer(descriptor: Descriptor) -> Result<EvidenceLayer, FormatError> {
    let kind = LayerKind::of(&descriptor.media_type).ok_or_else(|| {
        FormatError::field(
            WHAT,
            format!("unknown layer type {:?}", descriptor.media_type),
        )
    })?;
    let system = descriptor
        .annotations
        .ok_or_else(|| FormatError::field(WHAT, "a layer has no dev.nix-seed.system annotation"))?
        .system;
    Ok(EvidenceLayer {
        system,
        kind,
        digest: descriptor.digest,
        size: descriptor.size,
    })
}

fn descriptor(layer: &EvidenceLayer) -> Descriptor {
    Descriptor {
        media_type: layer.kind.media_type().to_owned(),
        digest: layer.digest,
        size: layer.size,
        annotations: Some(SystemAnnotation {
            system: layer.system.clone(),
        }),
    }
}
