//! Statement, evidence, signature, publication: in this order, and the attestation last.

use std::{collections::BTreeMap, path::PathBuf};

use seed_attestation::{
    Attestation, Envelope, EvidenceLayer, EvidenceManifest, LayerKind, NixDriver, Run, Statement,
    SystemDigest, evidence_tag, media,
};
use seed_image::{Descriptor, ImageIndex};
use seed_merkle::Leaves;
use seed_oci::Repository;
use seed_primitives::{Digest, System};

use super::{
    Pipeline, Signing,
    record::{BuildRecord, PackRecord, read_record},
};
use crate::{
    AuditReport, Error, Journal, NixVersion,
    pack::StoredImage,
    progress::say,
    publish::{self, Beside, Blob, Publication, document_tag},
    state,
};

/// An SPDX bill of materials; bound by the CycloneDX one, which names its digest.
const SPDX: &str = "application/spdx+json";
/// The most bytes of a bill of materials.
const MAX_BILL_BYTES: u64 = 1 << 30;

impl Pipeline<'_> {
    pub(super) async fn attest(
        &self,
        mut signing: Signing,
        images: BTreeMap<System, StoredImage>,
    ) -> Result<(Digest, PathBuf), Error> {
        let release = self.source.release();
        let builder = signing.key.builder();
        let digests: Vec<(System, Digest)> = images
            .iter()
            .map(|(system, image)| (system.clone(), image.digest()))
            .collect();
        let repositories = signing.repositories()?;
        self.refuse_equivocation(&repositories, &signing, &digests)
            .await?;
        let journal = signing
            .journal
            .take()
            .unwrap_or_else(|| self.work.join("journal"));
        let mut journal = Journal::open(&journal)?;
        for (system, digest) in &digests {
            journal.note(builder, release, system, *digest)?;
        }
        let publication = self.publication(&signing, images)?;
        let evidence = Digest::of(&publication.evidence);
        say(&format!("sign    evidence {evidence} as {builder}"));
        let attestation = self.attestation(&signing, &digests, evidence)?;
        for repository in &repositories {
            say(&format!("publish {}", repository.place()));
            publish::publish(repository, &publication).await?;
        }
        // Everything can be read back: only now the vote leaves.
        let tag = document_tag("attestation", &release, &builder)?;
        for repository in &repositories {
            publish::publish_document(repository, media::ATTESTATION, &attestation, tag.clone())
                .await?;
        }
        let default = || {
            self.work
                .join("releases")
                .join(release.to_hex())
                .join("attestation.json")
        };
        let file = signing.out.unwrap_or_else(default);
        state::write(&file, &attestation)?;
        Ok((evidence, file))
    }

    /// Refuses when a registry holds a contradicting attestation of ours.
    pub(super) async fn refuse_equivocation(
        &self,
        repositories: &[Repository],
        signing: &Signing,
        digests: &[(System, Digest)],
    ) -> Result<(), Error> {
        let (release, builder) = (self.source.release(), signing.key.builder());
        for repository in repositories {
            publish::refuse_equivocation(repository, builder, release, digests).await?;
        }
        Ok(())
    }

    /// Refuses what a Nix with known holes built in an earlier run, before a word of it is in the journal.
    pub(super) fn refuse_vulnerable_build(
        &self,
        system: &System,
        signing: &Signing,
    ) -> Result<(), Error> {
        let Some(record) = self.build_record(system)? else {
            return Ok(());
        };
        let version = version_of(&record)?;
        match version.refusal() {
            Some(Error::NixVulnerable(why)) if signing.forbids(version, self.settings) => {
                let place = self.directory(system);
                Err(Error::NixVulnerable(format!(
                    "{why}; it built {}: remove that folder and build again",
                    place.display()
                )))
            }
            _ => Ok(()),
        }
    }

    fn publication(
        &self,
        signing: &Signing,
        images: BTreeMap<System, StoredImage>,
    ) -> Result<Publication, Error> {
        let index = if images.len() > 1 {
            let children = images.iter().map(|(system, image)| {
                (
                    system.clone(),
                    Descriptor::of(media::OCI_MANIFEST, &image.manifest),
                )
            });
            ImageIndex::of_systems(children.collect()).map(|index| index.to_bytes())
        } else {
            None
        };
        let (mut layers, mut blobs, mut beside) = (Vec::new(), Vec::new(), Vec::new());
        for (system, image) in images {
            let directory = self.directory(&system);
            let audit = state::read(&directory.join("audit.json"), AuditReport::MAX_BYTES)?;
            let bom = state::read(&directory.join("sbom.json"), MAX_BILL_BYTES)?;
            let spdx = state::read(&directory.join("sbom.spdx.json"), MAX_BILL_BYTES)?;
            let statement = self.statement(signing, &system, &image, &audit, &bom)?;
            let parts = [
                (LayerKind::Statement, statement.clone()),
                (LayerKind::ImageManifest, image.manifest.clone()),
                (LayerKind::Audit, audit),
                (LayerKind::Sbom, bom.clone()),
            ];
            for (kind, bytes) in parts {
                layers.push(EvidenceLayer {
                    system: system.clone(),
                    kind,
                    digest: Digest::of(&bytes),
                    size: bytes.len() as u64,
                });
                blobs.push(Blob {
                    media_type: kind.media_type(),
                    bytes,
                });
            }
            // No layer of the evidence: the CycloneDX form, which is one, names its digest.
            let spdx = Blob {
                media_type: SPDX,
                bytes: spdx,
            };
            blobs.push(spdx.clone());
            let referrers = vec![
                (
                    media::IN_TOTO,
                    Blob {
                        media_type: media::DSSE,
                        bytes: statement,
                    },
                ),
                (
                    media::CYCLONEDX,
                    Blob {
                        media_type: media::CYCLONEDX,
                        bytes: bom,
                    },
                ),
                (SPDX, spdx),
            ];
            beside.push(Beside { image, referrers });
        }
        Ok(Publication {
            images: beside,
            index,
            tag: signing.tag.clone(),
            evidence_blobs: blobs,
            evidence: EvidenceManifest::new(layers)?.to_json()?,
            evidence_tag: publish::parse_tag(&evidence_tag(
                &self.source.release(),
                &signing.key.builder(),
            ))?,
        })
    }

    /// The signed statement about one image, as a DSSE envelope.
    fn statement(
        &self,
        signing: &Signing,
        system: &System,
        image: &StoredImage,
        audit: &[u8],
        bom: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let record = self
            .build_record(system)?
            .ok_or(Error::Missing("the build"))?;
        let version = version_of(&record)?;
        if let Some(refusal) = version.refusal()
            && signing.forbids(version, self.settings)
        {
            return Err(refusal);
        }
        let packed: PackRecord = read_record(&self.directory(system).join("packed.json"))?
            .ok_or(Error::Missing("the image"))?;
        let statement = Statement {
            image: image.digest(),
            source: self.source.clone(),
            recipe: self.recipe.clone(),
            system: system.clone(),
            closure: image.closure,
            audit: Digest::of(audit),
            sbom: Digest::of(bom),
            chain_id: signing.domain.chain_id,
            builder: signing.key.builder(),
            nix: NixDriver {
                version: record.nix_version,
                settings: record.settings,
            },
            run: Run {
                id: record.run_id,
                started: record.started,
                finished: packed.finished,
            },
        };
        let payload = statement.to_json()?;
        let signature = signing
            .key
            .sign(&Envelope::digest(&signing.domain, &payload))?;
        Ok(Envelope::new(&signing.domain, payload, signing.key.builder(), signature).to_json()?)
    }

    fn attestation(
        &self,
        signing: &Signing,
        digests: &[(System, Digest)],
        evidence: Digest,
    ) -> Result<Vec<u8>, Error> {
        let leaves = Leaves::new(digests.to_vec()).map_err(seed_attestation::FormatError::from)?;
        let digest = signing.domain.attestation_digest(
            &self.source.release(),
            &leaves.root(),
            &evidence,
            signing.rules,
        );
        let attestation = Attestation {
            source: self.source.clone(),
            systems: digests
                .iter()
                .map(|(system, digest)| SystemDigest {
                    system: system.clone(),
                    digest: *digest,
                })
                .collect(),
            evidence,
            rules: signing.rules,
            chain_id: signing.domain.chain_id,
            ledger: signing.domain.ledger,
            builder: signing.key.builder(),
            signature: signing.key.sign(&digest)?,
        };
        attestation.verify(&signing.domain)?;
        Ok(attestation.to_json()?)
    }
}

/// The Nix that built what `record` speaks of.
fn version_of(record: &BuildRecord) -> Result<NixVersion, Error> {
    let unknown = |()| Error::NixVersion(format!("`{}` is no version", record.nix_version));
    record.nix_version.parse().map_err(unknown)
}
