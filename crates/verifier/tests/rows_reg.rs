//! Rows of the threat model about registries, each against the real program and a real registry behind a liar.

mod common;

use std::{
    fs,
    process::{Child, Stdio},
    time::Duration,
};

use common::World;
use seed_primitives::Digest;
use seed_testkit::{
    liar::{Liar, Lie, Told},
    registry::LocalRegistry,
};
use serde_json::Value;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// A registry with both releases, and a liar before it.
struct Stage {
    _registry: LocalRegistry,
    liar: Liar,
    world: World,
}

impl Stage {
    async fn new() -> Self {
        let registry = LocalRegistry::start().unwrap();
        let liar = Liar::start(&registry.url(), 7).await.unwrap();
        let world = World::start_at(&format!("{}/acme/app", registry.host())).await;
        Self {
            _registry: registry,
            liar,
            world,
        }
    }

    fn image(&self, digest: Digest) -> String {
        format!("{}/acme/app@{digest}", self.liar.host())
    }

    fn attested(&self) -> String {
        self.image(self.world.second.images.manifest(1))
    }
}

/// What the body is, what the header says, what the descriptor of the index says: one of the combinations is an image.
#[tokio::test(flavor = "multi_thread")]
async fn reg_06_of_all_types_in_body_header_and_descriptor_one_combination_is_verified() {
    let stage = Stage::new().await;
    let images = &stage.world.second.images;
    let text = String::from_utf8(images.index.clone()).unwrap();
    let mut verified = 0;
    for descriptor in [MANIFEST, INDEX, DOCKER] {
        // The index itself names its type too; only those of its children are exchanged.
        let (head, children) = text.split_once("\"manifests\"").unwrap();
        let index = format!(
            "{head}\"manifests\"{}",
            children.replace(MANIFEST, descriptor)
        );
        stage.liar.be_honest();
        let index = match descriptor {
            MANIFEST => Digest::of(text.as_bytes()),
            // The real registry refuses some of these; a layout takes them.
            _ => {
                let repository = stage.world.path("typed");
                let digest = Digest::of(index.as_bytes());
                fs::create_dir_all(&repository).unwrap();
                fs::write(repository.join(digest.to_hex()), &index).unwrap();
                digest
            }
        };
        for header in [MANIFEST, INDEX, DOCKER] {
            stage.liar.be_honest();
            if descriptor != MANIFEST {
                let body =
                    fs::read_to_string(stage.world.path("typed").join(index.to_hex())).unwrap();
                stage
                    .liar
                    .tell(Told::from(Lie::Body(body)).about(&index.to_string()));
                stage
                    .liar
                    .tell(Told::from(Lie::ContentType(INDEX.into())).about(&index.to_string()));
            }
            for child in 0..2 {
                let about = images.manifest(child).to_string();
                stage
                    .liar
                    .tell(Told::from(Lie::ContentType(header.into())).about(&about));
            }
            let (exit, value) = stage.world.verify(&[&stage.image(index)]);
            let code = value["images"][0]["error"]["code"].as_str();
            let names = format!("descriptor {descriptor}, header {header}: {code:?}");
            match (descriptor, header) {
                (MANIFEST, MANIFEST) => {
                    assert_eq!(exit, 0, "{names}");
                    verified += 1;
                }
                // The index is not in its one form, whatever its children are served as.
                (INDEX | DOCKER, _) => {
                    assert_eq!((exit, code), (1, Some("image-malformed")), "{names}")
                }
                // A child that is served as something else is not had.
                _ => assert_eq!((exit, code), (3, Some("child-missing")), "{names}"),
            }
        }
    }
    assert_eq!(verified, 1);

    // The third part: the bytes of an image that call themselves something else are other bytes, with another digest.
    let image = String::from_utf8(images.manifests[1].clone()).unwrap();
    for (body, header) in [
        (INDEX, INDEX),
        (INDEX, MANIFEST),
        (DOCKER, DOCKER),
        (DOCKER, MANIFEST),
    ] {
        stage.liar.be_honest();
        let text = image.replacen(MANIFEST, body, 1);
        let digest = Digest::of(text.as_bytes());
        for lie in [Lie::Body(text), Lie::ContentType(header.into())] {
            stage.liar.tell(Told::from(lie).about(&digest.to_string()));
        }
        let (exit, value) = stage.world.verify(&[&stage.image(digest)]);
        assert!(matches!(exit, 1 | 3), "{body} as {header}: {value:#}");
    }
    // And by its own digest, whatever the header says.
    for (header, exit) in [(MANIFEST, 0), (INDEX, 1), (DOCKER, 1), ("text/html", 1)] {
        stage.liar.be_honest();
        stage
            .liar
            .tell(Told::from(Lie::ContentType(header.into())).about("/manifests/sha256:"));
        assert_eq!(stage.world.verify(&[&stage.attested()]).0, exit, "{header}");
    }
}

