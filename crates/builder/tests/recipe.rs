//! What may change the image's bytes is in the release id, and nothing else is.

mod common;

use std::{collections::BTreeMap, fs, process::Command};

use common::{Work, commit, nixes, with};
use seed_primitives::Digest;

/// The release that `pack` with these flags speaks of before it builds. Nothing is built: there is no such target.
fn release(work: &Work, flags: &[String], more: &[&str]) -> String {
    let strs: Vec<&str> = flags.iter().map(String::as_str).collect();
    let (code, _, talk) = work.run(&[&["pack"], &strs[..], more].concat());
    assert!(
        code == 1 && talk.contains("error[build-failed]"),
        "{more:?}: {talk}"
    );
    let line = talk.lines().find_map(|line| line.strip_prefix("release "));
    line.unwrap_or_else(|| panic!("{more:?}: {talk}"))
        .to_owned()
}

/// Every flag of `pack`, as its help lists them.
fn flags_of_pack(work: &Work) -> Vec<String> {
    let (_, help, _) = work.run(&["pack", "--help"]);
    let names = help.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = line
            .strip_prefix("-h, ")
            .or(line.strip_prefix("-V, "))
            .unwrap_or(line);
        let name = line.strip_prefix("--")?;
        name.split([' ', '=']).next().map(str::to_owned)
    });
    names.collect()
}

#[test]
fn every_knob_gives_another_release_and_nothing_else_does() {
    let work = Work::new();
    let first = work.repository("repo", |_| {});
    work.key();
    // An image to name as the previous one.
    let mut flags = work.flags("repo", &first, "state");
    flags.extend(["--tag", "v1"].map(str::to_owned));
    let output = work.command().arg("run").args(&flags).output().unwrap();
    assert!(output.status.success());
    let outcome: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let image = outcome["systems"][0]["image"].as_str().unwrap();
    let previous = format!("oci:layout@{image}");

    let flags = work.flags("repo", &first, "state");
    let base_flags = [
        flags.clone(),
        ["--target", "none"].map(str::to_owned).to_vec(),
    ]
    .concat();
    let base = release(&work, &base_flags, &[]);
    let mut seen = BTreeMap::from([(base.clone(), "none".to_owned())]);
    let mut other = |what: &str, found: String| {
        if let Some(same) = seen.insert(found, what.to_owned()) {
            panic!("{what} and {same} give the same release");
        }
    };
    let knobs: [(&str, &[&str]); 7] = [
        ("compression", &["--compression", "tar"]),
        ("layering", &["--layering", "repull:41"]),
        ("previous", &["--previous", &previous]),
        ("reissue", &["--reissue", "1"]),
        ("runner", &["--runner"]),
        ("reissue", &["--reissue", "2"]),
        (
            "layering",
            &[
                "--layering",
                "repull:40",
                "--compression",
                "tar",
                "--reissue",
                "1",
            ],
        ),
    ];
    for (what, more) in knobs {
        other(what, release(&work, &base_flags, more));
    }
    // What it is built from.
    let target = [
        flags.clone(),
        ["--target", "nothing"].map(str::to_owned).to_vec(),
    ]
    .concat();
    other("target", release(&work, &target, &[]));
    let uri = with(
        &base_flags,
        "--source-uri",
        "https://git.example/acme/boot2",
    );
    other("source-uri", release(&work, &uri, &[]));
    for (what, file, text) in [
        ("another file", "notes", "x"),
        (
            "another lock",
            "flake.lock",
            r#"{"nodes":{"root":{}},"root":"root","version":7}"#,
        ),
    ] {
        fs::write(work.path().join("repo").join(file), text).unwrap();
        let next = commit(&work.path().join("repo"));
        other(
            what,
            release(&work, &with(&base_flags, "--commit", &next), &[]),
        );
    }

    // The same asked for in so many words, and all that is no knob.
    let last = nixes().pop().unwrap();
    let digest = Digest::of(b"x").to_string();
    fs::create_dir(work.path().join("folder")).unwrap();
    let list = r#"{"version":1,"seeds":[],"inert":[],"maxOpaqueBytes":0}"#;
    fs::write(work.path().join("list"), list).unwrap();
    let list_digest = Digest::of(list.as_bytes()).to_string();
    let same: [&[&str]; 14] = [
        &[
            "--compression",
            "tar+zstd",
            "--layering",
            "repull:40",
            "--reissue",
            "0",
        ],
        &["--development"],
        &["--tag", "v2", "--out", "folder/out"],
        &["--journal", "folder/journal"],
        &["--allow-inert", &digest],
        &["--allow-list", "list", "--allow-list-digest", &list_digest],
        &["--max-opaque-bytes", "5"],
        &["--rebuild-in", "folder"],
        &["--run-id", "x"],
        &["--build-timeout", "100"],
        &["--sources", "folder", "--fetch-sources"],
        &["--mirror", "site=https://files.example"],
        &["--max-source-bytes", "5"],
        &["--source-timeout", "5"],
    ];
    for more in same {
        assert_eq!(release(&work, &base_flags, more), base, "{more:?}");
    }
    for (flag, value) in [("--state", "elsewhere"), ("--nix", last.to_str().unwrap())] {
        let flags = with(&base_flags, flag, value);
        assert_eq!(release(&work, &flags, &[]), base, "{flag}");
    }

    // Every flag there is was tried above, or cannot matter: who signs, where to, for which chain, in what form.
    let tried: Vec<&str> = knobs
        .iter()
        .map(|(_, more)| *more)
        .chain(same)
        .flatten()
        .filter_map(|word| word.strip_prefix("--"))
        .collect();
    let rest = "config state nix source source-uri commit target system output keystore password-file dev-key-file \
        deployment chain-id ledger rules publish allow-seed census help version";
    for name in flags_of_pack(&work) {
        assert!(
            tried.contains(&name.as_str()) || rest.split(' ').any(|known| known == name),
            "--{name}: does it change the image's bytes? Then it belongs into the recipe; say so here"
        );
    }
}

#[test]
fn a_recipe_that_cannot_be_followed_is_refused_before_the_build() {
    let work = Work::new();
    let commit = work.repository("repo", |_| {});
    let flags = work.flags("repo", &commit, "state");
    for layering in [
        "repull:2",
        "repull:101",
        "repull:040",
        "repull:40:1",
        "popularity",
    ] {
        let mut command: Command = work.command();
        let more = ["--layering", layering];
        let output = command
            .arg("pack")
            .args(&flags)
            .args(more)
            .output()
            .unwrap();
        let talk = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{talk}");
        assert!(
            talk.contains("error[pack]") && talk.contains(layering),
            "{talk}"
        );
        assert!(!work.path().join("state").exists(), "{talk}");
    }
}
