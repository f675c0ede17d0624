use std::collections::BTreeMap;

use seed_attestation::{
    Attestation, Descriptor, Domain, Envelope, EvidenceLayer, EvidenceManifest, LayerKind, Locator,
    NixDriver, ReleaseData, Run, Statement, SystemDigest, evidence_tag, locator_tag, media,
};
use seed_image::{ImageConfig, ImageIndex, ImageManifest, RunConfig, media as image_media};
use seed_merkle::Leaves;
use seed_oci::Repository;
use seed_primitives::{Compression, Deployment, Digest, Recipe, Source, System};
use seed_testkit::{chain::LocalChain, keys};
use serde_json::json;

use super::SYSTEMS;

pub const URI: &str = "https://example.org/acme/app";

/// The images of one release, one per system, and their index.
pub struct Images {
    pub manifests: Vec<Vec<u8>>,
    pub configs: Vec<Vec<u8>>,
    pub layers: Vec<Vec<u8>>,
    /// The lowest layer of all of them, plain.
    pub base: Vec<u8>,
    pub index: Vec<u8>,
}

impl Images {
    pub fn manifest(&self, at: usize) -> Digest {
        Digest::of(&self.manifests[at])
    }

    pub fn config(&self, at: usize) -> Digest {
        Digest::of(&self.configs[at])
    }

    pub fn layer(&self, at: usize) -> Digest {
        Digest::of(&self.layers[at])
    }

    /// Images whose content differs by `number`.
    pub fn new(number: u64) -> Self {
        let mut images = Self {
            manifests: vec![],
            configs: vec![],
            layers: vec![],
            base: format!("what lies under release {number}")
                .repeat(300)
                .into_bytes(),
            index: vec![],
        };
        let mut children = vec![];
        for name in SYSTEMS {
            let system: System = name.parse().unwrap();
            let tar = format!("the content of release {number} for {name}").repeat(500);
            let layer = zstd::bulk::compress(tar.as_bytes(), 3).unwrap();
            let (os, architecture) = system.oci_platform().unwrap();
            let config = ImageConfig {
                os: os.to_owned(),
                architecture: architecture.to_owned(),
                diff_ids: vec![Digest::of(&images.base), Digest::of(tar.as_bytes())],
                run: RunConfig::default(),
            }
            .to_bytes();
            let manifest = ImageManifest {
                config: seed_image::Descriptor::of(image_media::CONFIG, &config),
                layers: vec![
                    seed_image::Descriptor::of(image_media::LAYER_TAR, &images.base),
                    seed_image::Descriptor::of(image_media::LAYER_TAR_ZSTD, &layer),
                ],
                closure: Some(Digest::of(tar.as_bytes())),
            }
            .to_bytes();
            children.push((
                system,
                seed_image::Descriptor::of(image_media::MANIFEST, &manifest),
            ));
            images.manifests.push(manifest);
            images.configs.push(config);
            images.layers.push(layer);
        }
        images.index = ImageIndex::of_systems(children).unwrap().to_bytes();
        images
    }

    pub async fn push(&self, repository: &Repository, tag: &str) {
        let base = std::iter::once(&self.base);
        for blob in self.layers.iter().chain(&self.configs).chain(base) {
            repository.push_blob(blob.clone()).await.unwrap();
        }
        for manifest in &self.manifests {
            repository
                .push_manifest(manifest.clone(), &[])
                .await
                .unwrap();
        }
        let tags = [tag.parse().unwrap()];
        repository
            .push_manifest(self.index.clone(), &tags)
            .await
            .unwrap();
    }
}

/// A release as it was published and recorded.
pub struct Published {
    pub images: Images,
    pub source: Source,
    pub locator: Locator,
    /// The evidence manifest and the statements of every builder that published, by name.
    pub evidence: BTreeMap<String, (Digest, Vec<Digest>)>,
}

/// Where releases are made.
pub struct Scene<'a> {
    pub deployment: &'a Deployment,
    pub chain: &'a LocalChain,
    pub repository: &'a Repository,
}

pub fn domain(deployment: &Deployment) -> Domain {
    Domain {
        chain_id: deployment.chain_id,
        ledger: deployment.ledger,
    }
}

