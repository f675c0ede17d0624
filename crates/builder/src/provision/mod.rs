//! Sources before the build: everything that is fixed by a hash is put into the fresh store by that hash, so that
//! evaluation and build need no network.

mod archive;
mod download;
mod folder;
mod mirrors;
mod stage;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use seed_nix::{FixedSource, Step, StorePath};
use serde::{Deserialize, Serialize};

use crate::{Error, Nix, progress::say};
use download::Downloader;
use mirrors::Mirrors;
pub(crate) use mirrors::parse_mirrors;
use stage::Found;

/// Where sources may come from. Nothing of it is trusted: a source counts by its hash alone.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    /// Folders with sources, looked at in this order.
    pub(crate) folders: Vec<PathBuf>,
    /// Whether the places that a derivation names may be asked.
    pub(crate) fetch: bool,
    /// Mirrors by the name that `mirror://` URLs use.
    pub(crate) mirrors: BTreeMap<String, Vec<String>>,
    /// The most bytes of one source.
    pub(crate) max_bytes: u64,
    /// How long one download may take.
    pub(crate) limit: Duration,
    /// Where downloads are kept; looked at before everything else.
    pub(crate) downloads: PathBuf,
}

/// One source that was put into a store.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Provisioned {
    /// Its store path.
    pub(crate) path: String,
    /// What it was required to hash to.
    pub(crate) hash: String,
    /// What asked for it.
    pub(crate) origin: String,
    /// The file, folder or URL it came from.
    pub(crate) from: String,
}

/// A source that could not be had.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{origin} needs a source with {hash}{urls}; looked for: {tried}; put it at {place}",
    urls = named(.urls), tried = listed(.tried), place = .place.display()
)]
pub struct MissingSource {
    /// What asks for it.
    pub origin: String,
    /// What it must hash to, as `sha256-<base64>`, and over what.
    pub hash: String,
    /// Where it can be had, as its author says.
    pub urls: Vec<String>,
    /// Where it was looked for and what was there.
    pub tried: Vec<String>,
    /// Where it is to be put.
    pub place: PathBuf,
    /// Whether something was found that is not it.
    pub mismatch: bool,
}

fn named(urls: &[String]) -> String {
    match urls {
        [] => String::new(),
        [one] => format!(" from {one}"),
        [first, rest @ ..] => format!(" from {first} or {} other places", rest.len()),
    }
}

fn listed(tried: &[String]) -> String {
    if tried.is_empty() {
        return "nowhere, as no folder of sources is given and nothing may be fetched".to_owned();
    }
    tried.join(", ")
}

/// Puts sources into the store at `store`.
pub(crate) struct Provision<'a> {
    nix: &'a Nix,
    store: &'a Path,
    sources: &'a Sources,
    done: Vec<Provisioned>,
}

impl<'a> Provision<'a> {
    pub(crate) const fn new(nix: &'a Nix, store: &'a Path, sources: &'a Sources) -> Self {
        Self {
            nix,
            store,
            sources,
            done: Vec::new(),
        }
    }

    /// What was put into the store so far.
    pub(crate) fn done(self) -> Vec<Provisioned> {
        self.done
    }

    /// Every locked input of a flake.
    pub(crate) async fn inputs(&mut self, inputs: &[FixedSource]) -> Result<(), Error> {
        for input in inputs {
            self.require(input).await?;
        }
        Ok(())
    }

    /// Every fixed output that the last of `steps` needs: one whose builder fetches must be had, any other is
    /// left to its builder unless a folder has it. What lies behind a source that was found is not needed.
    pub(crate) async fn graph(&mut self, steps: &[Step]) -> Result<(), Error> {
        let mut wanted: BTreeSet<&StorePath> =
            steps.last().map(|step| &step.path).into_iter().collect();
        let mirrors = Mirrors::new(&self.sources.mirrors, steps);
        for step in steps.iter().rev() {
            if !wanted.contains(&step.path) {
                continue;
            }
            let found = match step.source()? {
                Some(mut source) if source.fetched => {
                    source.urls = mirrors.explain(step, &source.urls);
                    self.require(&source).await?;
                    true
                }
                Some(source) => self.take(&source, &mut Vec::new()).await?,
                None => false,
            };
            if !found {
                wanted.extend(&step.input_derivations);
            }
        }
        Ok(())
    }

