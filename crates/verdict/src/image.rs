//! Step 1: the bytes the registry served, against each other.

use seed_image::{Descriptor, ImageConfig, ImageIndex, ImageManifest, IndexChild};
use seed_primitives::{Digest, System};

use crate::{
    Document, ImageEvidence, LayerEvidence, ManifestEvidence, Rejection, RejectionCode as Code,
    Requested, ServedManifest, VerifiedImage,
};

/// What was served, consistent in itself; nothing says yet that anybody attested it.
pub(crate) struct Checked {
    pub(crate) digest: Digest,
    pub(crate) tag: Option<String>,
    pub(crate) images: Vec<CheckedImage>,
    /// For an index: whether it is the canonical one.
    pub(crate) canonical: Option<bool>,
    pub(crate) layers: bool,
}

#[derive(Clone)]
pub(crate) struct CheckedImage {
    pub(crate) system: System,
    /// Of the manifest as served; once it was found what this is a copy of, of the attested one.
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) closure: Option<Digest>,
    pub(crate) config: Descriptor,
    pub(crate) layers: usize,
    /// Whether builders can have attested this manifest.
    pub(crate) attestable: bool,
    /// Of a copy: the digest of its manifest as served.
    pub(crate) copy: Option<Digest>,
}

impl Checked {
    /// The same, as the images they were found to be.
    pub(crate) fn attested(self, images: Vec<CheckedImage>) -> Self {
        // A copy has another digest, and so has its index: it is never the one that was published.
        let copied = images.iter().any(|image| image.copy.is_some());
        Self {
            canonical: self.canonical.map(|canonical| canonical && !copied),
            images,
            ..self
        }
    }
}

impl From<CheckedImage> for VerifiedImage {
    fn from(image: CheckedImage) -> Self {
        Self {
            system: image.system,
            digest: image.copy.unwrap_or(image.digest),
            copy_of: image.copy.map(|_| image.digest),
        }
    }
}

/// Checks manifest or index, every runnable child, config, platform and, where they were read, layers.
pub(crate) fn check(evidence: &ImageEvidence, deep: bool) -> Result<Checked, Rejection> {
    let (Some(requested), Some(document)) = (&evidence.requested, &evidence.document) else {
        return Err(Rejection::new(
            Code::ImageMissing,
            "the image was not found",
        ));
    };
    let tag = match requested {
        Requested::Digest(_) => None,
        Requested::Tag { name, .. } => Some(name.clone()),
    };
    let digest = *requested.digest();
    let (images, canonical) = match document {
        Document::Manifest(served) => {
            same_digest("the image manifest", &served.manifest, &digest)?;
            (vec![image(served, digest, deep)?], None)
        }
        Document::Index { bytes, children } => {
            same_digest("the image index", bytes, &digest)?;
            (
                index(bytes, children, deep)?,
                Some(ImageIndex::is_canonical(bytes)),
            )
        }
    };
    let layers = all_layers_read(document);
    Ok(Checked {
        digest,
        tag,
        images,
        canonical,
        layers,
    })
}

fn all_layers_read(document: &Document) -> bool {
    match document {
        Document::Manifest(served) => served.layers.is_some(),
        Document::Index { children, .. } => children.iter().all(|child| child.layers.is_some()),
    }
}

fn same_digest(what: &str, bytes: &[u8], expected: &Digest) -> Result<(), Rejection> {
    let found = Digest::of(bytes);
    if found == *expected {
        return Ok(());
    }
    Err(Rejection::new(
        Code::ManifestDigestMismatch,
        format!("{what} served for {expected} is another"),
    )
    .found(found)
    .expected(expected))
}

fn index(
    bytes: &[u8],
    served: &[ManifestEvidence],
    deep: bool,
) -> Result<Vec<CheckedImage>, Rejection> {
    let index = ImageIndex::parse(bytes).map_err(malformed)?;
    index
        .children
        .iter()
        .map(|child| index_child(child, served, deep))
        .collect()
}

fn index_child(
    child: &IndexChild,
    served: &[ManifestEvidence],
    deep: bool,
) -> Result<CheckedImage, Rejection> {
    let expected = child.manifest.digest;
    let platform = format!("{}/{}", child.os, child.architecture);
    let bytes = served
        .iter()
        .find(|one| Digest::of(&one.manifest) == expected)
        .ok_or_else(|| {
            Rejection::new(
                Code::ChildMissing,
                format!("the image for {platform} ({expected}) in the index was not found"),
            )
        })?;
    same_size(
        &format!("the manifest for {platform}"),
        &child.manifest,
        bytes.manifest.len(),
    )?;
    let checked = image(bytes, expected, deep)?;
    if child.system().as_ref() == Some(&checked.system) {
        return Ok(checked);
    }
    Err(Rejection::new(
        Code::PlatformMismatch,
        format!("the index offers {expected} for another platform than its config"),
    )
    .found(platform)
    .expected(checked.system))
}

