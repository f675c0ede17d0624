use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ffi::OsString,
    fs::{self, File},
    path::{Component, Path, PathBuf},
};

use seed_nix::Step;
use seed_primitives::Digest;
use serde::{Deserialize, Serialize};

use super::{Census, Origin, Program, sightings::digest_of};
use crate::{AuditReport, Error, Leaf, LeafFinding, Verdict, audit::needed};

/// Why a program may have been started.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Explanation {
    /// It is one of the allowed beginnings.
    Seed,
    /// It is what an audited output holds: built from source.
    Built,
    /// It is a source, and text: a script, whose interpreter is a program of its own in the list.
    Text,
    /// The build made it and did not keep it, and it is nothing that the scan found among the sources.
    Made,
    /// It drove the build from outside of every sandbox.
    Driver,
    /// Nothing explains it.
    Unexplained,
}

/// A program, and why it may have been started.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Explained {
    /// Its path, as in the census.
    pub path: String,
    /// SHA-256 of the file.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Why.
    pub why: Explanation,
}

/// What the audit makes of a census.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CensusVerdict {
    /// Every program that was started, in the order of the census.
    pub programs: Vec<Explained>,
    /// Mount points of file systems that the kernel would not watch.
    pub unwatched: Vec<String>,
    /// What nothing explains, one sentence each.
    pub violations: Vec<String>,
}

impl CensusVerdict {
    /// How many programs are explained by `why`.
    #[must_use]
    pub fn count(&self, why: Explanation) -> usize {
        let same = |program: &&Explained| program.why == why;
        self.programs.iter().filter(same).count()
    }
}

/// Holds a census against the audit of the same build in the store at `store`: each program that was started must
/// be built from source, a text among the sources, or an allowed seed.
///
/// # Errors
/// [`Error::Census`] when the census is of another build, or lacks the builder of a derivation that was built: then
/// it is not known what ran. What nothing explains is in the verdict.
pub fn judge(
    census: &Census,
    report: &AuditReport,
    steps: &[Step],
    store: &Path,
) -> Result<CensusVerdict, Error> {
    if census.derivation != report.derivation {
        return Err(Error::Census(format!(
            "it is of {}, and the audit of {}",
            census.derivation, report.derivation
        )));
    }
    is_whole(census, steps, store)?;
    let known = Known::of(report);
    let mut violations = Vec::new();
    let mut programs = Vec::with_capacity(census.programs.len());
    for program in &census.programs {
        let why = known.explain(program, store)?.unwrap_or_else(|violation| {
            violations.push(violation);
            Explanation::Unexplained
        });
        programs.push(Explained {
            path: program.path.clone(),
            digest: program.digest,
            size: program.size,
            why,
        });
    }
    Ok(CensusVerdict {
        programs,
        unwatched: census.unwatched.clone(),
        violations,
    })
}

/// Each derivation that had to be built started its builder: a census that lacks one saw too little.
fn is_whole(census: &Census, steps: &[Step], store: &Path) -> Result<(), Error> {
    let inside = |program: &&Program| matches!(program.origin, Origin::Store | Origin::Made);
    let started = census.programs.iter().filter(inside);
    let started: BTreeSet<Digest> = started.map(|program| program.digest).collect();
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for step in needed(steps) {
        if step.fixed.is_some() || !step.builder.starts_with('/') || !known.insert(&step.builder) {
            continue;
        }
        let digest = digest_at(&resolved(store, &step.builder))?;
        if !started.contains(&digest) {
            return Err(Error::Census(format!(
                "nothing was seen of {}, which builds {}, so other programs may be missing too",
                step.builder, step.path
            )));
        }
    }
    Ok(())
}

/// What the audit knows of the store.
struct Known<'a> {
    leaves: BTreeMap<&'a str, &'a Leaf>,
    outputs: BTreeSet<&'a str>,
    findings: BTreeMap<Digest, (&'a Leaf, &'a LeafFinding)>,
}

impl<'a> Known<'a> {
    fn of(report: &'a AuditReport) -> Self {
        let leaves = report.leaves.iter();
        let all = leaves
            .clone()
            .flat_map(|leaf| leaf.findings.iter().map(move |found| (leaf, found)));
        Self {
            leaves: leaves.map(|leaf| (leaf.path.as_str(), leaf)).collect(),
            outputs: report
                .outputs
                .iter()
                .map(|output| output.path.as_str())
                .collect(),
            findings: all
                .map(|(leaf, found)| (found.digest, (leaf, found)))
                .collect(),
        }
    }

