//! Whole runs over synthetic closures with a real Nix.

mod common;

use std::{fs, path::Path};

use common::{Work, commit, finish, nixes, with};
use seed_image::ImageManifest;
use seed_testkit::closure::{Closure, Plan, write_flake};
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
