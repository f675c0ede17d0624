use std::collections::BTreeMap;

use seed_primitives::{Digest, canonical_json};
use serde::{Deserialize, Serialize};

use crate::{
    Descriptor, ReadError,
    descriptor::MAX_BLOB_BYTES,
    error::read_json,
    media::{CONFIG, LAYER_TAR, LAYER_TAR_ZSTD, MANIFEST},
};

/// The annotation of a manifest that holds its closure digest (`docs/protocol.md`, "Image digest").
pub const CLOSURE_ANNOTATION: &str = "dev.nix-seed.closure";
/// The most bytes of a manifest that are read: 4 MiB, the limit registries share.
pub const MAX_MANIFEST_BYTES: usize = 4 << 20;
/// The most layers of an image: what common runtimes can mount.
pub const MAX_LAYERS: usize = 127;
/// The most bytes of an image config that are read.
pub const MAX_CONFIG_BYTES: usize = 4 << 20;

/// An OCI image manifest as this project reads and writes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ImageManifest {
    /// The image config, of type [`CONFIG`].
    pub config: Descriptor,
    /// The layers, lowest first: at least one, at most [`MAX_LAYERS`], tar or tar+zstd.
    pub layers: Vec<Descriptor>,
    /// The closure digest of annotation [`CLOSURE_ANNOTATION`], where the manifest has one.
    pub closure: Option<Digest>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire {
    schema_version: u32,
    media_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

impl ImageManifest {
    /// Reads the bytes of an image manifest.
    ///
    /// `mediaType` must be present in the body; there is exactly one config; every layer is `tar` or
    /// `tar+zstd` without URLs or annotations of its own; sizes are bounded by
    /// [`MAX_BLOB_BYTES`](crate::MAX_BLOB_BYTES). Annotations of the manifest other than the closure's are
    /// read over.
    ///
    /// # Errors
    /// [`ReadError`] for anything else, also for unknown or duplicate fields, a `subject` or an
    /// `artifactType` (that is an artifact, not an image).
    pub fn parse(bytes: &[u8]) -> Result<Self, ReadError> {
        let wire: Wire = read_json("manifest", bytes, MAX_MANIFEST_BYTES)?;
        wire.check()?;
        let closure = wire
            .annotations
            .get(CLOSURE_ANNOTATION)
            .map(|text| {
                text.parse::<Digest>().map_err(|_| {
                    ReadError::unexpected(
                        "manifest",
                        "annotations",
                        text,
                        "a closure digest sha256:<hex>",
                    )
                })
            })
            .transpose()?;
        Ok(Self {
            config: wire.config,
            layers: wire.layers,
            closure,
        })
    }

    /// The canonical bytes: sorted keys, no white space. Their SHA-256 is the image digest.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let wire = Wire {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            config: self.config.clone(),
            layers: self.layers.clone(),
            annotations: self
                .closure
                .iter()
                .map(|digest| (CLOSURE_ANNOTATION.to_owned(), digest.to_string()))
                .collect(),
        };
        // Strings, integers and string-keyed maps always have a JSON form.
        canonical_json(&wire).unwrap_or_default()
    }

    /// The image digest: SHA-256 of [`Self::to_bytes`].
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }
}

