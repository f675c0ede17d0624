//! Sources that only a hash vouches for, with a real Nix and a real server on loopback.

mod common;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
};

use common::{Work, finish, nixes, with};
use seed_nix::{NixHash, Node, nar_hash, write_nar};
use seed_primitives::Digest;
use serde_json::Value;
use sha2::{Digest as _, Sha512};

const HELLO: &str = "hello from outside\n";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn words() -> Node<Vec<u8>> {
    Node::directory([("word", Node::file(false, "word"))])
}

fn tree() -> Node<Vec<u8>> {
    Node::directory([
        ("run", Node::file(true, "text")),
        ("link", Node::Symlink(b"run".to_vec())),
    ])
}

fn tree_hash() -> String {
    let mut hasher = Sha512::new();
    write_nar(&tree(), &mut |bytes| {
        hasher.update(bytes);
        Ok(())
    })
    .unwrap();
    hex(&hasher.finalize())
}

/// Puts the node's files below `path`.
fn place(node: &Node<Vec<u8>>, path: &Path) {
    match node {
        Node::Directory(entries) => {
            fs::create_dir_all(path).unwrap();
            for (name, child) in entries {
                place(child, &path.join(std::str::from_utf8(name).unwrap()));
            }
        }
        Node::File {
            executable,
            contents,
            ..
        } => {
            fs::write(path, contents).unwrap();
            if *executable {
                use std::os::unix::fs::PermissionsExt;
                fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
        Node::Symlink(target) => {
            std::os::unix::fs::symlink(std::str::from_utf8(target).unwrap(), path).unwrap();
        }
    }
}

/// The bootstrap with a flake input, a file to fetch, a tree whose builder cannot run, and a fixed output that
/// its builder makes without network.
fn flake(base: &str) -> String {
    let hello = Digest::of(HELLO.as_bytes()).to_hex();
    let made = Digest::of(b"made here\n").to_hex();
    r#"{
  inputs.words = { url = "github:acme/words"; flake = false; };
  outputs = { self, words }: let
    system = "x86_64-linux";
    bootstrap = (import ./bootstrap.nix).outputs { self = bootstrap; };
    inherit (bootstrap.packages.${system}) text;
    fetched = import <nix/fetchurl.nix> { url = "@BASE@/hello.txt"; sha256 = "@HELLO@"; };
    tree = derivation {
      name = "tree"; inherit system; builder = "/none"; urls = [ "https://git.example/tree" ];
      outputHashMode = "recursive"; outputHashAlgo = "sha512"; outputHash = "@TREE@";
    };
    made = derivation {
      name = "made"; inherit system; builder = text; args = [ "made here" (builtins.placeholder "out") ];
      outputHashAlgo = "sha256"; outputHash = "@MADE@";
    };
  in {
    packages.${system}.seed = derivation {
      name = "seed"; inherit system; builder = text;
      args = [ fetched tree made (builtins.readFile "${words}/word") (builtins.placeholder "out") ];
    };
  };
}
"#
    .replace("@BASE@", base)
    .replace("@HELLO@", &hello)
    .replace("@TREE@", &tree_hash())
    .replace("@MADE@", &made)
}

fn lock() -> String {
    let hash = NixHash::Sha256(*nar_hash(&words()).unwrap().digest.as_bytes()).to_sri_string();
    let rev = "1".repeat(40);
    format!(
        r#"{{"nodes":{{"root":{{"inputs":{{"words":"words"}}}},"words":{{"flake":false,"locked":{{"lastModified":1,"narHash":"{hash}","owner":"acme","repo":"words","rev":"{rev}","type":"github"}},"original":{{"owner":"acme","repo":"words","type":"github"}}}}}},"root":"root","version":7}}"#
    )
}

/// A repository with that flake; returns the flags to build it.
fn repository(work: &Work, flake: &str, lock: &str) -> Vec<String> {
    let commit = work.repository("repo", |folder| {
        fs::rename(folder.join("flake.nix"), folder.join("bootstrap.nix")).unwrap();
        fs::write(folder.join("flake.nix"), flake).unwrap();
        fs::write(folder.join("flake.lock"), lock).unwrap();
    });
    work.flags("repo", &commit, "state")
}

fn build(work: &Work, flags: &[String], more: &[&str]) -> (i32, String, String) {
    finish(
        work.command()
            .arg("build")
            .args(flags)
            .args(more)
            .output()
            .unwrap(),
    )
}

/// What the build says it took from where, by name.
fn provisioned(out: &str) -> BTreeMap<String, String> {
    let outcome: Value = serde_json::from_str(out).unwrap();
    let directory = Path::new(outcome["systems"][0]["directory"].as_str().unwrap());
    let list: Value =
        serde_json::from_slice(&fs::read(directory.join("sources.json")).unwrap()).unwrap();
    let report: Value =
        serde_json::from_slice(&fs::read(directory.join("audit.json")).unwrap()).unwrap();
    let leaves = report["leaves"].as_array().unwrap();
    list.as_array()
        .unwrap()
        .iter()
        .map(|source| {
            let path = source["path"].as_str().unwrap();
            if source["origin"].as_str().unwrap().ends_with(".drv") {
                assert!(leaves.iter().any(|leaf| leaf["path"] == path), "{path}");
            }
            let name = path.split_once('-').unwrap().1.to_owned();
            (name, source["from"].as_str().unwrap().to_owned())
        })
        .collect()
}

/// Packs `folder`, one directory around everything, as code hosts do.
fn archive(work: &Work, folder: &str, file: &str) {
    let done = Command::new("tar")
        .current_dir(work.path())
        .args(["-czf", file, folder])
        .status();
    assert!(done.unwrap().success());
}

#[test]
fn builds_from_a_folder_of_sources() {
    let work = Work::new();
    let flags = repository(&work, &flake("https://files.example"), &lock());
    let folder = work.path().join("mirror");
    place(&words(), &work.path().join("words-1"));
    place(&tree(), &folder.join(tree_hash()));
    archive(
        &work,
        "words-1",
        &format!("mirror/{}.tar.gz", "1".repeat(40)),
    );
    fs::write(folder.join("hello.txt"), HELLO).unwrap();
    let (code, out, talk) = build(&work, &flags, &["--sources", "mirror"]);
    assert_eq!(code, 0, "{talk}");
    let found = provisioned(&out);
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        ["hello.txt", "source", "tree"]
    );
    assert!(found.values().all(|from| from.contains("/mirror/")));
}

