use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    io::Read as _,
    marker::PhantomData,
};

use seed_nix::{Contents, Node, StorePath};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};

use crate::{PackError, PackedPath, Runner, runner::split};

/// Where a target's path may say something of the paths it needs.
pub const FACTS_FILE: &str = "nix-support/nix-seed.json";
const MAX_BYTES: u64 = 1 << 20;
/// The most directories and links on the way to it.
const MAX_STEPS: usize = 64;
/// Beginnings of names of store paths that hold what only its maker may pass on: the SDKs of Apple (Xcode and
/// Apple SDKs Agreement), Microsoft (Visual Studio and Windows SDK terms) and Google (Android SDK licence), and
/// Oracle's JDK. A seed refers to them and lets whoever builds bring them.
const NOT_OURS: [&str; 12] = [
    "MacOSX",
    "iPhoneOS",
    "apple-sdk",
    "Xcode",
    "xcode-",
    "msvc-",
    "windows-sdk",
    "xwin-",
    "androidsdk",
    "android-sdk",
    "oraclejdk",
    "oracle-jdk",
];

/// What a seed itself says of its paths, in [`FACTS_FILE`] of a target's path: whatever the flake knows and
/// the store does not. It is part of the closure, and so of the image digest; it is a claim, not a finding.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Facts {
    /// Per path of the closure.
    pub paths: BTreeMap<StorePath, Fact>,
    /// What a CI runner expects to find in a container, if anything.
    pub runner: Option<Runner>,
}

/// What is claimed of one path.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Fact {
    /// Its licence as an SPDX expression.
    pub licence: Option<String>,
    /// Whether others may pass it on; `false` keeps it out of every image.
    pub redistributable: Option<bool>,
    /// What it was made from, in the words of nixpkgs: `fromSource`, `binaryNativeCode` …
    pub source_provenance: Vec<String>,
    /// Its package URL, where it is known better than by its name.
    pub purl: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wire {
    #[serde(deserialize_with = "once")]
    paths: BTreeMap<String, Fact>,
    runner: Option<Runner>,
}

impl Facts {
    /// Reads what the `applications` of `closure` say, and refuses what may not be in an image.
    ///
    /// # Errors
    /// [`PackError::Facts`] for a file over 1 MiB, unknown or duplicate fields, a path outside the closure, or
    /// two applications that say something about the same path or the runner; [`PackError::NotRedistributable`]
    /// for a path that may not be passed on, by its name or by what is said of it.
    pub fn read<C: Contents>(
        closure: &[&PackedPath<C>],
        applications: &BTreeSet<StorePath>,
    ) -> Result<Self, PackError> {
        let known: BTreeSet<&StorePath> = closure.iter().map(|path| &path.entry.path).collect();
        let nodes: BTreeMap<&StorePath, &Node<C>> = closure
            .iter()
            .map(|path| (&path.entry.path, &path.node))
            .collect();
        let mut facts = Self::default();
        for path in applications {
            let Some(bytes) = file(path, &nodes).transpose() else {
                continue;
            };
            let refuse = |reason: String| PackError::Facts {
                path: path.clone(),
                reason,
            };
            let bytes = bytes.map_err(|error| refuse(error.to_string()))?;
            facts
                .add(&bytes, &known)
                .map_err(|reason| refuse(reason.chars().flat_map(char::escape_debug).collect()))?;
        }
        facts.check(&known)?;
        Ok(facts)
    }

    fn add(&mut self, bytes: &[u8], known: &BTreeSet<&StorePath>) -> Result<(), String> {
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err("it is no JSON object".to_owned());
        }
        let wire: Wire = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        for (text, fact) in wire.paths {
            let path: StorePath = text
                .parse()
                .map_err(|_| format!("`{text}` is no store path"))?;
            if !known.contains(&path) {
                return Err(format!("{path} is not in the closure"));
            }
            if let Some(licence) = fact.licence.as_ref().filter(|text| !is_expression(text)) {
                return Err(format!("{path}: `{licence}` is no SPDX licence expression"));
            }
            if let Some(purl) = fact.purl.as_ref().filter(|text| !is_purl(text)) {
                return Err(format!("{path}: `{purl}` is no package URL"));
            }
            if self.paths.insert(path.clone(), fact).is_some() {
                return Err(format!("{path} is described twice"));
            }
        }
        if let Some(runner) = wire.runner {
            runner.check(known)?;
            if self.runner.replace(runner).is_some() {
                return Err("the runner is described twice".to_owned());
            }
        }
        Ok(())
    }

    fn check(&self, known: &BTreeSet<&StorePath>) -> Result<(), PackError> {
        for path in known {
            let named = NOT_OURS
                .iter()
                .find(|start| path.name().starts_with(*start));
            let why = match (named, self.paths.get(*path)) {
                (Some(start), _) => {
                    format!("paths called {start}… hold what only its maker may pass on")
                }
                (None, Some(fact)) if fact.redistributable == Some(false) => match &fact.licence {
                    Some(licence) => format!("{FACTS_FILE} says so (licence {licence})"),
                    None => format!("{FACTS_FILE} says so"),
                },
                _ => continue,
            };
            return Err(PackError::NotRedistributable {
                path: (*path).clone(),
                why,
            });
        }
        Ok(())
    }
}

