//! One release of several systems: an image each, and an index over them.

mod common;

use std::{collections::BTreeMap, fs};

use common::{Work, commit, finish, nixes};
use seed_image::ImageIndex;
use seed_oci::{Options, Place, Repository};
use seed_primitives::{Digest, System};
use serde_json::Value;

/// Made by Nix itself out of one source, so that it is built here for any system.
const FLAKE: &str = r#"{
  outputs = { self }: let
    source = builtins.path { path = ./tree; name = "tree"; };
    seed = system: derivation {
      name = "seed-of-${system}"; system = "builtin"; builder = "builtin:buildenv";
      derivations = [ "true" 5 1 "${source}" ]; manifest = builtins.toFile "manifest" system;
    };
    systems = [ "x86_64-linux" "aarch64-linux" "aarch64-darwin" "riscv64-linux" ];
  in {
    packages = builtins.listToAttrs (map (name: { inherit name; value.seed = seed name; }) systems);
  };
}"#;

const SYSTEMS: [&str; 3] = ["aarch64-darwin", "aarch64-linux", "x86_64-linux"];

fn images(outcome: &Value) -> BTreeMap<System, Digest> {
    let systems = outcome["systems"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    systems
        .iter()
        .map(|one| {
            (
                text(&one["system"]).parse().unwrap(),
                text(&one["image"]).parse().unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn an_index_ties_the_images_of_all_systems_together() {
    let work = Work::new();
    let folder = work.path().join("r");
    fs::create_dir_all(folder.join("tree")).unwrap();
    fs::write(folder.join("tree/word"), "word\n").unwrap();
    // The seed that flags allow; nothing uses it.
    fs::write(folder.join("seed"), "text").unwrap();
    fs::write(folder.join("flake.nix"), FLAKE).unwrap();
    let commit = commit(&folder);
    work.key();
    let flags = |state: &str, systems: &[&str], more: &[&str]| {
        let mut flags = work.flags("r", &commit, state);
        let at = flags.iter().position(|flag| flag == "--system").unwrap();
        flags.drain(at..at + 2);
        for system in systems {
            flags.extend(["--system", system].map(str::to_owned));
        }
        flags.extend(more.iter().map(|word| (*word).to_owned()));
        flags
    };
    let run = |verb: &str, flags: &[String]| -> (i32, Value, String) {
        let output = work.command().arg(verb).args(flags).output().unwrap();
        let (code, out, talk) = finish(output);
        (code, serde_json::from_str(&out).unwrap_or_default(), talk)
    };
    // Asked for in any order and twice.
    let asked = [
        "x86_64-linux",
        "aarch64-darwin",
        "aarch64-linux",
        "x86_64-linux",
    ];
    let (code, outcome, talk) = run("run", &flags("one", &asked, &["--tag", "v1"]));
    assert_eq!(code, 0, "{talk}");
    let images = images(&outcome);
    assert_eq!(images.len(), 3);
    let layout = format!("oci:{}", work.path().join("layout").display());
    let repository =
        Repository::open(&layout.parse::<Place>().unwrap(), &Options::default()).unwrap();
    let tagged = repository
        .resolve_tag(&"v1".parse().unwrap())
        .await
        .unwrap();
    assert!(ImageIndex::is_canonical(tagged.bytes()));
    let index = ImageIndex::parse(tagged.bytes()).unwrap();
    let listed: BTreeMap<System, Digest> = index
        .children
        .iter()
        .map(|child| (child.system().unwrap(), child.manifest.digest))
        .collect();
    assert_eq!(listed, images);

    // Another Nix, another order: the same images. One system alone: the same image, and no index.
    let other = nixes().pop().unwrap();
    let reversed: Vec<&str> = SYSTEMS.into_iter().rev().collect();
    let other = ["--nix", other.to_str().unwrap()];
    let mut again = flags("two", &reversed, &[]);
    let at = again.iter().position(|flag| flag == "--nix").unwrap();
    again[at + 1] = other[1].to_owned();
    let (code, outcome, talk) = run("pack", &again);
    assert_eq!(code, 0, "{talk}");
    assert_eq!(crate::images(&outcome), images);

    // Each system keeps the layers of its own image of the index.
    let previous = format!("{layout}@{}", tagged.digest());
    let more = ["--previous", previous.as_str()];
    let (code, outcome, talk) = run(
        "pack",
        &flags("one", &["aarch64-linux", "x86_64-linux"], &more),
    );
    assert_eq!(code, 0, "{talk}");
    for (system, digest) in crate::images(&outcome) {
        assert_eq!(digest, images[&system], "{system}");
    }

    // A system that OCI has no name for, and an index of which nobody said what to show.
    let (code, _, talk) = run("pack", &flags("bad", &["riscv64-linux"], &[]));
    assert!(code == 2 && talk.contains("no OCI platform"), "{talk}");
    let (code, _, talk) = work.run(&["layers", "oci:layout:v1"]);
    assert!(
        code == 2 && SYSTEMS.iter().all(|system| talk.contains(system)),
        "{talk}"
    );
    for system in SYSTEMS {
        let (code, out, talk) = work.run(&["layers", "oci:layout:v1", "--system", system]);
        let digest = images[&system.parse::<System>().unwrap()].to_string();
        assert!(code == 0 && out.contains(&digest), "{talk}");
    }
}
