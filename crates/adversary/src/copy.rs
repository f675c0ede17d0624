//! Re-packed copies of released images, and what only looks like one.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use seed_image::{Descriptor, media};
use seed_oci::Repository;
use seed_primitives::Digest;
use serde_json::json;

use crate::{
    Word, World,
    flaw::Flaw,
    images::{COMMAND, Images},
    release::Published,
    words::Words,
};

const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const DOCKER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const DOCKER_ZSTD: &str = "application/vnd.docker.image.rootfs.diff.tar.zstd";
const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A copy. The first five are what tools make of an image when they move it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Copy {
    /// Its layer as a plain tar: still in the form that builders write.
    Tar,
    /// Its layer packed once more, as zstd.
    Zstd,
    /// Its layer as gzip.
    Gzip,
    /// In Docker's form.
    Docker,
    /// In Docker's form with the layer as it was.
    DockerZstd,
    /// Its layer holds something else.
    LayerChanged,
    /// A layer more.
    LayerMore,
    /// The layer of the image for the other system.
    LayerExchanged,
    /// A layer with an annotation.
    Annotated,
    /// A layer of two gzip members.
    Members,
    /// Another config of the same size.
    OtherConfig,
    /// A config that is said to be larger.
    ConfigSize,
    /// A layer that cannot be had.
    LayerWithheld,
    /// The original cannot be had.
    OriginalWithheld,
    /// Of an original that has a layer more than its config.
    OfMoreLayers,
    /// Of an original that gives its config another size.
    OfConfigSize,
}

impl Copy {
    /// What tools make.
    pub(crate) const HONEST: [Self; 5] = [
        Self::Tar,
        Self::Zstd,
        Self::Gzip,
        Self::Docker,
        Self::DockerZstd,
    ];

    /// What is no copy, or cannot be told to be one.
    pub(crate) const LIES: [Self; 11] = [
        Self::LayerChanged,
        Self::LayerMore,
        Self::LayerExchanged,
        Self::Annotated,
        Self::Members,
        Self::OtherConfig,
        Self::ConfigSize,
        Self::LayerWithheld,
        Self::OriginalWithheld,
        Self::OfMoreLayers,
        Self::OfConfigSize,
    ];

    /// What is right to say with every layer read, and without.
    pub(crate) const fn truth(self, deep: bool) -> Words {
        Words::only(match self {
            // What nobody read may be anything.
            _ if !deep => Word::Rejected,
            Self::Tar | Self::Zstd | Self::Gzip | Self::Docker | Self::DockerZstd => Word::Verified,
            Self::LayerWithheld | Self::OriginalWithheld => Word::Undecidable,
            _ => Word::Rejected,
        })
    }

    /// The release of which it is a copy.
    pub(crate) fn original(self, world: &World) -> &Published {
        match self {
            Self::OfMoreLayers => &world.flawed[&Flaw::MoreLayers],
            Self::OfConfigSize => &world.flawed[&Flaw::ConfigSize],
            _ => &world.second,
        }
    }

    /// Whether its original was released under other rules than most.
    pub(crate) const fn is_of_a_flawed(self) -> bool {
        matches!(self, Self::OfMoreLayers | Self::OfConfigSize)
    }

    fn layer(self, images: &Images, at: usize) -> (&'static str, Vec<u8>) {
        let tar = &images.tars[at];
        match self {
            Self::Tar | Self::OtherConfig | Self::ConfigSize => (media::LAYER_TAR, tar.clone()),
            Self::Zstd => {
                let packed = zstd::bulk::compress(tar, 19).unwrap_or_default();
                (media::LAYER_TAR_ZSTD, packed)
            }
            Self::Docker => (DOCKER_GZIP, gzip(tar)),
            Self::DockerZstd => (DOCKER_ZSTD, images.layers[at].clone()),
            Self::LayerChanged => (GZIP, gzip(b"something else")),
            Self::LayerExchanged => (GZIP, gzip(&images.tars[1 - at])),
            Self::Members => {
                let half = tar.len() / 2;
                (GZIP, [gzip(&tar[..half]), gzip(&tar[half..])].concat())
            }
            // Packed otherwise than by any other, so that nobody else misses it.
            Self::LayerWithheld => (GZIP, packed(tar, Compression::none())),
            _ => (GZIP, gzip(tar)),
        }
    }

    fn config(self, images: &Images, at: usize) -> Vec<u8> {
        let config = &images.configs[at];
        if self != Self::OtherConfig {
            return config.clone();
        }
        let text = String::from_utf8_lossy(config);
        text.replacen(COMMAND, "/bin/apq", 1).into_bytes()
    }

    /// Its manifest, with the content type.
    pub(crate) fn document(self, world: &World, at: usize) -> (&'static str, Vec<u8>) {
        let images = &self.original(world).images;
        let docker = matches!(self, Self::Docker | Self::DockerZstd);
        let (kind, config) = match docker {
            true => (DOCKER, DOCKER_CONFIG),
            false => (media::MANIFEST, media::CONFIG),
        };
        let (layer, bytes) = self.layer(images, at);
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": kind,
            "config": Descriptor::of(config, &self.config(images, at)),
            "layers": [Descriptor::of(layer, &bytes)],
        });
        match self {
            Self::LayerMore => {
                manifest["layers"] = json!([manifest["layers"][0], manifest["layers"][0]]);
            }
            Self::Annotated => {
                manifest["layers"][0]["annotations"] = json!({ "org.example.note": "fine" });
            }
            Self::ConfigSize => {
                let size = manifest["config"]["size"].as_u64().unwrap_or_default();
                manifest["config"]["size"] = json!(size + 1);
            }
            _ => {}
        }
        (kind, manifest.to_string().into_bytes())
    }

    /// Parts of the paths of what the registry does not give.
    pub(crate) fn withheld(self, world: &World, at: usize) -> Vec<String> {
        let images = &self.original(world).images;
        match self {
            Self::LayerWithheld => {
                let (_, layer) = self.layer(images, at);
                vec![format!("/blobs/{}", Digest::of(&layer))]
            }
            // Builders keep a copy of it as a blob.
            Self::OriginalWithheld => ["manifests", "blobs"]
                .map(|shelf| format!("/{shelf}/{}", images.manifest(at)))
                .to_vec(),
            _ => Vec::new(),
        }
    }

    /// Pushes what their manifests name.
    ///
    /// # Errors
    /// Those of the registry.
    pub(crate) async fn push(world: &World, repository: &Repository) -> eyre::Result<()> {
        for copy in Self::HONEST.into_iter().chain(Self::LIES) {
            let images = &copy.original(world).images;
            for at in 0..images.configs.len() {
                repository.push_blob(copy.layer(images, at).1).await?;
                repository.push_blob(copy.config(images, at)).await?;
            }
        }
        Ok(())
    }
}

fn gzip(tar: &[u8]) -> Vec<u8> {
    packed(tar, Compression::default())
}

fn packed(tar: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    // Writing to memory does not fail.
    let _ = encoder.write_all(tar);
    encoder.finish().unwrap_or_default()
}
