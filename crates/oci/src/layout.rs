mod blobs;
mod index;
mod lock;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use seed_primitives::Digest;
use serde::Deserialize;

use crate::{
    BlobStream, Error, Manifest, Referrers, Tag, TagList,
    archive::Archive,
    blob::Source,
    referrers::{Index, check_subject},
    text::causes,
};

const MARKER: &str = "oci-layout";
const MARKER_BYTES: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// An OCI image layout: a folder with `oci-layout`, `index.json` and `blobs/sha256/<hex>`.
///
/// Tags are `org.opencontainers.image.ref.name` annotations in `index.json`. Every file is written beside its
/// place and renamed, so that a reader or a crash never sees half of one; writers of the index take turns by a
/// lock on `oci-layout`. Symbolic links inside the layout are refused, so that it cannot lead out of itself.
///
/// A tar archive of such a folder is read without being unpacked, and never written.
#[derive(Clone, Debug)]
pub struct Layout {
    files: Files,
    place: String,
}

/// Where the files of a layout are.
#[derive(Clone, Debug)]
enum Files {
    Folder(PathBuf),
    Archive(Archive),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marker {
    image_layout_version: String,
}

impl Layout {
    /// Opens the layout in `folder`, a path that may itself be a symbolic link.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such folder, [`Error::Usage`] when it is no layout,
    /// [`Error::Storage`] when it cannot be read (a loop of symbolic links, no permission).
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let shown = place_of(folder);
        let canonical = match fs::canonicalize(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::NotFound {
                    place: shown,
                    what: "such folder".to_owned(),
                });
            }
            result => result.map_err(|error| storage(&shown, "open the folder", &error))?,
        };
        let layout = Self {
            files: Files::Folder(canonical),
            place: shown,
        };
        layout.check_marker()?;
        Ok(layout)
    }

    /// Opens the layout in the tar archive `file`, for reading. It is read once, header by header.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such file, [`Error::Archive`] when it is no archive of a layout,
    /// [`Error::Usage`] when it is no file, [`Error::Storage`] when it cannot be read.
    pub fn open_archive(file: &Path) -> Result<Self, Error> {
        let place = crate::Place::Archive(file.to_owned()).to_string();
        let layout = Self {
            files: Files::Archive(Archive::open(file, &place)?),
            place,
        };
        layout.check_marker()?;
        Ok(layout)
    }

    /// Opens the layout in `folder`, or makes an empty one where there is nothing or an empty folder.
    ///
    /// # Errors
    /// [`Error::Usage`] when the folder holds something else; [`Error::Storage`] when it cannot be made.
    pub fn create(folder: &Path) -> Result<Self, Error> {
        let shown = place_of(folder);
        let failed = |error: io::Error| storage(&shown, "make the layout", &error);
        fs::create_dir_all(folder).map_err(failed)?;
        if !folder.join(MARKER).exists() {
            let foreign = fs::read_dir(folder)
                .map_err(failed)?
                .filter_map(Result::ok)
                .any(|entry| !is_ours(&entry.file_name().to_string_lossy()));
            if foreign {
                return Err(not_a_layout(&shown, "it holds other files"));
            }
            fs::create_dir_all(folder.join("blobs/sha256")).map_err(failed)?;
            // The marker comes last: a folder that has it is complete.
            let index = Index::empty().to_bytes(&shown)?;
            blobs::write_new(folder, "index.json", &index).map_err(failed)?;
            blobs::write_new(folder, MARKER, MARKER_BYTES).map_err(failed)?;
        }
        Self::open(folder)
    }

    fn check_marker(&self) -> Result<(), Error> {
        let bytes = match self.read(Path::new(MARKER), "layout", 1 << 10) {
            Err(error) if error.is_not_found() => {
                return Err(not_a_layout(&self.place, "it has no `oci-layout` file"));
            }
            result => result?,
        };
        match serde_json::from_slice::<Marker>(&bytes) {
            Ok(marker) if marker.image_layout_version == "1.0.0" => Ok(()),
            _ => Err(not_a_layout(
                &self.place,
                "its `oci-layout` file is not of version 1.0.0",
            )),
        }
    }

    /// `oci:DIR` or `oci-archive:FILE`, for messages.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Runs blocking work on the layout without holding up the runtime.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let layout = self.clone();
        let task = tokio::task::spawn_blocking(move || work(&layout)).await;
        task.unwrap_or_else(|error| {
            Err(Error::Storage {
                place: self.place.clone(),
                what: "finish the work".to_owned(),
                why: causes(&error),
            })
        })
    }

    pub(crate) fn manifest(&self, digest: &Digest) -> Result<Manifest, Error> {
        let bytes = self.blob(digest, crate::MAX_MANIFEST)?;
        Manifest::parse(&self.place, &format!("manifest {digest}"), bytes)
    }

    pub(crate) fn resolve_tag(&self, tag: &Tag) -> Result<Manifest, Error> {
        let entry = self.index()?.tagged(&self.place, tag)?;
        self.manifest(&entry.digest)
    }

    pub(crate) fn only(&self) -> Result<Manifest, Error> {
        let digest = self.index()?.only(&self.place)?;
        self.manifest(&digest)
    }

    pub(crate) fn blob(&self, digest: &Digest, max: u64) -> Result<Bytes, Error> {
        let bytes = self.read(&blobs::path(digest), &format!("blob {digest}"), max)?;
        let found = Digest::of(&bytes);
        if found == *digest {
            return Ok(bytes.into());
        }
        Err(Error::WrongDigest {
            place: self.place.clone(),
            expected: *digest,
            found,
        })
    }

    pub(crate) fn blob_stream(&self, digest: &Digest, size: u64) -> Result<BlobStream, Error> {
        let (path, what) = (blobs::path(digest), format!("blob {digest}"));
        let source = match &self.files {
            Files::Folder(folder) => {
                let file = self.open_file(folder, &path, &what)?;
                Source::File(tokio::fs::File::from_std(file))
            }
            Files::Archive(archive) => Source::Archive(self.section(archive, &path, &what)?),
        };
        Ok(BlobStream::of_file(
            self.place.clone(),
            source,
            *digest,
            size,
        ))
    }

    pub(crate) fn has_blob(&self, digest: &Digest) -> Result<bool, Error> {
        let (path, what) = (blobs::path(digest), format!("blob {digest}"));
        let found = match &self.files {
            Files::Folder(folder) => self.open_file(folder, &path, &what).map(|_| ()),
            Files::Archive(archive) => self.section(archive, &path, &what).map(|_| ()),
        };
        match found {
            Ok(()) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn push_manifest(&self, bytes: Bytes, tags: &[Tag]) -> Result<Digest, Error> {
        let manifest = Manifest::parse(&self.place, "manifest to push", bytes)?;
        self.push_blob(manifest.bytes())?;
        let _turn = self.lock()?;
        let mut index = self.index()?;
        index.put(&manifest.descriptor(), tags);
        self.write_index(&index)?;
        Ok(manifest.digest())
    }

    pub(crate) fn tags(&self, prefix: &str, max: usize) -> Result<TagList, Error> {
        let mut tags: Vec<Tag> = self.index()?.tags();
        tags.retain(|tag| tag.as_str().starts_with(prefix));
        let truncated = tags.len() > max;
        tags.truncate(max);
        Ok(TagList { tags, truncated })
    }

    pub(crate) fn push_referrer(&self, subject: &Digest, bytes: Bytes) -> Result<Digest, Error> {
        let manifest = Manifest::parse(&self.place, "artifact manifest to push", bytes)?;
        check_subject(&self.place, subject, &manifest)?;
        self.push_blob(manifest.bytes())?;
        let _turn = self.lock()?;
        let mut index = self.index()?;
        index.put(&manifest.descriptor(), &[]);
        let mut list = self.fallback(subject)?.unwrap_or_else(Index::empty);
        if list.add(manifest.descriptor()) {
            let list = Manifest::parse(
                &self.place,
                "list of referrers",
                list.to_bytes(&self.place)?,
            )?;
            self.push_blob(list.bytes())?;
            index.put(&list.descriptor(), &[Tag::referrers(subject)]);
        }
        self.write_index(&index)?;
        Ok(manifest.digest())
    }

    pub(crate) fn referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
        cap: usize,
    ) -> Result<Referrers, Error> {
        let mut referrers = Referrers::default();
        if let Some(list) = self.fallback(subject)? {
            referrers.add(list.manifests, artifact_type, cap);
        }
        Ok(referrers)
    }

    fn fallback(&self, subject: &Digest) -> Result<Option<Index>, Error> {
        match self.index()?.tagged(&self.place, &Tag::referrers(subject)) {
            Ok(entry) => {
                let tagged = self.manifest(&entry.digest)?;
                Index::of_fallback(&self.place, subject, &tagged).map(Some)
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What a creation that was cut short may have left.
fn is_ours(name: &str) -> bool {
    matches!(name, "blobs" | "index.json") || name.starts_with(blobs::TEMPORARY)
}

fn place_of(folder: &Path) -> String {
    crate::Place::Layout(folder.to_owned()).to_string()
}

fn not_a_layout(place: &str, why: &str) -> Error {
    Error::Usage {
        place: place.to_owned(),
        what: format!("this is not an OCI image layout: {why}"),
        help: "give the folder that holds `oci-layout`, or a new folder to write to".to_owned(),
    }
}

/// Archives are made by other tools; what is written here goes to a folder or a registry.
pub(crate) fn read_only(place: &str) -> Error {
    Error::Usage {
        place: place.to_owned(),
        what: "an archive is only read".to_owned(),
        help: "write to a registry or to a folder, `oci:DIR`".to_owned(),
    }
}

fn storage(place: &str, what: &str, error: &io::Error) -> Error {
    Error::Storage {
        place: place.to_owned(),
        what: what.to_owned(),
        why: causes(error),
    }
}
