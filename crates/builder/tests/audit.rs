//! The audit against a real Nix: each way to pass for built what was not, and what two builders can compare.

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use common::{Work, finish, nixes};
use seed_primitives::Digest;
use serde_json::Value;

/// A store of its own, driven by hand as someone who wants to cheat would.
struct Lab {
    work: Work,
    nix: PathBuf,
    /// The digest of the one binary that is allowed.
    seed: String,
}

/// Writes its arguments but the last into the last, which is `$out`. `VERSION` makes another binary of it.
const PUT: &str = r#"#include <stdio.h>
const char version[] = VERSION;
int main(int c, char **v) {
    FILE *f = fopen(v[c - 1], "w");
    if (!f) return 1;
    for (int i = 1; i + 1 < c; i++) fprintf(f, "%s\n", v[i]);
    return fclose(f);
}
"#;

impl Lab {
    fn new() -> Self {
        let work = Work::new();
        fs::write(work.path().join("put.c"), PUT).unwrap();
        let lab = Self {
            nix: nixes().remove(0),
            seed: String::new(),
            work,
        };
        lab.compile("put", "1");
        let seed = Digest::of(&fs::read(lab.path("put")).unwrap()).to_string();
        Self { seed, ..lab }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    fn compile(&self, name: &str, version: &str) {
        let done = Command::new("cc")
            .current_dir(self.work.path())
            .args(["-static", "-s", "-O1", "-o", name, "put.c"])
            .arg(format!("-DVERSION=\"{version}\""))
            .status()
            .unwrap();
        assert!(done.success());
    }

    /// Writes the chain a -> b -> top, where each names the one before; the binary is `put`.
    fn chain(&self, binary: &str) {
        let text = format!(
            r#"let
              put = builtins.path {{ path = ./{binary}; name = "put"; }};
              step = name: args: derivation {{
                inherit name args; system = "x86_64-linux"; builder = put;
              }};
              out = builtins.placeholder "out";
            in rec {{
              a = step "a" [ "first" out ];
              b = step "b" [ "second" a out ];
              top = step "top" [ "third" b out ];
            }}"#
        );
        fs::write(self.path("chain.nix"), text).unwrap();
    }

    fn tool(&self, tool: &str, arguments: &[&str]) -> (i32, String, String) {
        let conf = self.path("conf");
        fs::create_dir_all(&conf).unwrap();
        fs::create_dir_all(self.path("home")).unwrap();
        let settings = "experimental-features = nix-command\nbuild-users-group =\nsubstituters =\n\
                        sandbox = true\nsandbox-fallback = false\nrequire-sigs = false\n";
        fs::write(conf.join("nix.conf"), settings).unwrap();
        finish(
            Command::new(self.nix.with_file_name(tool))
                .current_dir(self.work.path())
                .env("HOME", self.path("home"))
                .env("NIX_CONF_DIR", &conf)
                .env("NIX_USER_CONF_FILES", "")
                .env_remove("NIX_REMOTE")
                .args(arguments)
                .output()
                .unwrap(),
        )
    }

    fn good(&self, tool: &str, arguments: &[&str]) -> String {
        let (code, out, talk) = self.tool(tool, arguments);
        assert_eq!(code, 0, "{tool} {arguments:?}: {talk}");
        out.trim().to_owned()
    }

    /// Builds an attribute of the chain in a store; the path on disk is the result.
    fn build(&self, store: &str, attribute: &str, more: &[&str]) -> PathBuf {
        let root = self.path(store);
        let mut arguments = vec!["chain.nix", "-A", attribute, "--no-out-link", "--store"];
        arguments.push(root.to_str().unwrap());
        arguments.extend(more);
        let path = self.good("nix-build", &arguments);
        root.join(path.trim_start_matches('/'))
    }

    fn audit(&self, path: &Path, more: &[&str]) -> (i32, Value, String) {
        let mut arguments = vec![
            "audit",
            "--output",
            "json",
            "--allow-seed",
            &self.seed,
            "--nix",
        ];
        arguments.push(self.nix.to_str().unwrap());
        arguments.extend(more);
        arguments.push(path.to_str().unwrap());
        let (code, out, talk) = self.work.run(&arguments);
        (code, serde_json::from_str(&out).unwrap_or_default(), talk)
    }

    /// The report of an audit that finds something wrong.
    #[track_caller]
    fn rejected(&self, path: &Path) -> Value {
        let (code, report, talk) = self.audit(path, &[]);
        assert_eq!(code, 1, "{talk}");
        report
    }

    /// A cache on disk that holds `path` of `store`; its address is the result.
    fn cache(&self, store: &str, path: &Path) -> String {
        let address = format!("file://{}", self.path("cache").display());
        let name = inside(path);
        let store = self.path(store);
        self.good(
            "nix",
            &[
                "copy",
                "--store",
                store.to_str().unwrap(),
                "--to",
                &address,
                &name,
            ],
        );
        address
    }

    /// Makes the database say of a single file what is in it.
    fn record(&self, store: &str, file: &Path) {
        let hash = self.good("nix-hash", &["--type", "sha256", file.to_str().unwrap()]);
        let size = 112 + fs::metadata(file).unwrap().len().next_multiple_of(8);
        let path = inside(file);
        self.database(
            store,
            &format!(
                "UPDATE ValidPaths SET hash='sha256:{hash}', narSize={size} WHERE path='{path}'"
            ),
        );
    }

    /// Runs one statement on a store's database, as root of that machine can.
    fn database(&self, store: &str, statement: &str) {
        let file = self.path(store).join("nix/var/nix/db/db.sqlite");
        let script = format!(
            "import sqlite3; c = sqlite3.connect({:?}); c.execute({statement:?}); c.commit()",
            file.to_str().unwrap()
        );
        let done = Command::new("python3")
            .args(["-c", &script])
            .status()
            .unwrap();
        assert!(done.success());
    }
}

/// The path as it is inside the store.
fn inside(path: &Path) -> String {
    let text = path.to_str().unwrap();
    text[text.find("/nix/store/").unwrap()..].to_owned()
}

/// Registration times are whole seconds: waits until the next one has begun.
fn next_second() {
    let now = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs()
    };
    let (start, deadline) = (now(), Instant::now() + Duration::from_secs(10));
    while now() == start {
        assert!(Instant::now() < deadline, "the clock stands still");
        std::thread::yield_now();
    }
}

