use std::path::PathBuf;

use seed_attestation::{Attestation, Descriptor, Domain, artifact_manifest, media};
use seed_oci::{
    Credentials, MAX_MANIFEST, MAX_STATEMENT, Options, Place, Pointer, Repository, Tag,
};
use seed_primitives::{BuilderId, Digest, ReleaseId, System};

use crate::{Conflict, Error, pack::StoredImage};

/// One small blob with its type.
#[derive(Clone, Debug)]
pub(crate) struct Blob {
    pub(crate) media_type: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// What a builder puts beside an image.
#[derive(Clone, Debug)]
pub(crate) struct Beside {
    pub(crate) image: StoredImage,
    /// Statement and bill of materials: pushed as referrers too, so that other tools find them.
    pub(crate) referrers: Vec<(&'static str, Blob)>,
}

/// Everything that must be readable before a vote is given away.
#[derive(Clone, Debug)]
pub(crate) struct Publication {
    pub(crate) images: Vec<Beside>,
    /// The index over several images.
    pub(crate) index: Option<Vec<u8>>,
    pub(crate) tag: Option<Tag>,
    /// The blobs of the evidence manifest.
    pub(crate) evidence_blobs: Vec<Blob>,
    pub(crate) evidence: Vec<u8>,
    pub(crate) evidence_tag: Tag,
}

/// The OCI artifact manifest around one blob.
fn artifact(artifact_type: &str, blob: &Blob, subject: Option<Descriptor>) -> Vec<u8> {
    let document = Descriptor::of(blob.media_type, &blob.bytes);
    artifact_manifest(artifact_type, document, subject)
}

/// Opens `place` for writing with the logins of the machine's container tools.
pub(crate) fn open(place: &Place) -> Result<Repository, Error> {
    Ok(Repository::create(place, &options()?)?)
}

/// Opens `place` for reading; a layout must be there.
pub(crate) fn open_existing(place: &Place) -> Result<Repository, Error> {
    Ok(Repository::open(place, &options()?)?)
}

fn options() -> Result<Options, Error> {
    Ok(Options {
        credentials: Credentials::from_environment()?,
        ..Options::default()
    })
}

/// Pushes everything, then reads everything back by digest.
pub(crate) async fn publish(
    repository: &Repository,
    publication: &Publication,
) -> Result<(), Error> {
    repository.push_blob(media::EMPTY_CONFIG.to_vec()).await?;
    let single = publication.images.len() == 1;
    for beside in &publication.images {
        push_image(
            repository,
            &beside.image,
            publication.tag.as_ref().filter(|_| single),
        )
        .await?;
    }
    if let Some(index) = &publication.index {
        repository
            .push_manifest(index.clone(), publication.tag.as_slice())
            .await?;
    }
    for blob in &publication.evidence_blobs {
        repository.push_blob(blob.bytes.clone()).await?;
    }
    let tags = [publication.evidence_tag.clone()];
    repository
        .push_manifest(publication.evidence.clone(), &tags)
        .await?;
    for beside in &publication.images {
        let subject = Descriptor::of(media::OCI_MANIFEST, &beside.image.manifest);
        for (artifact_type, blob) in &beside.referrers {
            let manifest = artifact(artifact_type, blob, Some(subject.clone()));
            repository.push_referrer(&subject.digest, manifest).await?;
        }
    }
    read_back(repository, publication).await
}

/// Pushes one document as an artifact of its own under `tag`, and reads it back.
pub(crate) async fn publish_document(
    repository: &Repository,
    artifact_type: &'static str,
    bytes: &[u8],
    tag: Tag,
) -> Result<(), Error> {
    let blob = Blob {
        media_type: artifact_type,
        bytes: bytes.to_vec(),
    };
    repository.push_blob(media::EMPTY_CONFIG.to_vec()).await?;
    let digest = repository.push_blob(blob.bytes.clone()).await?;
    let manifest = repository
        .push_manifest(artifact(artifact_type, &blob, None), &[tag])
        .await?;
    repository.manifest(&manifest).await?;
    repository.blob(&digest, MAX_STATEMENT).await?;
    Ok(())
}

async fn push_image(
    repository: &Repository,
    image: &StoredImage,
    tag: Option<&Tag>,
) -> Result<(), Error> {
    for layer in &image.layers {
        if !repository.has_blob(&layer.digest).await? {
            repository
                .push_file(&image.blob(&layer.digest), &layer.digest, layer.size)
                .await?;
        }
    }
    repository.push_blob(image.config.clone()).await?;
    repository
        .push_manifest(
            image.manifest.clone(),
            tag.map(std::slice::from_ref).unwrap_or_default(),
        )
        .await?;
    Ok(())
}

/// What a registry says it has counts for nothing; what it serves does. Every fetch checks its digest.
async fn read_back(repository: &Repository, publication: &Publication) -> Result<(), Error> {
    for image in publication.images.iter().map(|beside| &beside.image) {
        repository.manifest(&Digest::of(&image.manifest)).await?;
        repository
            .blob(&Digest::of(&image.config), MAX_MANIFEST)
            .await?;
        for layer in &image.layers {
            let mut stream = repository.blob_stream(&layer.digest, layer.size).await?;
            while stream.chunk().await?.is_some() {}
        }
    }
    if let Some(index) = &publication.index {
        repository.manifest(&Digest::of(index)).await?;
    }
    for blob in &publication.evidence_blobs {
        repository
            .blob(&Digest::of(&blob.bytes), blob.bytes.len() as u64)
            .await?;
    }
    repository
        .manifest(&Digest::of(&publication.evidence))
        .await?;
    Ok(())
}

/// The tag of a builder's document for a release: `<kind>-<release hex>-<builder hex>`.
pub(crate) fn document_tag(
    kind: &str,
    release: &ReleaseId,
    builder: &BuilderId,
) -> Result<Tag, Error> {
    parse_tag(&format!("{kind}-{}-{}", release.to_hex(), builder.to_hex()))
}

pub(crate) fn parse_tag(text: &str) -> Result<Tag, Error> {
    text.parse().map_err(|error| Error::Value {
        place: "tag".to_owned(),
        error,
    })
}

/// Refuses when `repository` already holds an attestation by `builder` for `release` with another digest for
/// one of `systems`: a restored disk has forgotten its journal, the world has not.
pub(crate) async fn refuse_equivocation(
    repository: &Repository,
    builder: BuilderId,
    release: ReleaseId,
    systems: &[(System, Digest)],
) -> Result<(), Error> {
    let tag = document_tag("attestation", &release, &builder)?;
    let manifest = match repository.resolve(&Pointer::Tag(tag)).await {
        Ok(manifest) => manifest,
        Err(error) if error.is_not_found() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let layers = layer_digests(manifest.bytes());
    for digest in layers {
        let bytes = repository.blob(&digest, MAX_STATEMENT).await?;
        let Ok(attestation) = Attestation::from_json(&bytes) else {
            continue;
        };
        // Anybody may write to a tag; only our own valid signature speaks against us.
        let domain = Domain {
            chain_id: attestation.chain_id,
            ledger: attestation.ledger,
        };
        let Ok(verified) = attestation.verify(&domain) else {
            continue;
        };
        if verified.builder() != builder || verified.release() != release {
            continue;
        }
        for entry in &attestation.systems {
            let other = systems
                .iter()
                .find(|(system, digest)| *system == entry.system && *digest != entry.digest);
            if let Some((system, digest)) = other {
                return Err(Error::Equivocation(Box::new(Conflict {
                    place: repository.place().to_owned(),
                    release,
                    system: system.clone(),
                    signed: entry.digest,
                    digest: *digest,
                })));
            }
        }
    }
    Ok(())
}

fn layer_digests(manifest: &[u8]) -> Vec<Digest> {
    let json: serde_json::Value = serde_json::from_slice(manifest).unwrap_or_default();
    let layers = json.get("layers").and_then(serde_json::Value::as_array);
    layers
        .into_iter()
        .flatten()
        .take(4)
        .filter_map(|layer| layer.get("digest")?.as_str()?.parse().ok())
        .collect()
}

/// Where a stored blob lies.
pub(crate) fn blob_path(directory: &std::path::Path, digest: &Digest) -> PathBuf {
    directory.join("blobs").join(digest.to_hex())
}
