//! Whole runs over the real example with a real Nix.

mod common;

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use common::{Work, finish, nixes, with};
use seed_attestation::{
    Attestation, Domain, Envelope, EvidenceManifest, GenesisSignature, LayerKind, Statement,
};
use seed_image::{ImageConfig, ImageManifest};
use seed_oci::{MAX_STATEMENT, Options, Place, Repository};
use seed_primitives::Digest;
use seed_testkit::registry::LocalRegistry;
use serde_json::Value;

fn run(work: &Work, flags: &[String]) -> Value {
    let (code, out, talk) = finish(work.command().arg("run").args(flags).output().unwrap());
    assert_eq!(code, 0, "{talk}");
    serde_json::from_str(&out).unwrap()
}

fn refused(work: &Work, command: &str, flags: &[String]) -> (i32, String) {
    let (code, out, talk) = finish(work.command().arg(command).args(flags).output().unwrap());
    assert_eq!(out, "", "{talk}");
    (code, talk)
}

fn image(outcome: &Value) -> Digest {
    outcome["systems"][0]["image"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

fn open(place: &str) -> Repository {
    Repository::open(&place.parse::<Place>().unwrap(), &Options::default()).unwrap()
}

fn attestation(outcome: &Value) -> Attestation {
    Attestation::from_json(&fs::read(outcome["attestation"].as_str().unwrap()).unwrap()).unwrap()
}

/// Everything an attestation promises is found in `repository` and ties together.
async fn check_published(repository: &Repository, attestation: &Attestation) {
    let domain = Domain {
        chain_id: attestation.chain_id,
        ledger: attestation.ledger,
    };
    attestation.verify(&domain).unwrap();
    let evidence = repository.manifest(&attestation.evidence).await.unwrap();
    let evidence = EvidenceManifest::from_json(evidence.bytes()).unwrap();
    for entry in &attestation.systems {
        let manifest = repository.manifest(&entry.digest).await.unwrap();
        let copy = evidence
            .layer(&entry.system, LayerKind::ImageManifest)
            .unwrap();
        assert_eq!(copy.digest, entry.digest);
        let image = ImageManifest::parse(manifest.bytes()).unwrap();
        let config = repository
            .blob(&image.config.digest, MAX_STATEMENT)
            .await
            .unwrap();
        assert_eq!(
            ImageConfig::parse(&config).unwrap().system(),
            Some(entry.system.clone())
        );
        for layer in &image.layers {
            assert_eq!(
                repository
                    .blob(&layer.digest, layer.size)
                    .await
                    .unwrap()
                    .len() as u64,
                layer.size
            );
        }
        let envelope = evidence.layer(&entry.system, LayerKind::Statement).unwrap();
        let envelope = repository
            .blob(&envelope.digest, MAX_STATEMENT)
            .await
            .unwrap();
        let opened = Envelope::from_json(&envelope)
            .unwrap()
            .open_as(&domain, attestation.builder)
            .unwrap();
        let statement = Statement::from_json(opened.payload()).unwrap();
        assert_eq!(
            (statement.image, &statement.source),
            (entry.digest, &attestation.source)
        );
        assert_eq!(Some(statement.closure), image.closure);
        assert_eq!(statement.setting("substituters"), Some(""));
        assert_eq!(statement.setting("sandbox-fallback"), Some("false"));
        assert_eq!(
            statement.audit,
            evidence
                .layer(&entry.system, LayerKind::Audit)
                .unwrap()
                .digest
        );
        let referrers = repository.referrers(&entry.digest, None, 10).await.unwrap();
        // The statement and the bill of materials in two forms.
        assert_eq!(referrers.descriptors.len(), 3);
    }
}

#[tokio::test]
async fn two_builders_with_their_own_nix_and_store_agree_on_every_byte() {
    let work = Work::new();
    let commit = work.repository("repo", |_| {});
    work.key();
    let flags = work.flags("repo", &commit, "one");
    let first = run(&work, &flags);
    check_published(
        &open(&format!("oci:{}", work.path().join("layout").display())),
        &attestation(&first),
    )
    .await;
    let report: Value =
        serde_json::from_slice(&fs::read(directory(&first).join("audit.json")).unwrap()).unwrap();
    assert!(report["seedBinaryBytes"].as_u64().unwrap() <= 300);
    assert_eq!(
        (&report["unexplainedBinaryBytes"], &report["opaqueBytes"]),
        (&0.into(), &0.into())
    );
    assert_eq!(report["grade"], "hex0");
    assert!(report["driver"]["bytes"].as_u64().unwrap() > 1_000_000);

    // Another state directory with a space in its name, another key, another Nix where there is one.
    fs::remove_file(work.path().join("key")).unwrap();
    work.key();
    let last = nixes().pop().unwrap();
    let flags = with(
        &with(&flags, "--state", "two more"),
        "--nix",
        last.to_str().unwrap(),
    );
    let second = run(&work, &flags);
    assert_eq!(image(&first), image(&second));
    assert_eq!(first["source"], second["source"]);
    assert_ne!(first["evidence"], second["evidence"]);
}

#[tokio::test]
async fn publishes_to_a_real_registry_and_signs_the_genesis() {
    let work = Work::new();
    let registry = LocalRegistry::start().unwrap();
    let place = format!("{}/acme/seed", registry.host());
    let commit = work.repository("repo", |_| {});
    let address = work.key();
    let mut flags = with(&work.flags("repo", &commit, "state"), "--publish", &place);
    flags.extend(["--tag", "v1", "--out", "attestation.json"].map(str::to_owned));
    let outcome = run(&work, &flags);
    let repository = open(&place);
    let attestation = attestation(&outcome);
    assert_eq!(attestation.builder.to_string(), address);
    check_published(&repository, &attestation).await;
    assert_eq!(
        repository
            .resolve_tag(&"v1".parse().unwrap())
            .await
            .unwrap()
            .digest(),
        image(&outcome)
    );

    let hash = format!("0x{}", "11".repeat(32));
    let arguments = [
        "sign-genesis",
        "--attestation",
        "attestation.json",
        "--rules-code-hash",
        &hash,
        "--dev-key-file",
        "key",
        "--out",
        "genesis.json",
        "--publish",
        &place,
    ];
    let (code, _, talk) = work.run(&arguments);
    assert_eq!(code, 0, "{talk}");
    let genesis =
        GenesisSignature::from_json(&fs::read(work.path().join("genesis.json")).unwrap()).unwrap();
    genesis
        .verify(&Domain {
            chain_id: 31337,
            ledger: attestation.ledger,
        })
        .unwrap();
    assert_eq!(genesis.root, attestation.leaves().unwrap().root().word());
    let tags = repository.tags("", 100).await.unwrap().tags;
    for prefix in ["attestation-", "genesis-", "seed-"] {
        assert_eq!(
            tags.iter()
                .filter(|tag| tag.as_str().starts_with(prefix))
                .count(),
            1,
            "{prefix}"
        );
    }
}

#[tokio::test]
async fn no_vote_leaves_before_all_it_rests_on_can_be_read_back() {
    let work = Work::new();
    let registry = LocalRegistry::start().unwrap();
    let place = format!("{}/acme/seed", registry.host());
    let commit = work.repository("repo", |_| {});
    work.key();
    let flags = with(&work.flags("repo", &commit, "one"), "--publish", &place);
    let first = run(&work, &flags);
    let manifest = open(&place).manifest(&image(&first)).await.unwrap();
    let layers = ImageManifest::parse(manifest.bytes()).unwrap().layers;

    // The registry says that it has every layer, so nobody sends it again; what it serves is another thing.
    fs::remove_file(work.path().join("key")).unwrap();
    let second = work.key();
    let flags = with(&flags, "--state", "two");
    let file = registry.blob_file(&layers[0].digest);
    let good = fs::read(&file).unwrap();
    let mut changed = good.clone();
    changed[0] ^= 1;
    for (what, bytes) in [
        ("changed", changed),
        ("cut short", good[..good.len() - 1].to_vec()),
    ] {
        fs::write(&file, bytes).unwrap();
        let (code, talk) = refused(&work, "run", &flags);
        assert!(code == 1 || code == 3, "{what}: {talk}");
        assert!(talk.contains("error[registry-"), "{what}: {talk}");
        let releases = fs::read_dir(work.path().join("two/releases")).unwrap();
        for release in releases {
            assert!(
                !release.unwrap().path().join("attestation.json").exists(),
                "{what}"
            );
        }
        let tags = open(&place).tags("", 100).await.unwrap().tags;
        let hex = second.trim_start_matches("0x");
        let voted = tags
            .iter()
            .any(|tag| tag.as_str().starts_with("attestation-") && tag.as_str().ends_with(hex));
        assert!(!voted, "{what}: {tags:?}");
    }
    fs::write(&file, good).unwrap();
    assert_eq!(image(&run(&work, &flags)), image(&first));
}

#[test]
fn a_second_run_redoes_nothing_and_a_crash_loses_only_its_own_step() {
    let work = Work::new();
    let commit = work.repository("repo", |_| {});
    work.key();
    let flags = work.flags("repo", &commit, "state");
    let first = run(&work, &flags);
    let attested = fs::read(first["attestation"].as_str().unwrap()).unwrap();
    let built = fs::metadata(directory(&first).join("build.json"))
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(run(&work, &flags), first);
    // As if the process had died before each of these was in place.
    for lost in [
        "packed.json",
        "image",
        "sbom.json",
        "rebuild.json",
        "audit.json",
    ] {
        let path = directory(&first).join(lost);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap()
        } else {
            fs::remove_file(&path).unwrap()
        }
        if lost == "sbom.json" {
            fs::remove_file(directory(&first).join("packed.json")).unwrap();
        }
        assert_eq!(image(&run(&work, &flags)), image(&first), "{lost}");
    }
    let again = fs::metadata(directory(&first).join("build.json"))
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(built, again, "the finished build was not redone");
    assert_eq!(
        attestation(&first).systems,
        Attestation::from_json(&attested).unwrap().systems
    );
}

#[test]
fn killed_at_any_step_it_finishes_with_the_same_image() {
    let work = Work::new();
    let commit = work.repository("repo", |_| {});
    work.key();
    let expected = image(&run(&work, &work.flags("repo", &commit, "whole")));
    for step in ["build", "rebuild", "pack", "publish"] {
        let flags = work.flags("repo", &commit, &format!("killed at {step}"));
        let mut child = work
            .command()
            .arg("run")
            .args(&flags)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let talk = BufReader::new(child.stderr.take().unwrap());
        let reached = talk.lines().any(|line| line.unwrap().starts_with(step));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(reached, "{step}");
        assert_eq!(image(&run(&work, &flags)), expected, "{step}");
    }
}

#[test]
fn a_stricter_policy_is_applied_to_what_was_built_before() {
    let work = Work::new();
    let commit = work.repository("repo", |_| {});
    work.key();
    let flags = work.flags("repo", &commit, "state");
    run(&work, &flags);
    let strict = with(&flags, "--allow-seed", &Digest::of(b"x").to_string());
    let (code, talk) = refused(&work, "run", &strict);
    assert_eq!(code, 1);
    assert!(talk.contains("error[audit-refused]"), "{talk}");
}

#[test]
fn one_key_never_signs_two_images_for_one_release() {
    let work = Work::new();
    let commit = work.repository("repo", |_| {});
    work.key();
    let flags = work.flags("repo", &commit, "state");
    let first = run(&work, &flags);
    let journal = work.path().join("state/journal");
    let text = fs::read_to_string(&journal).unwrap();
    let other = Digest::of(b"another image").to_string();
    fs::write(&journal, text.replace(&image(&first).to_string(), &other)).unwrap();
    let (code, talk) = refused(&work, "run", &flags);
    assert_eq!(code, 1);
    assert!(talk.contains("error[equivocation]"), "{talk}");
    // A restored disk has forgotten the journal; the same digest is then signed again, and nothing else.
    fs::remove_file(&journal).unwrap();
    run(&work, &flags);
}

#[test]
fn refuses_a_binary_among_the_sources() {
    let work = Work::new();
    let commit = work.repository("repo", |folder| {
        let listing = folder.join("tools/lib.bc");
        fs::copy("/bin/true", &listing).unwrap();
    });
    work.key();
    let flags = work.flags("repo", &commit, "state");
    let (code, talk) = refused(&work, "run", &flags);
    // The compiler may refuse the binary before the audit sees it; both end without a signature.
    assert_eq!(code, 1, "{talk}");
    assert!(!work.path().join("state/journal").exists());

    let commit = work.repository("seedless", |_| {});
    let other = Digest::of(b"x").to_string();
    let flags = with(
        &work.flags("seedless", &commit, "state"),
        "--allow-seed",
        &other,
    );
    let (code, talk) = refused(&work, "run", &flags);
    assert_eq!(code, 1);
    assert!(talk.contains("error[audit-refused]"), "{talk}");
    assert!(
        talk.contains("bytes of machine code are unexplained"),
        "{talk}"
    );
}

#[test]
fn names_the_first_derivation_that_is_not_reproducible() {
    let work = Work::new();
    let commit = work.repository("repo", |folder| {
        let program = "#include <stdio.h>\n#include <time.h>\nint main(int c, char **v) { struct timespec t; clock_gettime(CLOCK_REALTIME, &t); FILE *f = fopen(v[c - 1], \"w\"); fprintf(f, \"%ld\", t.tv_nsec); return fclose(f); }\n";
        fs::write(folder.join("clock.c"), program).unwrap();
        let built = Command::new("cc").current_dir(folder).args(["-static", "-o", "seed", "clock.c"]).status().unwrap();
        assert!(built.success());
        let flake = r#"{
          outputs = { self }:
            let
              step = name: args: derivation {
                inherit name args;
                system = "x86_64-linux";
                builder = builtins.path { path = ./seed; name = "seed"; };
              };
              clock = step "clock" [ (builtins.placeholder "out") ];
              after = step "after" [ clock (builtins.placeholder "out") ];
            in { packages.x86_64-linux.seed = after; };
        }"#;
        fs::write(folder.join("flake.nix"), flake).unwrap();
    });
    work.key();
    let (code, talk) = refused(&work, "run", &work.flags("repo", &commit, "state"));
    assert_eq!(code, 1, "{talk}");
    assert!(talk.contains("error[not-reproducible]"), "{talk}");
    assert!(talk.contains("-clock.drv"), "{talk}");
    assert!(!work.path().join("state/journal").exists());
}

