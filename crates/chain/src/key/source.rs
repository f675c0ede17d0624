use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use alloy::signers::local::{LocalSigner, PrivateKeySigner};
use seed_primitives::parse_bytes32;

use super::{KeyError, check::check_keystore, password::password};

const MAX_KEY_BYTES: u64 = 64 * 1024;

/// Where a key comes from that this process holds itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeySource {
    /// An encrypted keystore (Web3 secret storage, version 3) and a file with its password; without one the
    /// password is asked for on the terminal.
    Keystore {
        /// The keystore.
        path: PathBuf,
        /// The password file.
        password: Option<PathBuf>,
    },
    /// An unencrypted key, `0x` and 64 lower-case hex digits: for development only.
    Development(PathBuf),
}

impl KeySource {
    /// The key that two flags name, if one does.
    ///
    /// # Errors
    /// [`KeyError::Two`].
    pub fn named(
        keystore: Option<&Path>,
        password: Option<&Path>,
        development: Option<&Path>,
    ) -> Result<Option<Self>, KeyError> {
        match (keystore, development) {
            (Some(_), Some(_)) => Err(KeyError::Two),
            (Some(path), None) => Ok(Some(Self::Keystore {
                path: path.to_owned(),
                password: password.map(Path::to_owned),
            })),
            (None, Some(path)) => Ok(Some(Self::Development(path.to_owned()))),
            (None, None) => Ok(None),
        }
    }

    /// Whether the key lies about unencrypted and so can protect nothing.
    #[must_use]
    pub const fn is_development(&self) -> bool {
        matches!(self, Self::Development(_))
    }

    /// Reads and unlocks the key; `prompt` is what the terminal shows where a password must be asked for.
    ///
    /// # Errors
    /// When a file cannot be read, is no key, or the password does not open it.
    pub fn open(&self, prompt: &str) -> Result<PrivateKeySigner, KeyError> {
        match self {
            Self::Keystore {
                path,
                password: file,
            } => {
                let bytes = read("the keystore", path, MAX_KEY_BYTES)?;
                check_keystore(&bytes).map_err(|why| KeyError::unusable(path, why))?;
                let password = password(file.as_deref(), prompt)?;
                LocalSigner::decrypt_keystore(path, password)
                    .map_err(|_| KeyError::unusable(path, "the password does not open it"))
            }
            Self::Development(path) => {
                let bytes = read("the development key", path, MAX_KEY_BYTES)?;
                let word = std::str::from_utf8(&bytes)
                    .ok()
                    .and_then(|text| parse_bytes32(text.trim_end()).ok());
                let word = word.ok_or_else(|| {
                    KeyError::unusable(path, "it is not 0x and 64 lower-case hex digits")
                })?;
                PrivateKeySigner::from_bytes(&word)
                    .map_err(|_| KeyError::unusable(path, "it is not a secp256k1 private key"))
            }
        }
    }
}

/// Reads a file, or a pipe, of at most `most` bytes; `what` names it in errors, with its article.
pub(super) fn read(what: &'static str, path: &Path, most: u64) -> Result<Vec<u8>, KeyError> {
    let fault = |error: io::Error| KeyError::unreadable(what, path, &error);
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
        .map_err(fault)?;
    if bytes.len() as u64 > most {
        let why = format!("it has more than {most} bytes");
        return Err(fault(io::Error::new(io::ErrorKind::InvalidData, why)));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn keystore(folder: &Path) -> KeySource {
        let password = folder.join("password");
        fs::write(&password, "open sesame\n").unwrap();
        KeySource::Keystore {
            path: folder.join("key"),
            password: Some(password),
        }
    }

    fn unusable(source: &KeySource) -> bool {
        matches!(source.open("?"), Err(KeyError::Unusable { .. }))
    }

    #[test]
    fn opens_a_keystore_with_its_password_only() {
        let folder = tempfile::tempdir().unwrap();
        let source = keystore(folder.path());
        let made = source.create().unwrap();
        assert_eq!(source.open("?").unwrap().address(), made.address());
        fs::write(folder.path().join("password"), "close sesame").unwrap();
        let refused = source.open("?").unwrap_err();
        assert!(refused.to_string().ends_with("does not open it"));
        assert!(!refused.to_string().contains("sesame"));
        fs::write(folder.path().join("password"), b"\xff\xfe").unwrap();
        assert!(unusable(&source));
        fs::remove_file(folder.path().join("password")).unwrap();
        assert!(matches!(
            source.open("?"),
            Err(KeyError::Unreadable {
                what: "the password",
                kind: io::ErrorKind::NotFound,
                ..
            })
        ));
    }

    #[test]
    fn refuses_malformed_keystores_without_panicking() {
        let folder = tempfile::tempdir().unwrap();
        let source = keystore(folder.path());
        source.create().unwrap();
        let path = folder.path().join("key");
        let good: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let change = |pointer: &str, value: serde_json::Value| {
            let mut changed = good.clone();
            *changed.pointer_mut(pointer).unwrap() = value;
            changed.to_string()
        };
        let cases = [
            String::new(),
            "{}".to_owned(),
            r#"{"crypto":{}}"#.to_owned(),
            change("/crypto/kdfparams/dklen", 8.into()),
            change("/crypto/kdfparams/n", (1u64 << 40).into()),
            change("/crypto/kdfparams/n", 3.into()),
            change("/crypto/cipherparams/iv", "00".into()),
            change("/crypto/ciphertext", "00".into()),
            change("/crypto/mac", "00".into()),
        ];
        for case in cases {
            fs::write(&path, &case).unwrap();
            assert!(unusable(&source), "{case}");
        }
        fs::write(&path, "x".repeat(70_000)).unwrap();
        let large = source.open("?").unwrap_err();
        assert!(large.to_string().ends_with("it has more than 65536 bytes"));
    }

    #[test]
    fn refuses_a_malformed_development_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let source = KeySource::Development(path.clone());
        assert!(matches!(source.open("?"), Err(KeyError::Unreadable { .. })));
        for text in [
            "",
            "0x00",
            &format!("0x{}", "0".repeat(64)),
            &"f".repeat(64),
        ] {
            fs::write(&path, text).unwrap();
            assert!(unusable(&source), "{text}");
        }
    }

    #[test]
    fn one_key_is_named_or_none() {
        let (one, other) = (Path::new("one"), Path::new("other"));
        assert_eq!(KeySource::named(None, None, None), Ok(None));
        assert_eq!(
            KeySource::named(Some(one), None, Some(other)),
            Err(KeyError::Two)
        );
        let named = KeySource::named(None, None, Some(other)).unwrap().unwrap();
        assert!(named.is_development());
        let named = KeySource::named(Some(one), Some(other), None);
        assert!(!named.unwrap().unwrap().is_development());
    }
}