fn violations(report: &Value) -> Vec<&str> {
    let list = report["violations"].as_array().unwrap();
    list.iter().map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn an_honest_build_is_accepted_with_its_seed() {
    let lab = Lab::new();
    lab.chain("put");
    let top = lab.build("store", "top", &[]);
    let (code, report, talk) = lab.audit(&top, &[]);
    assert_eq!(code, 0, "{talk}");
    assert_eq!(
        (&report["derivations"], &report["builtOutputs"]),
        (&3.into(), &3.into())
    );
    assert_eq!(
        report["grade"], "vendor",
        "a seed from a C compiler is no hex seed"
    );
    let names: Vec<&str> = report["outputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|output| output["path"].as_str().unwrap())
        .map(|path| path.rsplit('-').next().unwrap())
        .collect();
    assert_eq!(names, ["a", "b", "top"], "in build order");
}

#[test]
fn a_binary_as_a_plain_source() {
    let lab = Lab::new();
    // Another binary than the allowed one; it needs no flag, for its path proves it.
    lab.compile("busybox", "2");
    lab.chain("busybox");
    let top = lab.build("store", "top", &[]);
    let report = lab.rejected(&top);
    let size = fs::metadata(lab.path("busybox")).unwrap().len();
    assert_eq!(report["unexplainedBinaryBytes"], size);
    assert!(
        violations(&report)[0].contains("machine code are unexplained"),
        "{report}"
    );
}

#[test]
fn a_binary_inside_an_archive_as_a_source() {
    let lab = Lab::new();
    lab.compile("busybox", "2");
    for (name, pack) in [
        ("inner.tar.gz", "tar -czf inner.tar.gz busybox"),
        ("inner.tar.xz", "tar -cJf inner.tar.xz busybox"),
        (
            "outer.tar",
            "tar -czf i.tgz busybox && tar --format=v7 -cf outer.tar put.c i.tgz",
        ),
    ] {
        let packed = Command::new("sh")
            .current_dir(lab.work.path())
            .args(["-c", pack])
            .status()
            .unwrap();
        assert!(packed.success(), "{pack}");
        let text = format!(
            r#"let path = name: file: builtins.path {{ inherit name; path = file; }}; in {{
              top = derivation {{
                name = "top"; system = "x86_64-linux"; builder = path "put" ./put;
                args = [ "text" (builtins.placeholder "out") ]; source = path "source" ./{name};
              }};
            }}"#
        );
        fs::write(lab.path("chain.nix"), text).unwrap();
        let top = lab.build(&format!("store of {name}").replace(' ', "-"), "top", &[]);
        let (code, report, talk) = lab.audit(&top, &[]);
        assert_eq!(code, 1, "{name}: {talk}");
        let size = fs::metadata(lab.path("busybox")).unwrap().len();
        assert_eq!(report["unexplainedBinaryBytes"], size, "{name}: {report}");
    }
}