#[test]
fn names_what_is_missing_and_where_to_put_it() {
    let work = Work::new();
    let flags = repository(&work, &flake("https://files.example"), &lock());
    let (code, _, talk) = build(&work, &flags, &[]);
    assert_eq!(code, 3, "{talk}");
    assert!(talk.contains("error[source-missing]: flake input `words`"));
    assert!(talk.contains("https://github.com/acme/words/archive/"));

    let folder = work.path().join("mirror");
    place(&words(), &folder.join("words"));
    place(&tree(), &folder.join("tree"));
    let (code, _, talk) = build(&work, &flags, &["--sources", "mirror"]);
    assert_eq!(code, 3, "{talk}");
    let hello = Digest::of(HELLO.as_bytes());
    for part in [
        "error[source-missing]",
        "-hello.txt.drv",
        &NixHash::Sha256(*hello.as_bytes()).to_sri_string(),
        "https://files.example/hello.txt",
        &format!("mirror/{}", hello.to_hex()),
    ] {
        assert!(talk.contains(part), "{part}: {talk}");
    }

    // A tree can be packed in many ways: one that is not read is no sign of a change.
    let words = folder.join("words");
    fs::remove_dir_all(&words).unwrap();
    fs::write(&words, "PK, another kind of archive").unwrap();
    let (code, _, talk) = build(&work, &flags, &["--sources", "mirror"]);
    assert_eq!(code, 3, "{talk}");
    assert!(talk.contains("error[source-missing]") && talk.contains("does not unpack to it"));
    fs::remove_file(&words).unwrap();
    place(&crate::words(), &words);

    // Something else under that name is not the source, and is not merely missing.
    fs::write(folder.join("hello.txt"), "hello from elsewhere\n").unwrap();
    let (code, _, talk) = build(&work, &flags, &["--sources", "mirror"]);
    assert_eq!(code, 1, "{talk}");
    assert!(talk.contains("error[source-mismatch]"), "{talk}");
    let (code, _, talk) = build(&work, &flags, &["--sources", "nowhere"]);
    assert_eq!(code, 2, "{talk}");
}

