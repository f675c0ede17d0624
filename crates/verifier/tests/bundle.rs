//! Bundles, from a real chain to a machine without any network.

mod common;

use std::{
    fs,
    process::{Command, Output},
};

use common::{
    World, capture,
    lines::{ends_with_who_is_trusted, fits_a_terminal},
    schema::{bundle_errors, read_output},
};
use seed_primitives::Digest;
use seed_testkit::{keys, liar::Lie, registry::LocalRegistry};
use serde_json::Value;

impl World {
    /// Runs `seed-verify` while the proxies of this runtime go on answering.
    fn go(&self, arguments: &[&str]) -> Output {
        tokio::task::block_in_place(|| self.run(arguments))
    }

    #[track_caller]
    fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.go(arguments);
        assert!(output.status.success(), "{arguments:?} {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Expects this exit code and error code.
    #[track_caller]
    fn fail(&self, exit: i32, code: &str, arguments: &[&str]) {
        let output = self.go(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        let found = (
            output.status.code(),
            errors.contains(&format!("error[{code}]")),
        );
        assert_eq!(found, (Some(exit), true), "{arguments:?}\n{errors}");
    }

    /// Captures, waits until the block is final, and writes a policy that pins it.
    async fn captured(&self, image: &str, bundle: &str, policy: &str) {
        self.succeed(&capture(image, bundle));
        let written = fs::read(self.path(bundle)).unwrap();
        let written = serde_json::from_slice(&written).unwrap();
        assert_eq!(bundle_errors(&written), [""; 0]);
        self.pin(bundle, policy).await;
    }

    /// Waits until the block of a bundle is final, and writes a policy that pins it.
    async fn pin(&self, bundle: &str, policy: &str) {
        self.chain.mine(5).await.unwrap();
        let pin = self.succeed(&["bundle", "confirm", bundle, "--policy", "policy.toml"]);
        let text = fs::read_to_string(self.path("policy.toml")).unwrap();
        fs::write(self.path(policy), text + &pin).unwrap();
    }

    /// Runs it with no network but a loopback interface that is down.
    fn unplugged(&self, arguments: &[&str]) -> Output {
        let whole = self.command(arguments);
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-current-user", "--net", "--"])
            .arg(whole.get_program())
            .args(whole.get_args())
            .current_dir(self.folder.path())
            .env_clear();
        command.output().unwrap()
    }
}

fn json(output: &Output) -> Value {
    read_output(&output.stdout)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_captured_confirmed_and_verified_with_the_network_off() {
    let world = World::start().await;
    let image = world.image("images");
    let digest = world.second.images.manifest(1).to_string();

    // Phase one: at the head, which is not final, and said to be so.
    let create = capture(&image, "b.json");
    let said = world.succeed(&create);
    assert!(said.contains("nobody vouches"), "{said}");
    fits_a_terminal(&said);
    world.fail(2, "output-exists", &create);
    let confirm = ["bundle", "confirm", "b.json", "--policy", "policy.toml"];
    world.fail(3, "head-not-final", &confirm);
    let unpinned = ["--bundle", "b.json", "--policy", "policy.toml", &digest];
    world.fail(3, "header-not-pinned", &unpinned);
    world.fail(
        3,
        "head-not-final",
        &[
            "--chain",
            "--bundle",
            "b.json",
            "--policy",
            "policy.toml",
            &image,
        ],
    );

    // Phase two: once the block is final.
    world.pin("b.json", "pinned.toml").await;
    world.succeed(&["policy", "check", "pinned.toml"]);
    world.fail(3, "header-not-pinned", &unpinned);

    // Without a network, by digest, by a name in a registry that nobody can reach, and from a layout.
    let named = format!("registry.example/acme/app@{digest}");
    for image in [&digest, &named, &image] {
        let arguments = [
            "--bundle",
            "b.json",
            "--policy",
            "pinned.toml",
            "--output",
            "json",
            image,
        ];
        let output = world.unplugged(&arguments);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let release = &json(&output)["images"][0]["release"];
        assert_eq!(release["inclusion"]["vouched"], "policy");
        assert_eq!(release["inclusion"]["grade"], "proof");
        assert_eq!(release["inclusion"]["sequence"], 2);
        assert_eq!(release["builders"].as_array().unwrap().len(), 3);
        assert!(release["currency"]["asOf"].as_u64().unwrap() > 0);
        assert!(release["trusts"][0].as_str().unwrap().contains("pinned"));
    }
    let deep = world.unplugged(&[
        "--bundle",
        "b.json",
        "--policy",
        "pinned.toml",
        "--deep",
        &image,
    ]);
    assert_eq!(deep.status.code(), Some(0), "{deep:?}");
    let text = String::from_utf8(deep.stdout).unwrap();
    assert!(text.contains("every layer read"), "{text}");
    fits_a_terminal(&text);
    ends_with_who_is_trusted(&text, 1);
    assert!(text.contains("nobody was asked"), "{text}");
    // And the namespace really has none.
    let online = world.unplugged(&["--chain", "--policy", "policy.toml", &image]);
    assert_eq!(online.status.code(), Some(3));

    // What no registry can be asked is a usage fault, not a guess.
    let run = |image: &str, more: &[&str]| {
        let mut arguments = vec!["--bundle", "b.json", "--policy", "pinned.toml", image];
        arguments.extend(more);
        world.unplugged(&arguments).status.code()
    };
    assert_eq!(run("registry.example/acme/app:v2", &[]), Some(2));
    assert_eq!(run(&digest, &["--deep"]), Some(2));
    assert_eq!(run(&digest, &["--mirror", "oci:images"]), Some(2));
    let other = world.first.images.manifest(1).to_string();
    assert_eq!(run(&other, &[]), Some(3));
    assert_eq!(run(&format!("oci:images@{other}"), &[]), Some(1));
    world.copy("flipped").flip(&world.second.images.manifest(1));
    assert_eq!(run(&world.image("flipped"), &[]), Some(1));

    // The same bundle with operators that vouch for its block now.
    let (exit, value) = world.verify(&["--bundle", "b.json", &image]);
    assert_eq!(exit, 0, "{value:#}");
    assert_eq!(
        value["images"][0]["release"]["inclusion"]["vouched"],
        "operators"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_a_refreshed_bundle_and_what_inspect_shows() {
    let world = World::start().await;
    let index = Digest::of(&world.second.images.index);
    let image = format!("oci:images@{index}");
    world.captured(&image, "b.json", "pinned.toml").await;
    let asked = index.to_string();
    let arguments = [
        "--bundle",
        "b.json",
        "--policy",
        "pinned.toml",
        "--output",
        "json",
        &asked,
    ];
    let release = json(&world.unplugged(&arguments))["images"][0]["release"].clone();
    assert_eq!(release["canonicalIndex"], true, "{release:#}");
    assert_eq!(release["images"].as_array().unwrap().len(), 2);

    let shown = world.succeed(&["bundle", "inspect", "b.json"]);
    assert!(shown.contains("nothing of it was verified"), "{shown}");
    assert!(!shown.contains("verified\n\nRESULT"), "{shown}");
    let shown = world.succeed(&["bundle", "inspect", "b.json", "--output", "json"]);
    let shown = read_output(shown.as_bytes());
    assert_eq!(shown["bundle"]["images"].as_array().unwrap().len(), 2);
    assert!(shown.get("result").is_none());

    // A builder is revoked for this release: the old bundle cannot know, a renewed one does.
    let word =
        alloy_primitives::U256::from(1_700_000_000_u64) << 40 | alloy_primitives::U256::from(0x103);
    let slot = seed_proof::slots::revocation(keys::builder("cy").address());
    world.set_slot(slot, word).await;
    let refresh = |out| {
        [
            "bundle",
            "refresh",
            "b.json",
            "--out",
            out,
            "--policy",
            "policy.toml",
        ]
    };
    world.succeed(&refresh("new.json"));
    let shown = world.succeed(&["bundle", "inspect", "new.json", "--output", "json"]);
    let shown = read_output(shown.as_bytes());
    assert_eq!(shown["bundle"]["builders"].as_array().unwrap().len(), 2);
    let slot = seed_proof::slots::revocation(keys::builder("bo").address());
    world.set_slot(slot, word).await;
    world.fail(4, "builder-revoked", &refresh("none.json"));
    assert!(!world.path("none.json").exists());
    // What was captured before stays as true as it says it is: as of its own block.
    let old = world.unplugged(&arguments);
    assert_eq!(old.status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_travels_beside_its_image_in_a_layout_and_in_a_registry() {
    let registry = LocalRegistry::start().unwrap();
    let repository = format!("{}/acme/app", registry.host());
    let world = World::start_at(&repository).await;
    let digest = world.second.images.manifest(1).to_string();
    let image = format!("{repository}@{digest}");
    let missing = ["bundle", "fetch", &image, "--out", "none.json"];
    world.fail(3, "bundle-missing", &missing);
    let create = capture(&image, "b.json");
    world.succeed(&[&create[..], &["--attach"]].concat());
    world.succeed(&["bundle", "fetch", &image, "--out", "fetched.json"]);
    let read = |name| fs::read(world.path(name)).unwrap();
    assert_eq!(read("fetched.json"), read("b.json"));

    let world = World::start().await;
    let image = world.image("images");
    let create = capture(&image, "b.json");
    let output = world.go(&[&create[..], &["--attach", "--quiet"]].concat());
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    world.pin("b.json", "pinned.toml").await;
    let run = |place, image: &str| {
        let arguments = ["--bundle", place, "--policy", "pinned.toml", image];
        let output = world.unplugged(&arguments);
        assert!(!output.status.success() || !output.stdout.is_empty());
        output.status.code()
    };
    assert_eq!(run("oci:images", &image), Some(0));
    assert_eq!(
        run("oci:images", &world.second.images.manifest(1).to_string()),
        Some(0)
    );
    assert_eq!(run("oci:images", "oci:images:v2"), Some(2));
    let other = world.second.images.manifest(0).to_string();
    assert_eq!(run("oci:images", &other), Some(3));
    assert_eq!(run("oci:nowhere", &image), Some(2));
    let tar = Command::new("tar")
        .current_dir(world.folder.path())
        .args(["-C", "images", "-cf", "images.tar", "."])
        .status();
    assert!(tar.unwrap().success());
    let archived = image.replace("oci:images", "oci-archive:images.tar");
    assert_eq!(run("oci-archive:images.tar", &archived), Some(0));
    assert_eq!(run("oci-archive:policy.toml", &archived), Some(2));
    // A bundle under another image's tag is not taken for that image's.
    let bundle = Digest::of(&fs::read(world.path("b.json")).unwrap());
    world.copy("flipped").flip(&bundle);
    assert_eq!(run("oci:flipped", &image), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn liars_make_no_bundle_and_confirm_none() {
    let world = World::start().await;
    let image = world.image("images");
    let create = |out| capture(&image, out);
    world.liars[0].tell(Lie::Proof);
    world.succeed(&create("one.json"));
    world.liars[0].be_honest();
    for lie in [Lie::ForkedHead, Lie::ChainId(7)] {
        for liar in &world.liars[..2] {
            liar.tell(lie.clone());
        }
        let output = world.go(&create("two.json"));
        assert_eq!(output.status.code(), Some(3), "{lie:?} {output:?}");
        assert!(!world.path("two.json").exists());
        world.be_honest();
    }
    world.chain.mine(5).await.unwrap();
    let confirm = ["bundle", "confirm", "one.json", "--policy", "policy.toml"];
    world.succeed(&confirm);
    for liar in &world.liars[..2] {
        liar.tell(Lie::ForkedHead);
    }
    let output = world.go(&confirm);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(output.stdout.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_bundles_say_nothing_about_the_image() {
    let world = World::start().await;
    let digest = world.second.images.manifest(1).to_string();
    fs::write(world.path("junk"), "{}").unwrap();
    let run = |bundle| ["--bundle", bundle, "--policy", "policy.toml", &digest];
    world.fail(3, "bundle-malformed", &run("junk"));
    world.fail(2, "file-unreadable", &run("nowhere"));
    world.fail(2, "file-unreadable", &run("images"));
    world.fail(3, "bundle-malformed", &["bundle", "inspect", "junk"]);
    world.fail(2, "usage", &["--policy", "policy.toml", &digest]);
}
