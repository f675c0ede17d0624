//! Places of images, and what lies in them.

use std::{collections::BTreeMap, fs, io::Cursor};

use bytes::Bytes;
use seed_oci::{ArchiveIndex, Layout, Manifest, Place, Pointer, Reference};
use seed_primitives::Digest;
use serde_json::Value;

use crate::{json, loopback};

/// What is accepted is printed as it was read, and names nothing outside its place.
pub(crate) fn reference(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let place = text.parse::<Place>();
    if let Ok(Place::Registry { .. }) = place {
        assert_eq!(place.map(|place| place.to_string()).as_deref(), Ok(text));
    }
    let Ok(read) = text.parse::<Reference>() else {
        return false;
    };
    if let Place::Registry { host, repository } = &read.place {
        assert_eq!(read.to_string(), text);
        // What is asked of a registry is a path, and this is put into it.
        let inside = |part: &str| !part.is_empty() && part != "." && part != "..";
        assert!(repository.as_str().split('/').all(inside), "{text}");
        let plain = |c: char| c.is_ascii_graphic() && !"/?#@\\".contains(c);
        assert!(host.to_string().chars().all(plain), "{text}");
        assert_ne!(read.pointer, Pointer::Only);
    }
    if let Pointer::Tag(tag) = &read.pointer {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        assert!(tag.to_string().chars().all(plain), "{text}");
    }
    true
}

/// Of an archive that is accepted, every file is seen under the same name by another reader, and no truncation of it
/// that leaves out a file is accepted.
pub(crate) fn archive(bytes: &[u8]) -> bool {
    let read = ArchiveIndex::read(&mut Cursor::new(bytes)).expect("memory can be read");
    let Ok(index) = read else {
        return false;
    };
    let names: Vec<&str> = index.names().collect();
    let mut others = BTreeMap::new();
    for entry in tar::Archive::new(bytes).entries().expect("an archive") {
        let entry = entry.expect("a member");
        if entry.header().entry_type().is_file() {
            let name = String::from_utf8(entry.path_bytes().into_owned()).expect("a plain name");
            let name = name.trim_start_matches("./").to_owned();
            assert!(others.insert(name, ()).is_none(), "a name twice");
        }
    }
    assert!(names.iter().copied().eq(others.keys().map(String::as_str)));
    let inside = |part: &str| !part.is_empty() && part != "." && part != "..";
    assert!(names.iter().all(|name| name.split('/').all(inside)));
    let cut = &bytes[..bytes.len() / 2 / 512 * 512];
    if let Ok(shorter) = ArchiveIndex::read(&mut Cursor::new(cut)).expect("memory") {
        assert_eq!(shorter, index);
    }
    !names.is_empty()
}

/// A manifest is one thing to every reader: of the type its body names, and not a manifest and an index at once.
pub(crate) fn manifest(bytes: &[u8]) -> bool {
    let Ok(read) = Manifest::parse("here", "manifest", Bytes::copy_from_slice(bytes)) else {
        return false;
    };
    assert_eq!(read.digest(), Digest::of(bytes));
    let Some(value) = json::whole(bytes) else {
        return true;
    };
    assert_eq!(value["mediaType"], read.media_type());
    let (runnable, list) = (value.get("layers").is_some(), &value["manifests"]);
    assert!(!(runnable && list.is_array()), "a manifest and an index");
    let subject = read.subject().map(|digest| digest.to_string());
    assert_eq!(value["subject"]["digest"].as_str(), subject.as_deref());
    let described = read.descriptor();
    assert_eq!(
        (described.digest, described.size),
        (read.digest(), bytes.len() as u64)
    );
    true
}

/// The index of a layout: what is listed is in the file, and not more than was asked for.
pub(crate) fn layout(bytes: &[u8]) -> bool {
    loopback::folder(|folder| {
        let layout = Layout::create(&folder.join("layout")).expect("a layout");
        fs::write(folder.join("layout/index.json"), bytes).expect("a file");
        let repository = seed_oci::Repository::Layout(layout);
        let asked = async {
            let tags = repository.tags("", 3).await;
            let only = repository.resolve(&Pointer::Only).await;
            (tags, only)
        };
        let ((tags, only), _) = loopback::ask(|_| loopback::Reply::default(), asked);
        // There are no blobs.
        assert!(only.is_err());
        let Ok(tags) = tags else {
            return false;
        };
        assert!(tags.tags.len() <= 3);
        let Some(value) = json::whole(bytes) else {
            return true;
        };
        let listed = value["manifests"].as_array().expect("a list");
        for tag in tags.tags {
            let named = |one: &Value| {
                one["annotations"]["org.opencontainers.image.ref.name"] == tag.to_string()
            };
            assert!(listed.iter().any(named), "{tag}");
        }
        true
    })
}
