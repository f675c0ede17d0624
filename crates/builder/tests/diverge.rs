//! Two builders that differ, and what `diverge` says of them.

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use common::{Work, finish, with};
use seed_primitives::Digest;
use serde_json::Value;

/// How long the chain of derivations is, and which one of them is not the same twice.
const STEPS: usize = 40;
const CULPRIT: usize = 23;

/// Copies its first argument's text into `$out/text`, beside what the clock says where it is asked to.
const TOOL: &str = r#"#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
int main(int c, char **v) {
    char path[4096];
    const char *out = v[c - 1];
    if (mkdir(out, 0755)) return 1;
    snprintf(path, sizeof path, "%s/text", out);
    FILE *f = fopen(path, "w");
    fprintf(f, "%s\n", v[1]);
    if (fclose(f)) return 1;
    if (strcmp(v[2], "clock")) return 0;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    snprintf(path, sizeof path, "%s/stamp", out);
    f = fopen(path, "w");
    fprintf(f, "made at %09ld.%09ld\n", (long)t.tv_sec % 1000000000, t.tv_nsec);
    return fclose(f);
}
"#;

fn chain(folder: &Path) {
    fs::write(folder.join("tool.c"), TOOL).unwrap();
    let built = Command::new("cc")
        .current_dir(folder)
        .args(["-static", "-s", "-o", "seed", "tool.c"])
        .status()
        .unwrap();
    assert!(built.success());
    let flake = format!(
        r#"{{
          outputs = {{ self }}:
            let
              tool = builtins.path {{ path = ./seed; name = "tool"; }};
              step = before: number: derivation {{
                name = "step-${{toString number}}";
                system = "x86_64-linux";
                builder = tool;
                args = [ "after ${{before}}" (if number == {CULPRIT} then "clock" else "-") (builtins.placeholder "out") ];
              }};
              last = builtins.foldl' step "nothing" (builtins.genList (number: number) {STEPS});
            in {{ packages.x86_64-linux.seed = last; }};
        }}"#
    );
    fs::write(folder.join("flake.nix"), flake).unwrap();
}

/// Builds and audits without rebuilding, as `audit` on a store made by hand: the report of one builder.
fn report(work: &Work, state: &str, flags: &[String]) -> PathBuf {
    // The rebuild refuses what is not reproducible, after the audit has written its report.
    let (code, _, talk) = finish(
        work.command()
            .arg("build")
            .args(with(flags, "--state", state))
            .output()
            .unwrap(),
    );
    assert_eq!(code, 1, "{talk}");
    assert!(talk.contains("error[not-reproducible]"), "{talk}");
    assert!(talk.contains(&format!("-step-{CULPRIT}.drv")), "{talk}");
    system_directory(&work.path().join(state))
}

fn system_directory(state: &Path) -> PathBuf {
    let release = fs::read_dir(state.join("releases"))
        .unwrap()
        .next()
        .unwrap();
    release.unwrap().path().join("x86_64-linux")
}

fn diverge(work: &Work, arguments: &[&str]) -> (i32, Value, String) {
    let mut command = work.command();
    command
        .args(["diverge", "--output", "json"])
        .args(arguments);
    let (code, out, talk) = finish(command.output().unwrap());
    (code, serde_json::from_str(&out).unwrap_or_default(), talk)
}