/// A map in which no key stands twice: which of the two would count is anybody's guess.
pub(crate) fn once<'de, D: Deserializer<'de>, V: Deserialize<'de>>(
    from: D,
) -> Result<BTreeMap<String, V>, D::Error> {
    struct Once<V>(PhantomData<V>);
    impl<'de, V: Deserialize<'de>> Visitor<'de> for Once<V> {
        type Value = BTreeMap<String, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((key, value)) = access.next_entry::<String, V>()? {
                if map.contains_key(&key) {
                    return Err(A::Error::custom(format!("`{key}` stands twice")));
                }
                map.insert(key, value);
            }
            Ok(map)
        }
    }
    from.deserialize_map(Once(PhantomData))
}

/// The bytes of [`FACTS_FILE`] in a target's path, if it has one. Links to other paths of the closure are
/// followed: that is how most targets are put together.
fn file<C: Contents>(
    path: &StorePath,
    nodes: &BTreeMap<&StorePath, &Node<C>>,
) -> std::io::Result<Option<Vec<u8>>> {
    let wrong = |why: &str| Err(std::io::Error::other(why.to_owned()));
    let Some(mut node) = nodes.get(path).copied() else {
        return Ok(None);
    };
    let mut names: Vec<String> = FACTS_FILE.rsplit('/').map(str::to_owned).collect();
    for _ in 0..MAX_STEPS {
        match node {
            Node::Symlink(target) => {
                let target = String::from_utf8_lossy(target);
                let Some((path, below)) = split(&target) else {
                    return wrong("a link on the way does not lead into a store path");
                };
                names.extend(below.into_iter().rev().map(str::to_owned));
                match nodes.get(&path) {
                    Some(found) => node = found,
                    None => return wrong("a link on the way leads out of the closure"),
                }
            }
            Node::Directory(entries) => {
                let Some(name) = names.pop() else {
                    return wrong("it is a directory");
                };
                match entries.get(name.as_bytes()) {
                    Some(entry) => node = entry,
                    None => return Ok(None),
                }
            }
            Node::File { size, contents, .. } => {
                if !names.is_empty() {
                    return Ok(None);
                }
                if *size > MAX_BYTES {
                    return wrong(&format!("it has {size} bytes, more than {MAX_BYTES}"));
                }
                let mut bytes = Vec::new();
                contents
                    .open()?
                    .take(MAX_BYTES + 1)
                    .read_to_end(&mut bytes)?;
                return Ok(Some(bytes));
            }
        }
    }
    wrong("too many links on the way")
}

/// Whether `text` has the shape of an SPDX expression: identifiers joined by AND, OR and WITH, in balanced
/// parentheses. Whether the identifiers are on SPDX's list is not known here.
fn is_expression(text: &str) -> bool {
    if text.is_empty() || text.len() > 512 || text.contains("  ") {
        return false;
    }
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let (mut depth, mut wants_name) = (0_usize, true);
    for word in spaced.split(' ').filter(|word| !word.is_empty()) {
        let fits = match word {
            "(" if wants_name => {
                depth += 1;
                true
            }
            ")" if !wants_name && depth > 0 => {
                depth -= 1;
                true
            }
            "(" | ")" => false,
            "AND" | "OR" | "WITH" => std::mem::replace(&mut wants_name, true) != wants_name,
            name => std::mem::replace(&mut wants_name, false) && is_identifier(name),
        };
        if !fits {
            return false;
        }
    }
    depth == 0 && !wants_name
}

fn is_identifier(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+' | b':'))
}

