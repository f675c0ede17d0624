//! Bad input: one clear line, a stable code, a documented exit code, and nothing left behind.

mod common;

use std::{fs, net::TcpListener, os::unix::fs::symlink};

use common::{Work, finish, nixes, with};
use seed_primitives::Digest;

/// Exit code, stable code and a piece of the line.
fn expect(work: &Work, arguments: &[&str], code: i32, name: &str, piece: &str) {
    let before = listing(work);
    let (found, out, talk) = work.run(arguments);
    let last = talk.lines().last().unwrap_or_default();
    assert_eq!(found, code, "{arguments:?}: {talk}");
    assert_eq!(out, "", "{arguments:?}");
    assert!(
        last.starts_with(&format!("error[{name}]: ")),
        "{arguments:?}: {talk}"
    );
    assert!(last.contains(piece), "{arguments:?}: {talk}");
    assert_eq!(
        talk.lines()
            .filter(|line| line.starts_with("error"))
            .count(),
        1,
        "{talk}"
    );
    assert!(!talk.contains("panicked"), "{talk}");
    assert_eq!(listing(work), before, "{arguments:?} left something behind");
}

fn listing(work: &Work) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(work.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "state")
        .collect();
    names.sort();
    names
}

fn strs(flags: &[String]) -> Vec<&str> {
    std::iter::once("run")
        .chain(flags.iter().map(String::as_str))
        .collect()
}

