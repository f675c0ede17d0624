use seed_attestation::{Locator, locator_tag, media};
use seed_oci::Repository;
use seed_primitives::Digest;
use seed_verdict::{MAX_LOCATORS, Policy};

use super::{Notes, artifact};

pub(super) const MAX_BYTES: u64 = 64 * 1024;
/// How many referrers of one image are listed before giving up on finding a locator among them.
const MAX_LISTED: usize = 100;

/// Finds what leads from the images to a release: first under the tag made from each digest, and only where that
/// leads nowhere among the referrers, of which anybody may add any number.
pub(super) async fn find(
    repository: &Repository,
    images: &[Digest],
    policy: &Policy,
    notes: &Notes,
) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for image in images {
        let tag = locator_tag(image);
        let tagged = artifact::tagged(repository, &tag, media::LOCATOR, MAX_BYTES).await;
        add(&mut found, notes.ok(tagged).flatten());
        if !found.iter().any(|bytes| leads(bytes, image, policy)) {
            referrers(repository, image, notes, &mut found).await;
        }
        if found.len() >= MAX_LOCATORS {
            break;
        }
    }
    found
}

async fn referrers(
    repository: &Repository,
    image: &Digest,
    notes: &Notes,
    found: &mut Vec<Vec<u8>>,
) {
    let listed = repository
        .referrers(image, Some(media::LOCATOR), MAX_LISTED)
        .await;
    let descriptors = match listed {
        Ok(listed) => listed.descriptors,
        Err(error) if error.is_not_found() => return,
        Err(error) => return notes.add(error),
    };
    for descriptor in descriptors.iter().take(MAX_LOCATORS) {
        let Some(manifest) = notes.ok(repository.manifest(&descriptor.digest).await) else {
            continue;
        };
        let document = artifact::document(repository, &manifest, media::LOCATOR, MAX_BYTES).await;
        add(found, notes.ok(document).flatten());
        if found.len() >= MAX_LOCATORS {
            return;
        }
    }
}

/// Whether these bytes lead from the image to a release of a source that is wanted.
fn leads(bytes: &[u8], image: &Digest, policy: &Policy) -> bool {
    Locator::from_json(bytes).is_ok_and(|locator| {
        policy.expects(&locator.source) && locator.record.digests.contains(image)
    })
}

fn add(found: &mut Vec<Vec<u8>>, bytes: Option<Vec<u8>>) {
    if let Some(bytes) = bytes
        && found.len() < MAX_LOCATORS
        && !found.contains(&bytes)
    {
        found.push(bytes);
    }
}