/// The most memory that a process had, in KiB; looked at until it ends.
fn peak(child: &mut Child) -> (i32, u64) {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
        peak = now.unwrap_or(peak).max(peak);
        if let Some(status) = child.try_wait().unwrap() {
            return (status.code().unwrap(), peak);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Of every kind of answer, one that never ends: the program stays small, and says that it does not know or that the
/// answer is wrong, never yes where the answer was needed.
#[tokio::test(flavor = "multi_thread")]
async fn reg_13_bodies_without_end_cost_time_and_no_memory() {
    let stage = Stage::new().await;
    let images = &stage.world.second.images;
    let run = || {
        let image = stage.attested();
        let arguments = [
            "--chain",
            "--policy",
            "policy.toml",
            "--deep",
            "--timeout",
            "60",
            &image,
        ];
        let mut command = stage.world.command(&arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        tokio::task::block_in_place(|| peak(&mut command.spawn().unwrap()))
    };
    let (exit, honest) = run();
    assert_eq!(exit, 0);
    assert!(honest > 1_000, "{honest} KiB cannot be");
    let blob = |digest: Digest| format!("/blobs/{digest}");
    let evidence = stage.world.second.evidence["ada"].0;
    for about in [
        images.manifest(1).to_string(),
        blob(images.config(1)),
        blob(images.layer(1)),
        "/manifests/seed-".to_owned(),
        "/manifests/sha256-".to_owned(),
        "/referrers/".to_owned(),
        format!("/manifests/{evidence}"),
        "/blobs/".to_owned(),
        String::new(),
    ] {
        stage.liar.be_honest();
        stage.liar.tell(Told::from(Lie::Endless).about(&about));
        let (exit, used) = run();
        // A locator is found in either of two places, and one of three builders' evidence is one more than enough.
        let needed = about.is_empty()
            || about.contains("/blobs/")
            || about == images.manifest(1).to_string();
        assert_eq!(exit == 0, !needed, "{about:?}: exit {exit}");
        assert!(
            used < honest + (64 << 10),
            "{about:?}: {used} KiB, and {honest} KiB when all is well"
        );
        assert!(used < 128 << 10, "{about:?}: {used} KiB");
    }
    // The same from endpoints, one and then all.
    for (liars, exit) in [(1, 0), (3, 3)] {
        stage.liar.be_honest();
        for liar in &stage.world.liars[..liars] {
            liar.tell(Lie::Endless);
        }
        let (found, used) = run();
        assert_eq!(found, exit);
        assert!(used < 160 << 10, "{used} KiB");
    }
}

/// Lists of referrers with a million entries that lead nowhere, and lists that lead in a circle.
#[tokio::test(flavor = "multi_thread")]
async fn reg_14_floods_of_referrers_keep_nobody_from_a_good_image() {
    let stage = Stage::new().await;
    let image = stage.attested();
    stage.world.good(&[&image]);
    let requests = stage.liar.seen().len() / 2;
    for number in [1_000, 20_000, 1_000_000] {
        for about in ["/referrers/", "/manifests/sha256-"] {
            stage.liar.be_honest();
            stage.liar.tell(Told::from(Lie::Flood(number)).about(about));
            let before = stage.liar.seen().len();
            stage.world.good(&[&image]);
            let asked = (stage.liar.seen().len() - before) / 2;
            assert!(
                asked <= requests + 6,
                "{number} {about}: {asked} requests instead of {requests}"
            );
        }
    }
    // Where the tag of the locator is withheld too, a flood may hide it: then nothing is known, after few requests.
    for lie in [
        Lie::Flood(1_000),
        Lie::Flood(20_000),
        Lie::Flood(1_000_000),
        Lie::LinkLoop,
    ] {
        stage.liar.be_honest();
        stage
            .liar
            .tell(Told::from(Lie::Status(404)).about("/manifests/seed-"));
        stage
            .liar
            .tell(Told::from(lie.clone()).about("/referrers/"));
        stage
            .liar
            .tell(Told::from(lie.clone()).about("/manifests/sha256-"));
        let before = stage.liar.seen().len();
        let (exit, value) = stage.world.verify(&[&image]);
        let code = &value["images"][0]["error"]["code"];
        // A list that leads in a circle has everything in its first page.
        if lie == Lie::LinkLoop {
            assert_eq!(exit, 0, "{code}");
        } else {
            assert_eq!(
                (exit, code),
                (3, &Value::from("locator-missing")),
                "{lie:?}"
            );
        }
        let asked = (stage.liar.seen().len() - before) / 2;
        assert!(
            asked <= requests + 40,
            "{lie:?}: {asked} requests instead of {requests}"
        );
    }
}
