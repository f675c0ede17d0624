use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use eyre::{WrapErr as _, bail};

/// Writes every vector below `folder`, or with `check` fails when a committed file differs, is missing or is
/// one too many.
pub(crate) fn run(folder: &Path, check: bool) -> eyre::Result<()> {
    let expected = seed_testkit::vectors::all();
    let mut wrong = Vec::new();
    for (name, text) in &expected {
        let path = folder.join(name);
        if fs::read_to_string(&path).is_ok_and(|found| found == *text) {
            continue;
        }
        wrong.push(name.clone());
        if !check {
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            fs::write(&path, text).wrap_err_with(|| format!("writing {}", path.display()))?;
        }
    }
    let known: BTreeSet<PathBuf> = expected.keys().map(|name| folder.join(name)).collect();
    for path in files(folder)? {
        if path.extension().is_some_and(|e| e == "json") && !known.contains(&path) {
            wrong.push(format!("{} (not generated)", path.display()));
        }
    }
    if check && !wrong.is_empty() {
        bail!(
            "vectors differ, run `cargo run -p xtask -- vectors`: {}",
            wrong.join(", ")
        );
    }
    println!("{} vectors, {} changed", expected.len(), wrong.len());
    Ok(())
}

fn files(folder: &Path) -> eyre::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).wrap_err_with(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?)
        } else {
            found.push(path)
        }
    }
    Ok(found)
}
