use seed_attestation::{Descriptor, media};
use seed_oci::{Error, Repository};
use serde_json::json;

/// Pushes a document of media type `kind` in its artifact manifest, under `tag` and, where there is a `subject`, as its
/// referrer. The empty config must be there already.
///
/// # Errors
/// When the place refuses, or `tag` is none.
pub async fn push_artifact(
    repository: &Repository,
    kind: &str,
    document: Vec<u8>,
    tag: &str,
    subject: Option<Descriptor>,
) -> Result<(), Error> {
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_MANIFEST,
        "artifactType": kind,
        "config": Descriptor::of(media::OCI_EMPTY, media::EMPTY_CONFIG),
        "layers": [Descriptor::of(kind, &document)],
    });
    repository.push_blob(document).await?;
    if let Some(subject) = &subject {
        manifest["subject"] = json!(subject);
        let bytes = manifest.to_string().into_bytes();
        repository.push_referrer(&subject.digest, bytes).await?;
    }
    let bytes = manifest.to_string().into_bytes();
    repository.push_manifest(bytes, &[tag.parse()?]).await?;
    Ok(())
}