fn is_purl(text: &str) -> bool {
    text.len() <= 1024
        && text.starts_with("pkg:")
        && text.matches('/').count() > 0
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use seed_nix::ClosureEntry;

    use super::*;

    fn path(letter: char, name: &str) -> StorePath {
        format!("/nix/store/{}-{name}", letter.to_string().repeat(32))
            .parse()
            .unwrap()
    }

    fn packed(path: StorePath, node: Node<Vec<u8>>) -> PackedPath<Vec<u8>> {
        let nar = seed_nix::nar_hash(&node).unwrap();
        PackedPath {
            entry: ClosureEntry { path, nar },
            references: BTreeSet::new(),
            node,
        }
    }

    fn read(facts: &str, other: &str) -> Result<Facts, PackError> {
        let (app, lib) = (path('a', "app"), path('b', other));
        let support = Node::directory([("nix-seed.json", Node::file(false, facts))]);
        let closure = [
            packed(app.clone(), Node::directory([("nix-support", support)])),
            packed(lib, Node::directory([])),
        ];
        Facts::read(&closure.iter().collect::<Vec<_>>(), &[app].into())
    }

    #[test]
    fn reads_what_is_said_of_a_path() {
        let lib = path('b', "lib-1");
        let text = format!(
            r#"{{"paths":{{"{lib}":{{"licence":"MIT OR (Apache-2.0 WITH LLVM-exception)","sourceProvenance":["fromSource"]}}}}}}"#
        );
        let facts = read(&text, "lib-1").unwrap();
        assert_eq!(facts.paths[&lib].source_provenance, ["fromSource"]);
        assert_eq!(read("{}", "lib-1").unwrap(), Facts::default());
    }

    #[test]
    fn follows_links_within_the_closure_and_no_others() {
        let (app, text) = (path('a', "app"), path('f', "facts"));
        let read = |target: &str| {
            let link = Node::Symlink(target.as_bytes().to_vec());
            let support = Node::directory([("nix-seed.json", link)]);
            let closure = [
                packed(app.clone(), Node::directory([("nix-support", support)])),
                packed(text.clone(), Node::file(false, r#"{"paths":{}}"#)),
                packed(
                    path('b', "round"),
                    Node::Symlink(path('b', "round").to_string().into()),
                ),
            ];
            Facts::read(&closure.iter().collect::<Vec<_>>(), &[app.clone()].into())
        };
        assert_eq!(read(&text.to_string()).unwrap(), Facts::default());
        let round = path('b', "round").to_string();
        let outside = path('c', "else").to_string();
        for target in [
            "../x",
            "/etc/passwd",
            &outside,
            &round,
            &format!("{text}/../x"),
        ] {
            assert!(
                matches!(read(target), Err(PackError::Facts { .. })),
                "{target}"
            );
        }
    }

    #[test]
    fn refuses_what_may_not_be_passed_on() {
        let lib = path('b', "lib-1");
        let said = format!(
            r#"{{"paths":{{"{lib}":{{"redistributable":false,"licence":"LicenseRef-x"}}}}}}"#
        );
        let error = read(&said, "lib-1").unwrap_err();
        assert!(
            matches!(error, PackError::NotRedistributable { .. }),
            "{error}"
        );
        assert!(error.to_string().contains("LicenseRef-x"), "{error}");
        for name in [
            "MacOSX14.4.sdk",
            "apple-sdk-14",
            "Xcode.app",
            "msvc-17",
            "android-sdk-34",
        ] {
            let error = read("{}", name).unwrap_err();
            assert!(
                matches!(error, PackError::NotRedistributable { .. }),
                "{name}"
            );
        }
    }

    #[test]
    fn refuses_what_it_cannot_mean() {
        let lib = path('b', "lib-1");
        let of = |fact: &str| format!(r#"{{"paths":{{"{lib}":{fact}}}}}"#);
        for text in [
            "".to_owned(),
            "[]".to_owned(),
            r#"{"path":{}}"#.to_owned(),
            r#"{"paths":{"/etc/passwd":{}}}"#.to_owned(),
            format!(r#"{{"paths":{{"{}":{{}}}}}}"#, path('c', "else")),
            format!(r#"{{"paths":{{"{lib}":{{}},"{lib}":{{}}}}}}"#),
            r#"{"runner":{"node":{"a":"/x","a":"/x"}}}"#.to_owned(),
            of(r#"{"licence":"MIT","licence":"MIT"}"#),
            of(r#"{"license":"MIT"}"#),
            of(r#"{"licence":"see COPYING!"}"#),
            of(r#"{"purl":"nix/x"}"#),
        ] {
            assert!(
                matches!(read(&text, "lib-1"), Err(PackError::Facts { .. })),
                "{text}"
            );
        }
        let long = format!("{{}}{}", " ".repeat(1 << 20));
        assert!(read(&long, "lib-1").is_err());
    }

    #[test]
    fn knows_an_expression_from_prose() {
        for good in [
            "MIT",
            "GPL-2.0+",
            "(MIT)",
            "A AND (B OR C)",
            "DocumentRef-a:LicenseRef-b",
        ] {
            assert!(is_expression(good), "{good}");
        }
        for bad in [
            "",
            "MIT GPL",
            "AND",
            "MIT AND",
            "(MIT",
            "MIT)",
            "a, b",
            "()",
            "MIT  OR A",
            "MIT (A)",
        ] {
            assert!(!is_expression(bad), "{bad}");
        }
    }
}