#[test]
fn names_the_one_deep_derivation_in_few_hashes_and_shows_the_bytes() {
    let work = Work::new();
    let commit = work.repository("repo", chain);
    work.key();
    let flags = work.flags("repo", &commit, "one");
    let (one, two) = (report(&work, "one", &flags), report(&work, "two", &flags));
    let sides = [one.to_str().unwrap(), two.to_str().unwrap()];
    let (code, found, talk) = diverge(&work, &sides);
    assert_eq!(code, 1, "{talk}");
    assert_eq!(
        (&found["kind"], &found["outputs"]),
        (&"content".into(), &STEPS.into())
    );
    assert!(
        found["exchanged"].as_u64().unwrap() <= 7,
        "log2 of {STEPS}, and one: {found}"
    );
    for side in ["first", "second"] {
        let derivation = found[side]["derivation"].as_str().unwrap();
        assert!(
            derivation.ends_with(&format!("-step-{CULPRIT}.drv")),
            "{derivation}"
        );
    }
    assert_ne!(found["first"]["narHash"], found["second"]["narHash"]);
    let [file] = &found["files"].as_array().unwrap()[..] else {
        panic!("{found}")
    };
    assert_eq!(
        (&file["path"], &file["change"]),
        (&"stamp".into(), &"bytes".into())
    );
    assert!(file["offset"].as_u64().unwrap() >= "made at ".len() as u64);
    assert_eq!(file["compressionOnly"], false);

    // The same from reports alone says where, and not what.
    let (a, b) = (one.join("audit.json"), two.join("audit.json"));
    let (code, bare, _) = diverge(&work, &[a.to_str().unwrap(), b.to_str().unwrap()]);
    assert_eq!(
        (code, &bare["first"], &bare["files"]),
        (1, &found["first"], &Value::Null)
    );

    // A program that explains differences is shown both paths, and only those.
    let explainer = work.path().join("explain");
    fs::write(&explainer, "#!/bin/sh\nshift 4\ndiff -r \"$@\"\n").unwrap();
    let executable = Command::new("chmod")
        .arg("+x")
        .arg(&explainer)
        .status()
        .unwrap();
    assert!(executable.success());
    let (code, told, talk) = diverge(
        &work,
        &[
            sides[0],
            sides[1],
            "--diffoscope",
            explainer.to_str().unwrap(),
        ],
    );
    assert_eq!(code, 1, "{talk}");
    assert!(
        told["explained"].as_str().unwrap().contains("made at"),
        "{told}"
    );

    // A store that does not hold what its report says is not compared.
    let victim = one
        .join("store")
        .join(&found["first"]["path"].as_str().unwrap()[1..]);
    let unlocked = Command::new("chmod")
        .arg("-R")
        .arg("u+w")
        .arg(&victim)
        .status()
        .unwrap();
    assert!(unlocked.success());
    fs::write(victim.join("stamp"), "made at another time\n").unwrap();
    let (code, _, talk) = diverge(&work, &sides);
    assert_eq!(code, 1);
    assert!(
        talk.contains("in the store, and") && talk.contains("in the report"),
        "{talk}"
    );
}

fn run(work: &Work, flags: &[String]) -> Value {
    let (code, out, talk) = finish(work.command().arg("run").args(flags).output().unwrap());
    assert_eq!(code, 0, "{talk}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn tells_a_compressor_from_contents_and_checks_who_signed() {
    let work = Work::new();
    let commit = work.repository("repo", |_| {});
    let first_key = work.key();
    let flags = work.flags("repo", &commit, "one");
    let first = run(&work, &flags);
    fs::remove_file(work.path().join("key")).unwrap();
    let second_key = work.key();
    // The second builder compresses differently: another recipe, and so another release of the same source.
    let mut plain = with(&with(&flags, "--state", "two"), "--publish", "oci:other");
    plain.extend(["--compression", "tar"].map(str::to_owned));
    let second = run(&work, &plain);
    let (one, two) = (
        system_directory(&work.path().join("one")),
        system_directory(&work.path().join("two")),
    );
    let (code, found, talk) = diverge(&work, &[one.to_str().unwrap(), two.to_str().unwrap()]);
    assert_eq!(code, 1, "{talk}");
    assert_eq!(
        (&found["kind"], &found["exchanged"]),
        (&"compression".into(), &1.into()),
        "{found}"
    );
    assert_eq!(found["packing"]["compressionOnly"], true);

    let evidence = |place: &str, outcome: &Value| {
        format!("oci:{place}@{}", outcome["evidence"].as_str().unwrap())
    };
    let (a, b) = (evidence("layout", &first), evidence("other", &second));
    let ledger = "0x00000000000000000000000000000000000000aa";
    let (code, signed, talk) = diverge(&work, &[&a, &b, "--chain-id", "31337", "--ledger", ledger]);
    assert_eq!(code, 1, "{talk}");
    assert_eq!(
        (&signed["kind"], &signed["firstBuilder"]),
        (&"compression".into(), &first_key.into())
    );
    assert_eq!(signed["secondBuilder"], second_key);

    let (code, same, _) = diverge(&work, &[&a, &a, "--chain-id", "31337", "--ledger", ledger]);
    assert_eq!((code, &same["kind"]), (0, &"same".into()));

    // For another ledger nobody known has signed; without one nothing can be said.
    let other = "0x00000000000000000000000000000000000000ab";
    let (code, _, talk) = diverge(&work, &[&a, &b, "--chain-id", "31337", "--ledger", other]);
    assert_eq!(code, 1, "{talk}");
    assert!(talk.contains("is not what"), "{talk}");
    let (code, _, talk) = diverge(&work, &[&a, &b]);
    assert_eq!(code, 2);
    assert!(talk.contains("--chain-id and --ledger"), "{talk}");
    let missing = format!("oci:layout@{}", Digest::of(b"nothing"));
    let (code, _, talk) = diverge(
        &work,
        &[&a, &missing, "--chain-id", "31337", "--ledger", ledger],
    );
    assert_eq!(code, 3, "{talk}");
}
