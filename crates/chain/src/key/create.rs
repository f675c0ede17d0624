use std::{
    fs::{self, File, Permissions},
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use alloy::signers::{
    k256::elliptic_curve::rand_core::OsRng,
    local::{LocalSigner, PrivateKeySigner},
};
use seed_primitives::write_bytes32;

use super::{KeyError, KeySource, password::new_password};

impl KeySource {
    /// Makes a new key and writes it, encrypted with a password, or bare for development; only its owner may read
    /// the file.
    ///
    /// # Errors
    /// When the file exists (it is never overwritten), the password is empty, or a file cannot be written.
    pub fn create(&self) -> Result<PrivateKeySigner, KeyError> {
        match self {
            Self::Keystore { path, password } => {
                let password = new_password(password.as_deref(), path)?;
                refuse_existing(path)?;
                let signer = PrivateKeySigner::random();
                write_secret(path, &encrypted(&signer, password, path)?)?;
                Ok(signer)
            }
            Self::Development(path) => {
                refuse_existing(path)?;
                let signer = PrivateKeySigner::random();
                let text = format!("{}\n", write_bytes32(&signer.to_bytes()));
                write_secret(path, text.as_bytes())?;
                Ok(signer)
            }
        }
    }
}

/// The bytes of a keystore; the library writes a file, which nobody else sees and which is gone afterwards.
fn encrypted(
    signer: &PrivateKeySigner,
    password: String,
    path: &Path,
) -> Result<Vec<u8>, KeyError> {
    let fault = KeyError::unwritable(path);
    let folder = tempfile::tempdir_in(parent(path)).map_err(&fault)?;
    let key = signer.to_bytes();
    LocalSigner::encrypt_keystore(folder.path(), &mut OsRng, key, password, Some("key"))
        .map_err(|error| KeyError::unusable(path, error))?;
    fs::read(folder.path().join("key")).map_err(&fault)
}

fn refuse_existing(path: &Path) -> Result<(), KeyError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(KeyError::Exists(path.to_owned())),
        Err(_) => Ok(()),
    }
}

/// Writes a new file, whole or not at all, that only its owner may read.
fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), KeyError> {
    let fault = KeyError::unwritable(path);
    let folder = parent(path);
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder)
        .map_err(&fault)?;
    file.write_all(bytes)
        .and_then(|()| file.as_file().sync_all())
        .map_err(&fault)?;
    match file.persist_noclobber(path) {
        Ok(_) => File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(&fault),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(KeyError::Exists(path.to_owned()))
        }
        Err(error) => Err(fault(error.error)),
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_private_and_overwrites_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let source = KeySource::Development(path.clone());
        let made = source.create().unwrap();
        assert_eq!(source.open("?").unwrap().address(), made.address());
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(source.create(), Err(KeyError::Exists(path)));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let nowhere = KeySource::Development(folder.path().join("no/key"));
        assert!(matches!(nowhere.create(), Err(KeyError::Unwritable { .. })));
    }

    #[test]
    fn an_empty_password_makes_no_keystore() {
        let folder = tempfile::tempdir().unwrap();
        let password = folder.path().join("password");
        fs::write(&password, "\n").unwrap();
        let source = KeySource::Keystore {
            path: folder.path().join("key"),
            password: Some(password),
        };
        assert!(matches!(source.create(), Err(KeyError::Unusable { .. })));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
