use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use seed_nix::{NarHash, StorePath};
use seed_primitives::{System, Target};
use serde::{Deserialize, Serialize};

use crate::Error;

/// One build.
#[derive(Clone, Copy, Debug)]
pub struct BuildOrder<'a> {
    /// The directory of the flake.
    pub flake: &'a Path,
    /// Its NAR hash.
    pub nar: &'a NarHash,
    /// What of it to build.
    pub target: &'a Target,
    /// For which system.
    pub system: &'a System,
    /// A directory that becomes a store of its own.
    pub store: &'a Path,
    /// The file for everything Nix says.
    pub log: &'a Path,
    /// How long it may take.
    pub limit: Duration,
    /// Where to leave what the kernel tells of the programs that are started, if it is to be watched.
    pub sightings: Option<&'a Path>,
}

impl BuildOrder<'_> {
    /// That Nix could not do it.
    pub(super) fn failed(&self, reason: String) -> Error {
        Error::Build {
            target: self.target.to_string(),
            system: self.system.to_string(),
            reason,
        }
    }
}

/// What a build gave.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Built {
    /// The derivation the target evaluates to.
    pub derivation: String,
    /// Its outputs by name.
    pub outputs: BTreeMap<String, String>,
}

impl Built {
    /// The output paths.
    ///
    /// # Errors
    /// When one of them is not a store path.
    pub fn paths(&self) -> Result<BTreeSet<StorePath>, Error> {
        self.outputs.values().map(|path| parse_path(path)).collect()
    }

    /// The derivation.
    ///
    /// # Errors
    /// When it is not a store path.
    pub fn derivation(&self) -> Result<StorePath, Error> {
        parse_path(&self.derivation)
    }
}

fn parse_path(text: &str) -> Result<StorePath, Error> {
    text.parse().map_err(|_| Error::NixAnswer {
        command: "nix build --json",
        reason: format!("`{}` is no store path", text.escape_debug()),
    })
}
