use std::{collections::BTreeSet, path::Path};

use seed_primitives::Digest;

use super::Layout;
use crate::{Descriptor, Error, MAX_MANIFEST, Tag, referrers::Index};

const TAG: &str = "org.opencontainers.image.ref.name";
const FILE: &str = "index.json";

/// The `index.json` of a layout: what is in it, by tag and by digest.
#[derive(Debug)]
pub(super) struct LayoutIndex(Index);

fn tag_of(descriptor: &Descriptor) -> Option<Tag> {
    descriptor.annotations.get(TAG)?.parse().ok()
}

impl LayoutIndex {
    /// The one entry with this tag.
    pub(super) fn tagged(&self, place: &str, tag: &Tag) -> Result<Descriptor, Error> {
        let mut found = self
            .0
            .manifests
            .iter()
            .filter(|entry| tag_of(entry).as_ref() == Some(tag));
        match (found.next(), found.next()) {
            (Some(entry), None) => Ok(entry.clone()),
            (Some(_), Some(_)) => Err(Error::Malformed {
                place: place.to_owned(),
                what: FILE.to_owned(),
                why: format!("tag `{tag}` is in it more than once"),
            }),
            (None, _) => Err(Error::NotFound {
                place: place.to_owned(),
                what: format!("tag `{tag}`"),
            }),
        }
    }

    /// The only image or image index, not counting artifacts and lists of referrers.
    pub(super) fn only(&self, place: &str) -> Result<Digest, Error> {
        let images: BTreeSet<Digest> = self
            .0
            .manifests
            .iter()
            .filter(|entry| entry.artifact_type.is_none())
            .filter(|entry| tag_of(entry).is_none_or(|tag| !tag.is_referrers()))
            .map(|entry| entry.digest)
            .collect();
        match (images.first(), images.len()) {
            (Some(digest), 1) => Ok(*digest),
            (None, _) => Err(Error::NotFound {
                place: place.to_owned(),
                what: "image".to_owned(),
            }),
            (_, count) => Err(Error::Usage {
                place: place.to_owned(),
                what: format!("there are {count} images in this layout"),
                help: "say which one, with `:tag` or `@sha256:…`".to_owned(),
            }),
        }
    }

    /// Every tag once, in byte order.
    pub(super) fn tags(&self) -> Vec<Tag> {
        let tags: BTreeSet<Tag> = self.0.manifests.iter().filter_map(tag_of).collect();
        tags.into_iter().collect()
    }

    /// Makes `tags` point at the manifest, and keeps it listed even without any.
    pub(super) fn put(&mut self, descriptor: &Descriptor, tags: &[Tag]) {
        let entries = &mut self.0.manifests;
        entries.retain(|entry| tag_of(entry).is_none_or(|tag| !tags.contains(&tag)));
        if tags.is_empty() {
            if !entries
                .iter()
                .any(|entry| entry.digest == descriptor.digest)
            {
                entries.push(listed(descriptor));
            }
            return;
        }
        entries.retain(|entry| {
            entry.digest != descriptor.digest || entry.annotations.contains_key(TAG)
        });
        for tag in tags {
            let mut entry = listed(descriptor);
            entry.annotations.insert(TAG.to_owned(), tag.to_string());
            entries.push(entry);
        }
    }
}

/// The descriptor as it stands in `index.json`: an image's artifact type is left out, because there it would
/// only repeat its config's media type and make it look like an artifact.
fn listed(descriptor: &Descriptor) -> Descriptor {
    let image = matches!(
        descriptor.artifact_type.as_deref(),
        Some(
            "application/vnd.oci.image.config.v1+json"
                | "application/vnd.docker.container.image.v1+json"
        )
    );
    Descriptor {
        artifact_type: descriptor.artifact_type.clone().filter(|_| !image),
        annotations: std::collections::BTreeMap::new(),
        ..descriptor.clone()
    }
}

impl Layout {
    pub(super) fn index(&self) -> Result<LayoutIndex, Error> {
        let bytes = self.read(Path::new(FILE), FILE, MAX_MANIFEST)?;
        Index::parse(&self.place, FILE, &bytes).map(LayoutIndex)
    }

    pub(super) fn write_index(&self, index: &LayoutIndex) -> Result<(), Error> {
        let bytes = index.0.to_bytes(&self.place)?;
        if bytes.len() as u64 > MAX_MANIFEST {
            return Err(Error::TooLarge {
                place: self.place.clone(),
                what: FILE.to_owned(),
                limit: MAX_MANIFEST,
            });
        }
        self.replace(Path::new(FILE), &bytes)
    }
}
