//! Builders whose clock is ten years off: what they build and pack is the same.

mod common;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use common::{Work, finish, nixes, with};
use serde_json::Value;

/// Stands before the C library wherever a program asks for the time of day.
const SHIFT: &str = r#"#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
static time_t shift(void) {
    const char *by = getenv("SEED_TEST_SHIFT");
    return by ? (time_t)atoll(by) : 0;
}
int clock_gettime(clockid_t which, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(which, now);
    if (!failed && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) now->tv_sec += shift();
    return failed;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec found;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &found)) return -1;
    now->tv_sec = found.tv_sec;
    now->tv_usec = found.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *out) {
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    if (out) *out = found.tv_sec;
    return found.tv_sec;
}
"#;

const TEN_YEARS: i64 = 10 * 365 * 24 * 3600;

/// The same Nix with its clock moved; it gets no environment but what is written here.
fn moved(work: &Work, nix: &Path, name: &str, by: i64) -> PathBuf {
    let folder = work.path().join(name);
    fs::create_dir(&folder).unwrap();
    let library = work.path().join("shift.so");
    for program in ["nix", "nix-store"] {
        let script = format!(
            "#!/bin/sh\nexport SEED_TEST_SHIFT={by} LD_PRELOAD='{}'\nexec '{}' \"$@\"\n",
            library.display(),
            nix.with_file_name(program).display()
        );
        fs::write(folder.join(program), script).unwrap();
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.join(program), mode).unwrap();
    }
    folder.join("nix")
}

/// The time as this Nix has it.
fn time_of(work: &Work, nix: &Path) -> i64 {
    let mut command = Command::new(nix);
    command.env("HOME", work.path()).current_dir(work.path());
    command.args(["--extra-experimental-features", "nix-command", "eval"]);
    command.args([
        "--store",
        "dummy://",
        "--impure",
        "--expr",
        "builtins.currentTime",
    ]);
    let (_, out, talk) = finish(command.output().unwrap());
    out.trim().parse().unwrap_or_else(|_| panic!("{out}{talk}"))
}

#[test]
fn a_clock_ten_years_off_changes_the_times_and_no_byte_of_the_image() {
    let work = Work::new();
    fs::write(work.path().join("shift.c"), SHIFT).unwrap();
    let compiled = Command::new("cc")
        .current_dir(work.path())
        .args(["-shared", "-fPIC", "-O1", "-o", "shift.so", "shift.c"])
        .status();
    assert!(compiled.unwrap().success());
    let commit = work.repository("repo", |_| {});
    let library = work.path().join("shift.so");
    let nix = nixes().remove(0);
    let mut found = Vec::new();
    for (name, by) in [("right", 0), ("ahead", TEN_YEARS), ("behind", -TEN_YEARS)] {
        let state = format!("state-{name}");
        let flags = work.flags("repo", &commit, &state);
        let nix = moved(&work, &nix, name, by);
        let now = time_of(&work, &nix);
        let flags = with(&flags, "--nix", nix.to_str().unwrap());
        let mut command = work.command();
        command.arg("pack").args(&flags);
        command
            .env("LD_PRELOAD", &library)
            .env("SEED_TEST_SHIFT", by.to_string());
        let (code, out, talk) = finish(command.output().unwrap());
        assert_eq!(code, 0, "{name}: {talk}");
        let outcome: Value = serde_json::from_str(&out).unwrap();
        let system = &outcome["systems"][0];
        let record = Path::new(system["directory"].as_str().unwrap()).join("build.json");
        let record: Value = serde_json::from_slice(&fs::read(record).unwrap()).unwrap();
        let year: i64 = record["started"].as_str().unwrap()[..4].parse().unwrap();
        let made = [&system["image"], &outcome["release"]].map(Value::to_string);
        found.push((year, now / (TEN_YEARS / 10), made));
    }
    // The clocks did differ, that of the builder and that of its Nix, and that is all that did.
    let [right, ahead, behind] = &found[..] else {
        panic!("{found:?}")
    };
    for (later, earlier) in [(ahead, right), (right, behind)] {
        assert!((9..=11).contains(&(later.0 - earlier.0)), "{found:?}");
        assert!((9..=11).contains(&(later.1 - earlier.1)), "{found:?}");
        assert_eq!(later.2, earlier.2);
    }
}
