//! A real registry behind a liar: every lie has its class of error, and none is believed.

mod common;

use std::{fs, time::Duration};

use common::{KIND, at, at_with, hasty, push_image, referrer};
use seed_oci::{Error, Fault, Host, Login, MAX_REFERRERS, Options, Repository};
use seed_primitives::Digest;
use seed_testkit::{
    liar::{Liar, Lie, Told, Upstream},
    registry::{LocalRegistry, REGISTRY_PASSWORD, REGISTRY_USER},
};

/// An image in a registry, seen through a liar.
struct Stage {
    registry: LocalRegistry,
    liar: Liar,
    images: Repository,
    image: Digest,
    blob: Digest,
    size: u64,
}

async fn stage() -> Stage {
    let registry = LocalRegistry::start().unwrap();
    let honest = at(&registry.host(), "acme/app");
    let (image, layer) = push_image(&honest, "a", &["v1"]).await;
    push_image(&honest, "b", &["other"]).await;
    let liar = Liar::start(&registry.url(), 7).await.unwrap();
    let images = at_with(&liar.host(), "acme/app", &hasty());
    Stage {
        registry,
        liar,
        images,
        image,
        blob: Digest::of(&layer),
        size: layer.len() as u64,
    }
}

impl Stage {
    /// The errors of every way to read by digest, with `lie` told: manifest, blob, stream.
    async fn errors(&self, lie: impl Into<Told>) -> [Error; 3] {
        self.liar.be_honest();
        self.liar.tell(lie);
        let mut sink = Vec::new();
        let stream = self.images.blob_to_writer(&self.blob, self.size, &mut sink);
        [
            self.images.manifest(&self.image).await.unwrap_err(),
            self.images.blob(&self.blob, 1 << 20).await.unwrap_err(),
            stream.await.unwrap_err(),
        ]
    }

    async fn all_are(&self, lie: impl Into<Told>, code: &str) {
        for error in self.errors(lie).await {
            assert_eq!(error.code(), code, "{error}");
        }
    }
}

fn login() -> Login {
    Login {
        user: REGISTRY_USER.to_owned(),
        password: REGISTRY_PASSWORD.to_owned(),
    }
}

fn logged_in(host: &str, options: Options) -> Options {
    let host: Host = host.parse().unwrap();
    Options {
        credentials: options.credentials.clone().with(&host, login()),
        ..options
    }
}

#[tokio::test]
async fn the_truth_passes_through() {
    let stage = stage().await;
    let manifest = stage.images.manifest(&stage.image).await.unwrap();
    assert_eq!(manifest.digest(), stage.image);
    let text = referrer(&stage.images, &stage.image, KIND, "x").await;
    let pushed = stage
        .images
        .push_referrer(&stage.image, text)
        .await
        .unwrap();
    let found = stage
        .images
        .referrers(&stage.image, Some(KIND), 9)
        .await
        .unwrap();
    assert_eq!(found.descriptors[0].digest, pushed);
}

#[tokio::test]
async fn tampered_blob_on_the_registrys_disk_is_refused() {
    let stage = stage().await;
    for digest in [stage.image, stage.blob] {
        let path = stage.registry.blob_file(&digest);
        let mut bytes = fs::read(&path).unwrap();
        bytes[20] ^= 1;
        fs::write(path, bytes).unwrap();
    }
    let mut sink = Vec::new();
    let errors = [
        stage.images.blob(&stage.blob, 1 << 20).await.unwrap_err(),
        stage
            .images
            .blob_to_writer(&stage.blob, stage.size, &mut sink)
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.code(), "registry-wrong-digest", "{error}");
    }
    // This registry hashes manifests itself and answers 500.
    let error = stage.images.manifest(&stage.image).await.unwrap_err();
    assert!(
        matches!(error.fault(), Fault::WrongBytes | Fault::Unavailable),
        "{error}"
    );
}

#[tokio::test]
async fn changed_and_swapped_bytes_are_the_registry_at_fault() {
    let stage = stage().await;
    stage
        .all_are(Lie::WrongBytes, "registry-wrong-digest")
        .await;
    let [manifest, ..] = {
        stage.liar.be_honest();
        stage.liar.tell(Lie::SwappedManifest("other".into()));
        [stage.images.manifest(&stage.image).await.unwrap_err()]
    };
    assert_eq!(manifest.code(), "registry-wrong-digest", "{manifest}");
}

