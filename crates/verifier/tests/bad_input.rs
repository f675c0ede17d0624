//! Whole commands on input that is wrong: one clear line, the documented exit code, nothing half-written.

#[path = "common/schema.rs"]
mod schema;

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

const POLICY: &str = r#"
version = 1
[anchor]
chain_id = 31337
genesis = "0x1111111111111111111111111111111111111111111111111111111111111111"
ledger = "0x2222222222222222222222222222222222222222"
ledger_code_hash = "0x3333333333333333333333333333333333333333333333333333333333333333"
[rules]
pinned = ["0x4444444444444444444444444444444444444444444444444444444444444444"]
[endpoints]
agree = 2
[[endpoints.nodes]]
url = "http://127.0.0.1:1"
operator = "one"
jurisdiction = "EE"
[[endpoints.nodes]]
url = "http://127.0.0.1:2"
operator = "two"
jurisdiction = "IS"
[[sources]]
uri = "https://example.org/acme/app"
[recipe]
packers = ["nix-seed/1"]
[rollback]
minimum_sequence = 1
"#;

const DIGEST: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

/// A folder with a space in its name, and a policy in it.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("a place ")
            .tempdir()
            .unwrap();
        fs::write(folder.path().join("policy.toml"), POLICY).unwrap();
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seed-verify"));
        command.args(arguments).current_dir(self.path());
        command.env_clear().env("HOME", self.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn verify(&self, image: &str) -> Output {
        self.run(&["--chain", "--policy", "policy.toml", image])
    }
}

/// Checks exit code and code, and that there is exactly one error line; returns it.
#[track_caller]
fn refused(output: &Output, exit: i32, code: &str) -> String {
    let errors = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(exit), "{errors}");
    let lines: Vec<_> = errors
        .lines()
        .filter(|line| line.starts_with("error["))
        .collect();
    assert_eq!(lines.len(), 1, "{errors}");
    assert!(
        lines[0].starts_with(&format!("error[{code}]: ")),
        "{errors}"
    );
    assert!(!errors.contains("panicked"), "{errors}");
    let printed = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(!printed.contains("verified"), "{printed}");
    lines[0].to_owned()
}

#[test]
fn says_what_is_missing_on_the_command_line() {
    let place = Place::new();
    for arguments in [
        &[][..],
        &["--chain"],
        &["oci:x"],
        &["--bogus"],
        &["--chain", "--require", "rpc", "oci:x"],
        &["--chain", "--timeout", "0", "oci:x"],
        &["--chain", "--output", "xml", "oci:x"],
        &["record", "0x12"],
        &["record"],
        &["policy"],
        &["policy", "init"],
    ] {
        let line = refused(&place.run(arguments), 2, "usage");
        assert!(line.ends_with("; see seed-verify --help"), "{line}");
    }
}

#[test]
fn refuses_malformed_references_before_anything_is_fetched() {
    let place = Place::new();
    let hex = &DIGEST[7..];
    for image in [
        "alpine".to_owned(),
        "oci:".to_owned(),
        format!("registry.example/a@{hex}"),
        format!("registry.example/a@sha512:{hex}{hex}"),
        format!("registry.example/a@sha256:{}", hex.to_uppercase()),
        format!("registry.example/a@sha256:{}", &hex[1..]),
        format!("registry.example/a@sha256:{}", "0".repeat(64)),
        format!("registry.example/a:tag@{DIGEST}"),
        "registry.example/../a:b".to_owned(),
        "registry.example/\u{1b}[31m:x".to_owned(),
        "registry.example/a\nb:x".to_owned(),
    ] {
        let line = refused(&place.verify(&image), 2, "reference-malformed");
        assert!(!line.contains('\u{1b}'), "{line}");
    }
}

#[test]
fn without_a_policy_names_the_command_that_writes_one() {
    let place = Place::new();
    let output = place.run(&["--chain", "--policy", "no such file", "oci:x"]);
    let line = refused(&output, 2, "policy-missing");
    assert_eq!(
        line,
        "error[policy-missing]: there is no policy at no such file; write one with \
         `seed-verify policy init`, or name one with --policy FILE"
    );
}

