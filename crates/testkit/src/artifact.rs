use seed_attestation::{Descriptor, artifact_manifest};
use seed_oci::{Error, Repository};

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
    let layer = Descriptor::of(kind, &document);
    let about = subject.as_ref().map(|subject| subject.digest);
    let manifest = artifact_manifest(kind, layer, subject);
    repository.push_blob(document).await?;
    if let Some(image) = about {
        repository.push_referrer(&image, manifest.clone()).await?;
    }
    repository.push_manifest(manifest, &[tag.parse()?]).await?;
    Ok(())
}
