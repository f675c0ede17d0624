use std::path::PathBuf;

use seed_attestation::Domain;
use seed_oci::Repository;

use crate::{Error, Key, NixVersion, Settings, progress::say, publish, state};

/// Everything that signing and publishing need, read before the long work begins.
pub(super) struct Signing {
    pub(super) key: Key,
    pub(super) domain: Domain,
    pub(super) rules: alloy_primitives::Address,
    pub(super) places: Vec<seed_oci::Place>,
    pub(super) tag: Option<seed_oci::Tag>,
    pub(super) out: Option<PathBuf>,
    pub(super) journal: Option<PathBuf>,
}

impl Signing {
    /// Whether this key must not sign what `version` built: also when it was built by an earlier run.
    pub(super) fn forbids(&self, version: NixVersion, settings: &Settings) -> bool {
        version.refusal().is_some() && !self.key.is_development() && !settings.development
    }

    /// The places to publish to, opened for writing.
    pub(super) fn repositories(&self) -> Result<Vec<Repository>, Error> {
        self.places.iter().map(publish::open).collect()
    }

    pub(super) fn prepare(settings: &Settings) -> Result<Self, Error> {
        let out = match &settings.out {
            Some(path) => Some(std::path::absolute(path).map_err(Error::file("write", path))?),
            None => None,
        };
        if let Some(parent) = out
            .as_deref()
            .map(state::parent)
            .filter(|parent| !parent.is_dir())
        {
            let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(Error::file("write into", parent)(missing));
        }
        let (domain, rules, places, tag) = (
            settings.domain()?,
            settings.rules()?,
            settings.places()?,
            settings.tag()?,
        );
        let key = Key::open(&settings.key()?)?;
        if key.is_development() {
            say("WARNING the key is not encrypted; it can protect nothing");
        }
        Ok(Self {
            key,
            domain,
            rules,
            places,
            tag,
            out,
            journal: settings.journal.clone(),
        })
    }
}
