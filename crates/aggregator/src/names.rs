use std::{collections::BTreeMap, path::Path};

use seed_primitives::{BuilderId, shown};
use serde::Deserialize;

use crate::{Fault, file};

const MAX_BYTES: u64 = 1 << 20;

/// What people call the builders, from a deployment's JSON file. Decoration only: nothing is decided by it.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeMap<BuilderId, String>);

#[derive(Deserialize)]
struct Deployment {
    federation: Federation,
}

#[derive(Deserialize)]
struct Federation {
    builders: Vec<Builder>,
}

#[derive(Deserialize)]
struct Builder {
    address: BuilderId,
    name: String,
}

impl Names {
    /// Reads `federation.builders[].{address, name}`.
    ///
    /// # Errors
    /// When the file cannot be read or holds nothing of the kind.
    pub fn load(path: &Path) -> Result<Self, Fault> {
        let bytes = file::read("the names", path, MAX_BYTES)?;
        let deployment: Deployment =
            serde_json::from_slice(&bytes).map_err(|error| Fault::File {
                what: "the names",
                file: path.to_owned(),
                why: error.to_string(),
            })?;
        let builders = deployment.federation.builders.into_iter();
        Ok(Self(
            builders
                .map(|one| (one.address, shown(&one.name)))
                .collect(),
        ))
    }

    /// The name of a builder, fit for a terminal.
    #[must_use]
    pub fn get(&self, builder: &BuilderId) -> Option<&str> {
        self.0.get(builder).map(String::as_str)
    }

    /// `name (0x…)`, or the address alone.
    #[must_use]
    pub fn describe(&self, builder: &BuilderId) -> String {
        match self.get(builder) {
            Some(name) => format!("{name} ({builder})"),
            None => builder.to_string(),
        }
    }
}