    async fn require(&mut self, source: &FixedSource) -> Result<(), Error> {
        let mut tried = Vec::new();
        if self.take(source, &mut tried).await? {
            return Ok(());
        }
        if self.sources.fetch && self.download(source, &mut tried).await? {
            return Ok(());
        }
        let kind = if source.address.is_recursive() {
            "of a file tree"
        } else {
            "of a file"
        };
        let folder = self.sources.folders.first();
        let folder = folder.map_or_else(|| PathBuf::from("SOURCES"), Clone::clone);
        Err(Error::Source(Box::new(MissingSource {
            origin: source.origin.to_string(),
            hash: format!("the hash {} {kind}", source.address.sri()),
            urls: source.urls.clone(),
            mismatch: tried.iter().any(|place| place.ends_with(WRONG)),
            tried,
            place: folder.join(source.address.hex()),
        })))
    }

    /// Looks in the folders; what is found and right is added to the store.
    async fn take(&mut self, source: &FixedSource, tried: &mut Vec<String>) -> Result<bool, Error> {
        let own = [self.sources.downloads.clone()];
        for place in folder::candidates(own.iter().chain(&self.sources.folders), source)? {
            let from = place.display().to_string();
            match self.add(source, &place, &from).await? {
                None => return Ok(true),
                Some(why) => tried.push(format!("{from}{why}")),
            }
        }
        let missing = self.sources.folders.iter();
        tried.extend(missing.map(|folder| folder.display().to_string()));
        Ok(false)
    }

    async fn download(
        &mut self,
        source: &FixedSource,
        tried: &mut Vec<String>,
    ) -> Result<bool, Error> {
        let downloader = Downloader::new(self.sources)?;
        for url in &source.urls {
            let file = self.sources.downloads.join(source.address.hex());
            match downloader.get(url, &file).await? {
                Err(why) => tried.push(format!("{url} ({why})")),
                Ok(()) => match self.add(source, &file, url).await? {
                    None => return Ok(true),
                    Some(why) => {
                        // What is kept is right, or it would hide a better place.
                        download::discard(&file)?;
                        tried.push(format!("{url}{why}"));
                    }
                },
            }
        }
        Ok(false)
    }

    /// Adds what lies at `place`, if it has the promised contents; otherwise says what is wrong with it.
    async fn add(
        &mut self,
        source: &FixedSource,
        place: &Path,
        from: &str,
    ) -> Result<Option<String>, Error> {
        let (limit, work) = (self.sources.max_bytes, &self.sources.downloads);
        let staged = match stage::stage(source, place, limit, work)? {
            Found::Right(staged) => staged,
            Found::Other => return Ok(Some(WRONG.to_owned())),
            Found::NoTree(None) => return Ok(Some(format!("{NO_TREE}; {ADVICE}"))),
            Found::NoTree(Some(why)) => {
                return Ok(Some(format!("{NO_TREE}, for {why}; {ADVICE}")));
            }
        };
        let added = self
            .nix
            .add_fixed(self.store, &staged.path(), &source.address)
            .await?;
        if added != source.path {
            return Err(Error::NixAnswer {
                command: "nix-store --add-fixed",
                reason: format!("it made {added} instead of {}", source.path),
            });
        }
        say(&format!("source  {} from {from}", source.path));
        self.done.push(Provisioned {
            path: source.path.to_string(),
            hash: source.address.as_ca().to_nix_string(),
            origin: source.origin.to_string(),
            from: from.to_owned(),
        });
        Ok(None)
    }
}

/// Said of what was found and is something else.
const WRONG: &str = ", which is something else";
/// Said of a file where a tree is wanted.
const NO_TREE: &str = ", which does not unpack to it";
/// What to do about that.
const ADVICE: &str = "unpack it as the derivation would";