#[test]
fn refuses_hashes_that_prove_nothing() {
    let work = Work::new();
    let weak = flake("https://files.example").replace(
        &format!(r#"sha256 = "{}""#, Digest::of(HELLO.as_bytes()).to_hex()),
        &format!(r#"sha1 = "{}""#, "1".repeat(40)),
    );
    let flags = repository(&work, &weak, &lock());
    let folder = work.path().join("mirror");
    place(&words(), &folder.join("words"));
    place(&tree(), &folder.join("tree"));
    let (code, _, talk) = build(&work, &flags, &["--sources", "mirror"]);
    assert_eq!(code, 1, "{talk}");
    assert!(
        talk.contains("error[source-hash]") && talk.contains("sha1"),
        "{talk}"
    );
}

#[test]
fn refuses_inputs_that_are_not_locked() {
    let work = Work::new();
    let start = lock();
    let hash = start
        .split_once("\"narHash\"")
        .unwrap()
        .1
        .split_once(',')
        .unwrap()
        .0;
    let open = start.replace(&format!("\"narHash\"{hash},"), "");
    let flags = repository(&work, &flake("https://files.example"), &open);
    let (code, _, talk) = build(&work, &flags, &[]);
    assert_eq!(code, 1, "{talk}");
    assert!(
        talk.contains("error[lock-file]") && talk.contains("`words`"),
        "{talk}"
    );
}

/// A server that answers every request for a path with the bytes listed for it.
fn serve(answers: Vec<(&'static str, String)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.and_then(|stream| answer(stream, &answers));
        }
    });
    base
}

fn answer(mut stream: TcpStream, answers: &[(&str, String)]) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&piece[..read]);
    }
    let line = String::from_utf8_lossy(&request);
    let path = line.split(' ').nth(1).unwrap_or_default();
    let found = answers.iter().find(|(known, _)| *known == path);
    match found {
        Some((_, bytes)) if bytes.is_empty() => {
            // Never answers: whoever asks has to give up.
            let _ = stream.read(&mut piece)?;
            Ok(())
        }
        Some((_, bytes)) => stream.write_all(bytes.as_bytes()),
        None => stream
            .write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
    }
}

