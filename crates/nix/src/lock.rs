use std::collections::BTreeMap;

use nix_derivation::{CAHash, NixHash};
use serde_json::Value;
use thiserror::Error;

use crate::{
    FixedSource,
    fixed::{SourceOrigin, SourceRefusal, plain_urls},
};

/// The most inputs a lock file may have.
const MAX_INPUTS: usize = 10_000;

/// Why a lock file does not say what is needed. The author of the flake is at fault.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum LockError {
    /// It is not a lock file of a known version.
    #[error("flake.lock is not a lock file: {0}")]
    Malformed(String),
    /// An input has no hash: anything could be put in its place.
    #[error("flake.lock has no narHash for the input `{0}`")]
    NotLocked(String),
    /// An input has a hash that cannot be relied on.
    #[error(transparent)]
    Refused(#[from] SourceRefusal),
}

/// Everything that the lock file with bytes `json` locks, by name of its node; inputs inside the flake's own tree
/// are left out. Nix looks for each in the store under the name `source` before it fetches anything.
///
/// # Errors
/// [`LockError`] when it is no lock file, or an input is not locked by hash.
pub fn locked_inputs(json: &[u8]) -> Result<Vec<FixedSource>, LockError> {
    let malformed = |why: &str| LockError::Malformed(why.to_owned());
    let lock: Value =
        serde_json::from_slice(json).map_err(|error| LockError::Malformed(error.to_string()))?;
    if !matches!(lock.get("version").and_then(Value::as_u64), Some(5..=7)) {
        return Err(malformed("its version is not 5 to 7"));
    }
    let root = lock.get("root").and_then(Value::as_str);
    let root = root.ok_or_else(|| malformed("it names no root"))?;
    let nodes = lock.get("nodes").and_then(Value::as_object);
    let nodes = nodes.ok_or_else(|| malformed("it has no nodes"))?;
    if nodes.len() > MAX_INPUTS {
        return Err(malformed("it has more than 10000 inputs"));
    }
    let mut inputs = BTreeMap::new();
    for (name, node) in nodes.iter().filter(|(name, _)| *name != root) {
        if let Some(source) = input(name, node)? {
            // Two inputs with the same contents are one source.
            inputs.entry(source.path.clone()).or_insert(source);
        }
    }
    Ok(inputs.into_values().collect())
}

fn input(name: &str, node: &Value) -> Result<Option<FixedSource>, LockError> {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
    let text = |key: &str| {
        let value = node.get("locked").and_then(|locked| locked.get(key));
        value.and_then(Value::as_str)
    };
    let Some(hash) = text("narHash") else {
        let inside =
            text("type") == Some("path") && text("path").is_some_and(|path| !path.starts_with('/'));
        return if inside {
            Ok(None)
        } else {
            Err(LockError::NotLocked(shown))
        };
    };
    let hash = NixHash::parse(hash).map_err(|_| LockError::NotLocked(shown.clone()))?;
    let origin = SourceOrigin::FlakeInput(shown);
    let mut source = FixedSource::new(origin, "source", &CAHash::Nar(hash))?;
    source.urls = plain_urls(url(&text));
    Ok(Some(source))
}

/// Where an input can be had, for whoever has to provide it.
fn url<'a>(text: &impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    if let Some(url) = text("url") {
        return Some(url.to_owned());
    }
    let (owner, repo, rev) = (text("owner")?, text("repo")?, text("rev")?);
    match text("type")? {
        "github" => Some(format!(
            "https://github.com/{owner}/{repo}/archive/{rev}.tar.gz"
        )),
        kind => Some(format!("{kind}:{owner}/{repo}/{rev}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "sha256-le9x5C1btJZ4EcGY7vhluLsQhfPM+UpoZWH+/tYpbLY=";

    fn lock(locked: &str) -> String {
        format!(
            r#"{{"nodes":{{"dep":{{"locked":{locked}}},"root":{{"inputs":{{"dep":"dep"}}}}}},"root":"root","version":7}}"#
        )
    }

    #[test]
    fn reads_what_is_locked_by_hash() {
        let github =
            format!(r#"{{"type":"github","owner":"a","repo":"b","rev":"c","narHash":"{HASH}"}}"#);
        let inputs = locked_inputs(lock(&github).as_bytes()).unwrap();
        assert_eq!(inputs.len(), 1);
        assert_eq!(inputs[0].path.name(), "source");
        assert!(inputs[0].address.is_recursive());
        assert_eq!(inputs[0].address.sri(), HASH);
        assert_eq!(inputs[0].urls, ["https://github.com/a/b/archive/c.tar.gz"]);
        let inside = lock(r#"{"type":"path","path":"./dep"}"#);
        assert_eq!(locked_inputs(inside.as_bytes()).unwrap(), []);
    }

    #[test]
    fn refuses_what_is_not_locked_by_a_hash_that_proves_something() {
        for (bad, code) in [
            (lock(r#"{"type":"github","owner":"a"}"#), "narHash"),
            (lock(r#"{"type":"path","path":"/etc"}"#), "narHash"),
            (lock(r#"{"narHash":"sha256-x"}"#), "narHash"),
            (lock(r#"{"narHash":7}"#), "narHash"),
            (
                lock(r#"{"narHash":"sha1-AQEBAQEBAQEBAQEBAQEBAQEBAQE="}"#),
                "sha1",
            ),
            (String::new(), "lock file"),
            ("[]".to_owned(), "version"),
            (
                r#"{"version":8,"root":"root","nodes":{}}"#.to_owned(),
                "version",
            ),
            (r#"{"version":7,"nodes":{}}"#.to_owned(), "root"),
            (r#"{"version":7,"root":"root"}"#.to_owned(), "nodes"),
        ] {
            let error = locked_inputs(bad.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(code), "{error}: {bad}");
        }
    }
}