#[tokio::test]
async fn a_shorter_body_is_the_registry_at_fault() {
    let stage = stage().await;
    let [manifest, blob, stream] = stage.errors(Lie::Short).await;
    assert_eq!(manifest.code(), "registry-wrong-digest");
    assert_eq!(blob.code(), "registry-wrong-digest");
    assert_eq!(stream.code(), "registry-wrong-size");
}

#[tokio::test]
async fn faults_of_the_line_say_nothing_about_the_content() {
    let stage = stage().await;
    for lie in [
        Lie::Status(500),
        Lie::Status(502),
        Lie::Status(503),
        Lie::Status(429),
        Lie::Status(408),
        Lie::Truncated,
        // Every byte is right, and the connection is cut where one more was promised.
        Lie::LongLength,
        Lie::Stall,
    ] {
        for error in stage.errors(lie.clone()).await {
            assert_eq!(error.fault(), Fault::Unavailable, "{lie:?}: {error}");
            assert!(error.is_retryable());
        }
    }
    stage.all_are(Lie::Status(404), "registry-not-found").await;
    stage.all_are(Lie::Status(403), "registry-denied").await;
    stage.all_are(Lie::Status(401), "registry-denied").await;
    stage.all_are(Lie::Status(418), "registry-denied").await;
}

#[tokio::test]
async fn a_body_that_drips_or_never_ends_is_bounded() {
    // Left to drip, each body would arrive whole and right, after a minute.
    let stage = stage().await;
    stage
        .all_are(
            Lie::Drip(Duration::from_millis(100)),
            "registry-unavailable",
        )
        .await;
    let [manifest, blob, stream] = stage.errors(Lie::Endless).await;
    assert_eq!(manifest.code(), "registry-too-large");
    assert_eq!(blob.code(), "registry-too-large");
    assert_eq!(stream.code(), "registry-wrong-size");
}

#[tokio::test]
async fn digest_headers_are_not_believed() {
    let stage = stage().await;
    for text in [
        Digest::of(b"x").to_string(),
        format!("sha512:{}", "0".repeat(128)),
        "x".into(),
    ] {
        stage.liar.be_honest();
        stage.liar.tell(Lie::DigestHeader(text));
        let tagged = stage
            .images
            .resolve_tag(&"v1".parse().unwrap())
            .await
            .unwrap();
        assert_eq!(tagged.digest(), stage.image);
        assert!(stage.images.blob(&stage.blob, 1 << 20).await.is_ok());
    }
}

#[tokio::test]
async fn another_content_type_than_the_body_says_is_malformed() {
    let stage = stage().await;
    let index = "application/vnd.oci.image.index.v1+json";
    stage.liar.tell(Lie::ContentType(index.into()));
    let error = stage.images.manifest(&stage.image).await.unwrap_err();
    assert_eq!(error.code(), "registry-malformed", "{error}");
    // Blobs have no type of their own.
    assert!(stage.images.blob(&stage.blob, 1 << 20).await.is_ok());
}

#[tokio::test]
async fn redirects_are_few_and_never_lead_astray() {
    let stage = stage().await;
    for url in [
        "http://registry.example/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "https://169.254.169.254/latest/meta-data",
        "https://registry.example/",
        "https://user:password@10.0.0.1/",
        "http://[::1",
    ] {
        for error in stage.errors(Lie::Redirect(url.into())).await {
            assert_eq!(error.code(), "registry-led-astray", "{url}: {error}");
            assert_eq!(error.fault(), Fault::Unavailable, "{url}: {error}");
            assert!(!error.to_string().contains("password"));
        }
    }
    stage
        .all_are(Lie::RedirectLoop, "registry-led-astray")
        .await;
}

