use std::{path::Path, time::Duration};

use bytes::Bytes;
use seed_attestation::{Attestation, FormatError, GenesisSignature, media};
use seed_oci::{Error, MAX_TAGS, Repository, Tag};
use seed_primitives::{BuilderId, ReleaseId};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::{Fault, Places, file, places::is_silence};

const MAX_ATTESTATION: u64 = 64 * 1024;
const MAX_GENESIS: u64 = 4 * 1024;
/// The most documents of one kind that are fetched from one place.
const MAX_DOCUMENTS: usize = 2048;

/// What to look for: tags of other releases or builders are not even fetched.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The releases; all where there are none.
    pub releases: Vec<ReleaseId>,
    /// The builders of the rules in force.
    pub builders: Vec<BuilderId>,
}

/// A document and where it was found.
#[derive(Clone, Debug)]
pub struct Found<T> {
    /// The document; parsed, not believed.
    pub document: T,
    /// The file, or place and tag.
    pub origin: String,
}

/// Something in a place that is not what its tag says. Anybody who may write there can put it there.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct RefusedDocument {
    /// Place and tag.
    pub origin: String,
    /// The stable code.
    pub code: &'static str,
    /// What is wrong.
    pub why: String,
}

/// What was found everywhere.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    /// Attestations.
    pub attestations: Vec<Found<Attestation>>,
    /// Genesis signatures.
    pub genesis: Vec<Found<GenesisSignature>>,
    /// What was there and is no document.
    pub refused: Vec<RefusedDocument>,
    /// Places, or documents in them, that could not be asked for: there may be more than was found.
    pub troubles: Vec<String>,
    /// What a reader should know and nobody need do anything about.
    pub notes: Vec<String>,
}

impl Documents {
    /// Reads the files and asks every place, all at the same time and each for at most `patience`.
    ///
    /// # Errors
    /// When a file cannot be read or is malformed: it was named, so it is meant.
    pub async fn collect(
        places: &Places,
        wanted: &Wanted,
        attestations: &[impl AsRef<Path>],
        genesis: &[impl AsRef<Path>],
        patience: Duration,
    ) -> Result<Self, Fault> {
        let mut all = Self::default();
        for path in attestations {
            let read = from_file(
                "the attestation",
                path.as_ref(),
                MAX_ATTESTATION,
                Attestation::from_json,
            )?;
            all.attestations.push(read);
        }
        for path in genesis {
            let read = from_file(
                "the genesis signature",
                path.as_ref(),
                MAX_GENESIS,
                GenesisSignature::from_json,
            )?;
            all.genesis.push(read);
        }
        let mut tasks = JoinSet::new();
        for (at, place) in places.all().iter().enumerate() {
            let (place, wanted) = (place.clone(), wanted.clone());
            tasks.spawn(async move { (at, Self::of_place(&place, &wanted, patience).await) });
        }
        let mut hauls = tasks.join_all().await;
        hauls.sort_by_key(|(at, _)| *at);
        for (_, haul) in hauls {
            all.attestations.extend(haul.attestations);
            all.genesis.extend(haul.genesis);
            all.refused.extend(haul.refused);
            all.troubles.extend(haul.troubles);
            all.notes.extend(haul.notes);
        }
        Ok(all)
    }

    /// What one place has; what was found until its time is up, if it is too slow.
    async fn of_place(place: &Repository, wanted: &Wanted, patience: Duration) -> Self {
        let mut haul = Self::default();
        let gathered = tokio::time::timeout(patience, haul.gather(place, wanted)).await;
        if gathered.is_err() {
            let seconds = patience.as_secs();
            let trouble = format!("{}: not read to the end in {seconds} s", place.place());
            haul.troubles.push(trouble);
        }
        haul
    }

    async fn gather(&mut self, place: &Repository, wanted: &Wanted) {
        for tag in self.tags(place, wanted, "attestation-").await {
            let bytes = fetch(place, &tag, media::ATTESTATION, MAX_ATTESTATION).await;
            if let Some(found) = self.read(place, &tag, bytes, Attestation::from_json) {
                self.attestations.push(found);
            }
        }
        for tag in self.tags(place, wanted, "genesis-").await {
            let bytes = fetch(place, &tag, media::GENESIS, MAX_GENESIS).await;
            if let Some(found) = self.read(place, &tag, bytes, GenesisSignature::from_json) {
                self.genesis.push(found);
            }
        }
    }

