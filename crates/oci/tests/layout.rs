//! Layouts on disk, honest and hostile.
#![cfg(unix)]

mod common;

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use common::{layout, push_image};
use seed_oci::{Error, Fault, Options, Place, Pointer, Repository};
use seed_primitives::Digest;

fn open(path: &Path) -> Result<Repository, Error> {
    Repository::open(&Place::Layout(path.to_owned()), &Options::default())
}

fn blob_file(folder: &Path, digest: &Digest) -> PathBuf {
    folder.join("blobs/sha256").join(digest.to_hex())
}

#[tokio::test]
async fn tampered_blob_and_manifest_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let images = layout(folder.path());
    let (digest, layer) = push_image(&images, "a", &["v1"]).await;
    let blob = Digest::of(&layer);
    for path in [
        blob_file(folder.path(), &blob),
        blob_file(folder.path(), &digest),
    ] {
        let mut bytes = fs::read(&path).unwrap();
        bytes[10] ^= 1;
        fs::write(path, bytes).unwrap();
    }
    let errors = [
        images.manifest(&digest).await.unwrap_err(),
        images
            .resolve_tag(&"v1".parse().unwrap())
            .await
            .unwrap_err(),
        images.blob(&blob, 1 << 20).await.unwrap_err(),
        images
            .blob_to_writer(&blob, layer.len() as u64, &mut Vec::new())
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.code(), "registry-wrong-digest", "{error}");
        assert_eq!(error.fault(), Fault::WrongBytes);
    }
    // Pushing the true bytes again heals the copy.
    images.push_blob(layer.clone()).await.unwrap();
    assert_eq!(images.blob(&blob, 1 << 20).await.unwrap(), layer);
}

#[tokio::test]
async fn every_changed_byte_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let images = layout(folder.path());
    let (digest, layer) = push_image(&images, "a", &[]).await;
    for (digest, manifest) in [(digest, true), (Digest::of(&layer), false)] {
        let path = blob_file(folder.path(), &digest);
        let good = fs::read(&path).unwrap();
        for place in 0..good.len() {
            let mut bytes = good.clone();
            bytes[place] ^= 1 << (place % 8);
            fs::write(&path, bytes).unwrap();
            let error = if manifest {
                images.manifest(&digest).await.unwrap_err()
            } else {
                images.blob(&digest, 1 << 20).await.unwrap_err()
            };
            assert_eq!(error.code(), "registry-wrong-digest", "byte {place}");
        }
    }
}

#[tokio::test]
async fn refuses_symbolic_links_inside() {
    let folder = tempfile::tempdir().unwrap();
    let images = layout(folder.path());
    let (digest, layer) = push_image(&images, "a", &["v1"]).await;
    let blob = Digest::of(&layer);
    // Even one that leads to the right bytes.
    let outside = tempfile::tempdir().unwrap();
    fs::rename(blob_file(folder.path(), &blob), outside.path().join("x")).unwrap();
    symlink(outside.path().join("x"), blob_file(folder.path(), &blob)).unwrap();
    let error = images.blob(&blob, 1 << 20).await.unwrap_err();
    assert_eq!(error.code(), "registry-malformed", "{error}");

    fs::rename(folder.path().join("blobs"), outside.path().join("blobs")).unwrap();
    symlink(outside.path().join("blobs"), folder.path().join("blobs")).unwrap();
    let errors = [
        images.manifest(&digest).await.unwrap_err(),
        images.push_blob("new").await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.code(), "registry-malformed", "{error}");
    }
    assert!(!blob_file(outside.path(), &Digest::of(b"new")).exists());
}

#[tokio::test]
async fn loops_pipes_and_folders_in_place_of_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let images = layout(folder.path());
    let (digest, _) = push_image(&images, "a", &["v1"]).await;
    let path = blob_file(folder.path(), &digest);
    fs::remove_file(&path).unwrap();
    symlink(&path, &path).unwrap();
    assert_eq!(
        images.manifest(&digest).await.unwrap_err().code(),
        "registry-malformed"
    );
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(
        images.manifest(&digest).await.unwrap_err().code(),
        "registry-malformed"
    );
    fs::remove_dir(&path).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    assert_eq!(
        images.manifest(&digest).await.unwrap_err().code(),
        "registry-malformed"
    );

    let loops = tempfile::tempdir().unwrap();
    let (one, two) = (loops.path().join("one"), loops.path().join("two"));
    symlink(&one, &two).unwrap();
    symlink(&two, &one).unwrap();
    assert_eq!(open(&one).unwrap_err().code(), "layout-storage");
    let made = Repository::create(&Place::Layout(one), &Options::default());
    assert_eq!(made.unwrap_err().code(), "layout-storage");
}

