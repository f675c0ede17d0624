use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path, process::Command};

use eyre::{WrapErr as _, bail, ensure, eyre};

/// The level of every crate that may appear in an arrow (docs/architecture.md). Development crates have none.
const LEVELS: [(&str, u8); 13] = [
    ("primitives", 0),
    ("merkle", 1),
    ("attestation", 1),
    ("nix", 1),
    ("proof", 1),
    ("verdict", 2),
    ("image", 2),
    ("chain", 2),
    ("oci", 2),
    ("builder", 3),
    ("aggregator", 3),
    ("verifier", 3),
    ("governance", 3),
];
/// Arrows inside one level, allowed because each is drawn and explained in docs/architecture.md.
const WITHIN_LEVEL: [(&str, &str); 2] = [("attestation", "merkle"), ("verdict", "image")];
const BEGIN: &str = "<!-- graph: written by `cargo run -p xtask -- graph` -->\n";
const END: &str = "<!-- /graph -->";

/// Draws the arrows into docs/architecture.md, or with `check` fails when the drawing is stale. Upward,
/// sideways and unclassified arrows always fail.
pub(crate) fn run(workspace: &Path, check: bool) -> eyre::Result<()> {
    let edges = edges(workspace)?;
    for (from, to) in &edges {
        let (upper, lower) = (level(from)?, level(to)?);
        let drawn = WITHIN_LEVEL.contains(&(from.as_str(), to.as_str()));
        ensure!(
            upper > lower || drawn,
            "{from} (level {upper}) must not depend on {to} (level {lower})"
        );
    }
    let path = workspace.join("docs/architecture.md");
    let text = fs::read_to_string(&path).wrap_err_with(|| format!("reading {}", path.display()))?;
    let (before, rest) = text
        .split_once(BEGIN)
        .ok_or_else(|| eyre!("docs/architecture.md: no graph marker"))?;
    let (_, after) = rest
        .split_once(END)
        .ok_or_else(|| eyre!("docs/architecture.md: no end of graph"))?;
    let expected = format!("{before}{BEGIN}{}{END}{after}", drawing(&edges));
    if text == expected {
        println!("{} arrows, none upward", edges.len());
        return Ok(());
    }
    if check {
        bail!("the graph in docs/architecture.md is stale: run `cargo run -p xtask -- graph`");
    }
    fs::write(&path, expected)?;
    println!("{} arrows drawn", edges.len());
    Ok(())
}

fn level(name: &str) -> eyre::Result<u8> {
    let found = LEVELS.iter().find(|(known, _)| *known == name);
    found
        .map(|(_, level)| *level)
        .ok_or_else(|| eyre!("crate {name} has no level in the graph"))
}

fn drawing(edges: &BTreeSet<(String, String)>) -> String {
    let mut text = String::from("```mermaid\ngraph TD\n");
    for (from, to) in edges {
        let _ = writeln!(text, "    {from} --> {to}");
    }
    text + "```\n"
}

/// Ordinary dependencies between the crates of the project, without the development crates.
fn edges(workspace: &Path) -> eyre::Result<BTreeSet<(String, String)>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked"])
        .current_dir(workspace)
        .output()
        .wrap_err("running cargo metadata")?;
    ensure!(
        output.status.success(),
        "cargo metadata failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let short = |name: &serde_json::Value| {
        name.as_str()
            .and_then(|n| n.strip_prefix("seed-"))
            .map(str::to_owned)
    };
    let is_development =
        |name: &str| matches!(name, "testkit" | "adversary" | "fuzz" | "bootstrap-tests");
    let mut edges = BTreeSet::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let Some(from) = short(&package["name"]).filter(|name| !is_development(name)) else {
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            if dependency["kind"].is_null()
                && let Some(to) = short(&dependency["name"])
            {
                ensure!(
                    !is_development(&to),
                    "{from} must not need {to} outside its tests"
                );
                edges.insert((from.clone(), to));
            }
        }
    }
    Ok(edges)
}
