//! A build that tries to reach the network of this machine, with somebody listening there.

mod common;

use std::{
    fs,
    io::ErrorKind,
    net::TcpListener,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener},
    },
    path::Path,
    process::Command,
};

use common::{Work, commit, finish, nixes};
use seed_primitives::Digest;

/// Tries a port of loopback and an abstract socket, both of which belong to the network namespace.
const CANARY: &str = r#"#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
int main(int c, char **v) {
    int reached = 0;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(v[1]))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    reached |= !connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof to);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int length = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "seed-canary-%s", v[1]);
    reached |= !connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&name, sizeof(sa_family_t) + 1 + length);
    FILE *out = fopen(v[2], "w");
    fputs(reached ? "reached\n" : "alone\n", out);
    return fclose(out);
}
"#;

/// An ordinary derivation, and a fixed output, which Nix by itself would give the network of this machine.
fn flake(port: u16, more: &str) -> String {
    let alone = Digest::of(b"alone\n").to_hex();
    format!(
        r#"{{
  outputs = {{ self }}: let
    try = name: fixed: derivation ({{
      inherit name; system = "x86_64-linux";
      builder = builtins.path {{ path = ./seed; name = "canary"; }};
      args = [ "{port}" (builtins.placeholder "out") ];
    }} // fixed);
    fixed = try "fixed" {{ outputHashAlgo = "sha256"; outputHash = "{alone}"; }};
  in {{
    packages.x86_64-linux.seed = try "seed" {{ inherit fixed; {more} }};
  }};
}}"#
    )
}

fn made(store: &Path, end: &str) -> String {
    let entries = fs::read_dir(store.join("nix/store")).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    let found = paths.find(|path| path.to_str().unwrap().ends_with(end));
    fs::read_to_string(found.unwrap()).unwrap()
}

#[test]
fn neither_builds_nor_evaluation_reach_who_listens_on_this_machine() {
    let work = Work::new();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port();
    let name = SocketAddr::from_abstract_name(format!("seed-canary-{port}")).unwrap();
    let unix = UnixListener::bind_addr(&name).unwrap();
    tcp.set_nonblocking(true).unwrap();
    unix.set_nonblocking(true).unwrap();
    let silent = || {
        let nobody = |kind| assert_eq!(kind, ErrorKind::WouldBlock);
        nobody(tcp.accept().unwrap_err().kind());
        nobody(unix.accept().unwrap_err().kind());
    };

    let folder = work.path().join("r");
    fs::create_dir(&folder).unwrap();
    fs::write(work.path().join("canary.c"), CANARY).unwrap();
    let compiled = Command::new("cc")
        .current_dir(work.path())
        .args(["-static", "-s", "-O1", "-o", "r/seed", "canary.c"])
        .status();
    assert!(compiled.unwrap().success());
    // The canary sings: outside it reaches both.
    let outside = Command::new(folder.join("seed"))
        .current_dir(work.path())
        .args([&port.to_string(), "outside"])
        .status();
    assert!(outside.unwrap().success());
    let said = fs::read_to_string(work.path().join("outside")).unwrap();
    assert_eq!(said, "reached\n");
    tcp.accept().unwrap();
    unix.accept().unwrap();

    let build = |nix: &Path, state: &str| {
        let flags = work.flags("r", &commit(&folder), state);
        let flags = common::with(&flags, "--nix", nix.to_str().unwrap());
        finish(work.command().arg("build").args(&flags).output().unwrap())
    };
    for (at, nix) in nixes().iter().enumerate() {
        fs::write(
            folder.join("flake.nix"),
            flake(port, &format!("at = {at};")),
        )
        .unwrap();
        let state = format!("state-{at}");
        let (code, out, talk) = build(nix, &state);
        assert_eq!(code, 0, "{talk}");
        let outcome: serde_json::Value = serde_json::from_str(&out).unwrap();
        let directory = outcome["systems"][0]["directory"].as_str().unwrap();
        let store = Path::new(directory).join("store");
        assert_eq!(made(&store, "-seed"), "alone\n");
        assert_eq!(made(&store, "-fixed"), "alone\n");
        silent();
    }

    // Evaluation may fetch what a hash fixes, if it gets there.
    let hash = Digest::of(b"x").to_hex();
    let fetched = format!(
        r#"fetched = builtins.fetchurl {{ url = "http://127.0.0.1:{port}/x"; sha256 = "{hash}"; }};"#
    );
    fs::write(folder.join("flake.nix"), flake(port, &fetched)).unwrap();
    let (code, _, talk) = build(&nixes().remove(0), "fetching");
    assert_eq!(code, 1, "{talk}");
    assert!(talk.contains("error[build-failed]"), "{talk}");
    silent();
}
