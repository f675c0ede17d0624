use std::collections::BTreeSet;

use futures_util::{StreamExt as _, stream};
use seed_attestation::{Attestation, EvidenceManifest, LayerKind, Locator, media};
use seed_oci::{Error, MAX_STATEMENT, Repository};
use seed_primitives::{BuilderId, Digest, ReleaseId, System};
use seed_verdict::Blobs;

use super::{Notes, artifact};

const MAX_ATTESTATION: u64 = 64 * 1024;
/// Requests that are under way at once.
const AT_ONCE: usize = 8;

/// Where evidence is looked for, by digest: the image's own repository first, then the mirrors.
pub(super) struct Places<'a> {
    pub(super) repositories: &'a [Repository],
    pub(super) notes: &'a Notes,
}

impl Places<'_> {
    /// The published attestations of these builders for a release, from every place, without duplicates.
    pub(super) async fn attestations(
        &self,
        release: &ReleaseId,
        builders: &BTreeSet<BuilderId>,
    ) -> Vec<Vec<u8>> {
        let wanted = builders.iter().flat_map(|builder| {
            let tag = format!("attestation-{}-{}", release.to_hex(), builder.to_hex());
            let tagged = move |repository| (repository, tag.clone());
            self.repositories.iter().map(tagged)
        });
        let found: BTreeSet<_> = stream::iter(wanted)
            .map(|(repository, tag)| async move {
                let kind = media::ATTESTATION;
                let found = artifact::tagged(repository, &tag, kind, MAX_ATTESTATION).await;
                self.notes.ok(found).flatten()
            })
            .buffered(AT_ONCE)
            .filter_map(async |found| found)
            .collect()
            .await;
        found.into_iter().collect()
    }

    /// The evidence manifests with these digests, and of each the statements about `systems` (about every system
    /// where it is not known which are asked for). What else a manifest lists is bound by its digest alone.
    pub(super) async fn evidence(
        &self,
        manifests: &BTreeSet<Digest>,
        systems: &BTreeSet<System>,
    ) -> Blobs {
        let found: Vec<_> = stream::iter(manifests)
            .map(|digest| self.one(digest, systems))
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut blobs = Blobs::default();
        for bytes in found.into_iter().flatten() {
            blobs.insert(bytes);
        }
        blobs
    }

    async fn one(&self, digest: &Digest, systems: &BTreeSet<System>) -> Vec<Vec<u8>> {
        let Some(bytes) = self.manifest(digest).await else {
            return Vec::new();
        };
        let mut found = Vec::new();
        if let Some(manifest) = self.notes.ok(EvidenceManifest::from_json(&bytes)) {
            let statements = manifest.layers().iter().filter(|layer| {
                layer.kind == LayerKind::Statement
                    && (systems.is_empty() || systems.contains(&layer.system))
            });
            for layer in statements {
                found.extend(self.blob(&layer.digest).await);
            }
        }
        found.push(bytes);
        found
    }

    async fn manifest(&self, digest: &Digest) -> Option<Vec<u8>> {
        let manifest = async |repository: &Repository| {
            let manifest = repository.manifest(digest).await?;
            Ok(manifest.bytes().to_vec())
        };
        self.first(manifest).await
    }

    async fn blob(&self, digest: &Digest) -> Option<Vec<u8>> {
        let blob = async |repository: &Repository| {
            let bytes = repository.blob(digest, MAX_STATEMENT).await?;
            Ok(bytes.to_vec())
        };
        self.first(blob).await
    }

    /// From the first place that has it. That the others have not is worth a note only where none has.
    async fn first(
        &self,
        get: impl AsyncFn(&Repository) -> Result<Vec<u8>, Error>,
    ) -> Option<Vec<u8>> {
        let mut missing = Vec::new();
        for repository in self.repositories {
            match get(repository).await {
                Ok(bytes) => return Some(bytes),
                Err(error) if error.is_not_found() => missing.push(error),
                Err(error) => self.notes.add(error),
            }
        }
        missing.iter().for_each(|error| self.notes.add(error));
        None
    }
}

/// The evidence that locators and attestations name.
pub(super) fn named(locators: &[Locator], attestations: &[Vec<u8>]) -> BTreeSet<Digest> {
    let recorded = locators
        .iter()
        .flat_map(|locator| locator.record.entries.iter().map(|entry| entry.evidence));
    let attested = attestations
        .iter()
        .filter_map(|bytes| Attestation::from_json(bytes).ok())
        .map(|attestation| attestation.evidence);
    recorded.chain(attested).collect()
}
