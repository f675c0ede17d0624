use seed_attestation::media::OCI_MANIFEST;
use seed_oci::{Error, Manifest, Repository, Tag};

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
///
/// The manifest is not believed: the document inside is judged by itself.
pub(super) async fn document(
    repository: &Repository,
    manifest: &Manifest,
    kind: &str,
    limit: u64,
) -> Result<Option<Vec<u8>>, Error> {
    let (OCI_MANIFEST, Ok(digest)) = (manifest.media_type(), manifest.only_layer(kind)) else {
        return Ok(None);
    };
    let bytes = repository.blob(&digest, limit).await?;
    Ok(Some(bytes.to_vec()))
}
