//! Re-packed copies against a real chain and a real registry: accepted for what they unpack to, and nothing else.

mod common;

use std::{fs, io::Write as _, process::Command};

use common::{Images, World, capture};
use flate2::{Compression, write::GzEncoder};
use seed_attestation::media as attested_media;
use seed_image::{Descriptor, ImageIndex, media};
use seed_oci::{Options, Place, Repository, Tag};
use seed_primitives::Digest;
use seed_testkit::registry::LocalRegistry;
use serde_json::{Value, json};

const OCI_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const DOCKER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 19).unwrap()
}

/// An image packed again, to be pushed somewhere; tests lie in it one way at a time.
#[derive(Clone)]
struct Copy {
    manifest: &'static str,
    config: (&'static str, Vec<u8>),
    layers: Vec<(&'static str, Vec<u8>)>,
    /// Further fields of the first layer's descriptor.
    extra: Value,
}

impl Copy {
    /// The honest copy of the image at `at`, each layer packed by `pack`.
    fn of(images: &Images, at: usize, kind: &'static str, pack: fn(&[u8]) -> Vec<u8>) -> Self {
        Self {
            manifest: media::MANIFEST,
            config: (media::CONFIG, images.configs[at].clone()),
            layers: vec![(kind, pack(&images.base)), (kind, pack(&tar(images, at)))],
            extra: json!({}),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut layers: Vec<Value> = self
            .layers
            .iter()
            .map(|(kind, bytes)| json!(Descriptor::of(kind, bytes)))
            .collect();
        for (name, value) in self.extra.as_object().unwrap() {
            layers[0][name] = value.clone();
        }
        let (kind, config) = &self.config;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": self.manifest,
            "config": Descriptor::of(kind, config),
            "layers": layers,
            "annotations": {"dev.nix-seed.closure": Digest::of(b"a lie nobody looks at").to_string()},
        });
        manifest.to_string().into_bytes()
    }

    async fn push(&self, repository: &Repository) -> Digest {
        for (_, bytes) in self.layers.iter().chain([&self.config]) {
            repository.push_blob(bytes.clone()).await.unwrap();
        }
        repository.push_manifest(self.bytes(), &[]).await.unwrap()
    }
}

/// The top layer of an image, unpacked.
fn tar(images: &Images, at: usize) -> Vec<u8> {
    zstd::bulk::decompress(&images.layers[at], 1 << 20).unwrap()
}

fn open(place: &str) -> Repository {
    Repository::create(&place.parse::<Place>().unwrap(), &Options::default()).unwrap()
}

struct Scene {
    world: World,
    /// Where the release was published.
    home: String,
    /// Where copies are, and nothing else.
    mirror: String,
    copies: Repository,
    _registry: LocalRegistry,
}

impl Scene {
    async fn start() -> Self {
        let registry = LocalRegistry::start().unwrap();
        let home = format!("{}/acme/app", registry.host());
        let world = World::start_at(&home).await;
        let mirror = format!("{}/mirror/app", registry.host());
        let locator = world.second.locator.to_json().unwrap();
        fs::write(world.path("locator.json"), &locator).unwrap();
        Self {
            copies: open(&mirror),
            world,
            home,
            mirror,
            _registry: registry,
        }
    }

    fn copy(&self, kind: &'static str, pack: fn(&[u8]) -> Vec<u8>) -> Copy {
        Copy::of(&self.world.second.images, 1, kind, pack)
    }

    async fn pushed(&self, copy: &Copy) -> (String, Digest) {
        let digest = copy.push(&self.copies).await;
        (format!("{}@{digest}", self.mirror), digest)
    }

    /// Of an image: all of it is read, the release is named, and the original lies at home.
    fn named<'a>(&'a self, image: &'a str) -> [&'a str; 6] {
        let home = &self.home;
        [
            "--deep",
            "--record",
            "locator.json",
            "--mirror",
            home,
            image,
        ]
    }

