use seed_attestation::media::OCI_MANIFEST;
use seed_oci::{Error, Manifest, Repository, Tag};
use seed_primitives::Digest;
use serde::Deserialize;

/// An OCI artifact manifest as far as it leads to its one document.
///
/// It is not believed: the document inside is judged by itself.
#[derive(Deserialize)]
struct Artifact {
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: Digest,
}

/// The document with media type `kind` that a tag leads to; `None` where there is no such tag, or where it
/// leads to something else.
pub(super) async fn tagged(
    repository: &Repository,
    tag: &str,
    kind: &str,
    limit: u64,
) -> Result<Option<Vec<u8>>, Error> {
    match repository.resolve_tag(&tag.parse::<Tag>()?).await {
        Ok(manifest) => document(repository, &manifest, kind, limit).await,
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The one document with media type `kind` of an artifact manifest, at most `limit` bytes.
pub(super) async fn document(
    repository: &Repository,
    manifest: &Manifest,
    kind: &str,
    limit: u64,
) -> Result<Option<Vec<u8>>, Error> {
    let artifact = serde_json::from_slice::<Artifact>(manifest.bytes());
    let (OCI_MANIFEST, Ok(artifact)) = (manifest.media_type(), artifact) else {
        return Ok(None);
    };
    match artifact.layers.as_slice() {
        [layer] if layer.media_type == kind => {
            let bytes = repository.blob(&layer.digest, limit).await?;
            Ok(Some(bytes.to_vec()))
        }
        _ => Ok(None),
    }
}