#[tokio::test]
async fn a_redirect_to_another_store_carries_no_login() {
    let registry = LocalRegistry::start_with_login().unwrap();
    let options = logged_in(&registry.host(), hasty());
    let honest = at_with(&registry.host(), "acme/app", &options);
    let (_, layer) = push_image(&honest, "a", &["v1"]).await;
    let blob = Digest::of(&layer);

    // The front demands a login like the real one, and sends readers of blobs to a store that serves them.
    let store = LocalRegistry::start().unwrap();
    push_image(&at(&store.host(), "acme/app"), "a", &["v1"]).await;
    let canary = Liar::start(&store.url(), 1).await.unwrap();
    let front = Liar::start(&registry.url(), 1).await.unwrap();
    let images = at_with(
        &front.host(),
        "acme/app",
        &logged_in(&front.host(), hasty()),
    );
    images.resolve_tag(&"v1".parse().unwrap()).await.unwrap();
    front.tell(
        Told::from(Lie::Redirect(format!(
            "{}/v2/acme/app/blobs/{blob}",
            canary.url()
        )))
        .about("/blobs/"),
    );

    assert_eq!(images.blob(&blob, 1 << 20).await.unwrap(), layer);
    assert!(front.seen().iter().any(|seen| seen.authorization.is_some()));
    assert_eq!(canary.seen().len(), 1);
    assert!(
        canary
            .seen()
            .iter()
            .all(|seen| seen.authorization.is_none())
    );
}

#[tokio::test]
async fn logs_in_where_it_must() {
    let registry = LocalRegistry::start_with_login().unwrap();
    let images = at_with(
        &registry.host(),
        "acme/app",
        &logged_in(&registry.host(), hasty()),
    );
    let (image, _) = push_image(&images, "a", &["v1"]).await;
    assert!(images.manifest(&image).await.is_ok());
    let anonymous = at_with(&registry.host(), "acme/app", &hasty());
    let error = anonymous.manifest(&image).await.unwrap_err();
    assert_eq!(error.code(), "registry-denied", "{error}");
    let wrong = Login {
        user: "x".into(),
        password: "y".into(),
    };
    let options = Options {
        credentials: hasty()
            .credentials
            .with(&registry.host().parse().unwrap(), wrong),
        ..hasty()
    };
    let error = at_with(&registry.host(), "acme/app", &options)
        .push_blob("x")
        .await
        .unwrap_err();
    assert_eq!(error.code(), "registry-denied", "{error}");
}

#[tokio::test]
async fn token_services_elsewhere_get_no_login() {
    let stage = stage().await;
    let canary = Liar::start("http://127.0.0.1:1", 1).await.unwrap();
    let host = stage.liar.host();
    let images = at_with(&host, "acme/app", &logged_in(&host, hasty()));
    for realm in [
        "https://auth.attacker.example/token".to_owned(),
        "http://auth.attacker.example/token".to_owned(),
        "https://169.254.169.254/token".to_owned(),
        // Another port of this host is not the registry.
        format!("{}/token", canary.url()),
        canary.url().replace("127.0.0.1", "localhost"),
        format!("https://{}/token", canary.host()),
        canary.url().replace("127.0.0.1", "u:p@127.0.0.1"),
        "file:///etc/passwd".to_owned(),
    ] {
        stage.liar.be_honest();
        stage.liar.tell(Lie::Challenge(realm.clone()));
        let error = images.manifest(&stage.image).await.unwrap_err();
        assert_eq!(error.code(), "registry-led-astray", "{realm}: {error}");
    }
    assert_eq!(canary.seen(), []);
}

#[tokio::test]
async fn no_answer_about_referrers_is_never_none() {
    let stage = stage().await;
    let text = referrer(&stage.images, &stage.image, KIND, "x").await;
    stage
        .images
        .push_referrer(&stage.image, text)
        .await
        .unwrap();
    let ask = async || {
        stage
            .images
            .referrers(&stage.image, None, MAX_REFERRERS)
            .await
    };
    for (lie, code) in [
        (Lie::Status(500), "registry-unavailable"),
        (Lie::Status(403), "registry-denied"),
        (Lie::Stall, "registry-unavailable"),
        (Lie::Endless, "registry-too-large"),
    ] {
        for about in ["/referrers/", "/manifests/sha256-"] {
            stage.liar.be_honest();
            stage.liar.tell(Told::from(lie.clone()).about(about));
            let error = ask().await.unwrap_err();
            assert_eq!(error.code(), code, "{lie:?} {about}: {error}");
        }
    }
    stage.liar.be_honest();
    assert_eq!(ask().await.unwrap().descriptors.len(), 1);
    let nowhere = at_with(&stage.liar.host(), "acme/nowhere", &hasty());
    let error = nowhere
        .referrers(&stage.image, None, MAX_REFERRERS)
        .await
        .unwrap_err();
    assert_eq!(error.fault(), Fault::NotFound, "{error}");
    let error = nowhere.tags("", 10).await.unwrap_err();
    assert_eq!(error.fault(), Fault::NotFound, "{error}");
}

