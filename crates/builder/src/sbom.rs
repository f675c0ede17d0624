mod cyclonedx;
mod spdx;

use std::collections::{BTreeMap, BTreeSet};

use seed_image::{Fact, Facts, PackedPath};
use seed_nix::{CAHash, NarHash, NixHash, Step, StorePath};
use seed_primitives::{Digest, System, Target};

/// The bill of materials of one image's closure: what is in it, what each part was made from, and under which
/// licence, as far as that is known. Both forms are canonical JSON without time or serial number, so honest
/// builders write the same bytes.
#[derive(Clone, Debug)]
pub struct Bill {
    name: String,
    system: System,
    closure: Digest,
    roots: BTreeSet<StorePath>,
    /// Ascending by store path.
    parts: Vec<Part>,
}

/// One store path.
#[derive(Clone, Debug)]
struct Part {
    path: StorePath,
    nar: NarHash,
    /// The paths it refers to, itself left out.
    references: BTreeSet<StorePath>,
    /// The derivation that made it, for what was built.
    derivation: Option<StorePath>,
    /// What that derivation took from outside: sources of the flake, and fixed outputs with their hashes.
    sources: BTreeMap<StorePath, Source>,
    /// What the seed itself says of it.
    fact: Fact,
}

/// Something from outside.
#[derive(Clone, Debug, Default)]
struct Source {
    /// Its content address, for a fixed output.
    hash: Option<CAHash>,
    /// Where its derivation says it can be had.
    urls: Vec<String>,
}

impl Bill {
    /// The bill of `closure`, whose derivations are `steps`, as an image of `target` for `system`.
    ///
    /// `roots` are the paths of the target itself, `digest` is the closure digest, `facts` what the seed says.
    #[must_use]
    pub fn new<C>(
        closure: &[PackedPath<C>],
        steps: &[Step],
        facts: &Facts,
        roots: &BTreeSet<StorePath>,
        digest: &Digest,
        (target, system): (&Target, &System),
    ) -> Self {
        let by_path: BTreeMap<&StorePath, &Step> =
            steps.iter().map(|step| (&step.path, step)).collect();
        let makers: BTreeMap<&StorePath, &Step> = steps
            .iter()
            .flat_map(|step| step.outputs.values().map(move |output| (output, step)))
            .collect();
        let mut parts: Vec<Part> = closure
            .iter()
            .map(|path| {
                let maker = makers.get(&path.entry.path).copied();
                Part::new(path, maker, &by_path, facts)
            })
            .collect();
        parts.sort_by(|a, b| a.path.cmp(&b.path));
        Self {
            name: target.to_string(),
            system: system.clone(),
            closure: *digest,
            roots: roots.clone(),
            parts,
        }
    }
}

impl Part {
    fn new<C>(
        path: &PackedPath<C>,
        maker: Option<&Step>,
        steps: &BTreeMap<&StorePath, &Step>,
        facts: &Facts,
    ) -> Self {
        let mut references = path.references.clone();
        references.remove(&path.entry.path);
        Self {
            path: path.entry.path.clone(),
            nar: path.entry.nar,
            references,
            derivation: maker.map(|step| step.path.clone()),
            sources: maker.map_or_else(BTreeMap::new, |step| sources(step, steps)),
            fact: facts
                .paths
                .get(&path.entry.path)
                .cloned()
                .unwrap_or_default(),
        }
    }

    /// Name and version as Nix splits them.
    fn name(&self) -> (&str, Option<&str>) {
        split_name(self.path.name())
    }

    fn purl(&self) -> String {
        let (name, version) = self.name();
        self.fact
            .purl
            .clone()
            .unwrap_or_else(|| purl(name, version))
    }
}

/// What `step` takes from outside the build: its plain sources, and the fixed outputs it uses directly. A
/// fixed output is its own source.
fn sources(step: &Step, steps: &BTreeMap<&StorePath, &Step>) -> BTreeMap<StorePath, Source> {
    let mut found: BTreeMap<StorePath, Source> = step
        .input_sources
        .iter()
        .map(|path| (path.clone(), Source::default()))
        .collect();
    let used = step
        .input_derivations
        .iter()
        .filter_map(|path| steps.get(path).copied());
    for step in used.chain(std::iter::once(step)) {
        let Some(fixed) = &step.fixed else {
            continue;
        };
        for output in step.outputs.values() {
            let source = Source {
                hash: Some(fixed.clone()),
                urls: step.urls.clone(),
            };
            found.insert(output.clone(), source);
        }
    }
    found
}

impl Source {
    /// The content address as text, `flat:sha256-…` or `recursive:sha256-…`.
    fn address(&self) -> Option<String> {
        self.hash.as_ref().map(|fixed| match fixed {
            CAHash::Flat(hash) => format!("flat:{}", hash.to_sri_string()),
            CAHash::Nar(hash) => format!("recursive:{}", hash.to_sri_string()),
            CAHash::Git(hash) => format!("git:{}", hash.to_sri_string()),
            CAHash::Text(hash) => format!("text:{}", NixHash::Sha256(*hash).to_sri_string()),
        })
    }

    /// The URLs that are URLs: a derivation may say anything.
    fn urls(&self) -> impl Iterator<Item = &String> {
        let plain = |url: &&String| {
            url.len() <= 2048
                && url.contains("://")
                && url
                    .bytes()
                    .all(|b| b.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&b))
        };
        self.urls.iter().filter(plain)
    }
}

/// Name and version as Nix splits them: the version begins after the first dash not followed by a letter.
fn split_name(text: &str) -> (&str, Option<&str>) {
    for (at, _) in text.match_indices('-') {
        let version = text.get(at + 1..).unwrap_or_default();
        if version.starts_with(|c: char| !c.is_ascii_alphabetic()) {
            return (text.get(..at).unwrap_or(text), Some(version));
        }
    }
    (text, None)
}

fn purl(name: &str, version: Option<&str>) -> String {
    let escape = |text: &str| {
        text.bytes()
            .map(|b| match b {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' => {
                    char::from(b).to_string()
                }
                _ => format!("%{b:02X}"),
            })
            .collect::<String>()
    };
    match version {
        Some(version) => format!("pkg:nix/{}@{}", escape(name), escape(version)),
        None => format!("pkg:nix/{}", escape(name)),
    }
}

#[cfg(test)]
mod tests;