#[test]
fn nothing_but_the_system_s_policy_is_found_without_naming_it() {
    let place = Place::new();
    for name in [".seedrc", "nix-seed.toml", "policy.toml"] {
        fs::write(place.path().join(name), POLICY).unwrap();
    }
    let mut command = place.command(&["--chain", "oci:x"]);
    for name in ["SEED_POLICY", "NIX_SEED_POLICY", "SEED_VERIFY_POLICY"] {
        command.env(name, "policy.toml");
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn refuses_policies_that_leave_open_whom_to_trust() {
    let place = Place::new();
    let node = |operator: &str| {
        format!(
            "[[endpoints.nodes]]\nurl = \"http://127.0.0.1:3\"\noperator = \"{operator}\"\njurisdiction = \"EE\"\n[[sources]]"
        )
    };
    let cases = [
        ("not toml", "a policy".to_owned()),
        ("empty", String::new()),
        (
            "unknown field",
            POLICY.replace("[recipe]", "[recipe]\nallow_any = true"),
        ),
        (
            "no rules",
            POLICY.replace(
                "pinned = [\"0x4444444444444444444444444444444444444444444444444444444444444444\"]",
                "pinned = []",
            ),
        ),
        (
            "logic without builders",
            POLICY.replace("pinned =", "logic ="),
        ),
        ("agree of one", POLICY.replace("agree = 2", "agree = 1")),
        (
            "operator twice",
            POLICY.replacen("[[sources]]", &node("One"), 1),
        ),
        (
            "half is no majority",
            POLICY
                .replacen("[[sources]]", &format!("{}\n", node("three")), 1)
                .replace("agree = 2", "agree = 1"),
        ),
        ("plain http", POLICY.replace("127.0.0.1:1", "192.0.2.1:1")),
        (
            "no source",
            POLICY.replace(
                "[[sources]]\nuri = \"https://example.org/acme/app\"",
                "sources = []",
            ),
        ),
        (
            "zero ledger",
            POLICY.replace(
                "2222222222222222222222222222222222222222",
                "0000000000000000000000000000000000000000",
            ),
        ),
    ];
    for (name, text) in cases {
        assert_ne!(text, POLICY, "{name}");
        fs::write(place.path().join("policy.toml"), text).unwrap();
        refused(&place.verify("oci:x"), 2, "policy-malformed");
        refused(
            &place.run(&["policy", "check", "policy.toml"]),
            2,
            "policy-malformed",
        );
    }
}

#[test]
fn refuses_what_is_no_file_without_hanging() {
    let place = Place::new();
    let at = |name: &str| place.path().join(name);
    std::os::unix::fs::symlink("loop", at("loop")).unwrap();
    fs::create_dir(at("folder")).unwrap();
    fs::write(at("binary"), [0xff, 0xfe]).unwrap();
    fs::write(at("large"), vec![b'#'; 300_000]).unwrap();
    for name in ["loop", "folder", "binary", "/dev/zero"] {
        let output = place.run(&["--chain", "--policy", name, "oci:x"]);
        refused(&output, 2, "policy-unreadable");
    }
    let output = place.run(&["--chain", "--policy", "large", "oci:x"]);
    refused(&output, 2, "policy-malformed");
    for name in ["loop", "folder", "missing", "/dev/zero"] {
        let output = place.run(&[
            "--chain",
            "--policy",
            "policy.toml",
            "--record",
            name,
            "oci:x",
        ]);
        refused(&output, 2, "file-unreadable");
    }
}

#[test]
fn a_layout_that_is_not_there_is_missing_and_not_rejected() {
    let place = Place::new();
    std::os::unix::fs::symlink("loop", place.path().join("loop")).unwrap();
    fs::create_dir(place.path().join("empty folder")).unwrap();
    for image in ["oci:missing", "oci:loop", "oci:empty folder"] {
        let output = place.verify(image);
        let exit = output.status.code().unwrap();
        assert!(matches!(exit, 2 | 3), "{image}: {output:?}");
        assert!(!String::from_utf8_lossy(&output.stdout).contains("verified"));
    }
}

#[test]
fn an_unreachable_registry_is_undecidable() {
    let place = Place::new();
    let image = format!("127.0.0.1:1/a@{DIGEST}");
    let line = refused(&place.verify(&image), 3, "image-missing");
    assert!(line.contains("127.0.0.1:1/a"), "{line}");
}

#[test]
fn json_carries_the_same_code_and_exit() {
    let place = Place::new();
    let json = |arguments: &[&str]| {
        let output = place.run(&[&["--chain", "--output", "json"], arguments].concat());
        let value = schema::read_output(&output.stdout);
        assert_eq!(value["exitCode"], output.status.code().unwrap());
        assert_eq!(value["schemaVersion"], 1);
        value
    };
    let value = json(&["--policy", "missing", "oci:x"]);
    assert_eq!(value["error"]["code"], "policy-missing");
    assert_eq!(value["result"], "usage");
    let image = format!("127.0.0.1:1/a@{DIGEST}");
    let value = json(&["--policy", "policy.toml", &image, "oci:missing"]);
    assert_eq!(value["result"], "undecidable");
    assert_eq!(value["images"][0]["error"]["code"], "image-missing");
    assert_eq!(value["images"].as_array().unwrap().len(), 2);
}

#[test]
fn a_pipe_that_nobody_reads_and_a_full_disk_are_failures() {
    let place = Place::new();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    for (arguments, out) in [
        (&["--version"][..], Stdio::from(full)),
        (&["--help"], Stdio::from(writer)),
    ] {
        let output = place
            .command(arguments)
            .stdout(out)
            .stderr(Stdio::piped())
            .spawn();
        let output = output.unwrap().wait_with_output().unwrap();
        refused(&output, 3, "output-failed");
    }
}

#[test]
fn explains_every_code() {
    let place = Place::new();
    for code in seed_verdict::RejectionCode::ALL {
        let output = place.run(&["--explain", code.as_str()]);
        assert!(output.status.success(), "{code}");
    }
    for code in ["usage", "policy-missing", "output-failed", "deadline"] {
        assert!(place.run(&["--explain", code]).status.success(), "{code}");
    }
    refused(&place.run(&["--explain", "a\u{1b}[2J"]), 2, "unknown-code");
}

#[test]
fn version_names_protocol_and_packer() {
    let output = Place::new().run(&["--version"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text,
        format!(
            "seed-verify {} (protocol 1, packer nix-seed/2)\n",
            env!("CARGO_PKG_VERSION")
        )
    );
}

const DEPLOYMENT: &str = r#"{
  "chainId": 31337,
  "genesisHash": "0x1111111111111111111111111111111111111111111111111111111111111111",
  "ledger": "0x2222222222222222222222222222222222222222",
  "ledgerCodeHash": "0x3333333333333333333333333333333333333333333333333333333333333333",
  "rules": "0x5555555555555555555555555555555555555555",
  "rulesCodeHash": "0x4444444444444444444444444444444444444444444444444444444444444444",
  "rulesLogicHash": "0x6666666666666666666666666666666666666666666666666666666666666666",
  "timelock": "0x9999999999999999999999999999999999999999",
  "guardian": "0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
  "federation": {"threshold": 2, "systems": ["x86_64-linux"], "builders": [
    {"name": "ada", "address": "0x7777777777777777777777777777777777777777", "domains": ["EE", "acme"]},
    {"name": "bo", "address": "0x8888888888888888888888888888888888888888"}
  ]}
}"#;

#[test]
fn policy_init_writes_a_policy_that_is_used_and_never_overwrites() {
    let place = Place::new();
    fs::write(place.path().join("deployment.json"), DEPLOYMENT).unwrap();
    let init = |endpoints: &[&str], out: &str| {
        let mut arguments = vec![
            "policy",
            "init",
            "--deployment",
            "deployment.json",
            "--out",
            out,
        ];
        arguments.extend(["--source", "https://example.org/acme/app"]);
        arguments.extend(
            endpoints
                .iter()
                .flat_map(|endpoint| ["--endpoint", endpoint]),
        );
        place.run(&arguments)
    };
    let endpoints = [
        "one,EE=https://one.example/v3/a-customers-key",
        "two,IS=https://two.example?key=a-customers-key",
        "three=http://127.0.0.1:8545",
    ];
    let output = init(&endpoints, "new policy.toml");
    assert!(output.status.success(), "{output:?}");
    let written = fs::read_to_string(place.path().join("new policy.toml")).unwrap();
    assert!(
        written.contains("agree = 2") && written.contains("name = \"ada\""),
        "{written}"
    );
    for command in ["check", "explain"] {
        let output = place.run(&["policy", command, "new policy.toml"]);
        assert!(output.status.success(), "{output:?}");
        let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!printed.contains("a-customers-key"), "{printed}");
        if command == "explain" {
            for place in ["(EE) https://one.example/…", "(IS) https://two.example/…"] {
                assert!(printed.contains(place), "{printed}");
            }
            assert!(printed.contains("http://127.0.0.1:8545\n"), "{printed}");
        }
    }

    refused(&init(&endpoints, "new policy.toml"), 2, "output-exists");
    assert_eq!(
        fs::read_to_string(place.path().join("new policy.toml")).unwrap(),
        written
    );
    refused(&init(&endpoints[..1], "other.toml"), 2, "policy-incomplete");
    refused(
        &init(
            &["one=https://a.example", "one=https://b.example"],
            "other.toml",
        ),
        2,
        "policy-incomplete",
    );
    refused(
        &init(&["https://a.example"], "other.toml"),
        2,
        "argument-malformed",
    );
    refused(&init(&endpoints, "no folder/x.toml"), 3, "output-failed");
    let names: Vec<_> = fs::read_dir(place.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 3, "nothing half-written stays: {names:?}");
}
