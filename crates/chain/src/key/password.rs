use std::path::Path;

use super::{KeyError, source::read};

const MAX_PASSWORD_BYTES: u64 = 4096;

/// The password from its file, or else asked for on the terminal with `prompt`; line ends at its end are no part of it.
pub(super) fn password(file: Option<&Path>, prompt: &str) -> Result<String, KeyError> {
    let Some(path) = file else {
        return rpassword::prompt_password(prompt).map_err(|_| KeyError::NoPassword);
    };
    let bytes = read("the password", path, MAX_PASSWORD_BYTES)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| KeyError::unusable(path, "the password is not UTF-8"))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// A password for the new key `key`: not empty, and on a terminal given twice.
pub(super) fn new_password(file: Option<&Path>, key: &Path) -> Result<String, KeyError> {
    let given = password(file, "New password: ")?;
    if given.is_empty() {
        let why = "the password is empty; a bare key needs --development";
        return Err(KeyError::unusable(key, why));
    }
    if file.is_none() && password(None, "Again: ")? != given {
        return Err(KeyError::unusable(key, "the two passwords differ"));
    }
    Ok(given)
}
