use std::collections::BTreeSet;

use seed_attestation::{Attestation, EvidenceManifest, LayerKind, Locator, media};
use seed_oci::{MAX_MANIFEST, MAX_STATEMENT, Repository};
use seed_primitives::{BuilderId, Digest, ReleaseId, System};
use seed_verdict::Blobs;

use super::{Notes, artifact};

const MAX_ATTESTATION: u64 = 64 * 1024;

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
        let mut found = Vec::new();
        for builder in builders {
            let tag = format!("attestation-{}-{}", release.to_hex(), builder.to_hex());
            for repository in self.repositories {
                let tagged =
                    artifact::tagged(repository, &tag, media::ATTESTATION, MAX_ATTESTATION).await;
                if let Some(bytes) = self.notes.ok(tagged).flatten()
                    && !found.contains(&bytes)
                {
                    found.push(bytes);
                }
            }
        }
        found
    }

    /// The evidence manifests with these digests, and of each the statements and image manifests of `systems`
    /// (of every system where it is not known which are asked for).
    pub(super) async fn evidence(
        &self,
        manifests: &BTreeSet<Digest>,
        systems: &BTreeSet<System>,
        blobs: &mut Blobs,
    ) {
        for digest in manifests {
            let Some(bytes) = self.manifest(digest).await else {
                continue;
            };
            if let Some(manifest) = self.notes.ok(EvidenceManifest::from_json(&bytes)) {
                let wanted = manifest.layers().iter().filter(|layer| {
                    matches!(layer.kind, LayerKind::Statement | LayerKind::ImageManifest)
                        && (systems.is_empty() || systems.contains(&layer.system))
                });
                for layer in wanted {
                    let limit = match layer.kind {
                        LayerKind::ImageManifest => MAX_MANIFEST,
                        _ => MAX_STATEMENT,
                    };
                    if blobs.get(&layer.digest).is_none()
                        && let Some(bytes) = self.blob(&layer.digest, limit).await
                    {
                        blobs.insert(bytes);
                    }
                }
            }
            blobs.insert(bytes);
        }
    }

    async fn manifest(&self, digest: &Digest) -> Option<Vec<u8>> {
        for repository in self.repositories {
            match repository.manifest(digest).await {
                Ok(manifest) => return Some(manifest.bytes().to_vec()),
                Err(error) => self.notes.add(error),
            }
        }
        None
    }

    async fn blob(&self, digest: &Digest, limit: u64) -> Option<Vec<u8>> {
        for repository in self.repositories {
            match repository.blob(digest, limit).await {
                Ok(bytes) => return Some(bytes.to_vec()),
                Err(error) => self.notes.add(error),
            }
        }
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