    /// Why `program` may have been started, or the sentence that nothing explains it.
    fn explain(
        &self,
        program: &Program,
        store: &Path,
    ) -> Result<Result<Explanation, String>, Error> {
        let Program { path, digest, .. } = program;
        match program.origin {
            Origin::Driver => return Ok(Ok(Explanation::Driver)),
            Origin::Unconfined => {
                return Ok(Err(format!("{path} ({digest}) ran outside of the sandbox")));
            }
            Origin::Foreign => {
                return Ok(Err(format!(
                    "{path} ({digest}) ran in the sandbox, is not in the store and is older than the \
                     build: a file of this machine"
                )));
            }
            Origin::Store | Origin::Made => {}
        }
        if let Some((leaf, found)) = self.findings.get(digest) {
            return Ok(judged(path, leaf, found));
        }
        if program.origin == Origin::Made {
            return Ok(Ok(Explanation::Made));
        }
        let Some((base, inside)) = split(path) else {
            return Ok(Err(format!("{path} ({digest}) ran, and is no store path")));
        };
        let same = digest_at(&store.join(path.trim_start_matches('/')))? == *digest;
        if let Some(leaf) = self.leaves.get(base) {
            if !same {
                let why = "ran, and the store holds other bytes under that name";
                return Ok(Err(format!("{path} ({digest}) {why}")));
            }
            let found = leaf.findings.iter().find(|found| is_in(found, inside));
            return Ok(match found {
                Some(found) => judged(path, leaf, found),
                None => Ok(Explanation::Text),
            });
        }
        if !self.outputs.contains(base) {
            return Ok(Err(format!(
                "{path} ({digest}) ran, and was not audited: nothing that the seed needs made it"
            )));
        }
        // An output may be changed in place after it ran, while it is still being made.
        let why = if same {
            Explanation::Built
        } else {
            Explanation::Made
        };
        Ok(Ok(why))
    }
}

fn judged(path: &str, leaf: &Leaf, found: &LeafFinding) -> Result<Explanation, String> {
    let verdict = match found.verdict {
        Verdict::Seed => return Ok(Explanation::Seed),
        Verdict::Inert => "held to be inert",
        Verdict::Unexplained => "unexplained",
        Verdict::Opaque => "opaque",
        Verdict::Unscanned => "unscanned",
    };
    let place = if found.location.is_empty() {
        String::new()
    } else {
        format!("/{}", found.location)
    };
    Err(format!(
        "{path} ran, and is {} that is {verdict}: {}{place} ({})",
        found.kind, leaf.path, found.digest
    ))
}

/// Whether a finding is about the file `inside` its leaf, or something in that file.
fn is_in(found: &LeafFinding, inside: &str) -> bool {
    let rest = found.location.strip_prefix(inside);
    rest.is_some_and(|rest| rest.is_empty() || inside.is_empty() || rest.starts_with("!/"))
}

/// A store path and what of `path` is inside it.
fn split(path: &str) -> Option<(&str, &str)> {
    let name = path.strip_prefix("/nix/store/")?;
    match name.find('/') {
        Some(at) => Some((path.get(.."/nix/store/".len() + at)?, name.get(at + 1..)?)),
        None => Some((path, "")),
    }
}

fn digest_at(path: &Path) -> Result<Digest, Error> {
    let read = File::open(path).and_then(digest_of);
    Ok(read.map_err(Error::file("hash", path))?.0)
}

/// How many links may be followed.
const MAX_LINKS: usize = 40;

/// Where the store path `path` is on disk once every link in it was followed inside the store at `root`.
fn resolved(root: &Path, path: &str) -> PathBuf {
    let mut todo: VecDeque<OsString> = names(Path::new(path)).collect();
    let (mut done, mut links) = (PathBuf::new(), 0);
    while let Some(name) = todo.pop_front() {
        if name == ".." {
            done.pop();
            continue;
        }
        match fs::read_link(root.join(&done).join(&name)) {
            Ok(target) if links < MAX_LINKS => {
                links += 1;
                if target.is_absolute() {
                    done.clear();
                }
                for part in names(&target).collect::<Vec<_>>().into_iter().rev() {
                    todo.push_front(part);
                }
            }
            _ => done.push(name),
        }
    }
    root.join(done)
}

/// The names in a path, `..` among them.
fn names(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_store_path_is_told_from_what_is_inside() {
        assert_eq!(split("/nix/store/x-a"), Some(("/nix/store/x-a", "")));
        let inside = split("/nix/store/x-a/bin/a");
        assert_eq!(inside, Some(("/nix/store/x-a", "bin/a")));
        assert_eq!(split("/build/a"), None);
    }

    #[test]
    fn a_finding_is_in_its_own_file_only() {
        let found = |location: &str| LeafFinding {
            location: location.to_owned(),
            kind: "elf".to_owned(),
            digest: Digest::of(b"x"),
            size: 1,
            verdict: Verdict::Inert,
        };
        for (location, inside) in [("", ""), ("a!/b", "a"), ("a", "a"), ("member", "")] {
            assert!(is_in(&found(location), inside), "{location} in {inside}");
        }
        for (location, inside) in [("ab", "a"), ("a/b", "a"), ("b", "a"), ("", "a")] {
            assert!(!is_in(&found(location), inside), "{location} in {inside}");
        }
    }

    #[test]
    fn links_are_followed_inside_the_store_and_not_for_ever() {
        let root = tempfile::tempdir().unwrap();
        let store = root.path().join("nix/store");
        fs::create_dir_all(store.join("x-bash/bin")).unwrap();
        fs::write(store.join("x-bash/bin/bash"), "x").unwrap();
        symlink("bash", store.join("x-bash/bin/sh")).unwrap();
        symlink("/nix/store/x-bash", store.join("x-shell")).unwrap();
        symlink("x-circle", store.join("x-circle")).unwrap();
        let found = resolved(root.path(), "/nix/store/x-shell/bin/../bin/sh");
        assert_eq!(found, store.join("x-bash/bin/bash"));
        let circle = resolved(root.path(), "/nix/store/x-circle");
        assert!(digest_at(&circle).is_err());
    }
}
