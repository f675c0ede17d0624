//! The census with a real Nix and a real kernel. Who may not watch (an ordinary user, a container) must be told so:
//! each test then asserts the refusal instead.

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use common::{Work, finish, nixes};
use seed_primitives::Digest;
use serde_json::{Value, json};
use unix::sys::fanotify::{EventFFlags, Fanotify, InitFlags};

/// Whether the kernel lets this process watch what is started.
fn may_watch() -> bool {
    Fanotify::init(InitFlags::FAN_CLASS_NOTIF, EventFFlags::O_RDONLY).is_ok()
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn digest(path: &Path) -> String {
    Digest::of(&fs::read(path).unwrap()).to_string()
}

/// `build` of the example in `state`, with more flags.
fn build(work: &Work, commit: &str, state: &str, more: &[&str]) -> (i32, String, String) {
    let mut flags = work.flags("r", commit, state);
    flags.insert(0, "build".to_owned());
    flags.extend(more.iter().map(|flag| (*flag).to_owned()));
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    work.run(&flags)
}

fn directory(work: &Work, state: &str) -> PathBuf {
    let releases = work.path().join(state).join("releases");
    let release = fs::read_dir(releases).unwrap().next().unwrap().unwrap();
    release.path().join("x86_64-linux")
}

#[test]
fn every_program_of_a_bootstrap_is_the_seed_or_built_from_it() {
    let work = Work::new();
    let commit = work.repository("r", |_| {});
    let (code, _, talk) = build(&work, &commit, "watched", &["--census"]);
    if !may_watch() {
        assert_eq!(code, 3, "{talk}");
        assert!(
            talk.contains("error[census]") && talk.contains("CAP_SYS_ADMIN"),
            "{talk}"
        );
        assert!(!directory(&work, "watched").join("build.json").exists());
        return;
    }
    assert_eq!(code, 0, "{talk}");
    let folder = directory(&work, "watched");
    let census = json_of(&folder.join("census.json"));
    let programs = census["programs"].as_array().unwrap();
    let inside = |program: &&Value| program["origin"] != "driver";
    let names: Vec<&str> = programs
        .iter()
        .filter(inside)
        .map(|program| program["path"].as_str().unwrap().split_once('-').unwrap().1)
        .collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    let all = [
        "asm",
        "asm-plain",
        "cat",
        "cc",
        "cc-once",
        "cc-plain",
        "hex0",
        "hex0-seed",
        "hex1",
        "hex1-plain",
        "same",
        "sha256",
        "tree",
    ];
    assert_eq!(sorted, all);

    // The report that is evidence is the same with and without.
    let (code, _, talk) = build(&work, &commit, "plain", &[]);
    assert_eq!(code, 0, "{talk}");
    let report = fs::read(folder.join("audit.json")).unwrap();
    let plain = fs::read(directory(&work, "plain").join("audit.json")).unwrap();
    assert_eq!(report, plain);
    // What was built without one has none, and that is no empty one.
    let (code, _, talk) = build(&work, &commit, "plain", &["--census"]);
    assert_eq!(code, 3, "{talk}");
    assert!(talk.contains("was built without one"), "{talk}");

    // By hand, and with a census that was tampered with.
    let top = census["derivation"].as_str().unwrap();
    let outcome = json_of(&folder.join("build.json"));
    assert_eq!(outcome["built"]["derivation"], top);
    let path = outcome["built"]["outputs"]["out"].as_str().unwrap();
    let path = folder.join("store").join(path.trim_start_matches('/'));
    let seed = digest(&work.path().join("r/seed"));
    let audit = |census: &Value| {
        let file = work.path().join("census.json");
        fs::write(&file, census.to_string()).unwrap();
        audit(&work, &path, &["--allow-seed", &seed])
    };
    let (code, report, talk) = audit(&census);
    assert_eq!(code, 0, "{talk}");
    let why = |wanted: &str| {
        let programs = report["census"]["programs"].as_array().unwrap();
        programs
            .iter()
            .filter(|program| program["why"] == wanted)
            .count()
    };
    // `hex0` builds itself from its listing, byte for byte: its bytes are those of the seed.
    assert_eq!((why("seed"), why("built"), why("unexplained")), (2, 11, 0));

    let mut lacking = census.clone();
    let programs = lacking["programs"].as_array_mut().unwrap();
    programs.retain(|program| !program["path"].as_str().unwrap().ends_with("-cat"));
    let (code, _, talk) = audit(&lacking);
    assert_eq!(code, 3, "{talk}");
    assert!(
        talk.contains("nothing was seen of") && talk.contains("-cat"),
        "{talk}"
    );
    let mut other = census.clone();
    other["derivation"] = outcome["built"]["outputs"]["out"].clone();
    assert_eq!(audit(&other).0, 3);
    let mut later = census;
    later["version"] = 2.into();
    assert_eq!(audit(&later).0, 2);
}

/// `audit` of `path` with the census in `census.json`.
fn audit(work: &Work, path: &Path, more: &[&str]) -> (i32, Value, String) {
    let nix = nixes().remove(0);
    let mut arguments = vec![
        "audit",
        "--output",
        "json",
        "--census",
        "census.json",
        "--nix",
    ];
    arguments.push(nix.to_str().unwrap());
    arguments.extend(more);
    arguments.push(path.to_str().unwrap());
    let (code, out, talk) = work.run(&arguments);
    (code, serde_json::from_str(&out).unwrap_or_default(), talk)
}

#[test]
fn what_is_held_to_be_inert_may_not_run() {
    let work = Work::new();
    let commit = work.repository("r", |_| {});
    let mut flags = work.flags("r", &commit, "s");
    let at = flags
        .iter()
        .position(|flag| flag == "--allow-seed")
        .unwrap();
    flags[at] = "--allow-inert".to_owned();
    flags.insert(0, "build".to_owned());
    flags.push("--census".to_owned());
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let (code, _, talk) = work.run(&flags);
    if !may_watch() {
        assert_eq!(code, 3, "{talk}");
        return;
    }
    assert_eq!(code, 1, "{talk}");
    assert!(talk.contains("error[audit-refused]"), "{talk}");
    assert!(
        talk.contains("-hex0-seed ran, and is") && talk.contains("held to be inert"),
        "{talk}"
    );
    // Without a census nobody would have known.
    let plain: Vec<&str> = flags
        .into_iter()
        .filter(|flag| *flag != "--census")
        .collect();
    assert_eq!(work.run(&plain).0, 0);
}

/// Writes its arguments but the last into the last; or starts another program: where it is, as a copy of its
/// own, or by way of a script. `VERSION` makes another binary of it.
const START: &str = r##"#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
const char version[] = VERSION;
static void close_executable(FILE *f, const char *name) { fclose(f); chmod(name, 0755); }
int main(int c, char **v) {
    if (c > 3 && !strcmp(v[1], "exec")) return execv(v[2], v + 2);
    if (c > 3 && !strcmp(v[1], "copy")) {
        FILE *from = fopen(v[2], "r"), *to = fopen("x", "w");
        int byte;
        while ((byte = getc(from)) != EOF) putc(byte, to);
        close_executable(to, "x");
        return execv("./x", v + 2);
    }
    if (c > 3 && !strcmp(v[1], "script")) {
        FILE *script = fopen("s", "w");
        fprintf(script, "#!%s\n", v[2]);
        close_executable(script, "s");
        char *arguments[] = {"./s", v[c - 1], 0};
        return execv("./s", arguments);
    }
    FILE *f = fopen(v[c - 1], "w");
    if (!f) return 1;
    for (int i = 1; i + 1 < c; i++) fprintf(f, "%s\n", v[i]);
    return fclose(f);
}
"##;

fn compile(work: &Work, name: &str, version: &str) {
    fs::write(work.path().join("start.c"), START).unwrap();
    let done = Command::new("cc")
        .current_dir(work.path())
        .args(["-static", "-s", "-O1", "-o", name, "start.c"])
        .arg(format!("-DVERSION=\"{version}\""))
        .status()
        .unwrap();
    assert!(done.success());
}

/// Builds a derivation of one step by hand under the watching process, in a sandbox that has the machine's file
/// `foreign` at `/leak`. The census is left in `census.json`; the path on disk is the result.
fn watched(work: &Work, arguments: &str) -> PathBuf {
    let text = format!(
        r#"let file = name: path: builtins.path {{ inherit name path; }}; start = file "start" ./start; in
           derivation {{
             name = "top"; system = "x86_64-linux"; builder = start;
             args = {arguments} ++ [ "text" (builtins.placeholder "out") ];
           }}"#
    );
    fs::write(work.path().join("top.nix"), text).unwrap();
    for folder in ["conf", "home"] {
        fs::create_dir_all(work.path().join(folder)).unwrap();
    }
    let settings = format!(
        "experimental-features = nix-command\nbuild-users-group =\nsubstituters =\nsandbox = true\n\
         sandbox-fallback = false\nsandbox-paths = /leak={}\n",
        work.path().join("foreign").display()
    );
    fs::write(work.path().join("conf/nix.conf"), settings).unwrap();
    let nix = |command: &mut Command| {
        finish(
            command
                .current_dir(work.path())
                .env("HOME", work.path().join("home"))
                .env("NIX_CONF_DIR", work.path().join("conf"))
                .env("NIX_USER_CONF_FILES", "")
                .output()
                .unwrap(),
        )
    };
    let store = work.path().join("store");
    let tool = nixes().remove(0).with_file_name("nix-build");
    let mut unshare = Command::new("unshare");
    unshare.args(["--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
    unshare.arg(env!("CARGO_BIN_EXE_seed-builder"));
    unshare.arg("watch").arg("--store").arg(&store);
    unshare.args(["--out", "seen.json", "--"]).arg(&tool);
    unshare
        .args(["top.nix", "--no-out-link", "--store"])
        .arg(&store);
    let (code, out, talk) = nix(&mut unshare);
    assert_eq!(code, 0, "{talk}");
    let instantiate = nixes().remove(0).with_file_name("nix-instantiate");
    let mut command = Command::new(instantiate);
    command.args(["top.nix", "--store"]).arg(&store);
    let (code, derivation, talk) = nix(&mut command);
    assert_eq!(code, 0, "{talk}");
    let seen = json_of(&work.path().join("seen.json"));
    let census = json!({
        "version": 1, "derivation": derivation.trim(),
        "programs": seen["seen"]["programs"], "unwatched": seen["seen"]["unwatched"],
    });
    fs::write(work.path().join("census.json"), census.to_string()).unwrap();
    store.join(out.trim().trim_start_matches('/'))
}

fn lab() -> Option<Work> {
    let work = Work::new();
    for (name, version) in [("start", "1"), ("fixture", "2"), ("foreign", "3")] {
        compile(&work, name, version);
    }
    if may_watch() {
        return Some(work);
    }
    // Whoever may not watch is told so, and no command is run.
    let (code, _, talk) = work.run(&[
        "watch", "--store", "store", "--out", "seen", "--", "touch", "ran",
    ]);
    assert_eq!(code, 1, "{talk}");
    let left = fs::read_to_string(work.path().join("seen")).unwrap();
    assert!(
        left.contains("failed") && left.contains("CAP_SYS_ADMIN"),
        "{left}"
    );
    assert!(!work.path().join("ran").exists());
    None
}

fn violations(report: &Value) -> Vec<&str> {
    let list = report["census"]["violations"].as_array().unwrap();
    list.iter().map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn a_program_of_this_machine_in_the_sandbox_is_named() {
    let Some(work) = lab() else { return };
    let path = watched(&work, r#"[ "exec" "/leak" ]"#);
    let (seed, foreign) = (
        digest(&work.path().join("start")),
        digest(&work.path().join("foreign")),
    );
    // Even its being allowed as a seed does not excuse where it came from.
    let allowed = ["--allow-seed", &seed, "--allow-seed", &foreign];
    let (code, report, talk) = audit(&work, &path, &allowed);
    assert_eq!(code, 1, "{talk}");
    let found = violations(&report);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains(&foreign) && found[0].contains("a file of this machine"),
        "{found:?}"
    );
    assert!(talk.contains(found[0]), "{talk}");
}

#[test]
fn a_copy_of_a_fixture_that_runs_is_told_by_its_bytes() {
    let Some(work) = lab() else { return };
    let path = watched(&work, r#"[ "copy" (file "fixture" ./fixture) ]"#);
    let (seed, inert) = (
        digest(&work.path().join("start")),
        digest(&work.path().join("fixture")),
    );
    let (code, report, talk) = audit(
        &work,
        &path,
        &["--allow-seed", &seed, "--allow-inert", &inert],
    );
    assert_eq!(code, 1, "{talk}");
    let found = violations(&report);
    assert!(
        found.len() == 1 && found[0].contains("held to be inert") && found[0].contains("-fixture"),
        "{found:?}"
    );
    assert_eq!(
        audit(
            &work,
            &path,
            &["--allow-seed", &seed, "--allow-seed", &inert]
        )
        .0,
        0
    );
}

#[test]
fn a_script_that_the_build_makes_is_listed_with_its_interpreter() {
    let Some(work) = lab() else { return };
    let path = watched(&work, r#"[ "script" start ]"#);
    let seed = digest(&work.path().join("start"));
    let (code, report, talk) = audit(&work, &path, &["--allow-seed", &seed]);
    assert_eq!(code, 0, "{talk}");
    let programs = report["census"]["programs"].as_array().unwrap();
    let why = |wanted: &str| -> Vec<&str> {
        let found = programs.iter().filter(|program| program["why"] == wanted);
        found
            .map(|program| program["path"].as_str().unwrap())
            .collect()
    };
    assert!(
        why("seed").len() == 1 && why("seed")[0].ends_with("-start"),
        "{report}"
    );
    assert!(
        why("made").len() == 1 && why("made")[0].ends_with("/s"),
        "{report}"
    );
}
