use std::collections::BTreeSet;

use seed_primitives::{Digest, System};
use serde::{Deserialize, Serialize};

use crate::{
    Descriptor, ReadError,
    error::read_json,
    manifest::MAX_MANIFEST_BYTES,
    media::{INDEX, MANIFEST},
};

/// The most children of an index that are read.
pub const MAX_CHILDREN: usize = 64;

/// One runnable image of an index.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IndexChild {
    /// The image manifest.
    pub manifest: Descriptor,
    /// The operating system the index gives it.
    pub os: String,
    /// The OCI architecture the index gives it.
    pub architecture: String,
}

impl IndexChild {
    /// The Nix system of the platform; `None` for a platform that is no system of ours.
    #[must_use]
    pub fn system(&self) -> Option<System> {
        System::from_oci_platform(&self.os, &self.architecture)
    }
}

/// An OCI image index: at least one child, no platform twice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ImageIndex {
    /// The children in the order of the document.
    pub children: Vec<IndexChild>,
}

/// Field order is that of the canonical bytes (`docs/protocol.md`, "Image index").
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire {
    schema_version: u32,
    media_type: String,
    manifests: Vec<WireChild>,
    #[serde(default, skip_serializing)]
    #[allow(
        dead_code,
        reason = "read over, and so not part of the canonical bytes"
    )]
    annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireChild {
    media_type: String,
    digest: Digest,
    size: u64,
    platform: Platform,
    #[serde(default, skip_serializing)]
    #[allow(
        dead_code,
        reason = "read over, and so not part of the canonical bytes"
    )]
    annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Platform {
    architecture: String,
    os: String,
}

impl ImageIndex {
    /// Reads the bytes of an index, canonical or not.
    ///
    /// # Errors
    /// [`ReadError`] when the body names no media type or another one, for unknown or duplicate fields (also
    /// a platform variant), children that are not OCI image manifests, a platform named twice, no children or
    /// more than [`MAX_CHILDREN`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ReadError> {
        let wire: Wire = read_json("index", bytes, MAX_MANIFEST_BYTES)?;
        if wire.schema_version != 2 {
            return Err(ReadError::unexpected(
                "index",
                "schemaVersion",
                wire.schema_version,
                2,
            ));
        }
        if wire.media_type != INDEX {
            return Err(ReadError::unexpected(
                "index",
                "mediaType",
                wire.media_type,
                INDEX,
            ));
        }
        let count = wire.manifests.len();
        if count == 0 || count > MAX_CHILDREN {
            let expected = format!("1 to {MAX_CHILDREN} images");
            return Err(ReadError::unexpected("index", "manifests", count, expected));
        }
        let mut platforms = BTreeSet::new();
        let children = wire
            .manifests
            .into_iter()
            .map(|child| {
                let child = child.check()?;
                let platform = format!("{}/{}", child.os, child.architecture);
                if !platforms.insert(platform.clone()) {
                    return Err(ReadError::unexpected(
                        "index",
                        "platform",
                        platform,
                        "each platform once",
                    ));
                }
                Ok(child)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { children })
    }

    /// An index of one image per system, in ascending order of systems.
    ///
    /// Takes `(system, image manifest)` in any order. Returns `None` for no images, a system twice, or a
    /// system without an OCI platform.
    #[must_use]
    pub fn of_systems(mut images: Vec<(System, Descriptor)>) -> Option<Self> {
        images.sort_by(|(a, _), (b, _)| a.cmp(b));
        let unique: BTreeSet<_> = images.iter().map(|(system, _)| system).collect();
        if images.is_empty() || unique.len() != images.len() {
            return None;
        }
        let children = images
            .iter()
            .map(|(system, manifest)| {
                let (os, architecture) = system.oci_platform()?;
                Some(IndexChild {
                    manifest: manifest.clone(),
                    os: os.to_owned(),
                    architecture: architecture.to_owned(),
                })
            })
            .collect::<Option<_>>()?;
        Some(Self { children })
    }

