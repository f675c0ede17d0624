use std::path::Path;

use bytes::Bytes;
use seed_primitives::Digest;
use tokio::io::AsyncWrite;

use crate::{
    BlobStream, Error, Layout, Manifest, Options, Place, Pointer, Referrers, Registry, Tag, layout,
};

/// The tags of a repository that begin with a prefix, in byte order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TagList {
    /// At most as many as were asked for.
    pub tags: Vec<Tag>,
    /// Whether there were more, or more than is ever looked through.
    pub truncated: bool,
}

/// One repository of a registry, or one image layout: the same operations on both.
///
/// Nothing that a registry says about its content is believed: whatever is returned for a digest hashes to it,
/// and the digest of what a tag points at is computed from the bytes that came.
#[derive(Clone, Debug)]
pub enum Repository {
    /// A repository of a registry.
    Registry(Registry),
    /// An OCI image layout: a folder, or a tar archive of one, which is only read.
    Layout(Layout),
}

impl Repository {
    /// Opens `place` for reading. A registry is not contacted yet; a layout must be there.
    ///
    /// # Errors
    /// [`Error::NotFound`] or [`Error::Usage`] when the folder is no layout, [`Error::Archive`] when the file is no
    /// archive of one.
    pub fn open(place: &Place, options: &Options) -> Result<Self, Error> {
        match place {
            Place::Registry { host, repository } => {
                Registry::new(host, repository, options.clone()).map(Self::Registry)
            }
            Place::Layout(folder) => Layout::open(folder).map(Self::Layout),
            Place::Archive(file) => Layout::open_archive(file).map(Self::Layout),
        }
    }

    /// Opens `place` for writing: a layout that is not there is made, in a new or empty folder.
    ///
    /// # Errors
    /// [`Error::Usage`] when the folder holds something else or the place is an archive, [`Error::Storage`] when it
    /// cannot be made.
    pub fn create(place: &Place, options: &Options) -> Result<Self, Error> {
        match place {
            Place::Registry { .. } => Self::open(place, options),
            Place::Archive(_) => Err(layout::read_only(&place.to_string())),
            Place::Layout(folder) => Layout::create(folder).map(Self::Layout),
        }
    }

    /// The place as text, for messages.
    #[must_use]
    pub fn place(&self) -> &str {
        match self {
            Self::Registry(registry) => registry.place(),
            Self::Layout(layout) => layout.place(),
        }
    }

    /// The manifest or index that `pointer` means. Resolve once and use [`Manifest::digest`] from then on.
    ///
    /// # Errors
    /// Those of [`Self::manifest`] and [`Self::resolve_tag`]; [`Error::Usage`] when `pointer` is
    /// [`Pointer::Only`] and there is not exactly one image.
    pub async fn resolve(&self, pointer: &Pointer) -> Result<Manifest, Error> {
        match pointer {
            Pointer::Digest(digest) => self.manifest(digest).await,
            Pointer::Tag(tag) => self.resolve_tag(tag).await,
            Pointer::Only => self.only().await,
        }
    }

    async fn only(&self) -> Result<Manifest, Error> {
        match self {
            Self::Layout(layout) => layout.run(|layout| layout.only()).await,
            Self::Registry(registry) => Err(Error::Usage {
                place: registry.place().to_owned(),
                what: "neither a tag nor a digest was given".to_owned(),
                help: "add `:tag` or `@sha256:…`".to_owned(),
            }),
        }
    }

    /// The manifest or index with this digest, at most [`MAX_MANIFEST`](crate::MAX_MANIFEST) bytes.
    ///
    /// # Errors
    /// Any [`Error`]; bytes that hash to something else are [`Error::WrongDigest`].
    pub async fn manifest(&self, digest: &Digest) -> Result<Manifest, Error> {
        let digest = *digest;
        match self {
            Self::Registry(registry) => registry.manifest(&digest).await,
            Self::Layout(layout) => layout.run(move |layout| layout.manifest(&digest)).await,
        }
    }