    /// The tags `<prefix><release hex>-<builder hex>` that are wanted.
    async fn tags(&mut self, place: &Repository, wanted: &Wanted, prefix: &str) -> Vec<Tag> {
        let found = match place.tags(prefix, MAX_TAGS).await {
            Ok(found) => found,
            Err(error) if error.is_not_found() => {
                let note = format!("{}: nothing is published there yet", place.place());
                if !self.notes.contains(&note) {
                    self.notes.push(note);
                }
                return Vec::new();
            }
            Err(error) => {
                self.trouble(error.to_string());
                return Vec::new();
            }
        };
        let is_wanted = |tag: &Tag| wanted.is_tag(prefix, tag.as_str());
        let mut tags: Vec<Tag> = found.tags.into_iter().filter(is_wanted).collect();
        if found.truncated || tags.len() > MAX_DOCUMENTS {
            self.troubles.push(format!(
                "{}: has more {prefix}… tags than are looked at; name the release with --release",
                place.place()
            ));
            tags.truncate(MAX_DOCUMENTS);
        }
        tags
    }

    /// Notes a trouble once, however often it comes.
    fn trouble(&mut self, why: String) {
        if !self.troubles.contains(&why) {
            self.troubles.push(why);
        }
    }

    fn read<T>(
        &mut self,
        place: &Repository,
        tag: &Tag,
        bytes: Result<Bytes, Error>,
        parse: impl Fn(&[u8]) -> Result<T, FormatError>,
    ) -> Option<Found<T>> {
        let origin = format!("{}:{tag}", place.place());
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) if is_silence(&error) => {
                self.trouble(error.to_string());
                return None;
            }
            Err(error) => {
                let (code, why) = (error.code(), error.to_string());
                self.refused.push(RefusedDocument { origin, code, why });
                return None;
            }
        };
        match parse(&bytes) {
            Ok(document) => Some(Found { document, origin }),
            Err(error) => {
                self.refused.push(RefusedDocument {
                    origin,
                    code: "document-malformed",
                    why: error.to_string(),
                });
                None
            }
        }
    }
}

impl Wanted {
    fn is_tag(&self, prefix: &str, tag: &str) -> bool {
        let Some((release, builder)) = tag
            .strip_prefix(prefix)
            .and_then(|rest| rest.split_once('-'))
        else {
            return false;
        };
        let release = format!("0x{release}").parse::<ReleaseId>();
        let builder = format!("0x{builder}").parse::<BuilderId>();
        let (Ok(release), Ok(builder)) = (release, builder) else {
            return false;
        };
        self.wants(&release) && self.builders.contains(&builder)
    }

    /// Whether a release is looked at.
    #[must_use]
    pub fn wants(&self, release: &ReleaseId) -> bool {
        self.releases.is_empty() || self.releases.contains(release)
    }
}

/// The one layer of the artifact manifest under `tag`, which must be of this type.
async fn fetch(place: &Repository, tag: &Tag, media_type: &str, max: u64) -> Result<Bytes, Error> {
    let manifest = place.resolve_tag(tag).await?;
    let malformed = |why| Error::Malformed {
        place: place.place().to_owned(),
        what: format!("the artifact under tag {tag}"),
        why,
    };
    if manifest.artifact_type() != Some(media_type) {
        return Err(malformed("its artifact type is another".to_owned()));
    }
    let document = manifest.only_layer(media_type).map_err(malformed)?;
    place.blob(&document, max).await
}

fn from_file<T>(
    what: &'static str,
    path: &Path,
    max: u64,
    parse: impl Fn(&[u8]) -> Result<T, FormatError>,
) -> Result<Found<T>, Fault> {
    let bytes = file::read(what, path, max)?;
    let document = parse(&bytes).map_err(|error| Fault::Document {
        file: path.to_owned(),
        why: error.to_string(),
    })?;
    Ok(Found {
        document,
        origin: path.display().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wants_only_tags_of_known_builders_and_named_releases() {
        let builder = seed_testkit::keys::builder("alice");
        let release = format!("0x{}", "ab".repeat(32));
        let mut wanted = Wanted {
            releases: vec![],
            builders: vec![builder],
        };
        let tag = format!("attestation-{}-{}", "ab".repeat(32), builder.to_hex());
        assert!(wanted.is_tag("attestation-", &tag));
        assert!(!wanted.is_tag("genesis-", &tag));
        assert!(!wanted.is_tag("attestation-", &tag.to_uppercase()));
        assert!(!wanted.is_tag("attestation-", &format!("{tag}-x")));
        let stranger = format!("attestation-{}-{}", "ab".repeat(32), "11".repeat(20));
        assert!(!wanted.is_tag("attestation-", &stranger));
        wanted.releases = vec![release.parse().unwrap()];
        assert!(wanted.is_tag("attestation-", &tag));
        wanted.releases = vec![format!("0x{}", "cd".repeat(32)).parse().unwrap()];
        assert!(!wanted.is_tag("attestation-", &tag));
    }
}
