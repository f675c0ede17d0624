use alloy_primitives::{Address, B256};
use seed_primitives::{BuilderId, Digest, System, parse_address};
use serde::Deserialize;

use super::{Compiled, FederationError, blocs_of};

/// The most bytes of a federation file.
pub const MAX_FEDERATION_BYTES: u64 = 1 << 20;
/// The longest name of a builder or a domain.
const MAX_NAME: usize = 100;

/// A federation file: TOML, strict. What a person reads and what the rules hold are the same file, because the rules
/// carry its SHA-256.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Federation {
    /// How many independent builders each system needs.
    pub threshold: u8,
    /// The systems, strictly ascending.
    pub systems: Vec<System>,
    /// The builders, in the order of their index.
    pub builders: Vec<Builder>,
    /// Who governs, so that nobody does both.
    #[serde(default)]
    pub governance: Governance,
    #[serde(skip)]
    digest: B256,
}

/// One builder, with everything it may fail together with.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Builder {
    /// Its name.
    pub name: String,
    /// Its signing address.
    pub address: BuilderId,
    /// The systems it builds; all of them where the field is absent.
    pub systems: Option<Vec<System>>,
    /// The company that owns it, in the end.
    pub parent: Option<String>,
    /// The countries it answers to, as two lower-case letters (ISO 3166-1).
    #[serde(default)]
    pub jurisdictions: Vec<String>,
    /// Who runs the machines it builds on.
    #[serde(default)]
    pub infrastructure: Vec<String>,
    /// Who issues the identity it signs in with.
    pub issuer: Option<String>,
    /// Who keeps its key.
    pub custody: Option<String>,
    /// The CI or compute provider it builds with, as named in the registry of providers.
    pub provider: Option<String>,
    /// Anything else it may fail together with, by name.
    #[serde(default)]
    pub domains: Vec<String>,
}

/// The owners of the two Safes.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Governance {
    /// Who proposes to the timelock.
    #[serde(default, deserialize_with = "addresses")]
    pub proposers: Vec<Address>,
    /// Who owns the guardian.
    #[serde(default, deserialize_with = "addresses")]
    pub guardians: Vec<Address>,
}

impl Federation {
    /// Reads a federation file.
    ///
    /// # Errors
    /// [`FederationError`]: it is not in its form, or names what cannot be.
    pub fn read(text: &str) -> Result<Self, FederationError> {
        let mut federation: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| {
                let before = text.get(..span.start).unwrap_or_default();
                before.matches('\n').count() + 1
            });
            FederationError::Form {
                line,
                why: error.message().to_owned(),
            }
        })?;
        federation.digest = B256::new(*Digest::of(text.as_bytes()).as_bytes());
        for builder in &federation.builders {
            builder.check(&federation.systems)?;
        }
        Ok(federation)
    }

    /// SHA-256 of the file, as in the rules.
    #[must_use]
    pub const fn digest(&self) -> B256 {
        self.digest
    }

    /// The rules this file stands for, every check of their constructor repeated.
    ///
    /// # Errors
    /// [`FederationError`] where they cannot be, with the check that fails.
    pub fn compile(&self) -> Result<Compiled, FederationError> {
        Compiled::new(self)
    }
}

impl Builder {
    /// Every failure domain by name, in a fixed order and each once: the free ones, then the named facts by kind.
    /// Jurisdictions bring their blocs along.
    #[must_use]
    pub fn domain_names(&self) -> Vec<String> {
        let mut names = self.domains.clone();
        let mut add = |kind: &str, value: &str| names.push(format!("{kind} {value}"));
        self.parent.iter().for_each(|one| add("parent", one));
        for one in &self.jurisdictions {
            add("jurisdiction", one);
        }
        for one in &self.jurisdictions {
            blocs_of(one).for_each(|bloc| add("bloc", bloc.name));
        }
        for one in &self.infrastructure {
            add("infrastructure", one);
        }
        self.issuer.iter().for_each(|one| add("issuer", one));
        self.custody.iter().for_each(|one| add("custody", one));
        let mut once = Vec::new();
        for name in names {
            if !once.contains(&name) {
                once.push(name);
            }
        }
        once
    }

    fn check(&self, systems: &[System]) -> Result<(), FederationError> {
        let malformed = |what: &'static str, value: &str| FederationError::Builder {
            builder: self.name.clone(),
            what,
            value: value.to_owned(),
        };
        if !is_name(&self.name) {
            return Err(malformed("name", &self.name));
        }
        for name in self.domain_names() {
            if !is_name(&name) {
                return Err(malformed("domain", &name));
            }
        }
        for one in &self.jurisdictions {
            if one.len() != 2 || !one.bytes().all(|byte| byte.is_ascii_lowercase()) {
                return Err(malformed("jurisdiction (two lower-case letters)", one));
            }
        }
        let known = |system: &&System| !systems.contains(system);
        match self.systems.iter().flatten().find(known) {
            Some(system) => Err(malformed("system, which is not listed", system.as_str())),
            None => Ok(()),
        }
    }
}

/// A name that reads the same for everybody: printable ASCII without a space at either end.
fn is_name(text: &str) -> bool {
    let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    printable && (1..=MAX_NAME).contains(&text.len()) && text.trim() == text
}

fn addresses<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Address>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let read = texts.iter().map(|text| parse_address(text));
    read.collect::<Result<_, _>>()
        .map_err(serde::de::Error::custom)
}
