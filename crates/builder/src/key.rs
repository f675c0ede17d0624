use std::path::PathBuf;

use alloy::signers::{SignerSync, local::PrivateKeySigner};
use alloy_primitives::B256;
use seed_attestation::Signature;
use seed_chain::{KeyError, KeySource};
use seed_primitives::BuilderId;

use crate::Error;

/// A builder's signing key, unlocked.
#[derive(Debug)]
pub struct Key {
    signer: PrivateKeySigner,
    builder: BuilderId,
    development: bool,
}

impl Key {
    /// Reads and unlocks the key of `source`.
    ///
    /// # Errors
    /// When a file cannot be read, is not a key, or the password does not open it.
    pub fn open(source: &KeySource) -> Result<Self, Error> {
        Self::new(source.open("Password: ")?, source)
    }

    /// Makes a new key and writes it, encrypted with a password, or bare for development.
    ///
    /// # Errors
    /// When the file exists (it is never overwritten), the password is empty, or a file cannot be written.
    pub fn create(source: &KeySource) -> Result<Self, Error> {
        Self::new(source.create()?, source)
    }

    /// The builder this key makes.
    #[must_use]
    pub const fn builder(&self) -> BuilderId {
        self.builder
    }

    /// Whether the key lies about unencrypted and so can protect nothing.
    #[must_use]
    pub const fn is_development(&self) -> bool {
        self.development
    }

    /// Signs a 32-byte digest; the same digest always gives the same signature (RFC 6979).
    ///
    /// # Errors
    /// When the signer fails, or returns a signature that is not this builder's.
    pub fn sign(&self, digest: &B256) -> Result<Signature, Error> {
        let full = self
            .signer
            .sign_hash_sync(digest)
            .map_err(|error| Error::Key {
                path: PathBuf::from("signer"),
                reason: error.to_string(),
            })?;
        let signature = Signature::from_full(&full);
        signature.expect_signer(digest, self.builder)?;
        Ok(signature)
    }

    fn new(signer: PrivateKeySigner, source: &KeySource) -> Result<Self, Error> {
        let (KeySource::Keystore { path, .. } | KeySource::Development(path)) = source;
        let builder = BuilderId::from_address(signer.address()).ok_or_else(|| Error::Key {
            path: path.clone(),
            reason: "its address is zero".to_owned(),
        })?;
        Ok(Self {
            signer,
            builder,
            development: source.is_development(),
        })
    }
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Two => {
                Self::Usage("--keystore and --dev-key-file exclude each other".to_owned())
            }
            KeyError::Unreadable {
                file, kind, why, ..
            } => Self::File {
                action: "read",
                path: file,
                source: std::io::Error::new(kind, why),
            },
            KeyError::Unusable { file, why } => Self::Key {
                path: file,
                reason: why,
            },
            KeyError::NoPassword => Self::Missing("--password-file (or a terminal to ask on)"),
            KeyError::Exists(file) => Self::Exists(file),
            KeyError::Unwritable { file, kind, why } => Self::File {
                action: "write",
                path: file,
                source: std::io::Error::new(kind, why),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, path::Path};

    use super::*;

    fn keystore(directory: &Path) -> KeySource {
        let password = directory.join("password");
        fs::write(&password, "correct horse\n").unwrap();
        KeySource::Keystore {
            path: directory.join("key"),
            password: Some(password),
        }
    }

    #[test]
    fn a_new_keystore_opens_with_its_password_only_and_is_private() {
        let directory = tempfile::tempdir().unwrap();
        let source = keystore(directory.path());
        let made = Key::create(&source).unwrap();
        let opened = Key::open(&source).unwrap();
        assert_eq!(made.builder(), opened.builder());
        let digest = B256::repeat_byte(7);
        assert_eq!(made.sign(&digest).unwrap(), opened.sign(&digest).unwrap());
        let mode = fs::metadata(directory.path().join("key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(matches!(Key::create(&source), Err(Error::Exists(_))));
        fs::write(directory.path().join("password"), "wrong").unwrap();
        assert!(matches!(Key::open(&source), Err(Error::Key { .. })));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    }
}
