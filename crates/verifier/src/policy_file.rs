use std::{
    fs::{self, File, Metadata},
    io::{ErrorKind, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use seed_primitives::Digest;
use seed_verdict::{MAX_POLICY_BYTES, Policy};

use crate::Fault;

/// Where the policy is when none is named.
pub const SYSTEM_POLICY: &str = "/etc/nix-seed/policy.toml";

/// A policy with where it came from.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of its bytes, printed with every verdict.
    pub digest: Digest,
    /// What it says.
    pub policy: Policy,
}

impl PolicyFile {
    /// Reads the policy at `path`, or the system's where none is named.
    ///
    /// The system's policy must be root's: neither it nor its folder may be writable by anybody else. A file
    /// that is named by the caller is the caller's responsibility.
    ///
    /// # Errors
    /// [`Fault`], all of exit code 2.
    pub fn load(path: Option<&Path>) -> Result<Self, Fault> {
        match path {
            Some(path) => Self::read(path, false),
            None => Self::read(Path::new(SYSTEM_POLICY), true),
        }
    }

    fn read(path: &Path, roots: bool) -> Result<Self, Fault> {
        let unreadable = |why: String| Fault::PolicyUnreadable {
            file: path.to_owned(),
            why,
        };
        // Looked at before it is opened: opening a pipe would wait for its writer.
        let metadata = fs::metadata(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Fault::PolicyMissing(path.to_owned()),
            _ => unreadable(error.to_string()),
        })?;
        if !metadata.is_file() {
            return Err(unreadable("not a file".to_owned()));
        }
        let mut file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
        if roots {
            let opened = file
                .metadata()
                .map_err(|error| unreadable(error.to_string()))?;
            only_roots(path, &opened)?;
            let folder = path.parent().unwrap_or(Path::new("/"));
            let metadata = fs::metadata(folder).map_err(|error| unreadable(error.to_string()))?;
            only_roots(folder, &metadata)?;
        }
        let mut bytes = Vec::new();
        file.by_ref()
            .take(MAX_POLICY_BYTES as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| unreadable(error.to_string()))?;
        let text = str::from_utf8(&bytes).map_err(|error| unreadable(error.to_string()))?;
        let policy = Policy::from_toml(text).map_err(|error| Fault::PolicyMalformed {
            file: path.to_owned(),
            error,
        })?;
        Ok(Self {
            path: path.to_owned(),
            digest: Digest::of(&bytes),
            policy,
        })
    }
}

fn only_roots(file: &Path, metadata: &Metadata) -> Result<(), Fault> {
    let mode = metadata.mode();
    if metadata.uid() == 0 && mode & 0o022 == 0 {
        return Ok(());
    }
    Err(Fault::PolicyNotRoots {
        file: file.to_owned(),
        why: format!("user {}, mode {:o}", metadata.uid(), mode & 0o7777),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_policy_that_others_can_write_is_not_roots() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("policy.toml");
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        let error = PolicyFile::read(&file, true).unwrap_err();
        assert_eq!(error.code(), "policy-not-roots");
    }

    #[test]
    fn what_is_no_file_is_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let error = PolicyFile::load(Some(folder.path())).unwrap_err();
        assert_eq!(error.code(), "policy-unreadable");
        let error = PolicyFile::load(Some(&folder.path().join("x"))).unwrap_err();
        assert_eq!(error.code(), "policy-missing");
    }
}
