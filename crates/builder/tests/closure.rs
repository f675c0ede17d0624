//! Whole runs over synthetic closures with a real Nix.

mod common;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use common::{Work, commit, finish, nixes, with};
use seed_image::ImageManifest;
use seed_nix::{NixHash, Node, nar_hash};
use seed_primitives::Digest;
use seed_testkit::closure::{Closure, Plan, Shape, write_flake};
use serde_json::Value;

const PATHS: usize = 300;

/// A repository `name` with the synthetic closure of `plan`, and the flags to build it.
fn synthetic(work: &Work, name: &str, plan: &Plan) -> Vec<String> {
    let folder = work.path().join(name);
    write_flake(&Closure::new(plan).unwrap(), &folder).unwrap();
    let commit = commit(&folder);
    let flags = work.flags(&format!("{name}/bootstrap"), &commit, "state");
    with(&flags, "--source", name)
}

#[test]
fn audits_and_packs_a_closure_of_three_hundred_paths() {
    let work = Work::new();
    let plan = Plan {
        paths: PATHS,
        seed: 1,
        large: vec![50_000_000],
        ..Plan::default()
    };
    let flags = synthetic(&work, "repo", &plan);
    let (code, out, talk) = finish(work.command().arg("pack").args(&flags).output().unwrap());
    assert_eq!(code, 0, "{talk}");
    let outcome: Value = serde_json::from_str(&out).unwrap();
    let directory = Path::new(outcome["systems"][0]["directory"].as_str().unwrap());

    let report = fs::read(directory.join("audit.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["closurePaths"], PATHS);
    assert!(report["seedBinaryBytes"].as_u64().unwrap() <= 300);
    for nothing in ["unexplainedBinaryBytes", "opaqueBytes"] {
        assert_eq!(report[nothing], 0, "{nothing}");
    }
    assert_eq!(report["grade"], "hex0");

    let manifest = fs::read(directory.join("image/manifest.json")).unwrap();
    let manifest = ImageManifest::parse(&manifest).unwrap();
    assert_eq!(
        manifest.closure.unwrap().to_string(),
        report["closure"].as_str().unwrap()
    );
    assert!(manifest.layers.iter().map(|layer| layer.size).sum::<u64>() > 50_000_000);

    // The command alone, on the store the run left behind, says the same.
    let derivation = report["derivation"].as_str().unwrap();
    let built = fs::read(directory.join("build.json")).unwrap();
    let built: Value = serde_json::from_slice(&built).unwrap();
    assert_eq!(built["built"]["derivation"], derivation);
    let seed = built["built"]["outputs"]["out"].as_str().unwrap();
    let nix = nixes().remove(0);
    let (code, out, talk) = work.run(&[
        "audit",
        &format!("{}/store{seed}", directory.display()),
        "--nix",
        nix.to_str().unwrap(),
        "--allow-seed",
        &flags[flags
            .iter()
            .position(|flag| flag == "--allow-seed")
            .unwrap()
            + 1],
        "--output",
        "json",
    ]);
    assert_eq!(code, 0, "{talk}");
    let again: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(again["closure"], report["closure"]);
    assert_eq!(again["leaves"], report["leaves"]);
}

const PROJECT: &str = r#"{
  inputs.words = { url = "github:acme/words"; flake = false; };
  outputs = { self, words }: let
    system = "x86_64-linux";
    bootstrap = (import ./bootstrap.nix).outputs { self = bootstrap; };
    inherit (bootstrap.packages.${system}) cc cat lib text tree;
    step = name: builder: args: derivation {
      inherit name system builder;
      args = map (arg: "${arg}") args ++ [ (builtins.placeholder "out") ];
    };
    # What the project needs: a package that refers to another one, a hook, and a source to fetch.
    deep = step "deep" text [ "deep" ];
    package = step "package" text [ deep ];
    hook = builtins.toFile "hook" "a hook\n";
    vendor = import <nix/fetchurl.nix> { url = "https://files.example/vendor.txt"; sha256 = "@VENDOR@"; };
    # The project itself, in two steps, its own source and a test of both.
    joined = step "joined.bc" cat [ ./project/tally.bc lib ];
    tally = step "tally" cc [ joined ];
    notes = step "notes" text [ package hook vendor (builtins.readFile "${words}/word") ];
    project = step "project" text [ tally notes ];
  in {
    packages.${system} = {
      inherit project;
      seed = derivation {
        name = "seed"; inherit system; builder = tree;
        args = [ "bin/cc" cc "bin/cat" cat (builtins.placeholder "out") ];
        seedProject = [ project joined notes ];
      };
    };
  };
}
"#;

/// The flake of a project, its lock file and the folder of sources it needs.
fn project(work: &Work) -> Vec<String> {
    let words = Node::directory([("word", Node::file(false, "word"))]);
    let hash = NixHash::Sha256(*nar_hash(&words).unwrap().digest.as_bytes()).to_sri_string();
    let lock = format!(
        r#"{{"nodes":{{"root":{{"inputs":{{"words":"words"}}}},"words":{{"flake":false,"locked":{{"lastModified":1,"narHash":"{hash}","owner":"acme","repo":"words","rev":"{}","type":"github"}},"original":{{"owner":"acme","repo":"words","type":"github"}}}}}},"root":"root","version":7}}"#,
        "1".repeat(40)
    );
    let mirror = work.path().join("mirror");
    fs::create_dir_all(mirror.join("words")).unwrap();
    fs::write(mirror.join("words/word"), "word").unwrap();
    fs::write(mirror.join("vendor.txt"), "vendored\n").unwrap();
    let vendor = Digest::of(b"vendored\n").to_hex();
    let commit = work.repository("repo", |folder| {
        fs::rename(folder.join("flake.nix"), folder.join("bootstrap.nix")).unwrap();
        fs::write(
            folder.join("flake.nix"),
            PROJECT.replace("@VENDOR@", &vendor),
        )
        .unwrap();
        fs::write(folder.join("flake.lock"), lock).unwrap();
    });
    let mut flags = work.flags("repo", &commit, "state");
    flags.extend(["--sources", "mirror", "--compression", "tar"].map(str::to_owned));
    flags
}

/// Packs and returns the directory with the image.
fn pack(work: &Work, flags: &[String]) -> PathBuf {
    let (code, out, talk) = finish(work.command().arg("pack").args(flags).output().unwrap());
    assert_eq!(code, 0, "{talk}");
    let outcome: Value = serde_json::from_str(&out).unwrap();
    PathBuf::from(outcome["systems"][0]["directory"].as_str().unwrap()).join("image")
}

/// The image's manifest.
fn manifest(image: &Path) -> ImageManifest {
    ImageManifest::parse(&fs::read(image.join("manifest.json")).unwrap()).unwrap()
}

/// Nix as the builder runs it: settings of the state directory, no network.
fn shut_in(work: &Work, program: &Path) -> Command {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-current-user"]);
    }
    let state = work.path().join("state");
    command
        .args(["--net", "--"])
        .arg(program)
        .env("HOME", state.join("home"))
        .env("NIX_CONF_DIR", state.join("conf"))
        .current_dir(work.path());
    command
}

