use std::collections::BTreeMap;

use seed_image::{ImageConfig, ImageIndex, ImageManifest, Layout, MAX_CONFIG_BYTES};
use seed_oci::{Pointer, Reference, Repository};
use seed_primitives::{Digest, System};

use crate::{Error, publish};

/// The image whose layers are kept where they can be: its place, and the digest that the recipe names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Previous {
    reference: Reference,
    pub(crate) digest: Digest,
}

impl Previous {
    /// Reads `--previous`: an image or an index, by digest, because every builder must mean the same one.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let reference: Reference = text.parse().map_err(|error| Error::Value {
            place: "--previous".to_owned(),
            error,
        })?;
        match reference.pointer {
            Pointer::Digest(digest) => Ok(Self { reference, digest }),
            Pointer::Tag(_) | Pointer::Only => Err(refuse(
                "name the image by digest (…@sha256:…): a tag may mean another image to another builder",
            )),
        }
    }

    /// The layouts of the image, or of each image of the index. Everything is checked against its digest, so
    /// it does not matter who serves it.
    pub(crate) async fn layouts(&self) -> Result<BTreeMap<System, Layout>, Error> {
        let repository = publish::open_existing(&self.reference.place)?;
        let top = repository.manifest(&self.digest).await?;
        let children = match ImageIndex::parse(top.bytes()) {
            Ok(index) => index.children.iter().map(|c| c.manifest.digest).collect(),
            Err(_) => vec![self.digest],
        };
        let mut layouts = BTreeMap::new();
        for digest in children {
            let (system, layout) = layout(&repository, &digest).await?;
            layouts.insert(system, layout);
        }
        Ok(layouts)
    }
}

async fn layout(repository: &Repository, digest: &Digest) -> Result<(System, Layout), Error> {
    let manifest = repository.manifest(digest).await?;
    let unreadable = |error: seed_image::ReadError| refuse(&format!("{digest}: {error}"));
    let manifest = ImageManifest::parse(manifest.bytes()).map_err(unreadable)?;
    let config = repository
        .blob(&manifest.config.digest, MAX_CONFIG_BYTES as u64)
        .await?;
    let system = ImageConfig::parse(&config)
        .map_err(unreadable)?
        .system()
        .ok_or_else(|| refuse(&format!("{digest} is for a platform that is no system")))?;
    Ok((system, Layout::of_config(&config).map_err(unreadable)?))
}

fn refuse(why: &str) -> Error {
    Error::Usage(format!("--previous: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_an_image_by_digest_only() {
        let digest = Digest::of(b"x");
        let previous = Previous::parse(&format!("oci:layout@{digest}")).unwrap();
        assert_eq!(previous.digest, digest);
        for bad in [
            "oci:layout",
            "oci:layout:tag",
            "host.example/r:tag",
            "",
            "x",
        ] {
            assert!(Previous::parse(bad).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn refuses_an_image_that_tells_no_layout_and_one_that_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let place: seed_oci::Place = format!("oci:{}", folder.path().join("l").display())
            .parse()
            .unwrap();
        let repository = publish::open(&place).unwrap();
        let config = ImageConfig {
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
            diff_ids: vec![Digest::of(b"x")],
            run: seed_image::RunConfig::default(),
        };
        let layer = repository.push_blob(b"x".to_vec()).await.unwrap();
        repository.push_blob(config.to_bytes()).await.unwrap();
        let manifest = ImageManifest {
            config: seed_image::Descriptor::of(seed_image::media::CONFIG, &config.to_bytes()),
            layers: vec![seed_image::Descriptor::of(
                seed_image::media::LAYER_TAR,
                b"x",
            )],
            closure: None,
        };
        assert_eq!(manifest.layers[0].digest, layer);
        let digest = repository
            .push_manifest(manifest.to_bytes(), &[])
            .await
            .unwrap();
        let read = async |digest| {
            Previous::parse(&format!("{place}@{digest}"))?
                .layouts()
                .await
        };
        let foreign = read(digest).await.unwrap_err();
        assert!(foreign.to_string().contains("history"), "{foreign}");
        assert!(matches!(
            read(Digest::of(b"nothing")).await,
            Err(Error::Publish(_))
        ));
    }
}
