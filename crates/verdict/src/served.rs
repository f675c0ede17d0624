use std::collections::BTreeMap;

use seed_image::{
    Descriptor, ImageManifest, MAX_BLOB_BYTES, MAX_CONFIG_BYTES, MAX_LAYERS, MAX_MANIFEST_BYTES,
    ReadError, media,
};
use serde::Deserialize;

/// Manifests that copies have: OCI's, and Docker's second schema.
const MANIFESTS: [&str; 2] = [
    media::MANIFEST,
    "application/vnd.docker.distribution.manifest.v2+json",
];
/// What such manifests call the same config.
const CONFIGS: [&str; 2] = [
    media::CONFIG,
    "application/vnd.docker.container.image.v1+json",
];
/// What they call a tar, a gzip and a zstd layer.
const LAYERS: [&str; 6] = [
    media::LAYER_TAR,
    media::LAYER_TAR_ZSTD,
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
];

/// A manifest as it was served: one that builders can have attested, or one that only re-packed copies have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServedManifest {
    /// Its config and layers; only an attestable manifest has a closure.
    pub manifest: ImageManifest,
    /// Whether it is in the one form that builders write.
    pub attestable: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Copy {
    schema_version: u32,
    media_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(default, rename = "annotations")]
    _annotations: BTreeMap<String, String>,
}

impl ServedManifest {
    /// Reads the bytes of an image manifest in the form of builders, else in that of copies (`docs/protocol.md`, §8):
    /// OCI's or Docker's second schema, layers plain, gzip or zstd, and no `urls`, `data` or annotations of layers.
    ///
    /// # Errors
    /// Why it is not in the form of builders, for bytes that are in neither.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReadError> {
        let refused = match ImageManifest::parse(bytes) {
            Ok(manifest) => {
                return Ok(Self {
                    manifest,
                    attestable: true,
                });
            }
            Err(error) => error,
        };
        let manifest = copy(bytes).ok_or(refused)?;
        Ok(Self {
            manifest,
            attestable: false,
        })
    }
}

/// Nothing of a copy's manifest is believed but which bytes it names.
fn copy(bytes: &[u8]) -> Option<ImageManifest> {
    if bytes.len() > MAX_MANIFEST_BYTES {
        return None;
    }
    let copy: Copy = serde_json::from_slice(bytes).ok()?;
    let known = copy.schema_version == 2
        && MANIFESTS.contains(&copy.media_type.as_str())
        && CONFIGS.contains(&copy.config.media_type.as_str());
    let bounded = (1..=MAX_CONFIG_BYTES as u64).contains(&copy.config.size)
        && (1..=MAX_LAYERS).contains(&copy.layers.len());
    let layers = copy.layers.iter().all(|layer| {
        LAYERS.contains(&layer.media_type.as_str()) && (1..=MAX_BLOB_BYTES).contains(&layer.size)
    });
    (known && bounded && layers).then_some(ImageManifest {
        config: copy.config,
        layers: copy.layers,
        closure: None,
    })
}

#[cfg(test)]
mod tests {
    use seed_primitives::Digest;

    use super::*;

    fn attestable() -> ImageManifest {
        ImageManifest {
            config: Descriptor::of(media::CONFIG, b"config"),
            layers: vec![
                Descriptor::of(media::LAYER_TAR_ZSTD, b"one"),
                Descriptor::of(media::LAYER_TAR, b"two"),
            ],
            closure: Some(Digest::of(b"closure")),
        }
    }

    fn text() -> String {
        String::from_utf8(attestable().to_bytes()).unwrap()
    }

    fn docker() -> String {
        text()
            .replace(media::MANIFEST, MANIFESTS[1])
            .replace(media::CONFIG, CONFIGS[1])
            .replace(media::LAYER_TAR_ZSTD, LAYERS[5])
            .replace(
                &format!("{}\"", media::LAYER_TAR),
                "application/vnd.docker.image.rootfs.diff.tar.gzip\"",
            )
    }

    #[test]
    fn what_builders_write_is_attestable_and_copies_are_not() {
        let read = ServedManifest::parse(text().as_bytes()).unwrap();
        assert_eq!((read.manifest, read.attestable), (attestable(), true));
        for copy in [docker(), text().replace("tar+zstd", "tar+gzip")] {
            let read = ServedManifest::parse(copy.as_bytes()).unwrap();
            assert!(!read.attestable, "{copy}");
            assert_eq!(read.manifest.layers.len(), 2);
            // What a copy says about its closure is nobody's word.
            assert_eq!(read.manifest.closure, None);
        }
    }

    #[test]
    fn refuses_what_could_lead_a_reader_elsewhere() {
        let copy = docker();
        let size = r#""size":3}"#;
        let cases = [
            (
                "urls",
                copy.replacen(size, r#""size":3,"urls":["https://a.example"]}"#, 1),
            ),
            ("data", copy.replacen(size, r#""size":3,"data":"YQ=="}"#, 1)),
            (
                "table of contents",
                copy.replacen(size, r#""size":3,"annotations":{"a":"b"}}"#, 1),
            ),
            ("zero size", copy.replacen(size, r#""size":0}"#, 1)),
            (
                "huge size",
                copy.replacen(size, r#""size":18446744073709551615}"#, 1),
            ),
            (
                "foreign",
                copy.replacen("image.rootfs.diff", "image.rootfs.foreign.diff", 1),
            ),
            (
                "a list",
                copy.replacen("manifest.v2", "manifest.list.v2", 1),
            ),
            (
                "schema",
                copy.replacen(r#""schemaVersion":2"#, r#""schemaVersion":1"#, 1),
            ),
            ("subject", copy.replacen('{', r#"{"subject":{},"#, 1)),
            ("artifact", copy.replacen('{', r#"{"artifactType":"a","#, 1)),
            (
                "another config",
                copy.replacen(CONFIGS[1], "application/json", 1),
            ),
            (
                "empty config",
                copy.replacen(r#""size":6}"#, r#""size":0}"#, 1),
            ),
            ("trailing", format!("{copy} x")),
            ("twice", copy.replacen('{', r#"{"schemaVersion":2,"#, 1)),
        ];
        for (name, case) in cases {
            assert_ne!(case, copy, "{name} changed nothing");
            assert!(
                ServedManifest::parse(case.as_bytes()).is_err(),
                "{name}: {case}"
            );
        }
        let mut many = attestable();
        many.layers = vec![many.layers[0].clone(); MAX_LAYERS + 1];
        let many = String::from_utf8(many.to_bytes())
            .unwrap()
            .replace("zstd", "gzip");
        assert!(ServedManifest::parse(many.as_bytes()).is_err());
        // White space is nobody's matter up to the limit, and no byte more is read.
        let mut long = docker();
        long += &" ".repeat(MAX_MANIFEST_BYTES - long.len());
        assert!(ServedManifest::parse(long.as_bytes()).is_ok());
        long.push(' ');
        assert!(ServedManifest::parse(long.as_bytes()).is_err());
    }
}