/// Unpacks the layers of `image` below `root` and loads its database, as a container's start would.
fn unpack(work: &Work, nix: &Path, image: &Path, root: &Path) -> String {
    fs::create_dir(root).unwrap();
    for layer in manifest(image).layers {
        let blob = image.join("blobs").join(layer.digest.to_hex());
        let tar = Command::new("tar")
            .args(["--no-same-owner", "-xf"])
            .arg(blob)
            .arg("-C")
            .arg(root)
            .status();
        assert!(tar.unwrap().success());
    }
    let registration = root.join("nix/.reginfo");
    let loaded = shut_in(work, &nix.with_file_name("nix-store"))
        .arg("--store")
        .arg(root)
        .arg("--load-db")
        .stdin(fs::File::open(&registration).unwrap())
        .output()
        .unwrap();
    assert!(loaded.status.success(), "{loaded:?}");
    fs::read_to_string(registration).unwrap()
}

#[test]
fn a_project_builds_offline_inside_its_seed_and_builds_nothing_else() {
    let work = Work::new();
    let flags = project(&work);
    let image = pack(&work, &flags);
    for (at, nix) in nixes().iter().enumerate() {
        let root = work.path().join(format!("root{at}"));
        let registration = unpack(&work, nix, &image, &root);
        for inside in [
            "-cc\n",
            "-cat\n",
            "-lib.bc\n",
            "-text\n",
            "-package\n",
            "-deep\n",
            "-hook\n",
            "-vendor.txt\n",
            "-source\n",
        ] {
            assert!(registration.contains(inside), "{inside}");
        }
        for own in [
            "-joined.bc\n",
            "-tally.bc\n",
            "-tally\n",
            "-notes\n",
            "-project\n",
        ] {
            assert!(!registration.contains(own), "{own}");
        }

        // A change of the project, as everybody makes one in a checkout.
        let checkout = work.path().join(format!("checkout{at}"));
        let copied = Command::new("cp")
            .args(["-r", "repo"])
            .arg(&checkout)
            .current_dir(work.path())
            .status();
        assert!(copied.unwrap().success());
        fs::remove_dir_all(checkout.join(".git")).unwrap();
        let source = checkout.join("project/tally.bc");
        let changed = fs::read_to_string(&source).unwrap() + "// changed\n";
        fs::write(&source, changed).unwrap();
        let built = shut_in(&work, nix)
            .args([
                "build",
                "--no-link",
                "--json",
                "--no-write-lock-file",
                "--store",
            ])
            .arg(&root)
            .arg(format!(
                "path:{}#packages.x86_64-linux.project",
                checkout.display()
            ))
            .output()
            .unwrap();
        let talk = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{talk}");
        let mut names: Vec<&str> = talk
            .lines()
            .filter_map(|line| line.strip_prefix("building '/nix/store/"))
            .filter_map(|line| line.split_once('-')?.1.split_once(".drv'"))
            .map(|(name, _)| name)
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["joined.bc", "notes", "project", "tally"], "{talk}");
    }

    // For the builder too: the change of the project moves the seed's own layer and the database, nothing below.
    let source = work.path().join("repo/project/tally.bc");
    let changed = fs::read_to_string(&source).unwrap() + "// changed\n";
    fs::write(&source, changed).unwrap();
    let commit = commit(&work.path().join("repo"));
    let second = pack(&work, &with(&flags, "--commit", &commit));
    let layers = |image: &Path| {
        let layers = manifest(image).layers;
        layers.iter().map(|layer| layer.digest).collect::<Vec<_>>()
    };
    let (first, second) = (layers(&image), layers(&second));
    assert_eq!(first.len(), second.len());
    let below = first.len() - 2;
    assert_eq!(first[..below], second[..below]);
    assert_ne!(first[below..], second[below..]);
}

