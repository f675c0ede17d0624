use seed_attestation::{Descriptor, Locator, Record, artifact_manifest, locator_tag, media};
use seed_oci::{Error, Options, Place, Repository, Tag};
use seed_primitives::{Digest, Source};
use serde::Serialize;

use crate::Places;

/// Where a locator was put, or why not.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct PublishedLocator {
    /// The place.
    pub place: String,
    /// The image it stands beside.
    pub image: Digest,
    /// Its tag.
    pub tag: String,
    /// What went wrong, if something did.
    pub error: Option<String>,
}

/// Publishes the locator of a recorded release beside each of its images in `place`: as a referrer, and under
/// the tag `seed-<image hex>`. It carries no authority: verifiers recompute everything in it.
pub(crate) async fn publish(
    place: &Place,
    options: &Options,
    source: &Source,
    record: &Record,
    from: &Places,
) -> Vec<PublishedLocator> {
    let locator = Locator {
        source: source.clone(),
        record: record.clone(),
    };
    let mut images = record.digests.clone();
    images.sort();
    images.dedup();
    let mut published = Vec::new();
    for image in images {
        let tag = locator_tag(&image);
        let result = put(place, options, &locator, &image, &tag, from).await;
        published.push(PublishedLocator {
            place: place.to_string(),
            image,
            tag,
            error: result.err(),
        });
    }
    published
}

async fn put(
    place: &Place,
    options: &Options,
    locator: &Locator,
    image: &Digest,
    tag: &str,
    from: &Places,
) -> Result<(), String> {
    let text = |error: Error| error.to_string();
    let repository = Repository::create(place, options).map_err(text)?;
    let subject = subject(&repository, image, from).await?;
    let document = locator.to_json().map_err(|error| error.to_string())?;
    let layer = Descriptor::of(media::LOCATOR, &document);
    let artifact = artifact_manifest(media::LOCATOR, layer, Some(subject));
    let tag: Tag = tag
        .parse()
        .map_err(|error: seed_primitives::ParseError| error.to_string())?;
    repository
        .push_blob(media::EMPTY_CONFIG)
        .await
        .map_err(text)?;
    repository.push_blob(document).await.map_err(text)?;
    repository
        .push_referrer(image, artifact.clone())
        .await
        .map_err(text)?;
    let digest = repository
        .push_manifest(artifact, std::slice::from_ref(&tag))
        .await
        .map_err(text)?;
    // What a registry says it stored counts for nothing; what it serves does.
    let served = repository.resolve_tag(&tag).await.map_err(text)?;
    match served.digest() == digest {
        true => Ok(()),
        false => Err(format!(
            "{}: serves another locator under {tag}",
            repository.place()
        )),
    }
}

/// The image's descriptor; its size is in the manifest's bytes, there or where the builders published.
async fn subject(
    repository: &Repository,
    image: &Digest,
    from: &Places,
) -> Result<Descriptor, String> {
    if let Ok(manifest) = repository.manifest(image).await {
        return Ok(Descriptor::of(media::OCI_MANIFEST, manifest.bytes()));
    }
    match from.manifest(image).await {
        Ok(manifest) => Ok(Descriptor::of(media::OCI_MANIFEST, manifest.bytes())),
        Err(absent) => Err(format!("the image {image} cannot be found: {absent:?}")),
    }
}
