use std::collections::BTreeMap;

use bytes::Bytes;
use seed_primitives::Digest;
use serde::{Deserialize, de::IgnoredAny};

use crate::{
    Descriptor, Error, MAX_MANIFEST,
    text::{causes, shown},
};

pub(crate) const IMAGE_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// What is asked for: the manifests and indexes of OCI and of Docker's second schema.
pub(crate) const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

/// The raw bytes of a manifest or index, with the digest computed from exactly these bytes.
///
/// Its body names its media type, and is either a manifest or an index, never both (the confusion of
/// CVE-2021-41190). What is in it beyond that is for the caller to parse from [`Manifest::bytes`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Manifest {
    bytes: Bytes,
    digest: Digest,
    media_type: String,
    artifact_type: Option<String>,
    subject: Option<Digest>,
    annotations: BTreeMap<String, String>,
}

/// The members that decide what a document is. A duplicate of any of them is refused by the parser.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline {
    schema_version: u64,
    media_type: String,
    artifact_type: Option<String>,
    config: Option<OutlineConfig>,
    layers: Option<IgnoredAny>,
    manifests: Option<IgnoredAny>,
    subject: Option<OutlineSubject>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OutlineConfig {
    media_type: String,
}

#[derive(Deserialize)]
struct OutlineSubject {
    digest: Digest,
}

/// An artifact manifest as far as it leads to its document.
#[derive(Deserialize)]
struct Artifact {
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: Digest,
}

impl Outline {
    /// Why this is not one manifest or one index.
    fn fault(&self) -> Option<&'static str> {
        let index = self.media_type.contains(".index.") || self.media_type.contains(".list.");
        if self.schema_version != 2 {
            return Some("schemaVersion is not 2");
        }
        match (
            index,
            self.config.is_some() && self.layers.is_some(),
            self.manifests.is_some(),
        ) {
            (true, false, true) if self.config.is_none() && self.layers.is_none() => None,
            (false, true, false) => None,
            (true, ..) => Some("an index has `manifests`, and neither `config` nor `layers`"),
            (false, ..) => Some("a manifest has `config` and `layers`, and no `manifests`"),
        }
    }
}

impl Manifest {
    /// Reads the outline of `bytes`, which came from or go to `place`; `what` names them in errors.
    ///
    /// # Errors
    /// [`Error::TooLarge`] above [`MAX_MANIFEST`]; [`Error::Malformed`] when they are not JSON, do not name
    /// their media type, or are not clearly one manifest or one index.
    pub fn parse(place: &str, what: &str, bytes: Bytes) -> Result<Self, Error> {
        if bytes.len() as u64 > MAX_MANIFEST {
            return Err(Error::TooLarge {
                place: place.to_owned(),
                what: what.to_owned(),
                limit: MAX_MANIFEST,
            });
        }
        let malformed = |why: String| Error::Malformed {
            place: place.to_owned(),
            what: what.to_owned(),
            why,
        };
        let outline: Outline =
            serde_json::from_slice(&bytes).map_err(|error| malformed(causes(&error)))?;
        if let Some(why) = outline.fault() {
            return Err(malformed(why.to_owned()));
        }
        Ok(Self {
            digest: Digest::of(&bytes),
            bytes,
            artifact_type: outline
                .artifact_type
                .or(outline.config.map(|config| config.media_type)),
            media_type: outline.media_type,
            subject: outline.subject.map(|subject| subject.digest),
            annotations: outline.annotations.unwrap_or_default(),
        })
    }

    /// Checks what the HTTP header says against what the body says.
    pub(crate) fn with_content_type(
        self,
        place: &str,
        header: Option<&str>,
    ) -> Result<Self, Error> {
        let said = header
            .and_then(|text| text.split(';').next())
            .map(str::trim);
        match said {
            Some(said) if said != self.media_type => Err(Error::Malformed {
                place: place.to_owned(),
                what: format!("manifest {}", self.digest),
                why: format!(
                    "it was served as `{}` and calls itself `{}`",
                    shown(said),
                    shown(&self.media_type)
                ),
            }),
            _ => Ok(self),
        }
    }

