use std::collections::{BTreeMap, BTreeSet};

use seed_nix::{Contents, Node, StorePath};
use serde::Deserialize;

use crate::{PackedPath, RunConfig, tar::Entry};

/// Where programs look for certificates.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What a CI runner expects to find in a container, as the seed describes it; everything is a store path of
/// the closure, or lies in one.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Runner {
    /// A bundle of CA certificates, a file.
    pub certificates: Option<String>,
    /// Folders with the C library and others that foreign programs link with.
    pub libraries: Vec<String>,
    /// Versions of Node by the name the runner has for them (`node20`), each a store path with `bin/node`.
    #[serde(deserialize_with = "crate::facts::once")]
    pub node: BTreeMap<String, String>,
    /// Lines for Nix inside the container.
    pub nix_config: Option<String>,
    /// Folders of programs, before those of the target.
    pub path: Vec<String>,
}

/// One file of the glue layer: a directory or a symbolic link, names without the leading `/`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Glue {
    Directory(String),
    Link(String, String),
}

impl Runner {
    /// Refuses whatever does not lie in the closure or is not a plain name.
    pub(crate) fn check(&self, known: &BTreeSet<&StorePath>) -> Result<(), String> {
        let files = self.certificates.iter().chain(&self.libraries);
        for place in files.chain(self.node.values()).chain(&self.path) {
            split(place)
                .filter(|(path, _)| known.contains(path))
                .ok_or_else(|| {
                    format!("runner: `{place}` is not in a store path of the closure")
                })?;
        }
        let plain = |name: &String| {
            (1..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        if let Some(name) = self.node.keys().find(|name| !plain(name)) {
            return Err(format!("runner: `{name}` is no name of a Node"));
        }
        match &self.nix_config {
            Some(lines) if lines.contains('\0') || lines.len() > 4096 => {
                Err("runner: `nixConfig` is too long or holds a zero byte".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// The files of the glue layer, in the order they are written.
    pub(crate) fn files<C: Contents>(
        &self,
        paths: &[&PackedPath<C>],
        architecture: &str,
    ) -> Vec<Glue> {
        let mut links: BTreeMap<String, String> = BTreeMap::new();
        for (name, path) in &self.node {
            links.insert(format!("__e/{name}"), path.clone());
        }
        if let Some(bundle) = &self.certificates {
            links.insert(
                CERTIFICATES.trim_start_matches('/').to_owned(),
                bundle.clone(),
            );
        }
        let (multiarch, loader) = match architecture {
            "arm64" => ("aarch64-linux-gnu", "lib/ld-linux-aarch64.so.1"),
            _ => ("x86_64-linux-gnu", "lib64/ld-linux-x86-64.so.2"),
        };
        for folder in &self.libraries {
            for name in libraries(paths, folder) {
                let target = format!("{folder}/{name}");
                if loader.ends_with(&format!("/{name}")) {
                    links
                        .entry(loader.to_owned())
                        .or_insert_with(|| target.clone());
                }
                links
                    .entry(format!("lib/{multiarch}/{name}"))
                    .or_insert(target);
            }
        }
        let folders: BTreeSet<String> = links.keys().flat_map(|name| above(name)).collect();
        let folders = folders.into_iter().map(Glue::Directory);
        let links = links
            .into_iter()
            .map(|(name, target)| Glue::Link(name, target));
        let mut all: Vec<Glue> = folders.chain(links).collect();
        all.sort_by(|a, b| a.name().cmp(b.name()));
        all
    }

    /// Adds the runner's variables to `run`, whose own `PATH` comes last.
    pub(crate) fn extend(&self, run: &mut RunConfig) {
        let own = run.env.iter().find_map(|line| line.strip_prefix("PATH="));
        let folders = self.path.iter().map(String::as_str).chain(own);
        let path = folders.collect::<Vec<_>>().join(":");
        let mut env = Vec::new();
        if let Some(lines) = &self.nix_config {
            env.push(format!("NIX_CONFIG={lines}"));
        }
        if self.certificates.is_some() {
            env.push(format!("NIX_SSL_CERT_FILE={CERTIFICATES}"));
        }
        if !path.is_empty() {
            env.push(format!("PATH={path}"));
        }
        if self.certificates.is_some() {
            env.push(format!("SSL_CERT_FILE={CERTIFICATES}"));
        }
        run.env = env;
    }
}

impl Glue {
    fn name(&self) -> &str {
        match self {
            Self::Directory(name) | Self::Link(name, _) => name,
        }
    }

    pub(crate) fn entry<C>(&self) -> Entry<'_, C> {
        match self {
            Self::Directory(name) => Entry::Directory(name, 0o755),
            Self::Link(name, target) => Entry::Link(name, target),
        }
    }
}

/// The store path that `place` is or lies in, and the names below it; `None` for anything that climbs.
pub(crate) fn split(place: &str) -> Option<(StorePath, Vec<&str>)> {
    let rest = place.strip_prefix("/nix/store/")?;
    let mut names = rest.split('/');
    let path = StorePath::from_basename(names.next()?.as_bytes()).ok()?;
    let below: Vec<&str> = names.collect();
    let plain = below
        .iter()
        .all(|name| Node::<Vec<u8>>::is_entry_name(name.as_bytes()));
    (plain && place.len() <= 1024).then_some((path, below))
}

/// The shared libraries directly in `folder`: files and links called `*.so` or `*.so.*`.
fn libraries<C: Contents>(paths: &[&PackedPath<C>], folder: &str) -> Vec<String> {
    let Some((path, below)) = split(folder) else {
        return Vec::new();
    };
    let mut node = paths
        .iter()
        .find(|packed| packed.entry.path == path)
        .map(|packed| &packed.node);
    for name in below {
        node = match node {
            Some(Node::Directory(entries)) => entries.get(name.as_bytes()),
            _ => None,
        };
    }
    let Some(Node::Directory(entries)) = node else {
        return Vec::new();
    };
    let names = entries
        .iter()
        .filter(|(_, entry)| !matches!(entry, Node::Directory(_)))
        .filter_map(|(name, _)| std::str::from_utf8(name).ok());
    names
        .filter(|name| name.ends_with(".so") || name.contains(".so."))
        .map(str::to_owned)
        .collect()
}

/// The folders above `name`, highest first.
fn above(name: &str) -> Vec<String> {
    name.match_indices('/')
        .filter_map(|(at, _)| name.get(..at))
        .map(str::to_owned)
        .collect()
}