/// What the parts of `closure` are called in the store, as Nix evaluates them.
fn store_names(work: &Work, nix: &Path, name: &str, closure: &Closure) -> BTreeSet<String> {
    let folder = work.path().join(name);
    write_flake(closure, &folder).unwrap();
    let evaluated = Command::new(nix)
        .args([
            "--extra-experimental-features",
            "nix-command flakes",
            "eval",
        ])
        .args(["--raw", "--store"])
        .arg(work.path().join("store"))
        .arg(format!(
            "path:{}#packages.x86_64-linux.seed.drvPath",
            folder.display()
        ))
        .env("HOME", work.path())
        .env("NIX_CONF_DIR", work.path())
        .output()
        .unwrap();
    assert!(evaluated.status.success(), "{evaluated:?}");
    let requisites = Command::new(nix.with_file_name("nix-store"))
        .arg("--store")
        .arg(work.path().join("store"))
        .args(["--query", "--requisites"])
        .arg(String::from_utf8(evaluated.stdout).unwrap())
        .env("HOME", work.path())
        .env("NIX_CONF_DIR", work.path())
        .output()
        .unwrap();
    let text = String::from_utf8(requisites.stdout).unwrap();
    let is_part = |path: &&str| path.contains("-part-") || path.contains("-application");
    text.lines()
        .filter(is_part)
        .filter(|path| !path.contains("-part-joined.bc"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn touching_a_path_moves_it_and_all_that_leads_to_it_for_every_nix() {
    let plan = Plan {
        shape: Shape::Diamond,
        paths: 13,
        ..Plan::default()
    };
    let mut found = Vec::new();
    for nix in nixes() {
        let work = Work::new();
        let mut closure = Closure::new(&plan).unwrap();
        let before = store_names(&work, &nix, "before", &closure);
        closure.touch(7).unwrap();
        let after = store_names(&work, &nix, "after", &closure);
        assert_eq!((before.len(), after.len()), (13, 13));
        // 0 to 6 and 8, which stands beside it, stay; 9 to 12 stand on it.
        assert_eq!(before.intersection(&after).count(), 8);
        found.push((before, after));
    }
    assert!(found.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn refuses_a_seed_for_a_project_it_does_not_know() {
    let work = Work::new();
    let commit = work.repository("repo", |folder| {
        let flake = folder.join("flake.nix");
        let text = fs::read_to_string(&flake).unwrap();
        let changed = text.replace(
            "inherit name system builder;",
            "inherit name system builder; seedProject = \"/nix/store/x\";",
        );
        assert_ne!(text, changed);
        fs::write(&flake, changed).unwrap();
    });
    let flags = work.flags("repo", &commit, "state");
    let (code, _, talk) = finish(work.command().arg("build").args(&flags).output().unwrap());
    assert_eq!(code, 1, "{talk}");
    assert!(talk.contains("error[project]"), "{talk}");
}