    /// The raw bytes, exactly as stored.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The digest of the bytes, computed here.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The media type that the body names.
    #[must_use]
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// The artifact type; where the body has none, the media type of its config, as OCI says.
    #[must_use]
    pub fn artifact_type(&self) -> Option<&str> {
        self.artifact_type.as_deref()
    }

    /// The digest of the manifest that this one is a referrer of.
    #[must_use]
    pub const fn subject(&self) -> Option<Digest> {
        self.subject
    }

    /// The digest of the document of an artifact manifest: its only layer, which has this media type.
    ///
    /// # Errors
    /// In words, where the layers cannot be read, or are not one of this type.
    pub fn only_layer(&self, media_type: &str) -> Result<Digest, String> {
        let artifact: Artifact =
            serde_json::from_slice(&self.bytes).map_err(|error| error.to_string())?;
        match artifact.layers.as_slice() {
            [layer] if layer.media_type == media_type => Ok(layer.digest),
            _ => Err("it does not have exactly one layer of its type".to_owned()),
        }
    }

    /// A descriptor of this manifest, with its artifact type and annotations.
    #[must_use]
    pub fn descriptor(&self) -> Descriptor {
        Descriptor {
            media_type: self.media_type.clone(),
            digest: self.digest,
            size: self.bytes.len() as u64,
            artifact_type: self.artifact_type.clone(),
            annotations: self.annotations.clone(),
            other: serde_json::Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Manifest, Error> {
        Manifest::parse("here", "manifest", Bytes::copy_from_slice(text.as_bytes()))
    }

    const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"c"},"layers":[]}"#;

    #[test]
    fn hashes_the_bytes_themselves() {
        let manifest = parse(MANIFEST).unwrap();
        assert_eq!(manifest.digest(), Digest::of(MANIFEST.as_bytes()));
        assert_eq!(manifest.descriptor().artifact_type.as_deref(), Some("c"));
    }

    #[test]
    fn refuses_documents_that_are_both_manifest_and_index() {
        for text in [
            "",
            "[]",
            r#"{"schemaVersion":2}"#,
            r#"{"schemaVersion":2,"config":{"mediaType":"c"},"layers":[]}"#,
            r#"{"schemaVersion":1,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"c"},"layers":[]}"#,
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"c"},"layers":[],"manifests":[]}"#,
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","layers":[],"manifests":[]}"#,
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","config":{"mediaType":"c"},"layers":[]}"#,
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}"#,
            r#"{"schemaVersion":2,"mediaType":"a","mediaType":"b","config":{"mediaType":"c"},"layers":[]}"#,
            r#"{"schemaVersion":2,"mediaType":"a","config":{"mediaType":"c"},"layers":[],"layers":[]}"#,
            &format!("{MANIFEST}x"),
        ] {
            assert!(
                matches!(parse(text), Err(Error::Malformed { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn the_document_of_an_artifact_is_its_only_layer_and_of_its_type() {
        let digest = Digest::of(b"document");
        let layer = format!(r#"{{"mediaType":"d","digest":"{digest}","size":8}}"#);
        let of = |layers: &str| {
            let layers = format!(r#""layers":[{layers}]"#);
            parse(&MANIFEST.replace(r#""layers":[]"#, &layers)).unwrap()
        };
        assert_eq!(of(&layer).only_layer("d"), Ok(digest));
        assert!(of(&layer).only_layer("e").is_err());
        assert!(of("").only_layer("d").is_err());
        assert!(of(&format!("{layer},{layer}")).only_layer("d").is_err());
        assert!(of(r#"{"mediaType":"d"}"#).only_layer("d").is_err());
    }

    #[test]
    fn refuses_a_header_that_says_otherwise() {
        let manifest = parse(MANIFEST).unwrap();
        let same = "application/vnd.oci.image.manifest.v1+json; charset=utf-8";
        assert!(
            manifest
                .clone()
                .with_content_type("here", Some(same))
                .is_ok()
        );
        assert!(
            manifest
                .with_content_type("here", Some(IMAGE_INDEX))
                .is_err()
        );
    }
}
