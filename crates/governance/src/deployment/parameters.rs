use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, B256};
use seed_primitives::{DeployedFederation, Environment, SafeOwners, bytes32_text};
use serde::Deserialize;

use crate::{Fault, commands::decode::read};

const MAX_FILE: u64 = 1 << 20;

/// The configuration file of a deployment.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    environment: Environment,
    chain_id: u64,
    #[serde(with = "bytes32_text")]
    salt: B256,
    delay: u64,
    federation: PathBuf,
    proposer: SafeOwners,
    guardian: SafeOwners,
    #[serde(default)]
    development_on_public_chain: bool,
}

/// What is to be deployed: read, complete, and not yet judged ([`unsafe_parameters`](super::unsafe_parameters)).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Parameters {
    /// How strictly to judge.
    pub environment: Environment,
    /// The chain this is meant for.
    pub chain_id: u64,
    /// Makes the addresses different from those of another deployment with the same parameters.
    pub salt: B256,
    /// The timelock's delay in seconds.
    pub delay: u64,
    /// Who owns the Safe that proposes.
    pub proposer: SafeOwners,
    /// Who owns the guardian Safe.
    pub guardian: SafeOwners,
    /// Whether a development deployment is meant to be on a chain that others use.
    pub development_on_public_chain: bool,
    /// The federation with names.
    pub federation: DeployedFederation,
    /// The configuration bytes of the rules.
    pub configuration: Vec<u8>,
}

impl Parameters {
    /// Reads the configuration file and the federation file it names (relative to it).
    ///
    /// # Errors
    /// When a file cannot be read or is not in its form, or the federation is refused by its own check.
    pub fn load(path: &Path) -> Result<Self, Fault> {
        let what = "the deployment's configuration";
        let file: File = toml::from_str(&text(what, path)?)
            .map_err(|error| Fault::file(what, path, error.message()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let federation = folder.join(&file.federation);
        let (read, federation, configuration) =
            super::configuration::federation(&federation, &text("the federation", &federation)?)?;
        let named = [
            ("proposers", &read.governance.proposers, &file.proposer),
            ("guardians", &read.governance.guardians, &file.guardian),
        ];
        for (role, named, safe) in named {
            if !named.is_empty() && !same(named, &safe.owners) {
                let why = format!(
                    "`governance.{role}` of the federation file are not the owners given here"
                );
                return Err(Fault::file(what, path, why));
            }
        }
        Ok(Self {
            environment: file.environment,
            chain_id: file.chain_id,
            salt: file.salt,
            delay: file.delay,
            proposer: file.proposer,
            guardian: file.guardian,
            development_on_public_chain: file.development_on_public_chain,
            federation,
            configuration,
        })
    }
}

/// Whether two lists name the same accounts.
fn same(one: &[Address], other: &[Address]) -> bool {
    let set = |list: &[Address]| list.iter().copied().collect::<BTreeSet<_>>();
    set(one) == set(other)
}

/// The text of a file of at most a mebibyte.
pub(crate) fn text(what: &'static str, path: &Path) -> Result<String, Fault> {
    String::from_utf8(read(what, path, MAX_FILE)?)
        .map_err(|_| Fault::file(what, path, "it is not UTF-8"))
}
