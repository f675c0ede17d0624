use std::collections::BTreeMap;

use thiserror::Error;

use super::Provider;

/// The files of the registry.
const FILES: [&str; 18] = [
    include_str!("../../providers/aws.toml"),
    include_str!("../../providers/aws-codebuild.toml"),
    include_str!("../../providers/azure.toml"),
    include_str!("../../providers/azure-pipelines.toml"),
    include_str!("../../providers/buildkite.toml"),
    include_str!("../../providers/circleci.toml"),
    include_str!("../../providers/codeberg.toml"),
    include_str!("../../providers/digitalocean.toml"),
    include_str!("../../providers/garnix.toml"),
    include_str!("../../providers/github-actions.toml"),
    include_str!("../../providers/gitlab.toml"),
    include_str!("../../providers/google-cloud.toml"),
    include_str!("../../providers/google-cloud-build.toml"),
    include_str!("../../providers/hetzner.toml"),
    include_str!("../../providers/oracle-cloud.toml"),
    include_str!("../../providers/ovh.toml"),
    include_str!("../../providers/scaleway.toml"),
    include_str!("../../providers/sourcehut.toml"),
];

/// The registry of providers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Providers(BTreeMap<String, Provider>);

/// Why the files of a registry are none.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
pub enum ProvidersError {
    /// A file is not in its form.
    #[error("a provider file is not in its form: {0}")]
    Form(String),
    /// Two files have one name.
    #[error("the provider {0} is there twice")]
    Twice(String),
}

impl Providers {
    /// The registry this program was built with.
    ///
    /// # Errors
    /// As [`Self::read`]; a test of this crate keeps that from happening.
    pub fn embedded() -> Result<Self, ProvidersError> {
        Self::read(FILES)
    }

    /// Reads the files of a registry.
    ///
    /// # Errors
    /// [`ProvidersError`]: a file is not in its form, or two have one name.
    pub fn read<'a>(files: impl IntoIterator<Item = &'a str>) -> Result<Self, ProvidersError> {
        let mut all = BTreeMap::new();
        for file in files {
            let provider: Provider = toml::from_str(file)
                .map_err(|error| ProvidersError::Form(error.message().to_owned()))?;
            if let Some(fault) = provider.fault() {
                return Err(ProvidersError::Form(format!("{}: {fault}", provider.name)));
            }
            if let Some(twice) = all.insert(provider.name.clone(), provider) {
                return Err(ProvidersError::Twice(twice.name));
            }
        }
        Ok(Self(all))
    }

    /// A provider by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Provider> {
        self.0.get(name)
    }

    /// All providers, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.values()
    }

    /// The providers of compute that run the machines called `infrastructure`.
    pub fn operators(&self, infrastructure: &str) -> impl Iterator<Item = &Provider> {
        let own = self.get(infrastructure).into_iter();
        own.filter(move |one| {
            let fact = one.infrastructure.as_ref();
            fact.is_some_and(|fact| fact.values.iter().any(|value| value == infrastructure))
        })
    }

    /// The first provider whose service for keys is called `custody`.
    #[must_use]
    pub fn keeper(&self, custody: &str) -> Option<&Provider> {
        self.iter().find(|one| {
            let fact = one.custody.as_ref();
            fact.is_some_and(|fact| fact.values.iter().any(|value| value == custody))
        })
    }
}
