use std::{fmt, str::FromStr};

use super::SourceError;

const LONGEST: usize = 2048;

/// A key of AWS KMS: its id, its ARN, or an alias.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AwsKey(String);

impl AwsKey {
    /// As the service takes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The region, where the key is named by its ARN: `arn:aws:kms:REGION:ACCOUNT:key/ID`.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        let mut parts = self.0.split(':');
        let arn = parts.next() == Some("arn");
        let region = parts.nth(2)?;
        (arn && !region.is_empty()).then_some(region)
    }
}

impl FromStr for AwsKey {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = |letter: char| {
            letter.is_ascii_alphanumeric() || matches!(letter, ':' | '/' | '_' | '-')
        };
        match !text.is_empty() && text.len() <= LONGEST && text.chars().all(known) {
            true => Ok(Self(text.to_owned())),
            false => Err(SourceError::AwsKey(text.to_owned())),
        }
    }
}

impl fmt::Display for AwsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One version of a key of Google Cloud KMS: versions do not change, keys do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GcpKeyVersion {
    /// The project.
    pub project: String,
    /// Where it is kept, such as `global`.
    pub location: String,
    /// The key ring.
    pub ring: String,
    /// The key.
    pub key: String,
    /// Its version.
    pub version: u64,
}

impl FromStr for GcpKeyVersion {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || SourceError::GcpKey(text.to_owned());
        let parts: Vec<_> = text.split('/').collect();
        let [
            "projects",
            project,
            "locations",
            location,
            "keyRings",
            ring,
            "cryptoKeys",
            key,
            "cryptoKeyVersions",
            version,
        ] = parts.as_slice()
        else {
            return Err(malformed());
        };
        let known = |letter: char| letter.is_ascii_alphanumeric() || "_-.:".contains(letter);
        let good = [project, location, ring, key]
            .iter()
            .all(|name| !name.is_empty() && name.len() <= 100 && name.chars().all(known));
        let number: u64 = version.parse().map_err(|_| malformed())?;
        if !good || number.to_string() != **version {
            return Err(malformed());
        }
        Ok(Self {
            project: (*project).to_owned(),
            location: (*location).to_owned(),
            ring: (*ring).to_owned(),
            key: (*key).to_owned(),
            version: number,
        })
    }
}

impl fmt::Display for GcpKeyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "projects/{}/locations/{}/keyRings/{}/cryptoKeys/{}/cryptoKeyVersions/{}",
            self.project, self.location, self.ring, self.key, self.version
        )
    }
}