    /// Verifies as the copy, with this digest, of the second release's image.
    #[track_caller]
    fn good(&self, digest: &Digest, arguments: &[&str]) {
        let release = self.world.good(arguments);
        let image = &release["images"][0];
        assert_eq!(image["digest"], digest.to_string());
        assert_eq!(
            image["copyOf"],
            self.world.second.images.manifest(1).to_string()
        );
        assert_eq!(release["layersChecked"], true);
        assert_eq!(release["inclusion"]["sequence"], 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_packed_again_is_verified_as_its_original_with_deep_alone() {
    let scene = Scene::start().await;
    let (world, home) = (&scene.world, scene.home.as_str());
    for copy in [
        scene.copy(OCI_GZIP, gzip),
        scene.copy(media::LAYER_TAR_ZSTD, zstd),
        scene.copy(media::LAYER_TAR, <[u8]>::to_vec),
        Copy {
            manifest: DOCKER_MANIFEST,
            config: (DOCKER_CONFIG, world.second.images.configs[1].clone()),
            ..scene.copy(DOCKER_GZIP, gzip)
        },
    ] {
        let (image, digest) = scene.pushed(&copy).await;
        scene.good(&digest, &["--deep", "--mirror", home, &image]);
        scene.good(&digest, &scene.named(&image));
        // The manifest of the original is found nowhere.
        let alone = ["--deep", "--record", "locator.json", &image];
        world.bad(3, "original-missing", &alone);
        // No locator leads anywhere, and nobody was asked who has more.
        world.bad(3, "locator-missing", &["--deep", &image]);
        let shallow = ["--record", "locator.json", "--mirror", home, &image];
        world.bad(1, "repacked-copy", &shallow);
    }

    // Beside the original no mirror is needed.
    let digest = scene.copy(OCI_GZIP, gzip).push(&open(home)).await;
    let beside = format!("{home}@{digest}");
    scene.good(&digest, &["--deep", &beside]);
    world.bad(1, "repacked-copy", &[&beside]);

    // The text says it, and so does a summary.
    let arguments = [
        "--chain",
        "--deep",
        "--policy",
        "policy.toml",
        "--vsa",
        "vsa.json",
        &beside,
    ];
    let output = tokio::task::block_in_place(|| world.run(&arguments));
    let text = String::from_utf8(output.stdout).unwrap();
    let original = world.second.images.manifest(1);
    let line = format!("a re-packed copy, verified as\n            {original}\n");
    assert!(text.contains(&line), "{text}");
    let summary: Value =
        serde_json::from_slice(&fs::read(world.path("vsa.json")).unwrap()).unwrap();
    assert_eq!(common::schema::vsa_errors(&summary), [""; 0]);
    assert_eq!(summary["subject"][0]["digest"]["sha256"], digest.to_hex());
    let levels = summary["predicate"]["verifiedLevels"].as_array().unwrap();
    assert!(levels.contains(&json!("SEED_REPACKED_COPY")), "{levels:?}");
}

/// What skopeo and its like make: the same bytes in another repository, and nothing that lies beside them.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_manifest_elsewhere_is_led_to_its_release_by_a_mirror() {
    let scene = Scene::start().await;
    let (world, home, images) = (&scene.world, &scene.home, &scene.world.second.images);
    for blob in [&images.configs[1], &images.layers[1], &images.base] {
        scene.copies.push_blob(blob.clone()).await.unwrap();
    }
    let bytes = images.manifests[1].clone();
    let digest = scene
        .copies
        .push_manifest(bytes.clone(), &[])
        .await
        .unwrap();
    let image = format!("{}@{digest}", scene.mirror);
    let verified = || {
        let (exit, answer) = world.verify(&["--mirror", home, &image]);
        assert_eq!(exit, 0, "{answer:#}");
        let image = &answer["images"][0];
        assert_eq!(image["release"]["images"][0]["copyOf"], Value::Null);
        image["notes"].as_array().unwrap().clone()
    };
    world.bad(3, "locator-missing", &[&image]);
    // That the evidence is in the mirror alone is nobody's fault.
    assert_eq!(verified(), [Value::Null; 0]);

    // More referrers than are read, none of which leads anywhere, keep nobody from the mirror's locator.
    scene
        .copies
        .push_blob(attested_media::EMPTY_CONFIG)
        .await
        .unwrap();
    for at in 0..20 {
        let junk = format!("junk {at}").into_bytes();
        let kind = attested_media::LOCATOR;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media::MANIFEST,
            "artifactType": kind,
            "config": Descriptor::of(attested_media::OCI_EMPTY, attested_media::EMPTY_CONFIG),
            "layers": [Descriptor::of(kind, &junk)],
            "subject": Descriptor::of(media::MANIFEST, &bytes),
        });
        scene.copies.push_blob(junk).await.unwrap();
        let referrer = manifest.to_string().into_bytes();
        scene.copies.push_referrer(&digest, referrer).await.unwrap();
    }
    verified();
    world.bad(3, "locator-malformed", &[&image]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_are_too_many_locators_the_answer_is_to_name_one() {
    let scene = Scene::start().await;
    let (image, digest) = scene.pushed(&scene.copy(OCI_GZIP, gzip)).await;
    let home = open(&scene.home);
    let mirrored = ["--deep", "--mirror", &scene.home, &image];
    scene.good(&digest, &mirrored);

    // More tags than are looked at, before those of the release.
    let tags: Vec<Tag> = (0..257)
        .map(|at| format!("seed-{at:064}").parse().unwrap())
        .collect();
    let crowd = scene.copy(media::LAYER_TAR, <[u8]>::to_vec);
    crowd.push(&home).await;
    home.push_manifest(crowd.bytes(), &tags).await.unwrap();
    let (exit, answer) = scene.world.verify(&mirrored);
    let (error, notes) = (&answer["images"][0]["error"], &answer["images"][0]["notes"]);
    assert_eq!((exit, error["code"].as_str()), (3, Some("locator-missing")));
    let notes = notes.as_array().unwrap();
    let said = |note: &Value| {
        let note = note.as_str().unwrap();
        note.contains("more locators than are looked through") && note.contains("--record")
    };
    assert!(notes.iter().any(said), "{notes:?}");
    let help = error["help"].as_str().unwrap();
    assert!(help.contains("--record"), "{help}");
    let named = [&["--record", "locator.json"][..], &mirrored].concat();
    scene.good(&digest, &named);
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes_layouts_archives_and_bundles_may_have_copies_too() {
    let scene = Scene::start().await;
    let (world, home) = (&scene.world, scene.home.as_str());
    let images = &world.second.images;
    // An index of a copy and an image as it was attested.
    let other = Copy::of(images, 0, OCI_GZIP, gzip);
    let first = other.push(&scene.copies).await;
    let home_images = [&images.configs[1], &images.layers[1], &images.base];
    for blob in home_images {
        scene.copies.push_blob(blob.clone()).await.unwrap();
    }
    let attested = images.manifests[1].clone();
    scene
        .copies
        .push_manifest(attested.clone(), &[])
        .await
        .unwrap();
    let children = vec![
        (
            "aarch64-linux".parse().unwrap(),
            Descriptor::of(media::MANIFEST, &other.bytes()),
        ),
        (
            "x86_64-linux".parse().unwrap(),
            Descriptor::of(media::MANIFEST, &attested),
        ),
    ];
    let index = ImageIndex::of_systems(children).unwrap().to_bytes();
    let index = scene.copies.push_manifest(index, &[]).await.unwrap();
    let index = format!("{}@{index}", scene.mirror);
    let release = world.good(&["--deep", "--mirror", home, &index]);
    assert_eq!(release["canonicalIndex"], false);
    assert_eq!(release["images"][0]["digest"], first.to_string());
    assert_eq!(
        release["images"][0]["copyOf"],
        images.manifest(0).to_string()
    );
    assert_eq!(release["images"][1]["copyOf"], Value::Null);
    world.bad(1, "repacked-copy", &["--mirror", home, &index]);

    // A layout with nothing but the copy, and an archive of it.
    let layout = open(&format!("oci:{}", world.path("copy").display()));
    let copy = scene.copy(OCI_GZIP, gzip);
    let digest = copy.push(&layout).await;
    let image = format!("oci:copy@{digest}");
    scene.good(&digest, &["--deep", "--mirror", home, &image]);
    let tar = Command::new("tar")
        .current_dir(world.folder.path())
        .args(["-C", "copy", "-cf", "copy.tar", "."])
        .status();
    assert!(tar.unwrap().success());
    let archived = format!("oci-archive:copy.tar@{digest}");
    scene.good(&digest, &["--deep", "--mirror", home, &archived]);

    // A bundle of the original brings its manifest along.
    let original = format!("{home}@{}", images.manifest(1));
    let create = capture(&original, "b.json");
    let made = tokio::task::block_in_place(|| world.run(&create));
    assert!(made.status.success(), "{made:?}");
    world.chain.mine(5).await.unwrap();
    scene.good(&digest, &["--bundle", "b.json", "--deep", &image]);
    world.bad(1, "repacked-copy", &["--bundle", "b.json", &image]);
    let create = [&capture(&image, "c.json")[..], &["--mirror", home]].concat();
    let refused = tokio::task::block_in_place(|| world.run(&create));
    let errors = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_ne!(refused.status.code(), Some(0), "{errors}");
    assert!(!world.path("c.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_lie_of_a_copy_is_refused_by_its_own_code() {
    let scene = Scene::start().await;
    let (world, home) = (&scene.world, scene.home.as_str());
    let good = scene.copy(OCI_GZIP, gzip);
    let lie = |change: &dyn Fn(&mut Copy)| {
        let mut copy = good.clone();
        change(&mut copy);
        copy
    };
    let config = |text: &str| {
        let config = String::from_utf8(good.config.1.clone()).unwrap();
        assert!(config.contains("\"config\":{}"), "{config}");
        config.replace("\"config\":{}", text).into_bytes()
    };
    let first = &world.first.images;
    let odd = open(&format!("oci:{}", world.path("odd").display()));
    for (exit, code, copy) in [
        // One layer changed, by a byte or for that of an older release.
        (
            1,
            "diff-id-mismatch",
            lie(&|c| c.layers[1].1 = gzip(b"something else")),
        ),
        (
            1,
            "diff-id-mismatch",
            lie(&|c| c.layers[1].1 = gzip(&tar(first, 1))),
        ),
        (1, "diff-id-mismatch", lie(&|c| c.layers.swap(0, 1))),
        (1, "layer-count-mismatch", lie(&|c| drop(c.layers.pop()))),
        (
            1,
            "layer-count-mismatch",
            lie(&|c| c.layers.push((OCI_GZIP, gzip(b"more")))),
        ),
        (
            1,
            "layer-count-mismatch",
            lie(&|c| c.layers.push(c.layers[1].clone())),
        ),
        // Two streams in one layer, bytes after the one there is, another stream than is said.
        (
            1,
            "diff-id-mismatch",
            lie(&|c| c.layers[0].1.extend(gzip(b"more"))),
        ),
        (1, "diff-id-mismatch", lie(&|c| c.layers[0].1.push(0))),
        (
            1,
            "diff-id-mismatch",
            lie(&|c| c.layers[0].0 = media::LAYER_TAR_ZSTD),
        ),
        (
            1,
            "diff-id-mismatch",
            lie(&|c| c.layers[0].0 = media::LAYER_TAR),
        ),
        // 256 MiB of zeros, in a few hundred KiB.
        (
            1,
            "diff-id-mismatch",
            lie(&|c| c.layers[1].1 = gzip(&vec![0; 256 << 20])),
        ),
        // Another config, which lists the very same layers.
        (
            1,
            "image-not-in-record",
            lie(&|c| {
                c.config.1 = config(r#""config":{"Cmd":["/bin/evil"]}"#);
            }),
        ),
        (
            1,
            "image-malformed",
            lie(&|c| c.extra = json!({"urls": ["https://a.example"]})),
        ),
        (
            1,
            "image-malformed",
            lie(&|c| c.extra = json!({"annotations": {"toc": "a"}})),
        ),
        (
            1,
            "image-malformed",
            lie(&|c| c.extra = json!({"data": "YQ=="})),
        ),
        (
            1,
            "image-malformed",
            lie(&|c| c.layers[0].0 = "application/x-tar"),
        ),
        (1, "layer-mismatch", lie(&|c| c.extra = json!({"size": 7}))),
    ] {
        // The registry itself refuses descriptors that say too much or too little; a layout takes them.
        let image = if copy.extra == json!({}) {
            scene.pushed(&copy).await.0
        } else {
            format!("oci:odd@{}", copy.push(&odd).await)
        };
        world.bad(exit, code, &scene.named(&image));
    }
    // An older release's copy is not one of the newer, and is one of the older.
    let older = Copy::of(first, 1, OCI_GZIP, gzip);
    let (image, _) = scene.pushed(&older).await;
    world.bad(1, "image-not-in-record", &scene.named(&image));
    let release = world.good(&["--deep", "--mirror", home, &image]);
    assert_eq!(release["inclusion"]["sequence"], 1);
    // A layer that cannot be had says nothing about the image.
    let hollow = open(&format!("oci:{}", world.path("hollow").display()));
    let digest = good.push(&hollow).await;
    let layer = Digest::of(&good.layers[1].1).to_hex();
    fs::remove_file(world.path("hollow/blobs/sha256").join(layer)).unwrap();
    let image = format!("oci:hollow@{digest}");
    world.bad(3, "layers-missing", &["--deep", "--mirror", home, &image]);
    let (image, digest) = scene.pushed(&good).await;
    scene.good(&digest, &scene.named(&image));
}
