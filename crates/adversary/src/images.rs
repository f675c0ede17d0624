use eyre::{OptionExt as _, Result};
use seed_image::{Descriptor, ImageConfig, ImageIndex, ImageManifest, RunConfig, media};
use seed_merkle::Leaves;
use seed_oci::Repository;
use seed_primitives::{Digest, System};

/// The systems of every release, ascending.
pub const SYSTEMS: [&str; 2] = ["aarch64-linux", "x86_64-linux"];

/// What every image runs.
pub(crate) const COMMAND: &str = "/bin/app";

/// What is wrong with the images themselves, whoever signs them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Oddity {
    #[default]
    None,
    /// The manifest has a layer more than the config lists.
    MoreLayers,
    /// The manifest gives the config another size.
    ConfigSize,
    /// The config lists what no layer holds.
    DiffId,
}

/// The images of one release, one per system, and their index.
#[derive(Clone, Debug)]
pub struct Images {
    /// The manifests, by system.
    pub manifests: Vec<Vec<u8>>,
    /// The configs, by system.
    pub configs: Vec<Vec<u8>>,
    /// The one layer of each, by system.
    pub layers: Vec<Vec<u8>>,
    /// What those unpack to.
    pub tars: Vec<Vec<u8>>,
    /// The index.
    pub index: Vec<u8>,
}

impl Images {
    /// Images whose one layer is `content`, different for each system.
    ///
    /// # Errors
    /// Never in practice.
    pub fn new(content: &[u8]) -> Result<Self> {
        Self::odd(content, Oddity::None)
    }

    /// The same with something wrong.
    ///
    /// # Errors
    /// Never in practice.
    pub(crate) fn odd(content: &[u8], oddity: Oddity) -> Result<Self> {
        let (mut manifests, mut configs, mut layers, mut tars, mut children) =
            (vec![], vec![], vec![], vec![], vec![]);
        for name in SYSTEMS {
            let system: System = name.parse()?;
            let tar = [content, name.as_bytes()].concat();
            let layer = zstd::bulk::compress(&tar, 3)?;
            let (os, architecture) = system
                .oci_platform()
                .ok_or_eyre("a system without a platform")?;
            let config = ImageConfig {
                os: os.to_owned(),
                architecture: architecture.to_owned(),
                diff_ids: vec![match oddity {
                    Oddity::DiffId => Digest::of(b"something else"),
                    _ => Digest::of(&tar),
                }],
                run: RunConfig {
                    cmd: vec![COMMAND.to_owned()],
                    ..RunConfig::default()
                },
            }
            .to_bytes();
            let mut descriptor = Descriptor::of(media::CONFIG, &config);
            descriptor.size += u64::from(oddity == Oddity::ConfigSize);
            let count = if oddity == Oddity::MoreLayers { 2 } else { 1 };
            let manifest = ImageManifest {
                config: descriptor,
                layers: vec![Descriptor::of(media::LAYER_TAR_ZSTD, &layer); count],
                closure: Some(Digest::of(&tar)),
            }
            .to_bytes();
            children.push((system, Descriptor::of(media::MANIFEST, &manifest)));
            manifests.push(manifest);
            configs.push(config);
            layers.push(layer);
            tars.push(tar);
        }
        let index = ImageIndex::of_systems(children)
            .ok_or_eyre("systems without platforms")?
            .to_bytes();
        Ok(Self {
            manifests,
            configs,
            layers,
            tars,
            index,
        })
    }

    /// The digest of the manifest for system number `at`.
    #[must_use]
    pub fn manifest(&self, at: usize) -> Digest {
        Digest::of(&self.manifests[at])
    }

    /// The digest of the index.
    #[must_use]
    pub fn index(&self) -> Digest {
        Digest::of(&self.index)
    }

    /// The leaves of the release's tree.
    ///
    /// # Errors
    /// Never in practice.
    pub fn leaves(&self) -> Result<Leaves> {
        let pairs = SYSTEMS.iter().enumerate();
        let pairs = pairs.map(|(at, system)| Ok((system.parse()?, self.manifest(at))));
        Ok(Leaves::new(pairs.collect::<Result<_>>()?)?)
    }

    /// Pushes everything, the index under `tag`.
    ///
    /// # Errors
    /// Those of the registry.
    pub async fn push(&self, repository: &Repository, tag: &str) -> Result<()> {
        for blob in self.layers.iter().chain(&self.configs) {
            repository.push_blob(blob.clone()).await?;
        }
        for manifest in &self.manifests {
            repository.push_manifest(manifest.clone(), &[]).await?;
        }
        repository
            .push_manifest(self.index.clone(), &[tag.parse()?])
            .await?;
        Ok(())
    }
}