#[test]
fn the_audit_command_accepts_the_seed_and_refuses_a_changed_store() {
    let work = Work::new();
    let commit = work.repository("repo", |_| {});
    work.key();
    let flags = work.flags("repo", &commit, "state");
    let (code, out, talk) = finish(work.command().arg("build").args(&flags).output().unwrap());
    assert_eq!(code, 0, "{talk}");
    let store = directory(&serde_json::from_str(&out).unwrap()).join("store/nix/store");
    let seed = find(&store, "-seed", |path| path.join("bin").is_dir());
    let allowed = Digest::of(&fs::read(work.path().join("repo/seed")).unwrap()).to_string();
    let nix = nixes().remove(0);
    let audit = |path: &Path, allowed: &str| {
        let arguments = [
            "audit",
            "--output",
            "json",
            "--nix",
            nix.to_str().unwrap(),
            "--allow-seed",
            allowed,
            path.to_str().unwrap(),
        ];
        work.run(&arguments)
    };
    let (code, out, talk) = audit(&seed, &allowed);
    assert_eq!(code, 0, "{talk}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["violations"], Value::Array(vec![]));
    let (code, _, talk) = audit(&seed, &Digest::of(b"x").to_string());
    assert_eq!(code, 1, "{talk}");

    // One byte of a built tool, then of a source, then of a derivation.
    let tool = find(&store, "-hex1", |path| path.is_file());
    let source = find(&store, "-cc.asm", |path| path.is_file());
    let derivation = find(&store, "-hex1.drv", |path| path.is_file());
    for (victim, code_name) in [
        (tool, "audit-refused"),
        (source, "audit-refused"),
        (derivation, "derivation-graph"),
    ] {
        let good = fs::read(&victim).unwrap();
        let mode = fs::metadata(&victim).unwrap().permissions();
        let mut bad = good.clone();
        bad[good.len() / 2] ^= 1;
        replace(&victim, &bad, mode.clone());
        let (code, _, talk) = audit(&seed, &allowed);
        assert_eq!(code, 1, "{} {talk}", victim.display());
        assert!(talk.contains(code_name), "{} {talk}", victim.display());
        replace(&victim, &good, mode);
    }
    assert_eq!(audit(&seed, &allowed).0, 0);
}

#[test]
fn refuses_commits_that_hold_more_than_files_and_links() {
    let work = Work::new();
    let commit = work.repository("repo", |_| {});
    let folder = work.path().join("repo");
    let git = |arguments: &[&str]| {
        let done = Command::new("git")
            .current_dir(&folder)
            .args(arguments)
            .status()
            .unwrap();
        assert!(done.success());
    };
    git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{commit},sub"),
    ]);
    let commit = common::commit_index(&folder);
    work.key();
    let (code, talk) = refused(&work, "run", &work.flags("repo", &commit, "state"));
    assert_eq!(code, 1, "{talk}");
    assert!(
        talk.contains("error[source-tree]: the commit holds the submodule `sub`"),
        "{talk}"
    );
}