#[tokio::test]
async fn a_listing_that_leads_in_a_circle_ends() {
    let stage = stage().await;
    stage
        .liar
        .tell(Told::from(Lie::LinkLoop).about("/tags/list"));
    let list = stage.images.tags("", 10).await.unwrap();
    assert_eq!(list.tags.len(), 2);
    assert!(list.truncated);
    assert!(stage.liar.seen().len() < 200);
}

#[tokio::test]
async fn a_tag_that_flips_does_not_change_what_a_digest_means() {
    let stage = stage().await;
    let flip = Told::from(Lie::SwappedManifest("other".into()));
    stage.liar.tell(flip.about("/manifests/v1").from_request(2));
    let tag = "v1".parse().unwrap();
    let first = stage.images.resolve_tag(&tag).await.unwrap();
    let second = stage.images.resolve_tag(&tag).await.unwrap();
    assert_eq!(first.digest(), stage.image);
    assert_ne!(second.digest(), stage.image);
    assert_eq!(stage.images.manifest(&first.digest()).await.unwrap(), first);
}

#[tokio::test]
async fn a_fault_that_passes_is_tried_again() {
    let stage = stage().await;
    let options = Options {
        attempts: 3,
        timeout: Duration::from_secs(20),
        ..hasty()
    };
    let patient = at_with(&stage.liar.host(), "acme/app", &options);
    stage
        .liar
        .tell(Told::from(Lie::Status(503)).about("/manifests/"));
    let restore = async {
        while stage.liar.seen().is_empty() {
            tokio::task::yield_now().await;
        }
        stage.liar.be_honest();
    };
    let (manifest, ()) = tokio::join!(patient.manifest(&stage.image), restore);
    assert_eq!(manifest.unwrap().digest(), stage.image);
}

#[tokio::test]
async fn an_unreachable_registry_is_unavailable_and_says_where() {
    let registry = LocalRegistry::start().unwrap();
    let host = registry.host();
    drop(registry);
    let images = at_with(&host, "acme/app", &hasty());
    let errors = [
        images.manifest(&Digest::of(b"x")).await.unwrap_err(),
        images.push_blob("x").await.unwrap_err(),
        images.tags("", 1).await.unwrap_err(),
        images
            .referrers(&Digest::of(b"x"), None, 1)
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.fault(), Fault::Unavailable);
        assert!(error.to_string().contains(&host), "{error}");
    }
}

#[tokio::test]
async fn uploads_go_nowhere_else() {
    let stage = stage().await;
    let canary = Liar::start("http://127.0.0.1:1", 1).await.unwrap();
    stage
        .liar
        .tell(Told::from(Lie::Redirect(canary.url())).about("/uploads/"));
    let error = stage.images.push_blob("new").await.unwrap_err();
    assert_eq!(error.code(), "registry-malformed", "{error}");
    assert_eq!(canary.seen(), []);
}

#[tokio::test]
async fn gets_a_token_for_what_it_needs_and_no_more() {
    let stage = stage().await;
    stage.liar.tell(Lie::WantsToken);
    let host = stage.liar.host();
    let images = at_with(&host, "acme/app", &logged_in(&host, hasty()));
    assert_eq!(
        images.manifest(&stage.image).await.unwrap().digest(),
        stage.image
    );
    images.blob(&stage.blob, 1 << 20).await.unwrap();
    images.push_blob("new").await.unwrap();

    let seen = stage.liar.seen();
    let tokens: Vec<_> = seen
        .iter()
        .filter(|seen| seen.target.starts_with("/token?"))
        .collect();
    // One to pull, one to push; each asked for with the login, which goes nowhere else.
    assert_eq!(tokens.len(), 2);
    assert!(
        tokens[0]
            .target
            .contains("scope=repository%3Aacme%2Fapp%3Apull&"),
        "{tokens:?}"
    );
    assert!(
        tokens[1]
            .target
            .contains("scope=repository%3Aacme%2Fapp%3Apull%2Cpush&"),
        "{tokens:?}"
    );
    let is_login = |seen: &&seed_testkit::liar::Seen| {
        seen.authorization
            .as_deref()
            .is_some_and(|header| header.starts_with("Basic "))
    };
    assert_eq!(seen.iter().filter(is_login).count(), 2);
}

