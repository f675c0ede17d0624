//! `seed-builder doctor` on this machine, whose Nix has known holes.

mod common;

use std::{fs, os::unix::fs::PermissionsExt};

use common::{Work, nixes};

fn doctor(work: &Work, more: &[&str]) -> (i32, String) {
    let nix = nixes().remove(0);
    let mut arguments = vec!["doctor", "--nix", nix.to_str().unwrap()];
    arguments.extend(more);
    let (code, out, _) = work.run(&arguments);
    (code, out)
}

/// The line about `what`.
fn line<'a>(out: &'a str, what: &str) -> &'a str {
    let found = out
        .lines()
        .find(|line| line.contains(&format!(" {what}: ")));
    found.unwrap_or_else(|| panic!("nothing about {what} in {out}"))
}

#[test]
fn names_each_hole_and_refuses_production_keys() {
    let work = Work::new();
    let (code, out) = doctor(&work, &[]);
    assert_eq!(code, 2, "{out}");
    let holes = line(&out, "holes of nix");
    assert!(
        holes.starts_with("not ok") && holes.contains("[nix-vulnerable]"),
        "{holes}"
    );
    // Debian's versions have at least these; what to use instead is said.
    assert!(
        holes.contains("CVE-2025-46415") && holes.contains("2.34.7"),
        "{holes}"
    );
    let production = line(&out, "production keys");
    assert!(
        production.contains("[unsafe-host]") && production.contains("holes of nix"),
        "{production}"
    );
    for good in [
        "git",
        "user namespaces",
        "clock",
        "nix",
        "nix settings",
        "network namespace",
        "key",
    ] {
        assert!(line(&out, good).starts_with("ok"), "{out}");
    }
    assert!(
        line(&out, "execution census (optional)").starts_with("ok"),
        "{out}"
    );
}

#[test]
fn looks_at_the_key_that_would_sign() {
    let work = Work::new();
    work.key();
    let (_, out) = doctor(&work, &["--dev-key-file", "key"]);
    assert!(line(&out, "key").contains("for development only"), "{out}");
    fs::write(work.path().join("password"), "correct horse\n").unwrap();
    let (code, address, talk) =
        work.run(&["key", "new", "production", "--password-file", "password"]);
    assert_eq!(code, 0, "{talk}");
    let production = ["--keystore", "production", "--password-file", "password"];
    let (_, out) = doctor(&work, &production);
    let key = line(&out, "key");
    assert!(
        key.starts_with("ok") && key.contains(address.trim()),
        "{key}"
    );
    let file = work.path().join("production");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let (_, out) = doctor(&work, &production);
    assert!(line(&out, "key").contains("mode 640"), "{out}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(work.path().join("password"), "wrong\n").unwrap();
    let (_, out) = doctor(&work, &production);
    assert!(line(&out, "key").contains("[key]"), "{out}");
}
