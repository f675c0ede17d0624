//! `seed-verify --chain` on tar archives of layouts: as good as the layout inside, or refused by their own code.

mod common;

use std::{fs, process::Command};

use common::World;
use seed_primitives::Digest;

impl World {
    /// Makes an archive of what is in the folder `of`, with the `tar` that everybody has.
    #[track_caller]
    fn tar(&self, of: &str, name: &str, arguments: &[&str]) {
        let mut command = Command::new("tar");
        command.current_dir(self.folder.path()).args(["-C", of]);
        command.args(arguments).arg("-f").arg(self.path(name));
        let status = command.arg(".").status().unwrap();
        assert!(status.success(), "tar");
    }

    /// The second release's image for x86_64 in the archive called `name`.
    fn archived(&self, name: &str) -> String {
        format!("oci-archive:{name}@{}", self.second.images.manifest(1))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_as_good_as_the_layout_in_it() {
    let world = World::start().await;
    let images = &world.second.images;
    // As `docker save` has it since 25: a layout, and files of its own beside it.
    fs::write(world.path("images/manifest.json"), "[]").unwrap();
    fs::write(world.path("images/repositories"), "{}").unwrap();
    world.tar("images", "all.tar", &["-c"]);
    let image = world.archived("all.tar");
    let (of_archive, of_layout) = (
        world.good(&["--deep", &image]),
        world.good(&["--deep", &world.image("images")]),
    );
    for field in ["blockHash", "commitment", "sequence"] {
        assert_eq!(
            of_archive["inclusion"][field],
            of_layout["inclusion"][field]
        );
    }
    let index = format!("oci-archive:all.tar@{}", Digest::of(&images.index));
    world.good(&["--deep", &index]);
    // It holds many images, so one has to be named; and tags need a rule against old releases.
    world.bad(2, "usage", &["oci-archive:all.tar"]);
    world.bad(3, "tag-without-rollback-rule", &["oci-archive:all.tar:v2"]);
    let arguments = [
        "--chain",
        "--policy",
        "policy.toml",
        "docker-archive:all.tar",
    ];
    let refused = world.run(&arguments);
    let errors = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2));
    assert!(errors.contains("error[reference-malformed]") && errors.contains("oci-archive:FILE"));

    let evidence = &world.second.evidence;
    world
        .copy("bare")
        .remove(&evidence["ada"].0)
        .remove(&evidence["bo"].0);
    world.bad(3, "evidence-missing", &[&world.image("bare")]);
    world.good(&["--mirror", "oci-archive:all.tar", &world.image("bare")]);

    world.copy("flipped").flip(&images.layer(1));
    world.tar("flipped", "flipped.tar", &["-c"]);
    world.good(&[&world.archived("flipped.tar")]);
    world.bad(
        1,
        "layer-mismatch",
        &["--deep", &world.archived("flipped.tar")],
    );
    world.copy("other").flip(&images.manifest(1));
    world.tar("other", "other.tar", &["-c"]);
    world.bad(
        1,
        "manifest-digest-mismatch",
        &[&world.archived("other.tar")],
    );
    world.copy("without").remove(&images.manifest(1));
    world.tar("without", "without.tar", &["-c"]);
    world.bad(3, "image-missing", &[&world.archived("without.tar")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_readers_could_disagree_about_is_not_read() {
    let world = World::start().await;
    let manifest = world.second.images.manifest(1).to_hex();
    world.tar("images", "good.tar", &["-c"]);
    let good = fs::read(world.path("good.tar")).unwrap();
    world.good(&[&world.archived("good.tar")]);
    let refused = |exit, code: &str, bytes: &[u8]| {
        fs::write(world.path("bad.tar"), bytes).unwrap();
        world.bad(exit, code, &[&world.archived("bad.tar")]);
    };
    refused(3, "archive-truncated", &good[..good.len() / 2]);
    refused(3, "archive-truncated", b"");
    refused(3, "archive-trailing", &[&good[..], &good[..]].concat());

    let made = |folder: &str, arguments: &[&str]| {
        world.tar(folder, "made.tar", arguments);
        fs::read(world.path("made.tar")).unwrap()
    };
    refused(2, "archive-compressed", &made("images", &["-cz"]));
    fs::write(world.path("made.tar"), &good).unwrap();
    refused(3, "archive-duplicate", &made("images", &["-r"]));
    let climbing = ["-cP", "--transform=s,^./index.json,../index.json,"];
    refused(3, "archive-name", &made("images", &climbing));
    let rooted = ["-cP", "--transform=s,^./index.json,/index.json,"];
    refused(3, "archive-name", &made("images", &rooted));
    let long = format!("--transform=s,^./index.json,{},", "x/".repeat(80) + "y");
    refused(
        3,
        "archive-override",
        &made("images", &["-c", "--format=gnu", &long]),
    );
    refused(
        3,
        "archive-override",
        &made("images", &["-c", "--format=pax", &long]),
    );

    world.copy("linked");
    let blob = world.path("linked/blobs/sha256").join(manifest);
    fs::rename(&blob, world.path("linked/elsewhere")).unwrap();
    std::os::unix::fs::symlink("../../elsewhere", &blob).unwrap();
    refused(3, "archive-link", &made("linked", &["-c"]));
    fs::remove_file(&blob).unwrap();
    fs::hard_link(world.path("linked/elsewhere"), &blob).unwrap();
    refused(3, "archive-link", &made("linked", &["-c"]));

    world.copy("holes");
    let hole = fs::File::create(world.path("holes/hole")).unwrap();
    hole.set_len(8 << 20).unwrap();
    for format in ["--format=gnu", "--format=pax"] {
        let sparse = made("holes", &["-c", "--sparse", format]);
        refused(3, "archive-sparse", &sparse);
    }

    // An old `docker save`: no manifest in it that anybody could have attested.
    fs::create_dir(world.path("docker")).unwrap();
    fs::write(world.path("docker/manifest.json"), "[]").unwrap();
    refused(2, "docker-archive", &made("docker", &["-c"]));
    fs::rename(world.path("docker/manifest.json"), world.path("docker/x")).unwrap();
    refused(2, "archive-no-layout", &made("docker", &["-c"]));
}
