use std::path::{Path, PathBuf};

use alloy_primitives::Address;
use seed_attestation::{Domain, Envelope, EvidenceLayer, EvidenceManifest, LayerKind, Statement};
use seed_image::{ImageConfig, ImageManifest, MAX_CONFIG_BYTES};
use seed_nix::{BuiltOutput, Node, nar_hash};
use seed_oci::{MAX_STATEMENT, Pointer, Reference, Repository};
use seed_primitives::{BuilderId, Digest, System};

use crate::{
    AuditReport, Error,
    disk::{DiskFile, read_tree},
    nix::on_disk,
    pack::StoredImage,
    publish, state,
};

/// One builder's build, as far as it is known here.
pub(super) struct Side {
    pub(super) report: AuditReport,
    pub(super) builder: Option<BuilderId>,
    pub(super) store: Option<PathBuf>,
    pub(super) image: Option<SideImage>,
}

/// An image without its bytes.
pub(super) struct SideImage {
    pub(super) digest: Digest,
    pub(super) manifest: ImageManifest,
    /// The digests of the unpacked layers, where the configuration was to be had.
    pub(super) diff_ids: Option<Vec<Digest>>,
}

impl Side {
    /// Reads a directory of a builder's state, an audit report, or published evidence.
    pub(super) async fn open(
        text: &str,
        system: Option<&System>,
        ledger: Option<(u64, Address)>,
    ) -> Result<Self, Error> {
        let path = Path::new(text);
        if path.is_dir() {
            return Self::of_directory(path);
        }
        if path.exists() {
            return Self::of_report(&state::read(path, AuditReport::MAX_BYTES)?);
        }
        let reference: Reference = text.parse().map_err(|error| Error::Value {
            place: "BUILD".to_owned(),
            error,
        })?;
        let Pointer::Digest(digest) = reference.pointer else {
            return Err(Error::Usage(
                "name published evidence by digest (…@sha256:…): a tag may mean another tomorrow"
                    .to_owned(),
            ));
        };
        let (chain_id, ledger) = ledger.ok_or(Error::Missing("--chain-id and --ledger"))?;
        let repository = publish::open_existing(&reference.place)?;
        Self::of_evidence(&repository, &digest, system, &Domain { chain_id, ledger }).await
    }

    fn of_report(bytes: &[u8]) -> Result<Self, Error> {
        Ok(Self {
            report: AuditReport::from_json(bytes)?,
            builder: None,
            store: None,
            image: None,
        })
    }

    fn of_directory(directory: &Path) -> Result<Self, Error> {
        let side = Self::of_report(&state::read(
            &directory.join("audit.json"),
            AuditReport::MAX_BYTES,
        )?)?;
        let store = directory.join("store");
        let image = StoredImage::load(&directory.join("image"))?;
        Ok(Self {
            store: store.is_dir().then_some(store),
            image: match image {
                Some(image) => Some(SideImage::of(&image.manifest, Some(&image.config))?),
                None => None,
            },
            ..side
        })
    }

    /// Everything here hashes to `digest`, and the statement in it is signed by the builder it names.
    async fn of_evidence(
        repository: &Repository,
        digest: &Digest,
        system: Option<&System>,
        domain: &Domain,
    ) -> Result<Self, Error> {
        let manifest = repository.manifest(digest).await?;
        let evidence = EvidenceManifest::from_json(manifest.bytes())?;
        let system = match system {
            Some(system) => system.clone(),
            None => only_system(&evidence)?,
        };
        let layer = |kind: LayerKind| -> Result<&EvidenceLayer, Error> {
            evidence
                .layer(&system, kind)
                .ok_or_else(|| Error::Usage(format!("the evidence says nothing about {system}")))
        };
        let envelope = layer(LayerKind::Statement)?;
        let envelope = repository.blob(&envelope.digest, MAX_STATEMENT).await?;
        let opened = Envelope::from_json(&envelope)?.open(domain)?;
        let statement = Statement::from_json(opened.payload())?;
        let audit = layer(LayerKind::Audit)?;
        let image = layer(LayerKind::ImageManifest)?;
        let bound = opened.builder() == statement.builder
            && statement.chain_id == domain.chain_id
            && (statement.audit, statement.image) == (audit.digest, image.digest)
            && statement.system == system;
        if !bound {
            return Err(Error::Audit(format!(
                "the evidence {digest} is not what {} signed",
                opened.builder()
            )));
        }
        let report = repository
            .blob(&audit.digest, AuditReport::MAX_BYTES)
            .await?;
        let manifest = repository.blob(&image.digest, MAX_STATEMENT).await?;
        let parsed = parse_manifest(&manifest)?;
        // The configuration is beside the image and not in the evidence: it may be elsewhere.
        let config = repository
            .blob(&parsed.config.digest, MAX_CONFIG_BYTES as u64)
            .await
            .ok();
        Ok(Self {
            builder: Some(opened.builder()),
            image: Some(SideImage::of(&manifest, config.as_deref())?),
            ..Self::of_report(&report)?
        })
    }

    /// Where an output is and what is in it, once that is what the report says; nothing where there is no
    /// store.
    pub(super) fn output(
        &self,
        output: &BuiltOutput,
    ) -> Result<Option<(PathBuf, Node<DiskFile>)>, Error> {
        let Some(store) = &self.store else {
            return Ok(None);
        };
        let place = on_disk(store, &output.path);
        let node = read_tree(&place)?;
        let nar = nar_hash(&node).map_err(Error::file("hash", &place))?;
        if nar != output.nar {
            let (actual, said) = (&nar.digest, &output.nar.digest);
            return Err(super::refuse_other(&output.path, actual, said));
        }
        Ok(Some((place, node)))
    }
}

impl SideImage {
    fn of(manifest: &[u8], config: Option<&[u8]>) -> Result<Self, Error> {
        let diff_ids = config.map(|bytes| {
            ImageConfig::parse(bytes)
                .map(|config| config.diff_ids)
                .map_err(|error| Error::Usage(format!("the image's configuration: {error}")))
        });
        Ok(Self {
            digest: Digest::of(manifest),
            manifest: parse_manifest(manifest)?,
            diff_ids: diff_ids.transpose()?,
        })
    }
}

fn parse_manifest(bytes: &[u8]) -> Result<ImageManifest, Error> {
    ImageManifest::parse(bytes)
        .map_err(|error| Error::Usage(format!("the image's manifest: {error}")))
}

fn only_system(evidence: &EvidenceManifest) -> Result<System, Error> {
    let systems: std::collections::BTreeSet<&System> = evidence
        .layers()
        .iter()
        .map(|layer| &layer.system)
        .collect();
    match systems.into_iter().collect::<Vec<_>>()[..] {
        [only] => Ok(only.clone()),
        [] => Err(Error::Usage("the evidence speaks for no system".to_owned())),
        _ => Err(Error::Missing("--system")),
    }
}
