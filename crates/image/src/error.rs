use thiserror::Error;

/// Why a document is not an OCI manifest, config or index as this project reads them.
///
/// Whoever made or serves the document is at fault. Texts from it are shortened and escaped.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ReadError {
    /// The document is longer than is ever read.
    #[error("the {what} has {size} bytes, more than {limit}")]
    TooLong {
        /// `manifest`, `config` or `index`.
        what: &'static str,
        /// Its length in bytes.
        size: usize,
        /// The most that is accepted.
        limit: usize,
    },
    /// Not JSON of the expected shape: a missing, unknown or duplicate field, a wrong type, trailing bytes.
    #[error("the {what} is malformed: {reason}")]
    Malformed {
        /// `manifest`, `config` or `index`.
        what: &'static str,
        /// What the JSON reader said.
        reason: String,
    },
    /// A field is well formed and holds something that is not accepted.
    #[error("the {what} has `{field}` {found}, expected {expected}")]
    Unexpected {
        /// `manifest`, `config` or `index`.
        what: &'static str,
        /// The field.
        field: &'static str,
        /// What it holds, shortened.
        found: String,
        /// What is accepted.
        expected: String,
    },
}

impl ReadError {
    pub(crate) fn unexpected(
        what: &'static str,
        field: &'static str,
        found: impl ToString,
        expected: impl ToString,
    ) -> Self {
        let found: String = found
            .to_string()
            .chars()
            .take(120)
            .flat_map(char::escape_debug)
            .collect();
        Self::Unexpected {
            what,
            field,
            found,
            expected: expected.to_string(),
        }
    }
}

/// Reads strict JSON of at most `limit` bytes.
pub(crate) fn read_json<'a, T: serde::Deserialize<'a>>(
    what: &'static str,
    bytes: &'a [u8],
    limit: usize,
) -> Result<T, ReadError> {
    if bytes.len() > limit {
        return Err(ReadError::TooLong {
            what,
            size: bytes.len(),
            limit,
        });
    }
    serde_json::from_slice(bytes).map_err(|error| ReadError::Malformed {
        what,
        reason: error
            .to_string()
            .chars()
            .take(200)
            .flat_map(char::escape_debug)
            .collect(),
    })
}
