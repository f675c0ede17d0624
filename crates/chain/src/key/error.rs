use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// Why a key could not be opened or made. Carries no byte of a key or password.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum KeyError {
    /// Two ways of naming a key were used at once.
    #[error("a keystore and a development key exclude each other")]
    Two,
    /// A file cannot be read.
    #[error("{what} {} cannot be read: {why}", .file.display())]
    Unreadable {
        /// What it should be, with its article.
        what: &'static str,
        /// The file.
        file: PathBuf,
        /// The kind of the system's error.
        kind: io::ErrorKind,
        /// What the system says.
        why: String,
    },
    /// The file is no key, or the password does not open it.
    #[error("the key {} cannot be used: {why}", .file.display())]
    Unusable {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is no password file and no terminal to ask on.
    #[error("--password-file FILE is missing, and there is no terminal to ask on")]
    NoPassword,
    /// A new key would overwrite a file.
    #[error("{} exists and is not overwritten", .0.display())]
    Exists(PathBuf),
    /// A new key could not be written.
    #[error("the key {} cannot be written: {why}", .file.display())]
    Unwritable {
        /// The file.
        file: PathBuf,
        /// The kind of the system's error.
        kind: io::ErrorKind,
        /// What the system says.
        why: String,
    },
}

impl KeyError {
    pub(super) fn unreadable(what: &'static str, file: &Path, error: &io::Error) -> Self {
        Self::Unreadable {
            what,
            file: file.to_owned(),
            kind: error.kind(),
            why: error.to_string(),
        }
    }

    pub(super) fn unusable(file: &Path, why: impl ToString) -> Self {
        Self::Unusable {
            file: file.to_owned(),
            why: why.to_string(),
        }
    }

    pub(super) fn unwritable(file: &Path) -> impl Fn(io::Error) -> Self {
        move |error| Self::Unwritable {
            file: file.to_owned(),
            kind: error.kind(),
            why: error.to_string(),
        }
    }
}
