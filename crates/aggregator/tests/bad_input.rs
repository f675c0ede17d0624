//! Whole commands on input that is wrong: one clear line, the documented exit code, nothing half-written.

use std::{
    fs,
    io::Write as _,
    net::{SocketAddr, TcpListener},
    os::unix::fs::symlink,
    path::Path,
    time::Duration,
};

use assert_cmd::Command;
use seed_testkit::chain::LocalChain;
use serde_json::Value;
use tempfile::TempDir;

const LEDGER: &str = "0x1111111111111111111111111111111111111111";
/// Nobody listens on port 1 of this machine.
const SILENT: &str = "http://127.0.0.1:1";

/// A folder with a space in its name, an empty layout `oci:images` and a key in it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("a folder ")
            .tempdir()
            .unwrap();
        fs::create_dir_all(folder.path().join("images/blobs/sha256")).unwrap();
        let layout = |name: &str, text: &str| {
            fs::write(folder.path().join("images").join(name), text).unwrap();
        };
        layout("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
        layout("index.json", r#"{"schemaVersion":2,"manifests":[]}"#);
        fs::write(folder.path().join("key"), format!("0x{}", "11".repeat(32))).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    /// Runs in text and in JSON, and expects this exit code and this code, each in one line.
    #[track_caller]
    fn refuses(&self, exit: i32, code: &str, arguments: &[&str]) -> String {
        let before = self.files();
        let mut line = String::new();
        for form in ["text", "json"] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_seed-aggregator"));
            command.current_dir(self.path()).env_clear();
            command
                .env("HOME", self.path())
                .args(["once", "--output", form]);
            let output = command
                .args(arguments)
                .timeout(Duration::from_secs(60))
                .output()
                .unwrap();
            line = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(exit), "{line}");
            assert!(line.starts_with(&format!("error[{code}]: ")), "{line}");
            assert_eq!(line.lines().count(), 1, "{line}");
            if form == "json" && code != "usage" {
                let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
                assert_eq!(answer["code"], code);
                assert_eq!(answer["schemaVersion"], 1);
            } else if form == "text" {
                assert!(output.stdout.is_empty());
            }
        }
        assert_eq!(self.files(), before);
        line
    }

    /// The same with everything that is needed, and `more`.
    #[track_caller]
    fn refuses_more(&self, exit: i32, code: &str, more: &[&str]) -> String {
        let base = ["--rpc", SILENT, "--ledger", LEDGER, "--chain-id", "31337"];
        let place = ["--from", "oci:images", "--timeout", "20"];
        self.refuses(exit, code, &[&base[..], &place, more].concat())
    }
}

#[test]
fn refuses_a_command_line_that_says_nothing() {
    let folder = Folder::new();
    folder.refuses(2, "usage", &[]);
    folder.refuses(2, "usage", &["--dry-run"]);
    folder.refuses(2, "usage", &["--no-such-flag"]);
    folder.refuses_more(2, "usage", &[]);
    folder.refuses_more(2, "usage", &["--key-file", "key", "--dev-key-file", "key"]);
    folder.refuses_more(2, "usage", &["--dry-run", "--chain-id", "one"]);
    folder.refuses_more(2, "usage", &["--dry-run", "--timeout", "0"]);
    folder.refuses_more(2, "usage", &["--dry-run", "--password-file", "key"]);
}

/// All that has to be said, with this endpoint.
fn asking(url: &str) -> [&str; 9] {
    [
        "--rpc",
        url,
        "--ledger",
        LEDGER,
        "--chain-id",
        "1",
        "--from",
        "oci:images",
        "--dry-run",
    ]
}