fn image(served: &ManifestEvidence, digest: Digest, deep: bool) -> Result<CheckedImage, Rejection> {
    let read = ServedManifest::parse(&served.manifest).map_err(malformed)?;
    if !read.attestable && !deep {
        return Err(Rejection::new(
            Code::RepackedCopy,
            "the image is in a form that only re-packed copies have, and its layers were not read",
        )
        .found(digest));
    }
    let manifest = read.manifest;
    let config = config(served, &manifest)?;
    if config.diff_ids.len() != manifest.layers.len() {
        return Err(Rejection::new(
            Code::LayerCountMismatch,
            format!("the config of {digest} lists another number of layers than its manifest"),
        )
        .found(config.diff_ids.len())
        .expected(manifest.layers.len()));
    }
    let system = config.system().ok_or_else(|| {
        Rejection::new(
            Code::PlatformMismatch,
            format!("the config of {digest} is for no system that can be attested"),
        )
        .found(format!("{}/{}", config.os, config.architecture))
    })?;
    layers(served, digest, &manifest, &config, deep)?;
    Ok(CheckedImage {
        system,
        digest,
        size: served.manifest.len() as u64,
        closure: manifest.closure,
        layers: manifest.layers.len(),
        config: manifest.config,
        attestable: read.attestable,
        copy: None,
    })
}

fn config(served: &ManifestEvidence, manifest: &ImageManifest) -> Result<ImageConfig, Rejection> {
    let expected = manifest.config.digest;
    let bytes = served.config.as_deref().ok_or_else(|| {
        Rejection::new(
            Code::ConfigMissing,
            format!("the image config {expected} was not found"),
        )
    })?;
    let found = Digest::of(bytes);
    if found != expected {
        return Err(Rejection::new(
            Code::ConfigDigestMismatch,
            "the image config that was served is another",
        )
        .found(found)
        .expected(expected));
    }
    same_size("the image config", &manifest.config, bytes.len())?;
    ImageConfig::parse(bytes).map_err(malformed)
}

fn layers(
    served: &ManifestEvidence,
    digest: Digest,
    manifest: &ImageManifest,
    config: &ImageConfig,
    deep: bool,
) -> Result<(), Rejection> {
    let Some(layers) = &served.layers else {
        if deep {
            return Err(Rejection::new(
                Code::LayersMissing,
                format!("the layers of {digest} were not read to their end"),
            ));
        }
        return Ok(());
    };
    if layers.len() != manifest.layers.len() {
        return Err(Rejection::new(
            Code::LayersMissing,
            format!("not every layer of {digest} was read"),
        )
        .found(layers.len())
        .expected(manifest.layers.len()));
    }
    let expected = manifest.layers.iter().zip(&config.diff_ids);
    for (at, (found, (descriptor, diff_id))) in layers.iter().zip(expected).enumerate() {
        layer(at, found, descriptor, diff_id)?;
    }
    Ok(())
}

fn layer(
    at: usize,
    found: &LayerEvidence,
    descriptor: &Descriptor,
    diff_id: &Digest,
) -> Result<(), Rejection> {
    if found.digest != descriptor.digest || found.size != descriptor.size {
        return Err(
            Rejection::new(Code::LayerMismatch, format!("layer {at} is another"))
                .found(format!("{} of {} bytes", found.digest, found.size))
                .expected(format!(
                    "{} of {} bytes",
                    descriptor.digest, descriptor.size
                )),
        );
    }
    if found.diff_id != *diff_id {
        return Err(Rejection::new(
            Code::DiffIdMismatch,
            format!("layer {at} holds something else than the config says"),
        )
        .found(found.diff_id)
        .expected(diff_id));
    }
    Ok(())
}

fn same_size(what: &str, descriptor: &Descriptor, size: usize) -> Result<(), Rejection> {
    if descriptor.size == size as u64 {
        return Ok(());
    }
    Err(Rejection::new(
        Code::SizeMismatch,
        format!("{what} has another size than stated"),
    )
    .found(size)
    .expected(descriptor.size))
}

fn malformed(error: seed_image::ReadError) -> Rejection {
    Rejection::new(Code::ImageMalformed, error.to_string())
}