pub fn recipe() -> Recipe {
    Recipe {
        compression: Compression::TarZstd,
        layering: "repull:40".parse().unwrap(),
        packer: seed_image::PACKER.parse().unwrap(),
        previous: None,
        reissue: 0,
    }
}

pub fn source(number: u64) -> Source {
    Source {
        uri: URI.parse().unwrap(),
        commit: format!("{number:040x}").parse().unwrap(),
        nar_hash: Digest::of(b"tree"),
        flake_lock: Digest::of(b""),
        target: "seed".parse().unwrap(),
        recipe: recipe().digest(),
    }
}

impl Scene<'_> {
    /// Publishes images, evidence, attestations and locators of release `number` and records it; the first is
    /// the genesis.
    pub async fn publish(&self, number: u64, signers: &[&str], endorsers: &[&str]) -> Published {
        let (images, source) = (Images::new(number), source(number));
        images.push(self.repository, &format!("v{number}")).await;
        self.repository
            .push_blob(media::EMPTY_CONFIG)
            .await
            .unwrap();
        let mut evidence = BTreeMap::new();
        let mut attestations = BTreeMap::new();
        for name in signers.iter().chain(endorsers) {
            let published = self.evidence(name, &source, &images).await;
            let attestation = self.attestation(name, &source, &images, published.0);
            let release = source.release().to_hex();
            let tag = format!("attestation-{release}-{}", attestation.builder.to_hex());
            let document = attestation.to_json().unwrap();
            self.artifact(media::ATTESTATION, document, &tag, None)
                .await;
            evidence.insert((*name).to_owned(), published);
            attestations.insert(*name, attestation);
        }
        let voted: Vec<_> = signers
            .iter()
            .map(|name| (*name, &attestations[name]))
            .collect();
        self.record(number, &source, &images, &voted).await;
        let locator = self.locator(&source).await;
        let bytes = locator.to_json().unwrap();
        for at in 0..SYSTEMS.len() {
            let image = images.manifest(at);
            let subject = Descriptor::of(media::OCI_MANIFEST, &images.manifests[at]);
            self.artifact(
                media::LOCATOR,
                bytes.clone(),
                &locator_tag(&image),
                Some(subject),
            )
            .await;
        }
        Published {
            images,
            source,
            locator,
            evidence,
        }
    }

    async fn evidence(
        &self,
        name: &str,
        source: &Source,
        images: &Images,
    ) -> (Digest, Vec<Digest>) {
        let (mut layers, mut statements) = (vec![], vec![]);
        for (at, system) in SYSTEMS.iter().enumerate() {
            let system: System = system.parse().unwrap();
            let manifest = &images.manifests[at];
            let (audit, sbom) = (b"{\"audit\":1}".to_vec(), b"{\"sbom\":1}".to_vec());
            let statement = Statement {
                image: Digest::of(manifest),
                source: source.clone(),
                recipe: recipe(),
                system: system.clone(),
                closure: ImageManifest::parse(manifest).unwrap().closure.unwrap(),
                audit: Digest::of(&audit),
                sbom: Digest::of(&sbom),
                chain_id: self.deployment.chain_id,
                builder: keys::builder(name),
                nix: NixDriver {
                    version: "2.26.3".to_owned(),
                    settings: [("substituters", ""), ("sandbox", "true")]
                        .map(|(key, value)| (key.to_owned(), value.to_owned()))
                        .into(),
                },
                run: Run {
                    id: format!("{name}-1"),
                    started: "2026-01-01T00:00:00Z".to_owned(),
                    finished: "2026-01-01T00:01:00Z".to_owned(),
                },
            };
            let payload = statement.to_json().unwrap();
            let domain = domain(self.deployment);
            let signature = keys::sign(name, &Envelope::digest(&domain, &payload));
            let envelope = Envelope::new(&domain, payload, keys::builder(name), signature);
            let envelope = envelope.to_json().unwrap();
            statements.push(Digest::of(&envelope));
            for (kind, bytes) in [
                (LayerKind::Statement, envelope),
                (LayerKind::ImageManifest, manifest.clone()),
                (LayerKind::Audit, audit),
                (LayerKind::Sbom, sbom),
            ] {
                layers.push(EvidenceLayer {
                    system: system.clone(),
                    kind,
                    digest: Digest::of(&bytes),
                    size: bytes.len() as u64,
                });
                self.repository.push_blob(bytes).await.unwrap();
            }
        }
        let manifest = EvidenceManifest::new(layers).unwrap().to_json().unwrap();
        let tag = evidence_tag(&source.release(), &keys::builder(name))
            .parse()
            .unwrap();
        let digest = self
            .repository
            .push_manifest(manifest, &[tag])
            .await
            .unwrap();
        (digest, statements)
    }

    fn attestation(
        &self,
        name: &str,
        source: &Source,
        images: &Images,
        evidence: Digest,
    ) -> Attestation {
        let (domain, leaves) = (domain(self.deployment), leaves(images));
        let rules = self.deployment.rules;
        let digest = domain.attestation_digest(&source.release(), &leaves.root(), &evidence, rules);
        Attestation {
            source: source.clone(),
            systems: leaves
                .as_slice()
                .iter()
                .map(|(system, digest)| SystemDigest {
                    system: system.clone(),
                    digest: *digest,
                })
                .collect(),
            evidence,
            rules,
            chain_id: domain.chain_id,
            ledger: domain.ledger,
            builder: keys::builder(name),
            signature: keys::sign(name, &digest),
        }
    }

    async fn record(
        &self,
        number: u64,
        source: &Source,
        images: &Images,
        signers: &[(&str, &Attestation)],
    ) {
        let mut submission: Vec<u8> = (0..SYSTEMS.len())
            .flat_map(|at| *images.manifest(at).as_bytes())
            .collect();
        let mut consents = vec![];
        for (name, attestation) in signers {
            let builders = &self.deployment.federation.builders;
            let index = builders.iter().position(|one| one.name == *name).unwrap();
            submission.push(index as u8);
            submission.extend(3_u64.to_be_bytes());
            submission.extend(attestation.evidence.as_bytes());
            submission.extend(attestation.signature.as_bytes());
            let (domain, root) = (domain(self.deployment), leaves(images).root());
            let code = self.deployment.rules_code_hash;
            let digest = domain.genesis_digest(code, &source.release(), &root);
            consents.extend(keys::sign(name, &digest).as_bytes());
        }
        let (wallet, ledger) = (self.chain.wallet().unwrap(), self.deployment.ledger);
        let release = source.release();
        if number == 1 {
            wallet
                .genesis(ledger, &release, &submission, &consents)
                .await
                .unwrap();
        } else {
            wallet
                .finalise(ledger, &release, &submission)
                .await
                .unwrap();
        }
    }

    async fn locator(&self, source: &Source) -> Locator {
        let endpoint = self.chain.endpoint().unwrap();
        let head = endpoint.latest_header().await.unwrap().number;
        let events = endpoint
            .finalised_events(self.deployment.ledger, &source.release(), 0, head)
            .await
            .unwrap();
        Locator {
            source: source.clone(),
            record: ReleaseData::parse(&events[0].data).unwrap().record,
        }
    }

    pub async fn artifact(
        &self,
        kind: &str,
        document: Vec<u8>,
        tag: &str,
        subject: Option<Descriptor>,
    ) {
        push_artifact(self.repository, kind, document, tag, subject).await;
    }
}

/// Pushes a document in its artifact manifest, under a tag and where it has a subject as a referrer.
pub async fn push_artifact(
    repository: &Repository,
    kind: &str,
    document: Vec<u8>,
    tag: &str,
    subject: Option<Descriptor>,
) {
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_MANIFEST,
        "artifactType": kind,
        "config": Descriptor::of(media::OCI_EMPTY, media::EMPTY_CONFIG),
        "layers": [Descriptor::of(kind, &document)],
    });
    repository.push_blob(document).await.unwrap();
    if let Some(subject) = &subject {
        manifest["subject"] = json!(subject);
        let bytes = manifest.to_string().into_bytes();
        repository
            .push_referrer(&subject.digest, bytes)
            .await
            .unwrap();
    }
    let bytes = manifest.to_string().into_bytes();
    repository
        .push_manifest(bytes, &[tag.parse().unwrap()])
        .await
        .unwrap();
}

pub fn leaves(images: &Images) -> Leaves {
    let pairs = SYSTEMS.iter().enumerate();
    Leaves::new(
        pairs
            .map(|(at, system)| (system.parse().unwrap(), images.manifest(at)))
            .collect(),
    )
    .unwrap()
}