#[test]
fn a_substituted_dependency() {
    let lab = Lab::new();
    lab.chain("put");
    let a = lab.build("elsewhere", "a", &[]);
    let cache = lab.cache("elsewhere", &a);
    let top = lab.build("store", "top", &["--option", "substituters", &cache]);
    let report = lab.rejected(&top);
    let expected = format!("{} was not built in this store", inside(&a));
    assert_eq!(violations(&report), [expected], "only that one");
}

/// The audit of a store cannot see that its database lies. What catches it: a build in a fresh store, which
/// every run makes twice, has other bytes; `diverge` names the derivation.
#[test]
fn a_database_edit_is_caught_by_a_fresh_store() {
    let lab = Lab::new();
    lab.chain("put");
    // The cache serves something else under the path of a.
    let a = lab.build("elsewhere", "a", &[]);
    let good = fs::read(&a).unwrap();
    replace(&a, b"poisoned\n");
    assert_ne!(good, b"poisoned\n");
    lab.record("elsewhere", &a);
    let cache = lab.cache("elsewhere", &a);
    let top = lab.build("store", "top", &["--option", "substituters", &cache]);
    assert_eq!(
        fs::read(lab.path("store").join(&inside(&a)[1..])).unwrap(),
        b"poisoned\n"
    );
    let (code, ..) = lab.audit(&top, &[]);
    assert_eq!(code, 1, "before the edit");
    lab.database("store", "UPDATE ValidPaths SET ultimate=1, sigs=NULL");
    let (code, laundered, talk) = lab.audit(&top, &[]);
    assert_eq!(code, 0, "the store's own word is all there is: {talk}");

    let fresh = lab.build("fresh", "top", &[]);
    let (code, honest, talk) = lab.audit(&fresh, &[]);
    assert_eq!(code, 0, "{talk}");
    assert_ne!(laundered["outputsRoot"], honest["outputsRoot"]);
    let found = lab.diverge(&laundered, &honest);
    assert_eq!(found["kind"], "content");
    assert_eq!(found["first"]["path"], inside(&a));
    let [file] = &found["files"].as_array().unwrap()[..] else {
        panic!("{found}")
    };
    assert_eq!(
        (&file["change"], &file["offset"]),
        (&"bytes".into(), &0.into())
    );
}

#[test]
fn delete_and_rebuild() {
    let lab = Lab::new();
    // Nothing refers to a at run time, so that Nix lets it be deleted under what was built from it.
    let text = r#"let
      step = name: more: derivation (more // {
        inherit name; system = "x86_64-linux"; builder = builtins.path { path = ./put; name = "put"; };
        args = [ name (builtins.placeholder "out") ];
      });
    in rec { a = step "a" { }; b = step "b" { input = a; }; top = step "top" { input = b; }; }"#;
    fs::write(lab.path("chain.nix"), text).unwrap();
    let a = lab.build("elsewhere", "a", &[]);
    let cache = lab.cache("elsewhere", &a);
    let top = lab.build("store", "top", &["--option", "substituters", &cache]);
    let a = lab.path("store").join(&inside(&a)[1..]);
    next_second();
    let store = lab.path("store");
    lab.good(
        "nix-store",
        &[
            "--store",
            store.to_str().unwrap(),
            "--delete",
            "--ignore-liveness",
            &inside(&a),
        ],
    );
    lab.build("store", "a", &[]);
    let report = lab.rejected(&top);
    let found = violations(&report);
    assert!(
        found
            .iter()
            .any(|text| text.contains("-b is older than something it was built from")),
        "{found:?}"
    );
}

