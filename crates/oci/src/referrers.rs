use bytes::Bytes;
use seed_primitives::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Descriptor, Error, Manifest, manifest::IMAGE_INDEX, text::causes};

/// What refers to an image, as far as the registry says. It may leave any of it out, and anyone may add to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Referrers {
    /// The referrers of the wanted type, in the registry's order, at most as many as were asked for.
    pub descriptors: Vec<Descriptor>,
    /// Whether there were more.
    pub truncated: bool,
}

impl Referrers {
    /// Adds those of `found` that have the wanted type; `false` once `cap` is reached.
    pub(crate) fn add(
        &mut self,
        found: Vec<Descriptor>,
        artifact_type: Option<&str>,
        cap: usize,
    ) -> bool {
        for descriptor in found {
            if artifact_type.is_some() && descriptor.artifact_type.as_deref() != artifact_type {
                continue;
            }
            if self.descriptors.len() == cap {
                self.truncated = true;
                return false;
            }
            self.descriptors.push(descriptor);
        }
        true
    }
}

/// An image index: the answer of a referrers API, the fallback tag, and the `index.json` of a layout.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Index {
    schema_version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    pub(crate) manifests: Vec<Descriptor>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

impl Index {
    pub(crate) fn empty() -> Self {
        Self {
            schema_version: 2,
            media_type: Some(IMAGE_INDEX.to_owned()),
            manifests: Vec::new(),
            other: Map::new(),
        }
    }

    pub(crate) fn parse(place: &str, what: &str, bytes: &[u8]) -> Result<Self, Error> {
        let malformed = |why: String| Error::Malformed {
            place: place.to_owned(),
            what: what.to_owned(),
            why,
        };
        let index: Self =
            serde_json::from_slice(bytes).map_err(|error| malformed(causes(&error)))?;
        let typed = index
            .media_type
            .as_deref()
            .is_none_or(|name| name == IMAGE_INDEX);
        if index.schema_version != 2 || !typed {
            return Err(malformed("it is not an OCI image index".to_owned()));
        }
        Ok(index)
    }

    /// The referrers that the index under the fallback tag holds.
    pub(crate) fn of_fallback(
        place: &str,
        subject: &Digest,
        tagged: &Manifest,
    ) -> Result<Self, Error> {
        Self::parse(
            place,
            &format!("list of referrers of {subject}"),
            tagged.bytes(),
        )
    }

    /// Adds `descriptor` unless it is there; whether anything changed.
    pub(crate) fn add(&mut self, descriptor: Descriptor) -> bool {
        if self.contains(&descriptor.digest) {
            return false;
        }
        self.manifests.push(descriptor);
        true
    }

    pub(crate) fn contains(&self, digest: &Digest) -> bool {
        self.manifests
            .iter()
            .any(|descriptor| descriptor.digest == *digest)
    }

    pub(crate) fn to_bytes(&self, place: &str) -> Result<Bytes, Error> {
        let bytes = serde_json::to_vec(self).map_err(|error| Error::Malformed {
            place: place.to_owned(),
            what: "index".to_owned(),
            why: causes(&error),
        })?;
        Ok(bytes.into())
    }
}

/// Checks that `manifest` is a referrer of `subject`.
pub(crate) fn check_subject(
    place: &str,
    subject: &Digest,
    manifest: &Manifest,
) -> Result<(), Error> {
    if manifest.subject() == Some(*subject) {
        return Ok(());
    }
    Err(Error::Usage {
        place: place.to_owned(),
        what: format!(
            "manifest {} does not name {subject} as its subject",
            manifest.digest()
        ),
        help: "give the artifact manifest a `subject`".to_owned(),
    })
}
