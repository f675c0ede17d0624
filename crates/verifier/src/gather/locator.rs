use seed_attestation::{Locator, locator_tag, media};
use seed_oci::Repository;
use seed_primitives::Digest;
use seed_verdict::{MAX_LOCATORS, Policy};

use super::{Notes, artifact};

pub(super) const MAX_BYTES: u64 = 64 * 1024;
/// How many referrers of one image are listed before giving up on finding a locator among them.
const MAX_LISTED: usize = 100;

/// Finds what leads from the images to a release: in the image's own repository, which is the first of these, and only
/// where that leads nowhere in the mirrors.
pub(super) async fn find(
    repositories: &[Repository],
    images: &[Digest],
    policy: &Policy,
    notes: &Notes,
) -> Vec<Vec<u8>> {
    let mut search = Search {
        policy,
        notes,
        found: Vec::new(),
    };
    for image in images {
        for repository in repositories {
            search.beside(repository, image).await;
            if search.leads(image) {
                break;
            }
        }
    }
    search.found
}

struct Search<'a> {
    policy: &'a Policy,
    notes: &'a Notes,
    found: Vec<Vec<u8>>,
}

impl Search<'_> {
    /// What one repository has: under the tag made from the digest, and only where that leads nowhere among the
    /// referrers, of which anybody may add any number.
    async fn beside(&mut self, repository: &Repository, image: &Digest) {
        let tag = locator_tag(image);
        let tagged = artifact::tagged(repository, &tag, media::LOCATOR, MAX_BYTES).await;
        self.add(image, self.notes.ok(tagged).flatten());
        if !self.leads(image) {
            self.referrers(repository, image).await;
        }
    }

    async fn referrers(&mut self, repository: &Repository, image: &Digest) {
        let listed = repository
            .referrers(image, Some(media::LOCATOR), MAX_LISTED)
            .await;
        let descriptors = match listed {
            Ok(listed) => listed.descriptors,
            Err(error) if error.is_not_found() => return,
            Err(error) => return self.notes.add(error),
        };
        for descriptor in descriptors.iter().take(MAX_LOCATORS) {
            if self.found.len() >= MAX_LOCATORS {
                return;
            }
            let Some(manifest) = self.notes.ok(repository.manifest(&descriptor.digest).await)
            else {
                continue;
            };
            let document = artifact::document(repository, &manifest, media::LOCATOR, MAX_BYTES);
            self.add(image, self.notes.ok(document.await).flatten());
        }
    }

    /// Whether anything that was found leads from the image to a release of a source that is wanted.
    fn leads(&self, image: &Digest) -> bool {
        self.found.iter().any(|bytes| self.one_leads(bytes, image))
    }

    fn one_leads(&self, bytes: &[u8], image: &Digest) -> bool {
        Locator::from_json(bytes).is_ok_and(|locator| {
            self.policy.expects(&locator.source) && locator.record.digests.contains(image)
        })
    }

    /// Keeps what was found once: what leads somewhere first, the rest while there is room.
    fn add(&mut self, image: &Digest, bytes: Option<Vec<u8>>) {
        let Some(bytes) = bytes.filter(|bytes| !self.found.contains(bytes)) else {
            return;
        };
        if self.one_leads(&bytes, image) {
            self.found.insert(0, bytes);
        } else {
            self.found.push(bytes);
        }
        self.found.truncate(MAX_LOCATORS);
    }
}
