use seed_image::{Descriptor, ImageIndex, MAX_CONFIG_BYTES, media};
use seed_oci::{Fault as Blame, Manifest, Pointer, Reference, Repository};
use seed_primitives::Digest;
use seed_verdict::{
    Document, ImageEvidence, ManifestEvidence, RejectionCode, Requested, ServedManifest,
};

use super::{Notes, Stop, layers};

/// The image as it was served, and the digests of its image manifests (one, or those of an index).
pub(crate) struct Served {
    pub(crate) evidence: ImageEvidence,
    pub(super) manifests: Vec<Digest>,
}

/// Fetches what a reference means, resolving it exactly once, and with `deep` reads every layer.
pub(crate) async fn serve(
    repository: &Repository,
    reference: &Reference,
    deep: bool,
    notes: &Notes,
) -> Result<Served, Stop> {
    let reader = Reader {
        repository,
        deep,
        notes,
    };
    let served = repository
        .resolve(&reference.pointer)
        .await
        .map_err(|error| Stop::no_image(&error, RejectionCode::ManifestDigestMismatch))?;
    let digest = served.digest();
    let requested = match &reference.pointer {
        Pointer::Digest(digest) => Requested::Digest(*digest),
        Pointer::Tag(tag) => Requested::Tag {
            name: tag.to_string(),
            resolved: digest,
        },
        Pointer::Only => Requested::Tag {
            name: "(the layout's only image)".to_owned(),
            resolved: digest,
        },
    };
    let (document, manifests) = if served.media_type() == media::INDEX {
        reader.index(&served).await?
    } else {
        let manifest = reader.manifest(&served).await?;
        (Document::Manifest(manifest), vec![digest])
    };
    Ok(Served {
        evidence: ImageEvidence {
            requested: Some(requested),
            document: Some(document),
        },
        manifests,
    })
}

struct Reader<'a> {
    repository: &'a Repository,
    deep: bool,
    notes: &'a Notes,
}

impl Reader<'_> {
    async fn index(&self, served: &Manifest) -> Result<(Document, Vec<Digest>), Stop> {
        let index = ImageIndex::parse(served.bytes())
            .map_err(|error| Stop::rejected(RejectionCode::ImageMalformed, error))?;
        let mut children = Vec::new();
        for child in &index.children {
            match self.repository.manifest(&child.manifest.digest).await {
                Ok(manifest) => children.push(self.manifest(&manifest).await?),
                Err(error) if error.fault() == Blame::WrongBytes => {
                    return Err(Stop::rejected(RejectionCode::ManifestDigestMismatch, error));
                }
                Err(error) => self.notes.add(error),
            }
        }
        let document = Document::Index {
            bytes: served.bytes().to_vec(),
            children,
        };
        let digests = index.children.iter().map(|child| child.manifest.digest);
        Ok((document, digests.collect()))
    }

    async fn manifest(&self, served: &Manifest) -> Result<ManifestEvidence, Stop> {
        let bytes = served.bytes().to_vec();
        let read = ServedManifest::parse(&bytes)
            .map_err(|error| Stop::rejected(RejectionCode::ImageMalformed, error))?;
        let config = self.config(&read.manifest.config).await?;
        let layers = match self.deep {
            true => {
                let manifest = &read.manifest;
                layers::read(
                    self.repository,
                    &manifest.layers,
                    !read.attestable,
                    self.notes,
                )
                .await?
            }
            false => None,
        };
        Ok(ManifestEvidence {
            manifest: bytes,
            config,
            layers,
        })
    }

    async fn config(&self, config: &Descriptor) -> Result<Option<Vec<u8>>, Stop> {
        let limit = MAX_CONFIG_BYTES as u64;
        match self.repository.blob(&config.digest, limit).await {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(error) if error.fault() == Blame::WrongBytes => {
                Err(Stop::rejected(RejectionCode::ConfigDigestMismatch, error))
            }
            Err(error) => {
                self.notes.add(error);
                Ok(None)
            }
        }
    }
}
