//! Bundles beside the image they are about: under the tag made from its digest, else among its referrers.

use seed_attestation::{Descriptor, artifact_manifest, media};
use seed_oci::{Error, Manifest, Repository, Tag};
use seed_primitives::Digest;
use seed_verdict::{Bundle, MAX_BUNDLE_BYTES};

use super::{Notes, artifact};

/// How many referrers are looked at.
const MAX_LISTED: usize = 16;

/// The tag a bundle is published under beside the image with `digest`: `bundle-<digest hex>`.
fn tag_of(digest: &Digest) -> Result<Tag, Error> {
    Ok(format!("bundle-{}", digest.to_hex()).parse()?)
}

/// The first bundle beside the image with `digest` that can be read and holds it.
pub(crate) async fn find(
    repository: &Repository,
    digest: &Digest,
    notes: &Notes,
) -> Option<Bundle> {
    let limit = MAX_BUNDLE_BYTES as u64;
    let tag = tag_of(digest).ok()?;
    let tagged = artifact::tagged(repository, tag.as_str(), media::BUNDLE, limit).await;
    if let Some(bundle) = read(notes.ok(tagged).flatten(), digest, notes) {
        return Some(bundle);
    }
    let listed = repository.referrers(digest, Some(media::BUNDLE), MAX_LISTED);
    let descriptors = match listed.await {
        Ok(listed) => listed.descriptors,
        Err(error) => {
            notes.add(error);
            return None;
        }
    };
    for descriptor in descriptors.iter().take(MAX_LISTED) {
        let Some(manifest) = notes.ok(repository.manifest(&descriptor.digest).await) else {
            continue;
        };
        let document = artifact::document(repository, &manifest, media::BUNDLE, limit).await;
        if let Some(bundle) = read(notes.ok(document).flatten(), digest, notes) {
            return Some(bundle);
        }
    }
    None
}

fn read(bytes: Option<Vec<u8>>, digest: &Digest, notes: &Notes) -> Option<Bundle> {
    let bundle = notes.ok(Bundle::from_json(&bytes?))?;
    if !bundle.holds(digest) {
        notes.add(format!("a bundle beside {digest} is about another image"));
        return None;
    }
    Some(bundle)
}

/// Publishes a bundle beside `image`, as its referrer and under its tag.
pub(crate) async fn attach(
    repository: &Repository,
    image: &Manifest,
    bundle: Vec<u8>,
) -> Result<Digest, Error> {
    let subject = Descriptor::of(image.media_type(), image.bytes());
    let document = Descriptor::of(media::BUNDLE, &bundle);
    let manifest = artifact_manifest(media::BUNDLE, document, Some(subject));
    repository.push_blob(media::EMPTY_CONFIG).await?;
    repository.push_blob(bundle).await?;
    let digest = repository
        .push_referrer(&image.digest(), manifest.clone())
        .await?;
    let tag = tag_of(&image.digest())?;
    repository.push_manifest(manifest, &[tag]).await?;
    Ok(digest)
}
