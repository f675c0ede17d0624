//! Which attested image an image is: itself, or the one it is a re-packed copy of (DESIGN §3).

use seed_image::ImageManifest;
use seed_primitives::Digest;

use crate::{Blobs, Rejection, RejectionCode as Code, image::CheckedImage};

/// The attested image that `image` is, of those with `digests`; what of a copy is not bound by them is left behind.
///
/// A copy has another manifest and the same config, byte for byte. Its layers were unpacked, with `deep`, and each is
/// what that config says: so it unpacks to what was attested. Size, closure and digest are those of the original,
/// whose manifest is one of `blobs`.
///
/// # Errors
/// [`Code::RepackedCopy`] for a copy without `deep`; [`Code::OriginalMissing`] where a manifest that could be the
/// original was not found; [`Code::ImageNotInRecord`] where none is.
pub(crate) fn attested(
    image: &CheckedImage,
    digests: &[Digest],
    blobs: &Blobs,
    deep: bool,
) -> Result<CheckedImage, Rejection> {
    let listed = digests.contains(&image.digest);
    if image.attestable && listed {
        return Ok(image.clone());
    }
    let mut unread = None;
    for digest in digests {
        let Some(bytes) = blobs.get(digest) else {
            unread.get_or_insert(digest);
            continue;
        };
        match ImageManifest::parse(bytes) {
            Ok(original) if original.config.digest == image.config.digest => {
                return copy(image, *digest, bytes.len() as u64, &original, deep);
            }
            // Nobody could run it as attested, so nothing is a copy of it.
            _ => {}
        }
    }
    let all: Vec<String> = digests.iter().map(ToString::to_string).collect();
    Err(match unread {
        Some(unread) if deep => Rejection::new(
            Code::OriginalMissing,
            format!(
                "{} could be a copy of {unread}, whose manifest was not found",
                image.digest
            ),
        ),
        _ => Rejection::new(Code::ImageNotInRecord, "the record does not list the image")
            .found(image.digest)
            .expected(all.join(" or ")),
    })
}

fn copy(
    image: &CheckedImage,
    digest: Digest,
    size: u64,
    original: &ImageManifest,
    deep: bool,
) -> Result<CheckedImage, Rejection> {
    if !deep {
        return Err(Rejection::new(
            Code::RepackedCopy,
            "the image is a re-packed copy of an attested one, and its layers were not read",
        )
        .found(image.digest)
        .expected(digest));
    }
    if original.config.size != image.config.size {
        return Err(Rejection::new(
            Code::SizeMismatch,
            format!("the config of {digest} has another size than stated"),
        )
        .found(image.config.size)
        .expected(original.config.size));
    }
    if original.layers.len() != image.layers {
        return Err(Rejection::new(
            Code::LayerCountMismatch,
            format!("{digest}, of which it is a copy, has another number of layers"),
        )
        .found(image.layers)
        .expected(original.layers.len()));
    }
    Ok(CheckedImage {
        digest,
        size,
        closure: original.closure,
        attestable: true,
        copy: Some(image.digest),
        ..image.clone()
    })
}