    /// The canonical form of this index: no white space, fixed key order, children in the order they have.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let manifests = self
            .children
            .iter()
            .map(|child| WireChild {
                media_type: child.manifest.media_type.clone(),
                digest: child.manifest.digest,
                size: child.manifest.size,
                platform: Platform {
                    architecture: child.architecture.clone(),
                    os: child.os.clone(),
                },
                annotations: Default::default(),
            })
            .collect();
        let wire = Wire {
            schema_version: 2,
            media_type: INDEX.to_owned(),
            manifests,
            annotations: Default::default(),
        };
        // Strings and integers always have a JSON form.
        serde_json::to_vec(&wire).unwrap_or_default()
    }

    /// Whether `bytes` are the canonical form: every child a system of ours, ascending, exact bytes.
    #[must_use]
    pub fn is_canonical(bytes: &[u8]) -> bool {
        let Ok(index) = Self::parse(bytes) else {
            return false;
        };
        let Some(images) = index
            .children
            .iter()
            .map(|child| Some((child.system()?, child.manifest.clone())))
            .collect::<Option<Vec<_>>>()
        else {
            return false;
        };
        Self::of_systems(images).is_some_and(|canonical| canonical.to_bytes() == bytes)
    }
}

impl WireChild {
    fn check(self) -> Result<IndexChild, ReadError> {
        if self.media_type != MANIFEST {
            return Err(ReadError::unexpected(
                "index",
                "manifests.mediaType",
                self.media_type,
                MANIFEST,
            ));
        }
        if self.size == 0 || self.size > MAX_MANIFEST_BYTES as u64 {
            let expected = format!("1 to {MAX_MANIFEST_BYTES}");
            return Err(ReadError::unexpected(
                "index",
                "manifests.size",
                self.size,
                expected,
            ));
        }
        Ok(IndexChild {
            manifest: Descriptor {
                media_type: self.media_type,
                digest: self.digest,
                size: self.size,
            },
            os: self.platform.os,
            architecture: self.platform.architecture,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> ImageIndex {
        ImageIndex::of_systems(vec![
            (
                "x86_64-linux".parse().unwrap(),
                Descriptor::of(MANIFEST, b"x"),
            ),
            (
                "aarch64-linux".parse().unwrap(),
                Descriptor::of(MANIFEST, b"a"),
            ),
        ])
        .unwrap()
    }

    #[test]
    fn canonical_bytes_are_exact() {
        let expected = format!(
            r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{{"mediaType":"{MANIFEST}","digest":"{}","size":1,"platform":{{"architecture":"arm64","os":"linux"}}}},{{"mediaType":"{MANIFEST}","digest":"{}","size":1,"platform":{{"architecture":"amd64","os":"linux"}}}}]}}"#,
            Digest::of(b"a"),
            Digest::of(b"x"),
        );
        assert_eq!(String::from_utf8(index().to_bytes()).unwrap(), expected);
        assert_eq!(ImageIndex::parse(expected.as_bytes()).unwrap(), index());
        assert!(ImageIndex::is_canonical(expected.as_bytes()));
    }

    #[test]
    fn tells_canonical_from_readable() {
        let text = String::from_utf8(index().to_bytes()).unwrap();
        let spaced = text.replace(':', ": ").replace("sha256: ", "sha256:");
        let annotated = text.replacen(r#""size":1,"#, r#""size":1,"annotations":{"a":"b"},"#, 1);
        let mut swapped = index();
        swapped.children.reverse();
        for bytes in [
            spaced.into_bytes(),
            annotated.into_bytes(),
            swapped.to_bytes(),
        ] {
            assert!(ImageIndex::parse(&bytes).is_ok());
            assert!(!ImageIndex::is_canonical(&bytes));
        }
    }

    #[test]
    fn refuses_ambiguous_children() {
        let text = String::from_utf8(index().to_bytes()).unwrap();
        let cases = [
            text.replacen("arm64", "amd64", 1),
            text.replacen(r#""os":"linux""#, r#""os":"linux","variant":"v8""#, 1),
            text.replacen(MANIFEST, INDEX, 1),
            text.replacen(INDEX, MANIFEST, 1),
            text.replacen(r#""size":1,"#, r#""size":0,"#, 1),
            text.replacen(r#""size":1,"#, "", 1),
            text.replacen(
                r#","platform":{"architecture":"arm64","os":"linux"}"#,
                "",
                1,
            ),
            text.replacen(r#""manifests""#, r#""Manifests""#, 1),
            format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[]}}"#),
        ];
        for case in cases {
            assert!(ImageIndex::parse(case.as_bytes()).is_err(), "{case}");
        }
    }

    #[test]
    fn an_index_needs_images_and_each_system_once() {
        assert_eq!(ImageIndex::of_systems(vec![]), None);
        let image = (
            "x86_64-linux".parse().unwrap(),
            Descriptor::of(MANIFEST, b"x"),
        );
        assert_eq!(ImageIndex::of_systems(vec![image.clone(), image]), None);
        let other = (
            "riscv64-linux".parse().unwrap(),
            Descriptor::of(MANIFEST, b"x"),
        );
        assert_eq!(ImageIndex::of_systems(vec![other]), None);
    }
}
