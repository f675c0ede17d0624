//! The attested manifests of which an image may be a re-packed copy. None of them is believed: whoever judges holds
//! their digests against the record, and the copy against them.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};
use seed_attestation::{Locator, locator_tag, media};
use seed_image::ImageManifest;
use seed_oci::{MAX_MANIFEST, Repository};
use seed_primitives::Digest;
use seed_verdict::{Document, MAX_LOCATORS, ManifestEvidence, Policy, ServedManifest};

use super::{Notes, artifact, image::Served, locator};

/// The most attested manifests that are fetched for what records name, and the most bytes of each.
const MAX_ORIGINALS: usize = 128;
const MAX_BYTES: usize = 256 * 1024;
/// The most that are fetched in a search, which keeps only those with a wanted config.
const MAX_SEARCHED: usize = 2048;
/// How many tags are listed, and of those that may lead to a release how many are looked at, in each repository.
const MAX_LISTED: usize = 10_000;
const MAX_LOOKED_AT: usize = 256;
/// Requests that are under way at once.
const AT_ONCE: usize = 8;

/// Where originals are looked for: the image's own repository first, then the mirrors.
pub(super) struct Originals<'a> {
    pub(super) repositories: &'a [Repository],
    pub(super) policy: &'a Policy,
    pub(super) notes: &'a Notes,
}

/// What was fetched, by digest; empty for what was not found or not kept.
type Fetched = BTreeMap<Digest, Vec<u8>>;

impl Originals<'_> {
    /// The manifests that the records of `locators` name, where these do not list the image itself.
    ///
    /// With `search`, and where none of them has the same config, every locator in the repositories is looked at, and
    /// those that lead to an image with that config are put before the others.
    pub(super) async fn find(
        &self,
        served: &Served,
        locators: &mut Vec<Vec<u8>>,
        search: bool,
    ) -> Vec<Vec<u8>> {
        let mut wanted = configs(served);
        for record in locators.iter().filter_map(|bytes| self.record(bytes)) {
            wanted.retain(|image, _| !record.contains(image));
        }
        if wanted.is_empty() {
            return Vec::new();
        }
        let wanted: BTreeSet<Digest> = wanted.into_values().collect();
        let mut fetched = Fetched::new();
        for record in locators.iter().filter_map(|bytes| self.record(bytes)) {
            self.fetch(&record, &mut fetched, None).await;
        }
        if search && !wanted.is_subset(&known(&fetched)) {
            self.search(&wanted, locators, &mut fetched).await;
        }
        fetched
            .into_values()
            .filter(|bytes| !bytes.is_empty())
            .collect()
    }

    /// The images that a locator of an expected source lists.
    fn record(&self, bytes: &[u8]) -> Option<Vec<Digest>> {
        let locator = Locator::from_json(bytes).ok()?;
        self.policy
            .expects(&locator.source)
            .then_some(locator.record.digests)
    }

    /// Looks through the locators of every repository.
    async fn search(
        &self,
        wanted: &BTreeSet<Digest>,
        locators: &mut Vec<Vec<u8>>,
        fetched: &mut Fetched,
    ) {
        for repository in self.repositories {
            let mut found = stream::iter(self.tags(repository).await)
                .map(|tag| async move {
                    let kind = media::LOCATOR;
                    let limit = locator::MAX_BYTES;
                    let found = artifact::tagged(repository, &tag, kind, limit).await;
                    self.notes.ok(found).flatten()
                })
                .buffered(AT_ONCE);
            while let Some(bytes) = found.next().await {
                let Some((bytes, record)) = bytes.and_then(|bytes| {
                    let record = self.record(&bytes)?;
                    Some((bytes, record))
                }) else {
                    continue;
                };
                self.fetch(&record, fetched, Some(wanted)).await;
                let leads = |digest| {
                    let config = fetched.get(digest).and_then(|bytes| config(bytes));
                    config.is_some_and(|one| wanted.contains(&one))
                };
                if record.iter().any(leads) && !locators.contains(&bytes) {
                    locators.insert(0, bytes);
                    locators.truncate(MAX_LOCATORS);
                }
                if wanted.is_subset(&known(fetched)) {
                    return;
                }
            }
        }
    }

    /// The tags that are made like those of locators.
    async fn tags(&self, repository: &Repository) -> Vec<String> {
        let listed = repository.tags("seed-", MAX_LISTED).await;
        let Some(listed) = self.notes.ok(listed) else {
            return Vec::new();
        };
        let length = locator_tag(&Digest::of(&[])).len();
        let tags = listed.tags.iter().map(|tag| tag.as_str());
        let tags = tags.filter(|tag| tag.len() == length).map(str::to_owned);
        let mut tags: Vec<String> = tags.collect();
        if listed.truncated || tags.len() > MAX_LOOKED_AT {
            self.notes.add(format!(
                "{} has more locators than are looked through; give the right one with --record",
                repository.place()
            ));
        }
        tags.truncate(MAX_LOOKED_AT);
        tags
    }

    /// Fetches the manifests with these digests that were not fetched before; in a search only one with a wanted
    /// config is kept.
    async fn fetch(
        &self,
        digests: &[Digest],
        fetched: &mut Fetched,
        wanted: Option<&BTreeSet<Digest>>,
    ) {
        let most = if wanted.is_some() {
            MAX_SEARCHED
        } else {
            MAX_ORIGINALS
        };
        let left = most.saturating_sub(fetched.len());
        let new = digests
            .iter()
            .filter(|digest| !fetched.contains_key(*digest));
        let new: Vec<Digest> = new.take(left).copied().collect();
        let found: Vec<_> = stream::iter(new)
            .map(|digest| async move { (digest, self.one(&digest).await) })
            .buffered(AT_ONCE)
            .collect()
            .await;
        for (digest, mut bytes) in found {
            let keep = wanted
                .is_none_or(|wanted| config(&bytes).is_some_and(|config| wanted.contains(&config)));
            if !keep {
                bytes = Vec::new();
            }
            fetched.insert(digest, bytes);
        }
    }

    /// One manifest, from where it is a manifest or, as in evidence, a blob; empty where it is neither.
    async fn one(&self, digest: &Digest) -> Vec<u8> {
        let mut complaint = None;
        for repository in self.repositories {
            let found = match repository.manifest(digest).await {
                Ok(manifest) => Ok(manifest.bytes().clone()),
                Err(error) => {
                    complaint.get_or_insert(error);
                    repository.blob(digest, MAX_MANIFEST).await
                }
            };
            if let Ok(bytes) = found
                && bytes.len() <= MAX_BYTES
            {
                return bytes.to_vec();
            }
        }
        if let Some(complaint) = complaint {
            self.notes.add(complaint);
        }
        Vec::new()
    }
}

/// The digests of the configs of what was fetched.
fn known(fetched: &Fetched) -> BTreeSet<Digest> {
    fetched.values().filter_map(|bytes| config(bytes)).collect()
}

fn config(manifest: &[u8]) -> Option<Digest> {
    Some(ImageManifest::parse(manifest).ok()?.config.digest)
}

/// The images that were served and the digests of their configs.
fn configs(served: &Served) -> BTreeMap<Digest, Digest> {
    let images: &[ManifestEvidence] = match &served.evidence.document {
        Some(Document::Manifest(manifest)) => std::slice::from_ref(manifest),
        Some(Document::Index { children, .. }) => children,
        None => &[],
    };
    images
        .iter()
        .filter_map(|image| {
            let read = ServedManifest::parse(&image.manifest).ok()?;
            Some((Digest::of(&image.manifest), read.manifest.config.digest))
        })
        .collect()
}