#[tokio::test]
async fn a_push_that_is_refused_names_the_reason() {
    let stage = stage().await;
    let manifest = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
        "config":{"mediaType":"x","size":1,"digest":"sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"},"layers":[]}"#;
    let error = stage.images.push_manifest(manifest, &[]).await.unwrap_err();
    assert_eq!(error.code(), "registry-denied");
    assert!(
        error.to_string().contains("MANIFEST_BLOB_UNKNOWN"),
        "{error}"
    );
}

/// A blob of 100,000 bytes behind the liar, and patience enough for some cuts.
async fn large(stage: &Stage) -> (Repository, Digest, Vec<u8>) {
    let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n * 7 % 251) as u8).collect();
    let digest = stage.images.push_blob(bytes.clone()).await.unwrap();
    let options = Options {
        timeout: Duration::from_secs(20),
        ..hasty()
    };
    (
        at_with(&stage.liar.host(), "acme/app", &options),
        digest,
        bytes,
    )
}

#[tokio::test]
async fn a_download_that_is_cut_is_taken_up_where_it_was() {
    let stage = stage().await;
    let (images, digest, bytes) = large(&stage).await;
    let before = stage.liar.seen().len();
    // Three cuts, each after half of what was left.
    stage
        .liar
        .tell(Told::from(Lie::Truncated).about("/blobs/").to_request(3));
    let mut written = Vec::new();
    images
        .blob_to_writer(&digest, bytes.len() as u64, &mut written)
        .await
        .unwrap();
    assert_eq!(written, bytes);
    assert_eq!(stage.liar.seen().len() - before, 4);
}

#[tokio::test]
async fn where_there_are_no_ranges_a_cut_download_starts_anew_and_repeats_nothing() {
    let stage = stage().await;
    let (images, digest, bytes) = large(&stage).await;
    // Its memory knows whole answers only.
    let whole = Upstream::new(&stage.registry.url()).unwrap().remembering();
    let liar = Liar::before(&whole, 3).await.unwrap();
    drop(images);
    let images = at_with(&liar.host(), "acme/app", &hasty());
    for cuts in [0, 2] {
        liar.tell(Told::from(Lie::Truncated).about("/blobs/").to_request(cuts));
        let mut written = Vec::new();
        let size = bytes.len() as u64;
        images
            .blob_to_writer(&digest, size, &mut written)
            .await
            .unwrap();
        assert_eq!(written, bytes);
    }
    assert_eq!(liar.seen().len(), 4);
}

#[tokio::test]
async fn the_rest_after_a_cut_is_held_against_the_digest_of_the_whole() {
    let stage = stage().await;
    let (images, digest, bytes) = large(&stage).await;
    let fetch = async || {
        let size = bytes.len() as u64;
        images.blob_to_writer(&digest, size, &mut Vec::new()).await
    };
    let longer = stage.images.push_blob(vec![1; 200_000]).await.unwrap();
    let cut = || Told::from(Lie::Truncated).about("/blobs/").to_request(1);
    let then = |lie: Lie| Told::from(lie).about("/blobs/").from_request(2);
    for (lie, code) in [
        (Lie::WrongBytes, "registry-wrong-digest"),
        (Lie::SwappedBlob(longer.to_string()), "registry-malformed"),
        (Lie::Short, "registry-wrong-size"),
        (Lie::Status(500), "registry-unavailable"),
        (Lie::Status(404), "registry-not-found"),
        (Lie::Truncated, "registry-unavailable"),
        (Lie::Reset, "registry-unavailable"),
        (
            Lie::Redirect("http://169.254.169.254/".into()),
            "registry-led-astray",
        ),
    ] {
        stage.liar.be_honest();
        stage.liar.tell(cut());
        stage.liar.tell(then(lie.clone()));
        let error = fetch().await.unwrap_err();
        assert_eq!(error.code(), code, "{lie:?}: {error}");
        assert!(stage.liar.seen().len() < 300);
    }
}

#[tokio::test]
async fn a_download_without_progress_ends_after_a_bounded_number_of_requests() {
    let stage = stage().await;
    let (images, digest, bytes) = large(&stage).await;
    let before = stage.liar.seen().len();
    stage.liar.tell(Told::from(Lie::Reset).about("/blobs/"));
    let size = bytes.len() as u64;
    let error = images
        .blob_to_writer(&digest, size, &mut Vec::new())
        .await
        .unwrap_err();
    assert_eq!(error.fault(), Fault::Unavailable, "{error}");
    assert_eq!(stage.liar.seen().len() - before, 17);
}