#[test]
fn refuses_texts_in_a_wrong_form() {
    let folder = Folder::new();
    let long = format!("0x{}", "aB".repeat(32));
    for release in [
        "1",
        "0x12",
        &long,
        &format!("0x{}", "0".repeat(64)),
        "\u{1b}[2J",
    ] {
        let more = ["--dry-run", "--release", release];
        folder.refuses_more(2, "argument-malformed", &more);
    }
    for place in ["", "oci:", "nowhere", "HOST/x", "127.0.0.1:5000"] {
        folder.refuses_more(2, "argument-malformed", &["--dry-run", "--from", place]);
    }
    let base = [
        "--rpc",
        SILENT,
        "--chain-id",
        "1",
        "--from",
        "oci:images",
        "--dry-run",
    ];
    let ledger = |text| [&base[..], &["--ledger", text]].concat();
    folder.refuses(2, "argument-malformed", &ledger("0x1111"));
    folder.refuses(
        2,
        "usage",
        &ledger("0x0000000000000000000000000000000000000000"),
    );
    for url in [
        "nothing",
        "http://192.0.2.1",
        "ftp://localhost",
        "file:///etc/passwd",
    ] {
        folder.refuses(2, "endpoint-url", &asking(url));
    }
}

#[test]
fn refuses_files_that_are_missing_loops_or_something_else() {
    let folder = Folder::new();
    symlink("loop", folder.path().join("loop")).unwrap();
    folder.write("junk", "{}");
    let unreadable = ["no such file", "loop", ".", "images", "/dev/zero"];
    for file in unreadable {
        folder.refuses_more(2, "file-unreadable", &["--config", file, "--dry-run"]);
        folder.refuses_more(2, "file-unreadable", &["--names", file, "--dry-run"]);
        folder.refuses_more(2, "file-unreadable", &["--dev-key-file", file]);
        folder.refuses_more(2, "file-unreadable", &["--key-file", file]);
    }
    let line = folder.refuses_more(2, "file-unreadable", &["--dry-run", "--names", "junk"]);
    assert!(line.contains("missing field `federation`"), "{line}");
    folder.refuses_more(2, "config-malformed", &["--dry-run", "--config", "junk"]);
    folder.write("seed.toml", "ledgr = \"x\"");
    folder.refuses_more(
        2,
        "config-malformed",
        &["--dry-run", "--config", "seed.toml"],
    );
}

#[test]
fn refuses_keys_that_are_none() {
    let folder = Folder::new();
    for text in ["", "0x11", "{}", "\u{ff}", &format!("0x{}", "f".repeat(64))] {
        folder.write("bad key", text);
        folder.refuses_more(2, "key-unusable", &["--dev-key-file", "bad key"]);
        folder.refuses_more(2, "key-unusable", &["--key-file", "bad key"]);
    }
}

#[test]
fn refuses_places_that_are_none() {
    let folder = Folder::new();
    symlink("loop", folder.path().join("loop")).unwrap();
    folder.write("file", "");
    for place in ["oci:no such place", "oci:loop", "oci:file", "oci:."] {
        folder.refuses_more(2, "place-unusable", &["--dry-run", "--from", place]);
    }
}

#[test]
fn says_which_endpoint_cannot_be_reached_or_talks_nonsense() {
    let folder = Folder::new();
    let line = folder.refuses_more(3, "endpoint-unreachable", &["--dry-run"]);
    assert!(line.contains(SILENT), "{line}");
    let address = babble();
    let url = format!("http://{address}");
    folder.refuses(3, "endpoint-malformed", &asking(&url));
}

/// Answers everything with a page.
fn babble() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>";
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = std::io::Read::read(&mut stream, &mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

#[test]
fn refuses_another_chain_a_missing_ledger_and_documents_that_are_none() {
    let (folder, chain) = (Folder::new(), LocalChain::start().unwrap());
    let url = chain.url();
    let base = [
        "--rpc",
        &url,
        "--ledger",
        LEDGER,
        "--from",
        "oci:images",
        "--dry-run",
    ];
    let with = |more: &[&'static str]| [&base[..], more].concat();
    let line = folder.refuses(2, "wrong-chain", &with(&["--chain-id", "1"]));
    assert!(line.contains("is on chain 31337, not on chain 1"), "{line}");
    folder.refuses(2, "ledger-missing", &with(&["--chain-id", "31337"]));
}

#[test]
fn says_its_version_and_its_flags() {
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seed-aggregator"));
        let output = command.args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(run(&["--version"]).contains("(protocol 1)"));
    let help = run(&["once", "--help"]);
    for flag in ["--rpc", "--dry-run", "--dev-key-file", "--publish-locator"] {
        assert!(help.contains(flag), "{help}");
    }
}
