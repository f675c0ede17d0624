//! What a Nix with known holes built, a production key does not sign.

mod common;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use common::{Work, finish, nixes, with};

/// The flags of a run with an encrypted keystore in place of the development key.
fn production(work: &Work, flags: &[String]) -> Vec<String> {
    fs::write(work.path().join("password"), "correct horse\n").unwrap();
    let new = ["key", "new", "production", "--password-file", "password"];
    let (code, _, talk) = work.run(&new);
    assert_eq!(code, 0, "{talk}");
    let at = flags
        .iter()
        .position(|flag| flag == "--dev-key-file")
        .unwrap();
    let mut flags = flags.to_vec();
    let key = ["--keystore", "production", "--password-file", "password"];
    flags.splice(at..at + 2, key.map(str::to_owned));
    flags
}

/// The same Nix, which says of itself that it is a release without known holes.
fn mended(work: &Work, nix: &Path) -> PathBuf {
    let folder = work.path().join("mended");
    fs::create_dir(&folder).unwrap();
    for name in ["nix", "nix-store"] {
        let real = nix.with_file_name(name);
        let script = format!(
            "#!/bin/sh\n[ \"$*\" != --version ] || {{ echo 'nix (Nix) 2.28.7'; exit; }}\nexec {} \"$@\"\n",
            real.display()
        );
        fs::write(folder.join(name), script).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder.join("nix")
}

#[test]
fn a_production_key_signs_nothing_that_a_vulnerable_nix_built() {
    let work = Work::new();
    let commit = work.repository("repo", |_| {});
    let flags = work.flags("repo", &commit, "state");
    let signing = production(&work, &flags);
    let run = |verb: &str, flags: &[String]| {
        finish(work.command().arg(verb).args(flags).output().unwrap())
    };
    let nothing_left = || {
        for place in ["state/journal", "layout"] {
            assert!(!work.path().join(place).exists(), "{place}");
        }
    };

    // The Nix that would build: refused before anything is built.
    let (code, out, talk) = run("run", &signing);
    assert_eq!((code, out.as_str()), (2, ""), "{talk}");
    assert!(talk.contains("error[nix-vulnerable]"), "{talk}");
    assert!(talk.contains("CVE-2025-46415"), "{talk}");
    assert!(!work.path().join("state/releases").exists());
    nothing_left();

    // The Nix that built before: a good one now does not make that better.
    let (code, _, talk) = run("build", &flags);
    assert_eq!(code, 0, "{talk}");
    assert!(talk.contains("WARNING"), "{talk}");
    let nix = mended(&work, &nixes().pop().unwrap());
    let signing = with(&signing, "--nix", nix.to_str().unwrap());
    let (code, out, talk) = run("run", &signing);
    assert_eq!((code, out.as_str()), (2, ""), "{talk}");
    assert!(talk.contains("error[nix-vulnerable]"), "{talk}");
    assert!(talk.contains("remove that folder"), "{talk}");
    nothing_left();

    // With neither in the way it signs.
    let (code, _, talk) = run("run", &with(&signing, "--state", "fresh"));
    assert_eq!(code, 0, "{talk}");
    assert!(!talk.contains("WARNING"), "{talk}");
    assert!(work.path().join("fresh/journal").exists());
}
