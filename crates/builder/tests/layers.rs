//! `layers`, `graph` and `--previous`, over an image that was really built.

mod common;

use common::{Work, nixes};
use serde_json::Value;

fn json(work: &Work, arguments: &[&str]) -> Value {
    let (code, out, talk) = work.run(arguments);
    assert_eq!(code, 0, "{talk}");
    serde_json::from_str(&out).unwrap()
}

fn build(work: &Work, commit: &str, state: &str, more: &[&str]) -> Value {
    let mut flags = work.flags("r", commit, state);
    flags.extend(more.iter().map(|flag| (*flag).to_owned()));
    let mut arguments = vec!["run"];
    arguments.extend(flags.iter().map(String::as_str));
    arguments.push("--development");
    json(work, &arguments)
}

#[test]
fn an_image_and_its_closure_show_the_same_tables_and_a_graph() {
    let work = Work::new();
    work.key();
    let commit = work.repository("r", |_| {});
    let outcome = build(&work, &commit, "s", &[]);
    let digest = outcome["systems"][0]["image"].as_str().unwrap();
    let image = format!("oci:layout@{digest}");
    let of_image = json(&work, &["layers", &image, "--output", "json"]);
    let layers = of_image["layers"].as_array().unwrap();
    assert!(layers.len() >= 2);
    assert_eq!(of_image["image"], digest);
    let paths: u64 = layers.iter().filter_map(|row| row["paths"].as_u64()).sum();
    assert_eq!(of_image["paths"], paths);

    let store = std::path::Path::new(outcome["systems"][0]["directory"].as_str().unwrap());
    let target = std::fs::read_dir(store.join("store/nix/store"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().ends_with("-seed"))
        .unwrap();
    let nix = nixes().remove(0);
    let (target, nix) = (target.to_str().unwrap(), nix.to_str().unwrap());
    let of_store = json(&work, &["layers", target, "--nix", nix, "--output", "json"]);
    for field in ["paths", "size", "depths"] {
        assert_eq!(of_store[field], of_image[field], "{field}");
    }
    let (code, graph, talk) = work.run(&["graph", &image]);
    assert_eq!(code, 0, "{talk}");
    assert!(graph.starts_with("flowchart TD\n"), "{graph}");
    assert_eq!(graph.matches("<br/>").count() as u64, paths);
    let (_, again, _) = work.run(&["graph", target, "--nix", nix]);
    assert_eq!(graph, again);

    // The same closure after itself keeps every layer: another release with the same image.
    let after = build(&work, &commit, "t", &["--previous", &image]);
    assert_ne!(after["release"], outcome["release"]);
    assert_eq!(after["systems"][0]["image"], digest);
}

#[test]
fn what_is_no_image_of_ours_is_refused_in_one_line() {
    let work = Work::new();
    for (subject, exit) in [("oci:nowhere", 3), ("x", 2), ("/etc/passwd", 2)] {
        let (code, _, talk) = work.run(&["layers", subject]);
        assert_eq!((code, talk.lines().count()), (exit, 1), "{subject}: {talk}");
    }
}

/// The example with `facts` as what its seed says of itself.
fn with_facts(work: &Work, name: &str, facts: &str) -> String {
    work.repository(name, |folder| {
        let flake = folder.join("flake.nix");
        let text = std::fs::read_to_string(&flake).unwrap();
        let entry = "\"share/manifest\"\n          manifest\n";
        let more = format!(
            "{entry}          \"nix-support/nix-seed.json\"\n          (source ./facts.json)\n"
        );
        assert!(text.contains(entry));
        std::fs::write(&flake, text.replace(entry, &more)).unwrap();
        std::fs::write(folder.join("facts.json"), facts).unwrap();
    })
}

#[test]
fn a_runner_is_one_more_layer_when_the_seed_describes_it_and_a_refusal_when_not() {
    let work = Work::new();
    work.key();
    let commit = with_facts(&work, "r", r#"{"runner":{"nixConfig":"sandbox = true"}}"#);
    let plain = build(&work, &commit, "s", &[]);
    let glued = build(&work, &commit, "s", &["--runner"]);
    assert_ne!(plain["release"], glued["release"]);
    let layers = |outcome: &Value| {
        let digest = outcome["systems"][0]["image"].as_str().unwrap();
        let image = format!("oci:layout@{digest}");
        let tables = json(&work, &["layers", &image, "--output", "json"]);
        tables["layers"].as_array().unwrap().clone()
    };
    let (plain, glued) = (layers(&plain), layers(&glued));
    assert_eq!(glued.len(), plain.len() + 1);
    assert_eq!(glued[..plain.len()], plain[..]);

    let refused = |name: &str, facts: &str, words: &str| {
        let commit = with_facts(&work, name, facts);
        let mut flags = work.flags(name, &commit, name);
        flags.insert(0, "run".to_owned());
        flags.extend(["--development".to_owned(), "--runner".to_owned()]);
        let arguments: Vec<&str> = flags.iter().map(String::as_str).collect();
        let (code, _, talk) = work.run(&arguments);
        let last = talk.lines().last().unwrap_or_default().to_owned();
        assert!(
            code == 1 && last.starts_with("error[pack]") && last.contains(words),
            "{talk}"
        );
    };
    refused("none", "{}", "describes a `runner`");
    refused(
        "wrong",
        r#"{"runner":{"path":["/bin"]}}"#,
        "`/bin` is not in a store path",
    );
}