/// `--check` makes a substituted path count as built, after Nix has built it and found it the same. That is
/// sound for the one path; the audit still refuses every other one that was not built here.
#[test]
fn check_promotion() {
    let lab = Lab::new();
    lab.chain("put");
    let b = lab.build("elsewhere", "b", &[]);
    let cache = lab.cache("elsewhere", &b);
    let top = lab.build("store", "top", &["--option", "substituters", &cache]);
    let refused = |report: &Value| {
        let all = violations(report);
        all.iter()
            .map(|text| text[text.find('-').unwrap()..].to_owned())
            .collect::<Vec<_>>()
    };
    let (_, report, _) = lab.audit(&top, &[]);
    assert_eq!(
        refused(&report),
        [
            "-a was not built in this store",
            "-b was not built in this store"
        ]
    );
    lab.build("store", "b", &["--check"]);
    let report = lab.rejected(&top);
    assert_eq!(
        refused(&report),
        ["-a was not built in this store"],
        "one path is not the others"
    );
    lab.build("store", "a", &["--check"]);
    let (code, checked, talk) = lab.audit(&top, &[]);
    assert_eq!(code, 0, "each path was built here once: {talk}");
    let fresh = lab.build("fresh", "top", &[]);
    assert_eq!(
        lab.audit(&fresh, &[]).1["outputsRoot"],
        checked["outputsRoot"]
    );

    // `--check` compares with the hash on record and never looks at the bytes on disk. The audit does.
    let poisoned = lab.path("store").join(&inside(&b)[1..]);
    replace(&poisoned, b"poisoned\n");
    lab.build("store", "b", &["--check"]);
    let (code, _, talk) = lab.audit(&top, &[]);
    assert_eq!(code, 1, "{talk}");
    assert!(talk.contains("-b hashes to"), "{talk}");
    // With the record made to fit, the check fails.
    lab.record("store", &poisoned);
    let store = lab.path("store");
    let check = [
        "chain.nix",
        "-A",
        "b",
        "--no-out-link",
        "--check",
        "--store",
        store.to_str().unwrap(),
    ];
    assert_ne!(lab.tool("nix-build", &check).0, 0);
}

#[test]
fn a_copied_store_has_no_origin() {
    let lab = Lab::new();
    lab.chain("put");
    let top = lab.build("elsewhere", "top", &[]);
    let (from, to) = (lab.path("elsewhere"), lab.path("store"));
    lab.good(
        "nix",
        &[
            "copy",
            "--no-check-sigs",
            "--store",
            from.to_str().unwrap(),
            "--to",
            to.to_str().unwrap(),
            "--derivation",
            &inside(&top),
        ],
    );
    lab.good(
        "nix",
        &[
            "copy",
            "--no-check-sigs",
            "--store",
            from.to_str().unwrap(),
            "--to",
            to.to_str().unwrap(),
            &inside(&top),
        ],
    );
    let copied = to.join(&inside(&top)[1..]);
    let report = lab.rejected(&copied);
    let count = violations(&report)
        .iter()
        .filter(|text| text.contains("was not built in this store"))
        .count();
    assert_eq!(count, 3);
}

#[test]
fn a_sandbox_that_a_derivation_asks_to_loosen() {
    let lab = Lab::new();
    let text = r#"{ top = derivation {
        name = "top"; system = "x86_64-linux"; builder = builtins.path { path = ./put; name = "put"; };
        args = [ "text" (builtins.placeholder "out") ]; __noChroot = true;
    }; }"#;
    fs::write(lab.path("chain.nix"), text).unwrap();
    let top = lab.build("store", "top", &["--option", "sandbox", "relaxed"]);
    let report = lab.rejected(&top);
    assert!(
        violations(&report)[0].ends_with("it sets __noChroot"),
        "{report}"
    );
}

