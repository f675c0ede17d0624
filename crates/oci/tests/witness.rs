//! An independent client, `oci-client`, sees what we pushed as we meant it, and we read what it pushed.

mod common;

use common::{KIND, at, push_image, referrer};
use oci_client::{
    Client, Reference,
    client::{ClientConfig, ClientProtocol},
    manifest::OCI_IMAGE_MEDIA_TYPE,
    secrets::RegistryAuth,
};
use seed_primitives::Digest;
use seed_testkit::registry::LocalRegistry;

fn witness() -> Client {
    Client::new(ClientConfig {
        protocol: ClientProtocol::Http,
        ..ClientConfig::default()
    })
}

#[tokio::test]
async fn reads_our_images_and_finds_our_referrers() {
    let registry = LocalRegistry::start().unwrap();
    let ours = at(&registry.host(), "acme/app");
    let (image, layer) = push_image(&ours, "a", &["v1"]).await;
    let text = referrer(&ours, &image, KIND, "x").await;
    let pushed = ours.push_referrer(&image, text).await.unwrap();

    let named: Reference = format!("{}/acme/app:v1", registry.host()).parse().unwrap();
    let (bytes, digest) = witness()
        .pull_manifest_raw(&named, &RegistryAuth::Anonymous, &[OCI_IMAGE_MEDIA_TYPE])
        .await
        .unwrap();
    assert_eq!((digest, Digest::of(&bytes)), (image.to_string(), image));

    let mut pulled = Vec::new();
    let blob = Digest::of(&layer).to_string();
    witness()
        .pull_blob(&named, blob.as_str(), &mut pulled)
        .await
        .unwrap();
    assert_eq!(pulled, layer);

    let by_digest = named.clone_with_digest(image.to_string());
    let found = witness()
        .pull_referrers(&by_digest, Some(KIND))
        .await
        .unwrap();
    let digests: Vec<_> = found
        .manifests
        .iter()
        .map(|entry| entry.digest.clone())
        .collect();
    assert_eq!(digests, [pushed.to_string()]);
}

#[tokio::test]
async fn pushes_what_we_read() {
    let registry = LocalRegistry::start().unwrap();
    let named: Reference = format!("{}/acme/app:v1", registry.host()).parse().unwrap();
    let witness = witness();
    let auth = RegistryAuth::Anonymous;
    witness.store_auth_if_needed(&registry.host(), &auth).await;
    let blob = Digest::of(b"content");
    witness
        .push_blob(&named, "content", &blob.to_string())
        .await
        .unwrap();
    let ours = at(&registry.host(), "acme/app");
    assert_eq!(ours.blob(&blob, 100).await.unwrap(), "content");
}

#[test]
fn agrees_on_every_reference_that_we_accept() {
    let digest = Digest::of(b"x");
    for text in [
        "registry.example/a/b:v1.2-x_y".to_owned(),
        "localhost:5000/a__b:_".to_owned(),
        format!("127.0.0.1:5000/a-b--c/d.e@{digest}"),
    ] {
        let ours: seed_oci::Reference = text.parse().unwrap();
        let theirs: Reference = text.parse().unwrap();
        let seed_oci::Place::Registry { host, repository } = &ours.place else {
            panic!("{text}")
        };
        assert_eq!(theirs.registry(), host.to_string());
        assert_eq!(theirs.repository(), repository.as_str());
        assert_eq!(theirs.whole(), ours.to_string());
    }
}
