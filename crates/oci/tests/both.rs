//! What holds for a registry and for a layout alike.

mod common;

use std::path::Path;

use common::{KIND, at, layout, push_image, referrer};
use seed_oci::{Error, Fault, MAX_REFERRERS, MAX_STATEMENT, Options, Repository};
use seed_primitives::Digest;
use seed_testkit::registry::LocalRegistry;

/// Runs `test` on a registry and on a layout whose path has spaces.
async fn on_both(test: impl AsyncFn(&Repository)) {
    let registry = LocalRegistry::start().unwrap();
    test(&at(&registry.host(), "acme/app")).await;
    let folder = tempfile::tempdir().unwrap();
    test(&layout(&folder.path().join("my images/the app"))).await;
}

#[tokio::test]
async fn reads_back_what_was_pushed() {
    on_both(async |repository| {
        let (digest, layer) = push_image(repository, "a", &["v1", "latest"]).await;
        let manifest = repository.manifest(&digest).await.unwrap();
        assert_eq!(manifest.digest(), digest);
        assert_eq!(Digest::of(manifest.bytes()), digest);
        for tag in ["v1", "latest"] {
            let tagged = repository.resolve_tag(&tag.parse().unwrap()).await.unwrap();
            assert_eq!(tagged, manifest);
        }
        let blob = Digest::of(&layer);
        assert!(repository.has_blob(&blob).await.unwrap());
        assert_eq!(repository.blob(&blob, MAX_STATEMENT).await.unwrap(), layer);
        let mut written = Vec::new();
        let size = layer.len() as u64;
        repository
            .blob_to_writer(&blob, size, &mut written)
            .await
            .unwrap();
        assert_eq!(written, layer);
    })
    .await;
}

#[tokio::test]
async fn pushing_again_is_harmless_and_a_tag_moves() {
    on_both(async |repository| {
        let tag = "v1".parse().unwrap();
        let (first, _) = push_image(repository, "a", &["v1"]).await;
        push_image(repository, "a", &["v1"]).await;
        assert_eq!(repository.resolve_tag(&tag).await.unwrap().digest(), first);
        let (second, _) = push_image(repository, "b", &["v1"]).await;
        assert_eq!(repository.resolve_tag(&tag).await.unwrap().digest(), second);
        assert_eq!(repository.manifest(&first).await.unwrap().digest(), first);
        assert_eq!(repository.tags("", 10).await.unwrap().tags, [tag]);
    })
    .await;
}

#[tokio::test]
async fn pushes_files_and_refuses_ones_that_are_something_else() {
    on_both(async |repository| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a layer");
        let bytes = vec![7; 3 << 20];
        std::fs::write(&path, &bytes).unwrap();
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        let other = Digest::of(b"other");

        let wrong = repository.push_file(&path, &other, size).await.unwrap_err();
        assert_eq!(wrong.code(), "registry-wrong-digest");
        for size in [size - 1, size + 1] {
            let wrong = repository
                .push_file(&path, &digest, size)
                .await
                .unwrap_err();
            assert_eq!(wrong.code(), "registry-wrong-size");
        }
        let missing = repository
            .push_file(Path::new("/no such"), &digest, size)
            .await;
        assert_eq!(missing.unwrap_err().code(), "layout-storage");
        assert!(!repository.has_blob(&other).await.unwrap());
        assert!(!repository.has_blob(&digest).await.unwrap());

        repository.push_file(&path, &digest, size).await.unwrap();
        let mut written = Vec::new();
        repository
            .blob_to_writer(&digest, size, &mut written)
            .await
            .unwrap();
        assert_eq!(written, bytes);
    })
    .await;
}

#[tokio::test]
async fn an_empty_blob_is_a_blob() {
    on_both(async |repository| {
        let digest = repository.push_blob("").await.unwrap();
        assert_eq!(repository.blob(&digest, 0).await.unwrap(), "");
    })
    .await;
}

