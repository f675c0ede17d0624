//! What registries serve.

use seed_image::{ImageConfig, ImageIndex, ImageManifest, parse_registration};

pub(crate) fn manifest(bytes: &[u8]) -> bool {
    let Ok(read) = ImageManifest::parse(bytes) else {
        return false;
    };
    assert_eq!(ImageManifest::parse(&read.to_bytes()), Ok(read));
    true
}

/// What is canonical can be read.
pub(crate) fn index(bytes: &[u8]) -> bool {
    let read = ImageIndex::parse(bytes);
    assert!(read.is_ok() || !ImageIndex::is_canonical(bytes));
    read.is_ok_and(|index| !index.children.is_empty())
}

pub(crate) fn config(bytes: &[u8]) -> bool {
    let Ok(read) = ImageConfig::parse(bytes) else {
        return false;
    };
    let _ = read.system();
    true
}

pub(crate) fn registration(bytes: &[u8]) -> bool {
    parse_registration(bytes).is_ok()
}
