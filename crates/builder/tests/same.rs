//! One commit, packed under circumstances that must not matter.

mod common;

use std::{fs, os::unix::fs::MetadataExt, path::Path, process::Command};

use common::{Work, finish, nixes, with};
use rustix::fs::{StatVfsMountFlags, statvfs};
use serde_json::Value;

/// Who builds in the other circumstances, where this test may choose.
const OTHER_USER: u32 = 65_534;

fn image(work: &Work, mut command: Command) -> (String, String) {
    let output = command.current_dir(work.path()).output().unwrap();
    let (code, out, talk) = finish(output);
    assert_eq!(code, 0, "{talk}");
    let outcome: Value = serde_json::from_str(&out).unwrap();
    let image = outcome["systems"][0]["image"].as_str().unwrap();
    (image.to_owned(), talk)
}

/// Whether the other user may use the Nix at `nix` and our own program.
fn may_be_another(nix: &Path) -> bool {
    let tried = |program: &Path| {
        let mut other = Command::new("setpriv");
        other.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        other.arg(program).arg("--version").current_dir("/");
        other.output().is_ok_and(|output| output.status.success())
    };
    rustix::process::geteuid().is_root()
        && tried(nix)
        && tried(Path::new(env!("CARGO_BIN_EXE_seed-builder")))
}

/// A folder on another file system than `place` where programs may be started, if this machine has one.
fn other_file_system(place: &Path) -> Option<tempfile::TempDir> {
    let shared = Path::new("/dev/shm");
    let usable = statvfs(shared)
        .is_ok_and(|found| !found.f_flag.contains(StatVfsMountFlags::NOEXEC))
        && shared.metadata().ok()?.dev() != place.metadata().ok()?.dev();
    usable.then(|| tempfile::tempdir_in(shared).unwrap())
}

#[test]
fn user_file_system_cores_zone_locale_mask_host_and_nix_do_not_matter() {
    let work = Work::new();
    let commit = work.repository("repo", |_| {});
    let flags = work.flags("repo", &commit, "state");
    let mut plain = work.command();
    plain.arg("pack").args(&flags);
    let (plain, _) = image(&work, plain);

    let mut varied = vec![
        "cores",
        "time zone",
        "locale",
        "home",
        "umask",
        "descriptors",
    ];
    let last = nixes().pop().unwrap();
    if nixes().len() > 1 {
        varied.push("Nix");
    }
    let elsewhere = other_file_system(work.path());
    let place = elsewhere
        .as_ref()
        .map_or(work.path(), tempfile::TempDir::path);
    if elsewhere.is_some() {
        varied.push("file system");
    }
    let state = place.join("state of another");
    fs::create_dir(&state).unwrap();
    // Sources lie there too: git believes no repository of somebody else.
    let repository = place.join("repository");
    let copied = Command::new("cp")
        .arg("-r")
        .arg(work.path().join("repo"))
        .arg(&repository)
        .status();
    assert!(copied.unwrap().success());
    let mut command = Command::new("sh");
    let mut lead = String::new();
    if rustix::process::geteuid().is_root() {
        varied.push("host name");
        lead.push_str("unshare --uts -- sh -c 'hostname elsewhere; exec \"$@\"' sh ");
    }
    if may_be_another(&last) {
        varied.push("user");
        let owner = format!("{OTHER_USER}:{OTHER_USER}");
        let given = Command::new("chown")
            .args(["-R", &owner])
            .arg(place)
            .status();
        assert!(given.unwrap().success());
        lead.push_str("setpriv --reuid=65534 --regid=65534 --clear-groups -- ");
    }
    let strange = "umask 077; ulimit -n 512; \
        export TZ=Asia/Kathmandu LANG=tr_TR.UTF-8 LC_ALL=tr_TR.UTF-8 LANGUAGE=tr HOME=/ USER=other SOURCE_DATE_EPOCH=5;";
    command.args([
        "-c",
        &format!("{strange} exec {lead} taskset -c 0 \"$@\""),
        "sh",
    ]);
    let flags = with(&flags, "--state", state.to_str().unwrap());
    let flags = with(&flags, "--source", repository.to_str().unwrap());
    let flags = with(&flags, "--nix", last.to_str().unwrap());
    // Who only packs needs no key, and this one is somebody else's.
    let key = flags
        .iter()
        .position(|flag| flag == "--dev-key-file")
        .unwrap();
    let flags = [&flags[..key], &flags[key + 2..]].concat();
    command
        .arg(env!("CARGO_BIN_EXE_seed-builder"))
        .arg("pack")
        .args(&flags);
    let (other, talk) = image(&work, command);
    let made = Command::new("chmod")
        .args(["-R", "u+w"])
        .arg(place)
        .status();
    assert!(made.unwrap().success());
    assert_eq!(plain, other, "varied: {}\n{talk}", varied.join(", "));
    eprintln!("varied: {}", varied.join(", "));
}