#[test]
fn usage_errors_come_from_the_command_line_parser_with_code_2() {
    let work = Work::new();
    for arguments in [
        &[][..],
        &["fly"],
        &["run", "--system", "X86"],
        &["run", "--system", ""],
        &["run", "--commit", "abc"],
        &["run", "--allow-seed", "sha512:00"],
        &["run", "--allow-seed", &"0".repeat(64)],
        &["run", "--source-uri", "http://example.org/a"],
        &["run", "--target", "../x#seed"],
        &["run", "--keystore", "a", "--dev-key-file", "b"],
        &["audit"],
        &["sign-genesis"],
        &["key", "new", "a", "--development", "--password-file", "b"],
    ] {
        let (code, out, talk) = work.run(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {talk}");
        assert!(!talk.is_empty());
    }
    assert!(listing(&work).is_empty());
}

#[test]
fn version_names_protocol_and_packer() {
    let work = Work::new();
    let (code, out, _) = work.run(&["--version"]);
    assert_eq!(
        (code, out.trim()),
        (
            0,
            concat!(
                "seed-builder ",
                env!("CARGO_PKG_VERSION"),
                " (protocol 1, packer nix-seed/2)"
            )
        )
    );
}

#[test]
fn missing_and_malformed_arguments_are_named_before_any_work() {
    let work = Work::new();
    work.key();
    let commit = "a".repeat(40);
    fs::create_dir(work.path().join("repo")).unwrap();
    fs::write(work.path().join("repo/seed"), "x").unwrap();
    let flags = work.flags("repo", &commit, "state");
    for flag in [
        "--source",
        "--source-uri",
        "--commit",
        "--system",
        "--dev-key-file",
        "--chain-id",
        "--ledger",
        "--rules",
        "--publish",
        "--state",
    ] {
        let at = flags.iter().position(|found| found == flag).unwrap();
        let mut without = flags.clone();
        without.drain(at..at + 2);
        let named = if flag == "--dev-key-file" {
            "--keystore"
        } else {
            flag
        };
        expect(&work, &strs(&without), 2, "missing-argument", named);
    }
    let zero = format!("0x{}", "0".repeat(40));
    let mixed = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
    for (flag, value, name, piece) in [
        ("--ledger", "0x12", "malformed-argument", "--ledger"),
        ("--ledger", zero.as_str(), "usage", "zero address"),
        ("--rules", mixed, "malformed-argument", "--rules"),
        ("--publish", "acme/app", "malformed-argument", "--publish"),
        ("--publish", "oci:", "malformed-argument", "--publish"),
        ("--system", "riscv64-linux", "usage", "riscv64-linux"),
        ("--source", "ssh://host/repo", "usage", "ssh"),
        ("--dev-key-file", "nowhere", "file", "nowhere"),
        ("--dev-key-file", "repo/seed", "key", "repo/seed"),
        ("--nix", "no-such-nix", "program-not-usable", "no-such-nix"),
    ] {
        let code = if name == "program-not-usable" { 3 } else { 2 };
        expect(&work, &strs(&with(&flags, flag, value)), code, name, piece);
    }
    let mut flags = with(&flags, "--chain-id", "0");
    expect(&work, &strs(&flags), 2, "missing-argument", "--chain-id");
    flags = with(&flags, "--chain-id", "1");
    flags.extend(["--tag", "a b"].map(str::to_owned));
    expect(&work, &strs(&flags), 2, "malformed-argument", "--tag");
    flags.truncate(flags.len() - 2);
    flags.extend(["--out", "no/such/folder/out.json"].map(str::to_owned));
    expect(&work, &strs(&flags), 2, "file", "no/such/folder");
}

/// The deployment file says chain, ledger and rules; saying something else beside it is no choice but a mistake.
#[test]
fn a_deployment_file_stands_for_chain_ledger_and_rules() {
    let work = Work::new();
    work.key();
    let commit = "a".repeat(40);
    fs::create_dir(work.path().join("repo")).unwrap();
    fs::write(work.path().join("repo/seed"), "x").unwrap();
    let flags = work.flags("repo", &commit, "state");
    let value = |flag: &str| {
        let at = flags.iter().position(|found| found == flag).unwrap();
        flags[at + 1].clone()
    };
    let word = format!("0x{}", "22".repeat(32));
    let account = format!("0x{}", "33".repeat(20));
    let chain: u64 = value("--chain-id").parse().unwrap();
    let deployment = serde_json::json!({
        "chainId": chain, "genesisHash": word, "ledger": value("--ledger"), "ledgerCodeHash": word,
        "rules": value("--rules"), "rulesCodeHash": word, "rulesLogicHash": word,
        "timelock": account, "guardian": account,
        "federation": { "threshold": 2, "systems": [], "builders": [] }
    });
    fs::write(work.path().join("deployment.json"), deployment.to_string()).unwrap();
    let mut named = flags.clone();
    for flag in ["--chain-id", "--ledger", "--rules"] {
        let at = named.iter().position(|found| found == flag).unwrap();
        named.drain(at..at + 2);
    }
    named.extend(["--deployment", "deployment.json"].map(str::to_owned));
    // The values are taken: what is wrong now is something else.
    expect(
        &work,
        &strs(&with(&named, "--publish", "acme/app")),
        2,
        "malformed-argument",
        "--publish",
    );
    for (flag, other) in [
        ("--chain-id", "7"),
        ("--ledger", account.as_str()),
        ("--rules", account.as_str()),
    ] {
        let mut both = named.clone();
        both.extend([flag, other].map(str::to_owned));
        expect(&work, &strs(&both), 2, "usage", flag);
    }
    fs::write(work.path().join("deployment.json"), "{}").unwrap();
    expect(
        &work,
        &strs(&named),
        2,
        "malformed-config",
        "deployment.json",
    );
}

#[test]
fn repositories_that_cannot_deliver() {
    let work = Work::new();
    work.key();
    let commit = work.repository("repo", |_| {});
    let flags = work.flags("repo", &commit, "state");
    let other = "a".repeat(40);
    expect(
        &work,
        &strs(&with(&flags, "--commit", &other)),
        3,
        "git",
        &other,
    );
    expect(
        &work,
        &strs(&with(&flags, "--source", "no such folder")),
        2,
        "file",
        "no such folder",
    );
    fs::create_dir(work.path().join("empty folder")).unwrap();
    expect(
        &work,
        &strs(&with(&flags, "--source", "empty folder")),
        3,
        "git",
        "empty folder",
    );
    symlink("loop", work.path().join("loop")).unwrap();
    expect(
        &work,
        &strs(&with(&flags, "--source", "loop")),
        2,
        "file",
        "loop",
    );
    expect(
        &work,
        &strs(&with(&flags, "--state", "loop")),
        2,
        "file",
        "loop",
    );
    let (flag, value) = ("--target".to_owned(), "nowhere#seed".to_owned());
    expect(
        &work,
        &strs(&[flags.clone(), vec![flag, value]].concat()),
        1,
        "source-tree",
        "flake.nix",
    );
}

#[test]
fn targets_that_are_not_a_derivation() {
    let work = Work::new();
    work.key();
    let commit = work.repository("repo", |folder| {
        let flake =
            r#"{ outputs = { self }: { packages.x86_64-linux = { text = "x"; empty = { }; }; }; }"#;
        fs::write(folder.join("flake.nix"), flake).unwrap();
    });
    let flags = work.flags("repo", &commit, "state");
    for target in ["seed", "text", "empty"] {
        let more = ["--target", target].map(str::to_owned).to_vec();
        expect(
            &work,
            &strs(&[flags.clone(), more].concat()),
            1,
            "build-failed",
            target,
        );
    }
}

#[test]
fn a_registry_that_is_not_there_or_not_writable() {
    let work = Work::new();
    work.key();
    let commit = work.repository("repo", |_| {});
    // Bound and closed again: nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let place = format!("127.0.0.1:{port}/acme/seed");
    let mut flags = with(&work.flags("repo", &commit, "state"), "--publish", &place);
    flags.extend(["--out", "attestation.json"].map(str::to_owned));
    expect(
        &work,
        &strs(&flags),
        3,
        "registry-unavailable",
        &place[..place.len() - 5],
    );
    fs::write(work.path().join("a file"), "x").unwrap();
    let flags = with(&flags, "--publish", "oci:a file");
    let (code, _, talk) = finish(work.command().args(strs(&flags)).output().unwrap());
    assert!(code == 2 || code == 3, "{talk}");
    assert!(!work.path().join("attestation.json").exists());
}

#[test]
fn configuration_files() {
    let work = Work::new();
    let run = |text: &str, code: i32, name: &str, piece: &str| {
        fs::write(work.path().join("builder.toml"), text).unwrap();
        expect(
            &work,
            &["run", "--config", "builder.toml"],
            code,
            name,
            piece,
        );
    };
    expect(
        &work,
        &["run", "--config", "nowhere.toml"],
        2,
        "file",
        "nowhere.toml",
    );
    run("state = [", 2, "malformed-config", "builder.toml");
    run("sate = \"x\"", 2, "malformed-config", "sate");
    run("commit = \"abc\"", 2, "malformed-config", "commit");
    run("system = [\"x86\"]", 2, "malformed-config", "system");
    run("state = \"state\"", 2, "missing-argument", "--system");
}

#[test]
fn a_configuration_gives_the_same_release_as_flags() {
    let work = Work::new();
    let address = work.key();
    let commit = work.repository("repo", |_| {});
    let seed = Digest::of(&fs::read(work.path().join("repo/seed")).unwrap());
    let folder = work.path().join("etc");
    fs::create_dir(&folder).unwrap();
    let text = format!(
        "state = \"../state\"\nnix = {:?}\nsource = \"../repo\"\nsource-uri = \"https://git.example/acme/boot\"\nsystem = [\"x86_64-linux\"]\ndev-key-file = \"../key\"\nchain-id = 31337\nledger = \"0x{}\"\nrules = \"0x{}\"\npublish = [\"oci:../layout\"]\nallow-seed = [\"{seed}\"]\n",
        nixes().remove(0),
        "aa".repeat(20),
        "bb".repeat(20),
    );
    fs::write(folder.join("builder.toml"), text).unwrap();
    let (code, out, talk) = work.run(&[
        "run",
        "--config",
        "etc/builder.toml",
        "--commit",
        &commit,
        "--output",
        "json",
    ]);
    assert_eq!(code, 0, "{talk}");
    let outcome: serde_json::Value = serde_json::from_str(&out).unwrap();
    let attestation = fs::read_to_string(outcome["attestation"].as_str().unwrap()).unwrap();
    assert!(attestation.contains(&address));
    assert!(work.path().join("layout/index.json").exists());
}

#[test]
fn keys() {
    let work = Work::new();
    fs::write(work.path().join("password"), "correct horse").unwrap();
    fs::write(work.path().join("empty"), "\n").unwrap();
    let (code, address, _) = work.run(&["key", "new", "my key", "--password-file", "password"]);
    assert_eq!(code, 0);
    let (_, again, _) = work.run(&["key", "address", "my key", "--password-file", "password"]);
    assert_eq!(address, again);
    let new = |name: &str, password: &str, code: &str, piece: &str| {
        let arguments = ["key", "new", name, "--password-file", password];
        expect(&work, &arguments, 2, code, piece);
    };
    new("my key", "password", "exists", "my key");
    new("other", "empty", "key", "empty");
    new("other", "nowhere", "file", "nowhere");
    new("no/folder/key", "password", "file", "no/folder");
    let address = |name: &str, how: &[&str], code: &str, piece: &str| {
        let arguments = [&["key", "address", name], how].concat();
        expect(&work, &arguments, 2, code, piece);
    };
    let with = |file| ["--password-file", file];
    address("my key", &with("empty"), "key", "does not open");
    address("my key", &["--development"], "key", "0x and 64");
    address("password", &with("password"), "key", "not a keystore");
    address("nowhere", &["--development"], "file", "nowhere");
}

#[test]
fn audits_and_genesis_of_nothing() {
    let work = Work::new();
    work.key();
    let nix = nixes().remove(0);
    let nix = nix.to_str().unwrap();
    fs::write(work.path().join("file"), "x").unwrap();
    symlink("loop", work.path().join("loop")).unwrap();
    let audit = |path: &str, code: &str, piece: &str| {
        expect(&work, &["audit", "--nix", nix, path], 2, code, piece);
    };
    audit("nowhere", "file", "nowhere");
    audit("loop", "usage", "not below a nix/store");
    audit("file", "usage", "not below a nix/store");
    let hash = format!("0x{}", "1".repeat(64));
    let sign = |file: &'static str, hash: &str, code: i32, name: &str, piece: &str| {
        let arguments = [
            "sign-genesis",
            "--attestation",
            file,
            "--rules-code-hash",
            hash,
            "--dev-key-file",
            "key",
            "--out",
            "out",
        ];
        expect(&work, &arguments, code, name, piece);
    };
    sign("nowhere", &hash, 2, "file", "nowhere");
    sign("file", &hash, 1, "malformed-document", "attestation");
    sign("file", "0x1", 2, "malformed-argument", "--rules-code-hash");
    sign("file", &format!("0x{}", "0".repeat(64)), 2, "usage", "zero");
}

#[test]
fn a_second_agent_on_the_same_state_waits_its_turn() {
    let work = Work::new();
    work.key();
    let commit = work.repository("repo", |_| {});
    let flags = work.flags("repo", &commit, "state");
    fs::create_dir(work.path().join("state")).unwrap();
    let lock = fs::File::create(work.path().join("state/lock")).unwrap();
    lock.lock().unwrap();
    expect(&work, &strs(&flags), 3, "state-in-use", "state/lock");
}

#[test]
fn a_command_line_that_says_nothing_is_refused_in_one_line() {
    for arguments in [
        &["key", "new"][..],
        &["run", "--bogus"],
        &["run", "--system", "nope"],
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_seed-builder"))
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(output.stdout.is_empty());
        assert!(
            said.starts_with("error[usage]: ") && said.lines().count() == 1,
            "{said}"
        );
    }
}