    /// The manifest or index that `tag` points at now. Two calls may differ: resolve once.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn resolve_tag(&self, tag: &Tag) -> Result<Manifest, Error> {
        match self {
            Self::Registry(registry) => registry.resolve_tag(tag).await,
            Self::Layout(layout) => {
                let tag = tag.clone();
                layout.run(move |layout| layout.resolve_tag(&tag)).await
            }
        }
    }

    /// The blob with this digest, whole, at most `max` bytes (such as
    /// [`MAX_STATEMENT`](crate::MAX_STATEMENT)).
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::TooLarge`] above `max`.
    pub async fn blob(&self, digest: &Digest, max: u64) -> Result<Bytes, Error> {
        let digest = *digest;
        match self {
            Self::Registry(registry) => registry.blob(&digest, max).await,
            Self::Layout(layout) => layout.run(move |layout| layout.blob(&digest, max)).await,
        }
    }

    /// The blob with this digest and exactly this size, as a stream that checks both.
    ///
    /// # Errors
    /// Any [`Error`] that shows before the first byte.
    pub async fn blob_stream(&self, digest: &Digest, size: u64) -> Result<BlobStream, Error> {
        match self {
            Self::Registry(registry) => registry.blob_stream(digest, size).await,
            Self::Layout(layout) => layout.blob_stream(digest, size),
        }
    }

    /// Writes the blob with this digest and exactly this size to `writer`. `Ok` means that it is that blob;
    /// after an error whatever was written must be thrown away.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn blob_to_writer(
        &self,
        digest: &Digest,
        size: u64,
        writer: &mut (impl AsyncWrite + Unpin + ?Sized),
    ) -> Result<(), Error> {
        self.blob_stream(digest, size).await?.write_to(writer).await
    }

    /// Whether a blob is said to be there, to save an upload. Never a proof.
    ///
    /// # Errors
    /// Any [`Error`] but [`Error::NotFound`].
    pub async fn has_blob(&self, digest: &Digest) -> Result<bool, Error> {
        match self {
            Self::Registry(registry) => registry.has_blob(digest).await,
            Self::Layout(layout) => layout.has_blob(digest),
        }
    }

    /// Stores `bytes` as a blob and returns its digest. Pushing again is harmless.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn push_blob(&self, bytes: impl Into<Bytes> + Send) -> Result<Digest, Error> {
        let bytes = bytes.into();
        match self {
            Self::Registry(registry) => registry.push_blob(bytes).await,
            Self::Layout(layout) => layout.run(move |layout| layout.push_blob(&bytes)).await,
        }
    }

    /// Stores the file at `path`, which must have this digest and size, as a blob.
    ///
    /// # Errors
    /// [`Error::Storage`] when the file cannot be read, [`Error::WrongDigest`] or [`Error::WrongSize`] when it
    /// is not that blob, and any other [`Error`].
    pub async fn push_file(&self, path: &Path, digest: &Digest, size: u64) -> Result<(), Error> {
        match self {
            Self::Registry(registry) => registry.push_file(path, digest, size).await,
            Self::Layout(layout) => {
                let (path, digest) = (path.to_owned(), *digest);
                layout
                    .run(move |layout| layout.push_file(&path, &digest, size))
                    .await
            }
        }
    }

    /// Stores `bytes`, a manifest or index that names its media type, exactly as they are, under their digest
    /// and each of `tags`, and returns the digest. What it refers to must have been pushed.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the bytes are no manifest, and any other [`Error`].
    pub async fn push_manifest(
        &self,
        bytes: impl Into<Bytes> + Send,
        tags: &[Tag],
    ) -> Result<Digest, Error> {
        let bytes = bytes.into();
        match self {
            Self::Registry(registry) => registry.push_manifest(bytes, tags).await,
            Self::Layout(layout) => {
                let tags = tags.to_vec();
                layout
                    .run(move |layout| layout.push_manifest(bytes, &tags))
                    .await
            }
        }
    }

    /// The tags that begin with `prefix` (empty for all), at most `max`.
    ///
    /// # Errors
    /// Any [`Error`]; a repository that is not there is [`Error::NotFound`], never an empty list.
    pub async fn tags(&self, prefix: &str, max: usize) -> Result<TagList, Error> {
        match self {
            Self::Registry(registry) => registry.tags(prefix, max).await,
            Self::Layout(layout) => {
                let prefix = prefix.to_owned();
                layout.run(move |layout| layout.tags(&prefix, max)).await
            }
        }
    }

    /// Stores `bytes`, an artifact manifest whose `subject` is `subject`, so that it is found as a referrer:
    /// by the registry's referrers API where it has one, else by the index under tag `sha256-<hex>`.
    ///
    /// The tag is read, extended, written and read again until the entry is in it. Two pushers at the same
    /// instant may still lose one entry of such an index; the manifest itself stays, by digest.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn push_referrer(
        &self,
        subject: &Digest,
        bytes: impl Into<Bytes> + Send,
    ) -> Result<Digest, Error> {
        let bytes = bytes.into();
        match self {
            Self::Registry(registry) => registry.push_referrer(subject, bytes).await,
            Self::Layout(layout) => {
                let subject = *subject;
                layout
                    .run(move |layout| layout.push_referrer(&subject, bytes))
                    .await
            }
        }
    }

    /// What refers to `subject`, with this artifact type or with any, at most `cap` entries.
    ///
    /// # Errors
    /// Any [`Error`]. No answer is never an empty list, and neither is a repository that is not there.
    pub async fn referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
        cap: usize,
    ) -> Result<Referrers, Error> {
        match self {
            Self::Registry(registry) => registry.referrers(subject, artifact_type, cap).await,
            Self::Layout(layout) => {
                let (subject, kind) = (*subject, artifact_type.map(str::to_owned));
                layout
                    .run(move |layout| layout.referrers(&subject, kind.as_deref(), cap))
                    .await
            }
        }
    }
}
