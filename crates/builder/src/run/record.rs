//! What a finished step leaves behind for the next one, and for the next run.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use crate::{Built, Error, state};

const MAX_RECORD_BYTES: u64 = 1 << 30;

/// What stays of the first build, for the statement.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct BuildRecord {
    pub(super) built: Built,
    pub(super) nix_version: String,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) run_id: String,
    pub(super) started: String,
}

/// What stays of packing.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PackRecord {
    pub(super) finished: String,
}

pub(super) fn read_record<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, Error> {
    let Some(bytes) = state::read_if_there(path, MAX_RECORD_BYTES)? else {
        return Ok(None);
    };
    let bad = |error: serde_json::Error| Error::Config {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(bad)
}

pub(super) fn write_record<T: Serialize>(path: &Path, record: &T) -> Result<(), Error> {
    let bytes = serde_json::to_vec(record).map_err(|error| Error::Config {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    state::write(path, &bytes)
}

pub(super) fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

pub(super) fn seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
