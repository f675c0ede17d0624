use std::path::{Path, PathBuf};

use alloy::signers::local::{LocalSigner, PrivateKeySigner};

use crate::{Fault, commands::decode::read};

const MAX_KEY_BYTES: u64 = 64 * 1024;
const MAX_PASSWORD_BYTES: u64 = 4096;

/// Where the key of the account that pays comes from.
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
    /// Reads and unlocks the key.
    ///
    /// # Errors
    /// When a file cannot be read, is no key, or the password does not open it.
    pub fn open(&self) -> Result<PrivateKeySigner, Fault> {
        match self {
            Self::Keystore { path, password } => {
                let bytes = read("the keystore", path, MAX_KEY_BYTES)?;
                check_keystore(&bytes).map_err(|why| bad(path, why))?;
                let password = read_password(password.as_deref())?;
                LocalSigner::decrypt_keystore(path, password)
                    .map_err(|_| bad(path, "the password does not open it"))
            }
            Self::Development(path) => {
                let bytes = read("the development key", path, MAX_KEY_BYTES)?;
                let word = std::str::from_utf8(&bytes)
                    .ok()
                    .and_then(|text| seed_primitives::parse_bytes32(text.trim_end()).ok())
                    .ok_or_else(|| bad(path, "it is not 0x and 64 lower-case hex digits"))?;
                PrivateKeySigner::from_bytes(&word)
                    .map_err(|_| bad(path, "it is not a secp256k1 private key"))
            }
        }
    }
}

fn bad(path: &Path, why: &str) -> Fault {
    Fault::file("the key", path, why)
}

/// Refuses parameters that the decrypting library would index past or work on for hours.
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
    let length = |pointer: &str| {
        let text = crypto.pointer(pointer).and_then(serde_json::Value::as_str);
        text.map(str::len)
    };
    if number("dklen") != Some(32) {
        return Err("its derived key does not have 32 bytes");
    }
    if length("/cipherparams/iv") != Some(32) {
        return Err("its initialisation vector does not have 16 bytes");
    }
    if length("/ciphertext") != Some(64) {
        return Err("its content does not have 32 bytes");
    }
    let scrypt = number("n").is_some_and(|n| n.is_power_of_two() && (2..=1 << 20).contains(&n))
        && number("r").is_some_and(|r| (1..=16).contains(&r))
        && number("p").is_some_and(|p| (1..=16).contains(&p));
    let pbkdf2 = number("c").is_some_and(|c| (1..=10_000_000).contains(&c));
    match scrypt || pbkdf2 {
        true => Ok(()),
        false => Err("its key derivation is unknown or beyond all measure"),
    }
}

fn read_password(path: Option<&Path>) -> Result<String, Fault> {
    let Some(path) = path else {
        return rpassword::prompt_password("Password of the account that pays: ").map_err(|_| {
            Fault::Usage(
                "--password-file FILE is missing, and there is no terminal to ask on".to_owned(),
            )
        });
    };
    let bytes = read("the password", path, MAX_PASSWORD_BYTES)?;
    let text = String::from_utf8(bytes).map_err(|_| bad(path, "the password is not UTF-8"))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use alloy::signers::k256::elliptic_curve::rand_core::OsRng;

    use super::*;

    #[test]
    fn opens_a_keystore_with_its_password_only() {
        let folder = tempfile::tempdir().unwrap();
        let key = PrivateKeySigner::random();
        LocalSigner::encrypt_keystore(
            folder.path(),
            &mut OsRng,
            key.to_bytes(),
            "open sesame",
            Some("key"),
        )
        .unwrap();
        let password = folder.path().join("password");
        let source = KeySource::Keystore {
            path: folder.path().join("key"),
            password: Some(password.clone()),
        };
        fs::write(&password, "open sesame\n").unwrap();
        assert_eq!(source.open().unwrap().address(), key.address());
        fs::write(&password, "close sesame").unwrap();
        assert_eq!(source.open().unwrap_err().code(), "file-unusable");
        fs::write(folder.path().join("key"), "{}").unwrap();
        assert_eq!(source.open().unwrap_err().code(), "file-unusable");
    }

    #[test]
    fn refuses_a_malformed_development_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let source = KeySource::Development(path.clone());
        assert_eq!(source.open().unwrap_err().code(), "file-unusable");
        for text in [
            "",
            "0x00",
            &format!("0x{}", "0".repeat(64)),
            &"f".repeat(64),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(source.open().unwrap_err().code(), "file-unusable", "{text}");
        }
    }
}