#[test]
fn export_rules_and_links_in_a_circle_change_nothing_about_the_tree() {
    let work = Work::new();
    work.key();
    let plain = |folder: &Path| {
        std::os::unix::fs::symlink("circle", folder.join("circle")).unwrap();
        std::os::unix::fs::symlink("../../..", folder.join("outside")).unwrap();
        fs::write(folder.join("name with spaces"), "$Format:%H$\r\n").unwrap();
    };
    let commit = work.repository("repo", |folder| {
        plain(folder);
        fs::write(
            folder.join(".gitattributes"),
            "* text eol=crlf\nseed -text\n*.md export-ignore\n* export-subst\n",
        )
        .unwrap();
    });
    let (code, out, talk) = finish(
        work.command()
            .arg("build")
            .args(work.flags("repo", &commit, "state"))
            .output()
            .unwrap(),
    );
    assert_eq!(code, 0, "{talk}");
    let outcome: Value = serde_json::from_str(&out).unwrap();
    let tree = work.path().join("state/sources").join(&commit);
    assert!(tree.join("README.md").exists());
    assert_eq!(
        fs::read_link(tree.join("circle")).unwrap(),
        PathBuf::from("circle")
    );
    let hashed = Command::new(nixes().remove(0).with_file_name("nix-hash"))
        .args(["--type", "sha256"])
        .arg(&tree)
        .output()
        .unwrap();
    let hashed = String::from_utf8(hashed.stdout).unwrap();
    assert_eq!(
        outcome["source"]["narHash"],
        format!("sha256:{}", hashed.trim())
    );
}

fn directory(outcome: &Value) -> PathBuf {
    PathBuf::from(outcome["systems"][0]["directory"].as_str().unwrap())
}

fn find(store: &Path, suffix: &str, good: impl Fn(&Path) -> bool) -> PathBuf {
    fs::read_dir(store)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_str().unwrap().ends_with(suffix) && good(path))
        .unwrap()
}

fn replace(path: &Path, bytes: &[u8], mode: fs::Permissions) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, mode).unwrap();
}