#[tokio::test]
async fn keeps_bounds() {
    on_both(async |repository| {
        let digest = repository.push_blob(vec![1; 1000]).await.unwrap();
        assert!(repository.blob(&digest, 1000).await.is_ok());
        let error = repository.blob(&digest, 999).await.unwrap_err();
        assert!(
            matches!(error, Error::TooLarge { limit: 999, .. }),
            "{error}"
        );
        for size in [999, 1001] {
            let mut written = Vec::new();
            let error = repository
                .blob_to_writer(&digest, size, &mut written)
                .await
                .unwrap_err();
            assert!(matches!(error, Error::WrongSize { .. }), "{error}");
        }
        let huge = format!(r#"{{"schemaVersion":2,"x":"{}"}}"#, "a".repeat(4 << 20));
        let error = repository.push_manifest(huge, &[]).await.unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_caller_that_hashes_gets_the_size_checked_and_proves_the_digest() {
    on_both(async |repository| {
        let digest = repository.push_blob(vec![1; 300_000]).await.unwrap();
        for size in [299_999, 300_000, 300_001] {
            let stream = repository.blob_stream(&digest, size).await;
            let mut stream = match stream {
                Ok(stream) => stream.hashed_by_caller(),
                // A registry says the length first.
                Err(error) => {
                    assert!(matches!(error, Error::WrongSize { .. }), "{error}");
                    continue;
                }
            };
            let mut bytes = Vec::new();
            let end = loop {
                match stream.chunk().await {
                    Ok(Some(chunk)) => bytes.extend(chunk),
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            assert_eq!(end.is_ok(), size == 300_000, "{end:?}");
            stream.prove(digest).unwrap();
            let error = stream.prove(Digest::of(b"other")).unwrap_err();
            assert!(matches!(error, Error::WrongDigest { expected, .. } if expected == digest));
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    on_both(async |repository| {
        push_image(repository, "a", &["v1"]).await;
        let nothing = Digest::of(b"nothing");
        let errors = [
            repository.manifest(&nothing).await.unwrap_err(),
            repository.blob(&nothing, 10).await.unwrap_err(),
            repository.blob_stream(&nothing, 10).await.unwrap_err(),
            repository
                .resolve_tag(&"v2".parse().unwrap())
                .await
                .unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.fault(), Fault::NotFound, "{error}");
        }
        assert!(!repository.has_blob(&nothing).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn finds_referrers_by_type_and_within_the_cap() {
    on_both(async |repository| {
        let (image, _) = push_image(repository, "a", &["v1"]).await;
        let none = repository
            .referrers(&image, None, MAX_REFERRERS)
            .await
            .unwrap();
        assert!(none.descriptors.is_empty() && !none.truncated);

        let one = referrer(repository, &image, KIND, "one").await;
        let one = repository.push_referrer(&image, one).await.unwrap();
        let two = referrer(repository, &image, "application/x", "two").await;
        let two = repository.push_referrer(&image, two.clone()).await.unwrap();
        // Once more: nothing is listed twice.
        let again = referrer(repository, &image, KIND, "one").await;
        assert_eq!(repository.push_referrer(&image, again).await.unwrap(), one);

        let all = repository
            .referrers(&image, None, MAX_REFERRERS)
            .await
            .unwrap();
        let digests: Vec<_> = all.descriptors.iter().map(|found| found.digest).collect();
        assert_eq!(digests, [one, two]);
        let typed = repository
            .referrers(&image, Some(KIND), MAX_REFERRERS)
            .await
            .unwrap();
        assert_eq!(typed.descriptors.len(), 1);
        let found = &typed.descriptors[0];
        assert_eq!(
            (found.digest, found.artifact_type.as_deref()),
            (one, Some(KIND))
        );
        assert_eq!(found.annotations["note"], "one");
        assert_eq!(
            found.size,
            repository.manifest(&one).await.unwrap().bytes().len() as u64
        );
        let capped = repository.referrers(&image, None, 1).await.unwrap();
        assert!(capped.descriptors.len() == 1 && capped.truncated);
    })
    .await;
}

#[tokio::test]
async fn refuses_a_referrer_of_another_image() {
    on_both(async |repository| {
        let (image, _) = push_image(repository, "a", &["v1"]).await;
        let other = referrer(repository, &Digest::of(b"other"), KIND, "x").await;
        let error = repository.push_referrer(&image, other).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Usage, "{error}");
    })
    .await;
}

#[tokio::test]
async fn lists_tags_by_prefix_and_says_when_there_are_more() {
    on_both(async |repository| {
        push_image(repository, "a", &["b", "seed-2", "seed-1", "seed-3"]).await;
        let list = repository.tags("seed-", 2).await.unwrap();
        assert_eq!(
            list.tags
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
            ["seed-1", "seed-2"]
        );
        assert!(list.truncated);
        let list = repository.tags("seed-", 3).await.unwrap();
        assert!(list.tags.len() == 3 && !list.truncated);
    })
    .await;
}

#[tokio::test]
async fn refuses_manifests_without_a_type_or_with_two_meanings() {
    on_both(async |repository| {
        for text in [
            "{}",
            r#"{"schemaVersion":2,"config":{"mediaType":"c"},"layers":[]}"#,
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","layers":[],"manifests":[]}"#,
        ] {
            let error = repository.push_manifest(text, &[]).await.unwrap_err();
            assert_eq!(error.code(), "registry-malformed", "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn many_pushers_of_referrers_all_get_in_where_there_is_a_lock() {
    let folder = tempfile::tempdir().unwrap();
    let images = layout(folder.path());
    let (image, _) = push_image(&images, "a", &["v1"]).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..24 {
        let images = layout(folder.path());
        tasks.spawn(async move {
            let text = referrer(&images, &image, KIND, &number.to_string()).await;
            images.push_referrer(&image, text).await.unwrap()
        });
    }
    let pushed = tasks.join_all().await;
    let found = images
        .referrers(&image, Some(KIND), MAX_REFERRERS)
        .await
        .unwrap();
    for digest in pushed {
        assert!(found.descriptors.iter().any(|entry| entry.digest == digest));
        assert!(images.manifest(&digest).await.is_ok());
    }
}

#[tokio::test]
async fn statements_of_racing_pushers_stay_retrievable_by_digest() {
    let registry = LocalRegistry::start().unwrap();
    let images = at(&registry.host(), "acme/app");
    let (image, _) = push_image(&images, "a", &["v1"]).await;
    for round in 0..10 {
        let push = async |name: &str| {
            let text = referrer(&images, &image, KIND, &format!("{name}{round}")).await;
            images.push_referrer(&image, text).await
        };
        let (one, two) = tokio::join!(push("one"), push("two"));
        for digest in [one.unwrap(), two.unwrap()] {
            assert_eq!(images.manifest(&digest).await.unwrap().digest(), digest);
        }
    }
}

#[tokio::test]
async fn futures_can_move_between_threads() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    let folder = tempfile::tempdir().unwrap();
    let images = layout(folder.path());
    let digest = send(images.push_blob("x")).await.unwrap();
    let _ = send(images.manifest(&digest)).await;
    let _ = send(images.blob(&digest, 9)).await;
    let _ = send(images.blob_to_writer(&digest, 1, &mut Vec::new())).await;
    let _ = send(images.push_file(Path::new("x"), &digest, 1)).await;
    let _ = send(images.push_manifest("x", &[])).await;
    let _ = send(images.push_referrer(&digest, "x")).await;
    let _ = send(images.referrers(&digest, None, 1)).await;
    let _ = send(images.tags("", 1)).await;
    assert!(Repository::open(&"oci:/no such".parse().unwrap(), &Options::default()).is_err());
}

#[tokio::test]
async fn the_same_manifest_from_many_pushers_at_once_arrives() {
    let registry = LocalRegistry::start().unwrap();
    for round in 0..6 {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let images = at(&registry.host(), "acme/app");
            tasks.spawn(async move { push_image(&images, &round.to_string(), &[]).await.0 });
        }
        let digests = tasks.join_all().await;
        assert!(digests.iter().all(|digest| *digest == digests[0]));
    }
}
