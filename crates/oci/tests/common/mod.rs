//! What the tests of registries and layouts share.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::time::Duration;

use seed_oci::{Options, Place, Repository};
use seed_primitives::Digest;
use serde_json::{Value, json};

pub(crate) const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const KIND: &str = "application/vnd.nix-seed.locator.v1+json";

/// Options with little patience.
pub(crate) fn hasty() -> Options {
    Options {
        connect_timeout: Duration::from_secs(5),
        timeout: Duration::from_millis(1500),
        attempts: 2,
        ..Options::default()
    }
}

pub(crate) fn at(host: &str, repository: &str) -> Repository {
    at_with(host, repository, &Options::default())
}

pub(crate) fn at_with(host: &str, repository: &str, options: &Options) -> Repository {
    let place: Place = format!("{host}/{repository}").parse().unwrap();
    Repository::create(&place, options).unwrap()
}

pub(crate) fn layout(folder: &std::path::Path) -> Repository {
    Repository::create(&Place::Layout(folder.to_owned()), &Options::default()).unwrap()
}

fn descriptor(kind: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": kind, "digest": Digest::of(bytes), "size": bytes.len()})
}

/// An image of one small layer, pushed; its manifest's digest and its layer.
pub(crate) async fn push_image(
    repository: &Repository,
    name: &str,
    tags: &[&str],
) -> (Digest, Vec<u8>) {
    let layer = format!("the layer of {name}, ").repeat(50).into_bytes();
    let config = format!(r#"{{"name":"{name}"}}"#).into_bytes();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &layer)],
    });
    let tags: Vec<_> = tags.iter().map(|tag| tag.parse().unwrap()).collect();
    repository.push_blob(layer.clone()).await.unwrap();
    repository.push_blob(config).await.unwrap();
    let digest = repository
        .push_manifest(manifest.to_string(), &tags)
        .await
        .unwrap();
    (digest, layer)
}

/// An artifact manifest about `subject`, whose blobs are pushed and which itself is not.
pub(crate) async fn referrer(
    repository: &Repository,
    subject: &Digest,
    kind: &str,
    text: &str,
) -> String {
    repository.push_blob("{}").await.unwrap();
    repository.push_blob(text.to_owned()).await.unwrap();
    json!({
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "artifactType": kind,
        "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
        "layers": [descriptor(kind, text.as_bytes())],
        "subject": {"mediaType": IMAGE, "digest": subject, "size": 1},
        "annotations": {"note": text},
    })
    .to_string()
}
