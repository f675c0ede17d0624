use std::{fmt, path::PathBuf, str::FromStr};

use seed_chain::KeySource;
use thiserror::Error;

use super::{AwsKey, Derivation, GcpKeyVersion};

/// Who is to sign, as the command line names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SignerSource {
    /// A key in a file, which this process opens.
    Key(KeySource),
    /// A Ledger with its Ethereum app.
    Ledger(Derivation),
    /// A Trezor.
    Trezor(Derivation),
    /// A key that AWS keeps.
    AwsKms(AwsKey),
    /// A key that Google Cloud keeps.
    GcpKms(GcpKeyVersion),
}

/// Why a text names no signer, or none that this program can use.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum SourceError {
    /// Not one of the kinds.
    #[error(
        "{0:?} is no signer: keystore:FILE, ledger[:INDEX|:PATH], trezor[:INDEX|:PATH], aws-kms:KEY or gcp-kms:VERSION"
    )]
    Kind(String),
    /// Not a key of a device.
    #[error("{0:?} is no index and no path like m/44'/60'/0'/0/0")]
    Derivation(String),
    /// Not a key of AWS KMS.
    #[error("{0:?} is no id, ARN or alias of a key of AWS KMS")]
    AwsKey(String),
    /// Not a version of a key of Google Cloud KMS.
    #[error(
        "{0:?} is not projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V of Google Cloud KMS"
    )]
    GcpKey(String),
    /// This program was built without it.
    #[error("this seed-gov was built without {feature} signers")]
    NotBuilt {
        /// The cargo feature.
        feature: &'static str,
    },
}

impl SignerSource {
    /// Refuses a signer that this program was built without.
    ///
    /// # Errors
    /// [`SourceError::NotBuilt`].
    pub const fn built(&self) -> Result<(), SourceError> {
        let (feature, built) = match self {
            Self::Key(_) => ("", true),
            Self::Ledger(_) => ("ledger", cfg!(feature = "ledger")),
            Self::Trezor(_) => ("trezor", cfg!(feature = "trezor")),
            Self::AwsKms(_) => ("aws-kms", cfg!(feature = "aws-kms")),
            Self::GcpKms(_) => ("gcp-kms", cfg!(feature = "gcp-kms")),
        };
        match built {
            true => Ok(()),
            false => Err(SourceError::NotBuilt { feature }),
        }
    }

    /// Whether the key lies about unencrypted and so can protect nothing.
    #[must_use]
    pub const fn is_development(&self) -> bool {
        matches!(self, Self::Key(source) if source.is_development())
    }
}

impl FromStr for SignerSource {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, rest) = match text.split_once(':') {
            Some((kind, rest)) => (kind, Some(rest)),
            None => (text, None),
        };
        let derivation = || rest.map_or(Ok(Derivation::Account(0)), str::parse);
        match (kind, rest) {
            ("keystore", Some(file)) if !file.is_empty() => Ok(Self::Key(KeySource::Keystore {
                path: PathBuf::from(file),
                password: None,
            })),
            ("ledger", _) => Ok(Self::Ledger(derivation()?)),
            ("trezor", _) => Ok(Self::Trezor(derivation()?)),
            ("aws-kms", Some(key)) => Ok(Self::AwsKms(key.parse()?)),
            ("gcp-kms", Some(key)) => Ok(Self::GcpKms(key.parse()?)),
            _ => Err(SourceError::Kind(text.to_owned())),
        }
    }
}

impl fmt::Display for SignerSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(KeySource::Keystore { path, .. } | KeySource::Development(path)) => {
                write!(f, "the key {}", path.display())
            }
            Self::Ledger(derivation) => write!(f, "the Ledger ({derivation})"),
            Self::Trezor(derivation) => write!(f, "the Trezor ({derivation})"),
            Self::AwsKms(key) => write!(f, "AWS KMS ({key})"),
            Self::GcpKms(key) => write!(f, "Google Cloud KMS ({key})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_kind() {
        let parse = |text: &str| text.parse::<SignerSource>().unwrap();
        assert_eq!(
            parse("keystore:a:b c.json"),
            SignerSource::Key(KeySource::Keystore {
                path: "a:b c.json".into(),
                password: None
            })
        );
        assert_eq!(
            parse("ledger"),
            SignerSource::Ledger(Derivation::Account(0))
        );
        assert_eq!(
            parse("trezor:3"),
            SignerSource::Trezor(Derivation::Account(3))
        );
        let path = "m/44'/60'/1'/0/2147483647";
        assert_eq!(
            parse(&format!("ledger:{path}")),
            SignerSource::Ledger(Derivation::Path(path.to_owned()))
        );
        let arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab";
        let SignerSource::AwsKms(key) = parse(&format!("aws-kms:{arn}")) else {
            panic!("no key of AWS");
        };
        assert_eq!((key.as_str(), key.region()), (arn, Some("eu-central-1")));
        let SignerSource::AwsKms(alias) = parse("aws-kms:alias/owner") else {
            panic!("no key of AWS");
        };
        assert_eq!(alias.region(), None);
        let version = "projects/p-1/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/2";
        let SignerSource::GcpKms(key) = parse(&format!("gcp-kms:{version}")) else {
            panic!("no key of Google Cloud");
        };
        assert_eq!(key.to_string(), version);
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "keystore",
            "keystore:",
            "Ledger",
            "ledger:",
            "ledger:-1",
            "ledger:+1",
            "ledger:01",
            "ledger:2147483648",
            "ledger:m/",
            "ledger:m/44''/60",
            "ledger:m/44h/60",
            "ledger:m/0/0/0/0/0/0/0/0/0/0/0",
            "trezor:44'/60'",
            "aws-kms",
            "aws-kms:",
            "aws-kms:key id",
            "aws-kms:key\nid",
            "gcp-kms:projects/p",
            "gcp-kms:projects/p/locations/l/keyRings/r/cryptoKeys/k",
            "gcp-kms:projects//locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1",
            "gcp-kms:projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/01",
            "gcp-kms:projects/p/locations/l/keyRings/r/cryptoKeys/k&x=/cryptoKeyVersions/1",
            "yubikey",
        ] {
            assert!(text.parse::<SignerSource>().is_err(), "{text}");
        }
    }

    #[test]
    fn says_what_is_not_built_in() {
        let features = [
            ("ledger", cfg!(feature = "ledger")),
            ("trezor", cfg!(feature = "trezor")),
        ];
        for (feature, built) in features {
            let source: SignerSource = feature.parse().unwrap();
            match built {
                true => assert_eq!(source.built(), Ok(())),
                false => assert_eq!(source.built(), Err(SourceError::NotBuilt { feature })),
            }
        }
    }
}