fn file(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn redirect(target: &str) -> String {
    format!(
        "HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
}

#[test]
fn fetches_from_where_the_derivation_says() {
    let work = Work::new();
    let base = serve(vec![
        ("/hello.txt", redirect("/real")),
        ("/real", file(HELLO)),
    ]);
    let flags = repository(&work, &flake(&base), &lock());
    // The other Nix, where there is one.
    let flags = with(&flags, "--nix", nixes().pop().unwrap().to_str().unwrap());
    let folder = work.path().join("mirror");
    place(&words(), &folder.join("words"));
    place(&tree(), &folder.join("tree"));
    let more = ["--sources", "mirror", "--fetch-sources"];
    let (code, out, talk) = build(&work, &flags, &more);
    assert_eq!(code, 0, "{talk}");
    // The second build takes what the first one fetched.
    let kept = format!("downloads/{}", Digest::of(HELLO.as_bytes()).to_hex());
    assert!(provisioned(&out)["hello.txt"].ends_with(&kept));
    assert!(talk.contains(&format!("from {base}/hello.txt")), "{talk}");
}

#[test]
fn mirrors_are_those_that_the_derivation_or_the_operator_names() {
    let work = Work::new();
    let folder = work.path().join("mirror");
    place(&words(), &folder.join("words"));
    place(&tree(), &folder.join("tree"));
    let base = serve(vec![("/pub/hello.txt", file(HELLO))]);
    // As nixpkgs does it: a derivation that holds the lists, and one environment variable that names its output.
    let hello = Digest::of(HELLO.as_bytes()).to_hex();
    let brought = |list: &str| {
        let lists = format!(
            r#"lists = derivation {{ name = "mirrors-list"; inherit system; builder = "/none"; {list} }};"#
        );
        let fetched = format!(
            r#"{lists}
    fetched = derivation {{
      name = "hello.txt"; inherit system; builder = "/none"; urls = [ "mirror://site/hello.txt" ];
      outputHashAlgo = "sha256"; outputHash = "{hello}"; mirrorsFile = lists;
    }};"#
        );
        let plain = format!(
            r#"fetched = import <nix/fetchurl.nix> {{ url = "x/hello.txt"; sha256 = "{hello}"; }};"#
        );
        let flake = flake("x");
        assert!(flake.contains(&plain));
        flake.replace(&plain, &fetched)
    };
    let told = format!("site={base}/pub");
    for (what, list, more, ends) in [
        (
            "brought along",
            format!(r#"site = "{base}/none {base}/pub/";"#),
            vec![],
            0,
        ),
        ("told", String::new(), vec!["--mirror", told.as_str()], 0),
        (
            "neither",
            r#"other = "https://files.example/";"#.to_owned(),
            vec![],
            3,
        ),
        ("no URL", String::new(), vec!["--mirror", "site=/srv"], 2),
    ] {
        fs::remove_dir_all(work.path().join("repo")).ok();
        Command::new("chmod")
            .args(["-R", "u+w"])
            .arg(work.path())
            .status()
            .unwrap();
        fs::remove_dir_all(work.path().join("state")).ok();
        let flags = repository(&work, &brought(&list), &lock());
        let more = [vec!["--sources", "mirror", "--fetch-sources"], more].concat();
        let (code, _, talk) = build(&work, &flags, &more);
        assert_eq!(code, ends, "{what}: {talk}");
        match ends {
            0 => assert!(talk.contains(&format!("from {base}/pub/hello.txt")), "{what}: {talk}"),
            2 => assert!(talk.contains("error[usage]"), "{what}: {talk}"),
            _ => assert!(
                talk.contains("mirror://site/hello.txt (no mirror of site is known: name one with --mirror site=URL)"),
                "{what}: {talk}"
            ),
        }
    }
}

#[test]
fn unpacks_what_is_packed_in_other_ways_and_says_why_not() {
    let work = Work::new();
    let flags = repository(&work, &flake("https://files.example"), &lock());
    let folder = work.path().join("mirror");
    place(&tree(), &folder.join("tree"));
    fs::write(folder.join("hello.txt"), HELLO).unwrap();
    place(&words(), &work.path().join("words-1"));
    let words = folder.join("words");
    let pack = |script: &str| {
        let mut python = Command::new("python3");
        let script =
            format!("import sys, tarfile, zipfile\nsource, target = sys.argv[1:]\n{script}");
        python.args(["-c", &script, "words-1"]).arg(&words);
        assert!(python.current_dir(work.path()).status().unwrap().success());
    };
    let packings = [
        "t = tarfile.open(target, 'w:xz'); t.add(source); t.close()",
        "t = tarfile.open(target, 'w:bz2'); t.add(source); t.close()",
        "z = zipfile.ZipFile(target, 'w', zipfile.ZIP_DEFLATED); z.write(source); z.write(source + '/word'); z.close()",
    ];
    for (script, state) in packings.iter().zip(["xz", "bzip2", "zip"]) {
        pack(script);
        let flags = with(&flags, "--state", state);
        let (code, _, talk) = build(&work, &flags, &["--sources", "mirror"]);
        assert_eq!(code, 0, "{state}: {talk}");
    }
    // Two bombs: a name that leads out, and what grows without end.
    for (script, why) in [
        (
            "z = zipfile.ZipFile(target, 'w'); z.writestr('../../evil', 'x'); z.close()",
            "`../../evil` leads out of it",
        ),
        (
            "z = zipfile.ZipFile(target, 'w', zipfile.ZIP_DEFLATED); z.writestr('a', b'0' * (80 << 20)); z.close()",
            "it unpacks to more than 67108864 bytes",
        ),
    ] {
        pack(script);
        let flags = with(&flags, "--state", "bad");
        let (code, _, talk) = build(&work, &flags, &["--sources", "mirror"]);
        assert_eq!(code, 3, "{talk}");
        assert!(
            talk.contains("error[source-missing]") && talk.contains(why),
            "{talk}"
        );
    }
    assert!(!work.path().join("evil").exists() && !work.path().join("bad/evil").exists());
    assert_eq!(
        fs::read_dir(work.path().join("bad/downloads"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn bounds_what_a_server_may_send() {
    let work = Work::new();
    let folder = work.path().join("mirror");
    place(&words(), &folder.join("words"));
    place(&tree(), &folder.join("tree"));
    for (what, answer, code, says) in [
        (
            "other bytes",
            file("hello from elsewhere\n"),
            1,
            "source-mismatch",
        ),
        (
            "too many bytes",
            file(&"x".repeat(200_000)),
            3,
            "more than 100000 bytes",
        ),
        (
            "a loop",
            redirect("/hello.txt"),
            3,
            "redirected more than 5 times",
        ),
        (
            "a way out",
            redirect("file:///etc/passwd"),
            3,
            "the scheme file is not fetched",
        ),
        (
            "half an answer",
            file(HELLO).replace("length: 19", "length: 99"),
            3,
            "source-missing",
        ),
        ("silence", String::new(), 3, "not done in 1 s"),
    ] {
        let base = serve(vec![("/hello.txt", answer)]);
        fs::remove_dir_all(work.path().join("repo")).ok();
        let flags = repository(&work, &flake(&base), &lock());
        let mut more = vec!["--sources", "mirror", "--fetch-sources"];
        more.extend(["--source-timeout", "1", "--max-source-bytes", "100000"]);
        let (found, _, talk) = build(&work, &flags, &more);
        assert_eq!(found, code, "{what}: {talk}");
        assert!(talk.contains(says), "{what}: {talk}");
        let kept = fs::read_dir(work.path().join("state/downloads")).unwrap();
        assert_eq!(kept.count(), 0, "{what}");
    }
}
