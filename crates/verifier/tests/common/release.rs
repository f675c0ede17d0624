use std::collections::BTreeMap;

use seed_attestation::{Attestation, Locator, media};
use seed_image::{ImageConfig, ImageIndex, ImageManifest, RunConfig, media as image_media};
use seed_oci::Repository;
use seed_primitives::{Compression, Deployment, Digest, Recipe, Source, System};
use seed_testkit::{
    chain::LocalChain,
    push_artifact,
    release::{Image, Release, source},
};

use super::SYSTEMS;

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

    /// Each with its system and closure, as they are signed.
    fn of_systems(&self) -> Vec<Image> {
        let pairs = SYSTEMS.iter().zip(&self.manifests);
        pairs
            .map(|(system, manifest)| Image {
                system: system.parse().unwrap(),
                manifest: manifest.clone(),
                closure: ImageManifest::parse(manifest).unwrap().closure.unwrap(),
            })
            .collect()
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

pub fn recipe() -> Recipe {
    Recipe {
        compression: Compression::TarZstd,
        layering: "repull:40".parse().unwrap(),
        packer: seed_image::PACKER.parse().unwrap(),
        previous: None,
        reissue: 0,
    }
}

impl Scene<'_> {
    /// Publishes images, evidence, attestations and locators of release `number` and records it; the first is
    /// the genesis.
    pub async fn publish(&self, number: u64, signers: &[&str], endorsers: &[&str]) -> Published {
        let (images, recipe) = (Images::new(number), recipe());
        images.push(self.repository, &format!("v{number}")).await;
        let release = Release {
            deployment: self.deployment,
            repository: self.repository,
            source: source(number, &recipe),
            recipe,
            images: images.of_systems(),
        };
        let mut evidence = BTreeMap::new();
        let mut attestations = BTreeMap::new();
        for name in signers.iter().chain(endorsers) {
            let published = release.publish_evidence(name).await.unwrap();
            let attestation = release.attestation(name, published.manifest).unwrap();
            self.publish_attestation(&attestation).await;
            evidence.insert(
                (*name).to_owned(),
                (published.manifest, published.statements),
            );
            attestations.insert(*name, attestation);
        }
        let voted: Vec<_> = signers
            .iter()
            .map(|name| (*name, &attestations[name]))
            .collect();
        let first = number == 1;
        release.record(self.chain, first, &voted).await.unwrap();
        let locator = release.publish_locator(self.chain).await.unwrap();
        Published {
            images,
            source: release.source,
            locator,
            evidence,
        }
    }

    async fn publish_attestation(&self, attestation: &Attestation) {
        let release = attestation.source.release().to_hex();
        let tag = format!("attestation-{release}-{}", attestation.builder.to_hex());
        let document = attestation.to_json().unwrap();
        push_artifact(self.repository, media::ATTESTATION, document, &tag, None)
            .await
            .unwrap();
    }
}