#[test]
fn a_list_of_what_is_allowed_counts_under_its_digest() {
    let lab = Lab::new();
    lab.compile("busybox", "2");
    lab.chain("busybox");
    let top = lab.build("store", "top", &[]);
    let digest = Digest::of(&fs::read(lab.path("busybox")).unwrap());
    let list = format!(r#"{{"version":1,"inert":[{{"digest":"{digest}","why":"a fixture"}}]}}"#);
    fs::write(lab.path("list.json"), &list).unwrap();
    let pinned = Digest::of(list.as_bytes()).to_string();
    let file = lab.path("list.json");
    let file = file.to_str().unwrap();
    let (code, report, talk) = lab.audit(
        &top,
        &["--allow-list", file, "--allow-list-digest", &pinned],
    );
    assert_eq!(code, 0, "{talk}");
    assert_eq!(
        report["inertBytes"],
        fs::metadata(lab.path("busybox")).unwrap().len()
    );
    assert_eq!(report["grade"], "vendor");
    let (code, _, talk) = lab.audit(
        &top,
        &["--allow-list", file, "--allow-list-digest", &lab.seed],
    );
    assert_eq!(code, 2, "{talk}");
    assert!(talk.contains("is pinned"), "{talk}");
}

#[test]
fn a_bomb_among_the_sources_is_named_and_the_rest_is_scanned() {
    let lab = Lab::new();
    let packed = Command::new("sh")
        .current_dir(lab.work.path())
        .args([
            "-c",
            "mkdir src && head -c 200000000 /dev/zero | gzip > src/bomb.gz && cp put.c src/",
        ])
        .status()
        .unwrap();
    assert!(packed.success());
    let text = r#"let path = name: file: builtins.path { inherit name; path = file; }; in {
      top = derivation {
        name = "top"; system = "x86_64-linux"; builder = path "put" ./put;
        args = [ "text" (builtins.placeholder "out") ]; source = path "source" ./src;
      };
    }"#;
    fs::write(lab.path("chain.nix"), text).unwrap();
    let top = lab.build("store", "top", &[]);
    let report = lab.rejected(&top);
    assert!(
        violations(&report)[0].contains("-source/bomb.gz unpacks to more than 250 times its size"),
        "{report}"
    );
    assert!(report["textBytes"].as_u64().unwrap() >= PUT.len() as u64);
}

impl Lab {
    /// `diverge` of two reports over the stores `store` and `fresh`.
    fn diverge(&self, first: &Value, second: &Value) -> Value {
        for (name, report) in [("first.json", first), ("second.json", second)] {
            fs::write(self.path(name), serde_json::to_vec(report).unwrap()).unwrap();
        }
        let (code, out, talk) = self.work.run(&[
            "diverge",
            "first.json",
            "second.json",
            "--first-store",
            "store",
            "--second-store",
            "fresh",
            "--output",
            "json",
        ]);
        assert_eq!(code, 1, "{talk}");
        serde_json::from_str(&out).unwrap()
    }
}