impl Wire {
    fn check(&self) -> Result<(), ReadError> {
        let unexpected = |field, found: &dyn ToString, expected: &dyn ToString| {
            Err(ReadError::unexpected(
                "manifest",
                field,
                found.to_string(),
                expected.to_string(),
            ))
        };
        if self.schema_version != 2 {
            return unexpected("schemaVersion", &self.schema_version, &2);
        }
        if self.media_type != MANIFEST {
            return unexpected("mediaType", &self.media_type, &MANIFEST);
        }
        if self.config.media_type != CONFIG {
            return unexpected("config.mediaType", &self.config.media_type, &CONFIG);
        }
        if self.config.size == 0 || self.config.size > MAX_CONFIG_BYTES as u64 {
            return unexpected(
                "config.size",
                &self.config.size,
                &format!("1 to {MAX_CONFIG_BYTES}"),
            );
        }
        if self.layers.is_empty() || self.layers.len() > MAX_LAYERS {
            let found = format!("with {} layers", self.layers.len());
            return unexpected("layers", &found, &format!("1 to {MAX_LAYERS}"));
        }
        for layer in &self.layers {
            if layer.media_type != LAYER_TAR && layer.media_type != LAYER_TAR_ZSTD {
                let expected = format!("{LAYER_TAR} or {LAYER_TAR_ZSTD}");
                return unexpected("layers.mediaType", &layer.media_type, &expected);
            }
            if layer.size == 0 || layer.size > MAX_BLOB_BYTES {
                return unexpected(
                    "layers.size",
                    &layer.size,
                    &format!("1 to {MAX_BLOB_BYTES}"),
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> ImageManifest {
        ImageManifest {
            config: Descriptor::of(CONFIG, b"config"),
            layers: vec![
                Descriptor::of(LAYER_TAR_ZSTD, b"one"),
                Descriptor::of(LAYER_TAR, b"two"),
            ],
            closure: Some(Digest::of(b"closure")),
        }
    }

    fn text() -> String {
        String::from_utf8(manifest().to_bytes()).unwrap()
    }

    #[test]
    fn canonical_bytes_round_trip() {
        assert_eq!(
            ImageManifest::parse(&manifest().to_bytes()).unwrap(),
            manifest()
        );
        assert!(text().starts_with(r#"{"annotations":{"dev.nix-seed.closure":"sha256:"#));
    }

    #[test]
    fn closure_annotation_is_optional_and_strict() {
        let without = ImageManifest {
            closure: None,
            ..manifest()
        };
        assert_eq!(ImageManifest::parse(&without.to_bytes()).unwrap(), without);
        let bad = text().replace(&Digest::of(b"closure").to_string(), "sha256:00");
        assert!(ImageManifest::parse(bad.as_bytes()).is_err());
    }

    #[test]
    fn refuses_what_could_mean_two_things() {
        let t = text();
        let media = format!(r#""mediaType":"{MANIFEST}","#);
        let cases = [
            ("no media type", t.replacen(&media, "", 1)),
            (
                "docker",
                t.replacen(
                    MANIFEST,
                    "application/vnd.docker.distribution.manifest.v2+json",
                    1,
                ),
            ),
            (
                "schema 1",
                t.replacen(r#""schemaVersion":2"#, r#""schemaVersion":1"#, 1),
            ),
            (
                "two configs",
                t.replacen(r#""config":"#, r#""config":null,"config":"#, 1),
            ),
            (
                "go spelling",
                t.replacen(r#""layers":"#, r#""Layers":[],"layers":"#, 1),
            ),
            (
                "subject",
                t.replacen(r#""layers":"#, r#""subject":null,"layers":"#, 1),
            ),
            (
                "artifact",
                t.replacen(r#""layers":"#, r#""artifactType":"a/b","layers":"#, 1),
            ),
            (
                "urls",
                t.replacen(
                    r#""size":3}"#,
                    r#""size":3,"urls":["https://a.example"]}"#,
                    1,
                ),
            ),
            (
                "toc",
                t.replacen(r#""size":3}"#, r#""size":3,"annotations":{"a":"b"}}"#, 1),
            ),
            ("gzip", t.replacen("tar+zstd", "tar+gzip", 1)),
            (
                "foreign",
                t.replacen("image.layer.v1", "image.layer.nondistributable.v1", 1),
            ),
            (
                "no layers",
                format!(
                    "{}]{}",
                    &t[..t.find("\"layers\":[").unwrap() + 10],
                    &t[t.find("],\"media").unwrap() + 1..]
                ),
            ),
            ("zero size", t.replacen(r#""size":3}"#, r#""size":0}"#, 1)),
            (
                "negative size",
                t.replacen(r#""size":3}"#, r#""size":-3}"#, 1),
            ),
            (
                "huge size",
                t.replacen(r#""size":3}"#, r#""size":18446744073709551615}"#, 1),
            ),
            (
                "float size",
                t.replacen(r#""size":3}"#, r#""size":3.0}"#, 1),
            ),
            ("trailing", format!("{t} x")),
            ("empty", String::new()),
            ("sha512", t.replacen("sha256:", "sha512:", 2)),
        ];
        for (name, case) in cases {
            assert_ne!(case, t, "{name} changed nothing");
            assert!(
                ImageManifest::parse(case.as_bytes()).is_err(),
                "{name}: {case}"
            );
        }
    }

    #[test]
    fn refuses_too_many_layers_and_too_many_bytes() {
        let many = ImageManifest {
            layers: vec![Descriptor::of(LAYER_TAR, b"x"); MAX_LAYERS + 1],
            ..manifest()
        };
        assert!(ImageManifest::parse(&many.to_bytes()).is_err());
        let long = vec![b' '; MAX_MANIFEST_BYTES + 1];
        assert!(matches!(
            ImageManifest::parse(&long),
            Err(ReadError::TooLong { .. })
        ));
    }
}
