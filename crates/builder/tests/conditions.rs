//! Under which conditions a build is done twice, and that what the sandbox is said to hide is hidden.

mod common;

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

use common::{Work, commit, finish};
use rustix::fs::{StatVfsMountFlags, statvfs};
use serde_json::Value;

/// Writes down everything that a sandbox is said to hide.
const SHOW: &str = r#"#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
int main(int c, char **v) {
    char host[256] = "", place[4096] = "";
    const char *names[] = {"TZ", "LANG", "LC_ALL", "USER", "HOME"};
    FILE *out = fopen(v[1], "w");
    mode_t mask = umask(022);
    gethostname(host, sizeof host);
    if (!getcwd(place, sizeof place)) return 1;
    fprintf(out, "user %d\nhost %s\nplace %s\numask %03o\n", (int)getuid(), host, place, (unsigned)mask);
    for (int i = 0; i < 5; i++) fprintf(out, "%s %s\n", names[i], getenv(names[i]) ? getenv(names[i]) : "-");
    return fclose(out);
}
"#;

const FLAKE: &str = r#"{
  outputs = { self }: {
    packages.x86_64-linux.seed = derivation {
      name = "shown"; system = "x86_64-linux";
      builder = builtins.path { path = ./seed; name = "show"; };
      args = [ (builtins.placeholder "out") ];
    };
  };
}"#;

fn repository(work: &Work) -> String {
    let folder = work.path().join("r");
    fs::create_dir(&folder).unwrap();
    fs::write(work.path().join("show.c"), SHOW).unwrap();
    let done = Command::new("cc")
        .current_dir(work.path())
        .args(["-static", "-s", "-O1", "-o", "r/seed", "show.c"])
        .status()
        .unwrap();
    assert!(done.success());
    fs::write(folder.join("flake.nix"), FLAKE).unwrap();
    commit(&folder)
}

fn directory(work: &Work, state: &str) -> PathBuf {
    let releases = work.path().join(state).join("releases");
    let release = fs::read_dir(releases).unwrap().next().unwrap().unwrap();
    release.path().join("x86_64-linux")
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn fate(record: &Value, condition: &str) -> String {
    let all = record["conditions"].as_array().unwrap();
    let found = all.iter().find(|found| found["condition"] == condition);
    found.unwrap()["fate"].as_str().unwrap().to_owned()
}

#[test]
fn what_the_sandbox_hides_is_hidden_and_the_rest_is_told_as_it_was() {
    let work = Work::new();
    let commit = repository(&work);
    let build = |state: &str, more: &[&str], shell: &str| {
        let mut flags = work.flags("r", &commit, state);
        flags.extend(more.iter().map(|flag| (*flag).to_owned()));
        let mut command = Command::new("sh");
        command
            .current_dir(work.path())
            .args(["-c", &format!("{shell} exec \"$@\"")]);
        command
            .args(["sh", env!("CARGO_BIN_EXE_seed-builder"), "build"])
            .args(&flags);
        let (code, _, talk) = finish(command.output().unwrap());
        assert_eq!(code, 0, "{talk}");
        (json_of(&directory(&work, state).join("audit.json")), talk)
    };
    let (plain, talk) = build("one", &[], "");
    for line in [
        "rebuild varied: ",
        "rebuild hidden by the sandbox: user, hostname",
        "rebuild not varied here: ",
    ] {
        assert!(talk.contains(line), "{talk}");
    }
    let record = json_of(&directory(&work, "one").join("rebuild.json"));
    assert_eq!(
        (&record["outputs"], fate(&record, "hostname")),
        (&1.into(), "hidden".to_owned())
    );
    assert_eq!(fate(&record, "file system"), "same");
    assert_eq!(fate(&record, "kernel and processor"), "same");

    // Another umask, time zone, locale and home, and the second store on another file system where there is one.
    // Where programs may be started from it: some machines forbid that.
    let shared =
        statvfs("/dev/shm").is_ok_and(|found| !found.f_flag.contains(StatVfsMountFlags::NOEXEC));
    let place = if shared {
        Path::new("/dev/shm")
    } else {
        work.path()
    };
    let elsewhere = tempfile::tempdir_in(place).unwrap();
    let other = elsewhere.path().metadata().unwrap().dev() != work.path().metadata().unwrap().dev();
    let strange =
        "umask 077; export TZ=Asia/Tokyo LANG=tr_TR.UTF-8 LC_ALL=tr_TR.UTF-8 USER=other HOME=/;";
    let (varied, _) = build(
        "two",
        &["--rebuild-in", elsewhere.path().to_str().unwrap()],
        strange,
    );
    assert_eq!(plain["outputsRoot"], varied["outputsRoot"]);
    let record = json_of(&directory(&work, "two").join("rebuild.json"));
    let expected = if other { "varied" } else { "same" };
    assert_eq!(fate(&record, "file system"), expected);
    assert_eq!(
        fs::read_dir(elsewhere.path()).unwrap().count(),
        0,
        "nothing is left behind"
    );

    let path = plain["outputs"][0]["path"].as_str().unwrap();
    let shown = directory(&work, "one")
        .join("store")
        .join(path.trim_start_matches('/'));
    let shown = fs::read_to_string(shown).unwrap();
    for line in [
        "user 1000",
        "host localhost",
        "place /build",
        "umask 022",
        "LANG -",
        "USER -",
    ] {
        assert!(
            shown.lines().any(|found| found == line),
            "{line} in {shown}"
        );
    }
}