#[test]
fn two_reports_are_compared_by_what_they_speak_of() {
    let lab = Lab::new();
    lab.chain("put");
    let one = lab.build("store", "top", &[]);
    let two = lab.build("fresh", "top", &[]);
    let (_, mut first, _) = lab.audit(&one, &[]);
    let (_, second, _) = lab.audit(&two, &[]);
    let write = |name: &str, report: &Value| {
        fs::write(lab.path(name), serde_json::to_vec(report).unwrap()).unwrap();
    };
    write("one.json", &first);
    write("two.json", &second);
    let (code, out, _) = lab.work.run(&["audit", "diff", "one.json", "two.json"]);
    assert_eq!((code, out.trim()), (0, "the reports are the same"));
    // What the command prints is the canonical report, and can be compared as it is.
    let nix = lab.nix.to_str().unwrap();
    let path = one.to_str().unwrap();
    let printed = [
        "audit",
        "--output",
        "json",
        "--allow-seed",
        &lab.seed,
        "--nix",
        nix,
        path,
    ];
    let (_, printed, _) = lab.work.run(&printed);
    fs::write(lab.path("one.json"), printed).unwrap();
    let (code, out, talk) = lab.work.run(&["audit", "diff", "one.json", "two.json"]);
    assert_eq!(code, 0, "{out}{talk}");
    first["driver"]["version"] = "2.99.0".into();
    write("one.json", &first);
    let (code, out, _) = lab.work.run(&["audit", "diff", "one.json", "two.json"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("driver version: 2.99.0 |"), "{out}");
    first["leaves"][0]["narSize"] = 1.into();
    write("one.json", &first);
    let (code, out, _) = lab.work.run(&["audit", "diff", "one.json", "two.json"]);
    assert_eq!(code, 1, "{out}");
    assert!(out.starts_with("1 differences\nleaf /nix/store/"), "{out}");
    // What a report says is somebody else's text: one line, and no orders to a terminal.
    first["violations"] = serde_json::json!(["a\n\u{1b}[31mb \"c\""]);
    write("one.json", &first);
    let (code, out, _) = lab.work.run(&["audit", "diff", "one.json", "two.json"]);
    assert_eq!(code, 1, "{out}");
    let shown = r#"violation a\n\u{1b}[31mb "c": found | absent"#;
    assert!(out.lines().any(|line| line == shown), "{out}");
    // A report whose outputs do not hash to its own root is no report.
    first["outputsRoot"] = lab.seed.as_str().into();
    write("one.json", &first);
    let (code, _, talk) = lab.work.run(&["audit", "diff", "one.json", "two.json"]);
    assert_eq!(code, 2, "{talk}");
    assert!(talk.contains("do not hash to its root"), "{talk}");
}

/// Between build and signature every byte of the closure is hashed again; neither a changed byte nor a record
/// made to fit it is signed.
#[test]
fn an_output_changed_between_build_and_signature() {
    let lab = Lab::new();
    let work = &lab.work;
    let commit = work.repository("repo", |_| {});
    work.key();
    let flags = work.flags("repo", &commit, "state");
    let (code, out, talk) = finish(work.command().arg("build").args(&flags).output().unwrap());
    assert_eq!(code, 0, "{talk}");
    let outcome: Value = serde_json::from_str(&out).unwrap();
    let directory = PathBuf::from(outcome["systems"][0]["directory"].as_str().unwrap());
    let built = fs::read(directory.join("build.json")).unwrap();
    let built: Value = serde_json::from_slice(&built).unwrap();
    let seed = built["built"]["outputs"]["out"].as_str().unwrap();
    let store = directory.join("store");
    let tool = fs::read_dir(store.join(&seed[1..]).join("bin"))
        .unwrap()
        .next()
        .unwrap();
    // A link to the tool's own path, as it is inside the store.
    let tool = fs::read_link(tool.unwrap().path()).unwrap();
    let tool = store.join(tool.strip_prefix("/").unwrap());
    let mut bytes = fs::read(&tool).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    replace(&tool, &bytes);
    let (code, _, talk) = finish(work.command().arg("run").args(&flags).output().unwrap());
    assert_eq!(code, 1, "{talk}");
    assert!(
        talk.contains("error[audit-refused]") && talk.contains("hashes to"),
        "{talk}"
    );

    let path = tool
        .ancestors()
        .find(|path| path.parent().unwrap().ends_with("nix/store"))
        .unwrap();
    let hash = lab.good("nix-hash", &["--type", "sha256", path.to_str().unwrap()]);
    let database = store
        .strip_prefix(work.path())
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    let name = inside(path);
    lab.database(
        &database,
        &format!("UPDATE ValidPaths SET hash='sha256:{hash}' WHERE path='{name}'"),
    );
    let (code, _, talk) = finish(work.command().arg("run").args(&flags).output().unwrap());
    assert_eq!(code, 1, "{talk}");
    assert!(talk.contains("is not the audited one"), "{talk}");
    assert!(!work.path().join("state/journal").exists());
}

fn replace(path: &Path, bytes: &[u8]) {
    let mode = fs::metadata(path).unwrap().permissions();
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, mode).unwrap();
}