#[test]
fn says_what_a_folder_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    assert_eq!(open(&missing).unwrap_err().fault(), Fault::NotFound);
    assert!(!missing.exists());
    assert_eq!(open(folder.path()).unwrap_err().fault(), Fault::Usage);
    fs::write(folder.path().join("precious"), "x").unwrap();
    let made = Repository::create(
        &Place::Layout(folder.path().to_owned()),
        &Options::default(),
    );
    assert_eq!(made.unwrap_err().fault(), Fault::Usage);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    fs::write(
        folder.path().join("oci-layout"),
        r#"{"imageLayoutVersion":"2.0.0"}"#,
    )
    .unwrap();
    assert_eq!(open(folder.path()).unwrap_err().fault(), Fault::Usage);
    let file = folder.path().join("precious");
    assert_eq!(open(&file).unwrap_err().code(), "layout-storage");
}

#[tokio::test]
async fn a_layout_may_be_reached_through_a_link_and_a_creation_be_continued() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("real");
    fs::create_dir_all(real.join("blobs/sha256")).unwrap();
    fs::write(real.join(".incomplete-x"), "").unwrap();
    let images = layout(&real);
    let (digest, _) = push_image(&images, "a", &[]).await;
    symlink(&real, folder.path().join("link")).unwrap();
    let linked = open(&folder.path().join("link")).unwrap();
    assert_eq!(
        linked.resolve(&Pointer::Only).await.unwrap().digest(),
        digest
    );
}

#[tokio::test]
async fn the_only_image_is_found_among_artifacts() {
    let folder = tempfile::tempdir().unwrap();
    let images = layout(folder.path());
    assert_eq!(
        images.resolve(&Pointer::Only).await.unwrap_err().fault(),
        Fault::NotFound
    );
    let (image, _) = push_image(&images, "a", &["v1", "v2"]).await;
    let text = common::referrer(&images, &image, common::KIND, "x").await;
    images.push_referrer(&image, text).await.unwrap();
    assert_eq!(
        images.resolve(&Pointer::Only).await.unwrap().digest(),
        image
    );
    push_image(&images, "b", &["v2"]).await;
    assert_eq!(
        images.resolve(&Pointer::Only).await.unwrap_err().fault(),
        Fault::Usage
    );
}

#[tokio::test]
async fn refuses_a_bad_index() {
    let folder = tempfile::tempdir().unwrap();
    let images = layout(folder.path());
    let (digest, _) = push_image(&images, "a", &["v1"]).await;
    let entry = format!(
        r#"{{"mediaType":"m","digest":"{digest}","size":1,"annotations":{{"org.opencontainers.image.ref.name":"v1"}}}}"#
    );
    for index in [
        String::new(),
        "[]".to_owned(),
        r#"{"schemaVersion":1,"manifests":[]}"#.to_owned(),
        r#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#.to_owned(),
        r#"{"schemaVersion":2,"manifests":[{"mediaType":"m","digest":"sha256:../../x","size":1}]}"#
            .to_owned(),
        format!(r#"{{"schemaVersion":2,"manifests":[{entry},{entry}]}}"#),
        " ".repeat(5 << 20),
    ] {
        fs::write(folder.path().join("index.json"), index).unwrap();
        let error = images
            .resolve_tag(&"v1".parse().unwrap())
            .await
            .unwrap_err();
        assert_eq!(error.fault(), Fault::Malformed, "{error}");
    }
}

#[tokio::test]
async fn nothing_half_written_stays() {
    let folder = tempfile::tempdir().unwrap();
    let images = layout(folder.path());
    push_image(&images, "a", &["v1"]).await;
    let wrong = images
        .push_file(Path::new("/etc/hostname"), &Digest::of(b"x"), 1 << 20)
        .await;
    assert!(wrong.is_err());
    let names = |path: &Path| -> Vec<String> {
        let entries = fs::read_dir(path).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    assert!(
        names(&folder.path().join("blobs/sha256"))
            .iter()
            .all(|name| name.len() == 64)
    );
    let mut top = names(folder.path());
    top.sort();
    assert_eq!(top, ["blobs", "index.json", "oci-layout"]);
}
