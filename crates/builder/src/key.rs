use std::path::{Path, PathBuf};

use alloy::signers::{
    SignerSync,
    k256::elliptic_curve::rand_core::OsRng,
    local::{LocalSigner, PrivateKeySigner},
};
use alloy_primitives::B256;
use seed_attestation::Signature;
use seed_primitives::BuilderId;

use crate::{Error, state};

const MAX_KEY_BYTES: u64 = 64 * 1024;
const MAX_PASSWORD_BYTES: u64 = 4096;

/// Where a signing key comes from.
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
    /// An unencrypted key, `0x` and 64 hex digits: for development only.
    Development(PathBuf),
}

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
        match source {
            KeySource::Keystore { path, password } => {
                let bytes = state::read(path, MAX_KEY_BYTES)?;
                check_keystore(&bytes).map_err(|reason| bad(path, reason))?;
                let password = read_password(password.as_deref(), "Password: ")?;
                let signer = LocalSigner::decrypt_keystore(path, password)
                    .map_err(|_| bad(path, "the password does not open it"))?;
                Self::new(signer, false, path)
            }
            KeySource::Development(path) => {
                let bytes = state::read(path, MAX_KEY_BYTES)?;
                let word = std::str::from_utf8(&bytes)
                    .ok()
                    .and_then(|text| seed_primitives::parse_bytes32(text.trim_end()).ok())
                    .ok_or_else(|| bad(path, "it is not 0x and 64 lower-case hex digits"))?;
                let signer = PrivateKeySigner::from_bytes(&word)
                    .map_err(|_| bad(path, "it is not a secp256k1 private key"))?;
                Self::new(signer, true, path)
            }
        }
    }

    /// Makes a new key and writes it to `out`, encrypted with a password, or bare for development.
    ///
    /// # Errors
    /// When `out` exists (it is never overwritten), the password is empty, or a file cannot be written.
    pub fn create(source: &KeySource) -> Result<Self, Error> {
        match source {
            KeySource::Keystore { path, password } => {
                let password = read_new_password(password.as_deref(), path)?;
                refuse_existing(path)?;
                let signer = PrivateKeySigner::random();
                let directory = tempfile::tempdir_in(state::parent(path))
                    .map_err(Error::file("create", path))?;
                LocalSigner::encrypt_keystore(
                    directory.path(),
                    &mut OsRng,
                    signer.to_bytes(),
                    password,
                    Some("key"),
                )
                .map_err(|error| bad(path, error))?;
                let bytes = state::read(&directory.path().join("key"), MAX_KEY_BYTES)?;
                state::write_secret(path, &bytes)?;
                Self::new(signer, false, path)
            }
            KeySource::Development(path) => {
                refuse_existing(path)?;
                let signer = PrivateKeySigner::random();
                let text = format!("{}\n", seed_primitives::write_bytes32(&signer.to_bytes()));
                state::write_secret(path, text.as_bytes())?;
                Self::new(signer, true, path)
            }
        }
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

    fn new(signer: PrivateKeySigner, development: bool, path: &Path) -> Result<Self, Error> {
        let builder = BuilderId::from_address(signer.address())
            .ok_or_else(|| bad(path, "its address is zero"))?;
        Ok(Self {
            signer,
            builder,
            development,
        })
    }
}

fn bad(path: &Path, reason: impl ToString) -> Error {
    Error::Key {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

fn refuse_existing(path: &Path) -> Result<(), Error> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Err(Error::Exists(path.to_owned())),
        Err(_) => Ok(()),
    }
}

/// Refuses parameters the decrypting library would index past or work on for hours.
fn check_keystore(bytes: &[u8]) -> Result<(), &'static str> {
    let json: serde_json::Value =
        serde_json::from_slice(bytes).map_err(|_| "it is not a keystore (JSON)")?;
    let crypto = json
        .get("crypto")
        .ok_or("it is not a keystore (no `crypto`)")?;
    let params = crypto
        .get("kdfparams")
        .ok_or("it is not a keystore (no `kdfparams`)")?;
    let number = |name: &str| params.get(name).and_then(serde_json::Value::as_u64);
    let length =
        |value: Option<&serde_json::Value>| value.and_then(serde_json::Value::as_str).map(str::len);
    if number("dklen") != Some(32) {
        return Err("its derived key does not have 32 bytes");
    }
    if length(crypto.pointer("/cipherparams/iv")) != Some(32) {
        return Err("its initialisation vector does not have 16 bytes");
    }
    if length(crypto.get("ciphertext")) != Some(64) {
        return Err("its content does not have 32 bytes");
    }
    let scrypt = number("n").is_some_and(|n| n.is_power_of_two() && (2..=1 << 20).contains(&n))
        && number("r").is_some_and(|r| (1..=16).contains(&r))
        && number("p").is_some_and(|p| (1..=16).contains(&p));
    let pbkdf2 = number("c").is_some_and(|c| (1..=10_000_000).contains(&c));
    if scrypt || pbkdf2 {
        Ok(())
    } else {
        Err("its key derivation is unknown or beyond all measure")
    }
}

fn read_password(file: Option<&Path>, prompt: &str) -> Result<String, Error> {
    let Some(path) = file else {
        return rpassword::prompt_password(prompt)
            .map_err(|_| Error::Missing("--password-file (or a terminal to ask on)"));
    };
    let bytes = state::read(path, MAX_PASSWORD_BYTES)?;
    let text = String::from_utf8(bytes).map_err(|_| bad(path, "the password is not UTF-8"))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn read_new_password(file: Option<&Path>, path: &Path) -> Result<String, Error> {
    let password = read_password(file, "New password: ")?;
    if password.is_empty() {
        return Err(bad(
            path,
            "the password is empty; a bare key needs --development",
        ));
    }
    if file.is_none() && read_password(None, "Again: ")? != password {
        return Err(bad(path, "the two passwords differ"));
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

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

    #[test]
    fn refuses_malformed_keys_without_panicking() {
        let directory = tempfile::tempdir().unwrap();
        let source = keystore(directory.path());
        Key::create(&source).unwrap();
        let path = directory.path().join("key");
        let good: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let change = |pointer: &str, value: serde_json::Value| {
            let mut changed = good.clone();
            *changed.pointer_mut(pointer).unwrap() = value;
            changed.to_string()
        };
        let cases = [
            String::new(),
            "{}".to_owned(),
            change("/crypto/kdfparams/dklen", 8.into()),
            change("/crypto/kdfparams/n", (1u64 << 40).into()),
            change("/crypto/kdfparams/n", 3.into()),
            change("/crypto/cipherparams/iv", "00".into()),
            change("/crypto/ciphertext", "00".into()),
            change("/crypto/mac", "00".into()),
        ];
        for case in cases {
            fs::write(&path, &case).unwrap();
            assert!(
                matches!(Key::open(&source), Err(Error::Key { .. })),
                "{case}"
            );
        }
        for case in [
            "",
            "0x00",
            &format!("0x{}", "0".repeat(64)),
            &"f".repeat(64),
        ] {
            fs::write(&path, case).unwrap();
            let source = KeySource::Development(path.clone());
            assert!(
                matches!(Key::open(&source), Err(Error::Key { .. })),
                "{case}"
            );
        }
    }
}
