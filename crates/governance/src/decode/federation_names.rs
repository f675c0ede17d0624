use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256};
use seed_primitives::{Deployment, Digest};

use crate::{
    federation::{Federation, FederationError},
    output::shown,
};

/// Names of builders and of their failure domains, with the hash that ties them to rules.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FederationNames {
    pub(super) digest: B256,
    pub(super) builders: BTreeMap<Address, Named>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) domains: BTreeSet<String>,
}

impl Named {
    fn new(name: &str, domains: impl IntoIterator<Item = String>) -> Self {
        Self {
            name: shown(name),
            domains: domains.into_iter().map(|one| shown(&one)).collect(),
        }
    }
}

impl FederationNames {
    /// The names in a federation file. Rules know it by its SHA-256, so that it names the builders of no others.
    ///
    /// # Errors
    /// [`FederationError`].
    pub fn read(text: &str) -> Result<Self, FederationError> {
        let file = Federation::read(text)?;
        let builders = file.builders.iter();
        Ok(Self {
            digest: B256::new(*Digest::of(text.as_bytes()).as_bytes()),
            builders: builders
                .map(|one| {
                    (
                        one.address.address(),
                        Named::new(&one.name, one.domain_names()),
                    )
                })
                .collect(),
        })
    }

    /// The names in a deployment file, if it says which federation file they are from.
    #[must_use]
    pub fn of_deployment(deployment: &Deployment) -> Option<Self> {
        let federation = &deployment.federation;
        let builders = federation.builders.iter();
        Some(Self {
            digest: federation.sha256?,
            builders: builders
                .map(|one| {
                    (
                        one.address.address(),
                        Named::new(&one.name, one.domains.clone()),
                    )
                })
                .collect(),
        })
    }
}
