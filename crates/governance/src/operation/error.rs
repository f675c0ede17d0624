use thiserror::Error;

/// Why an operation file cannot be used.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum OperationError {
    /// It is not the JSON it should be.
    #[error("{0}")]
    Form(String),
    /// It is of another version.
    #[error("schemaVersion is {0}, this program reads 1")]
    Version(u8),
    /// The timelock's fields are there by halves.
    #[error("timelock, delay, predecessor and salt are there all together or not at all")]
    HalfTimelock,
    /// The number of calls.
    #[error("{found} calls; {allowed}")]
    Calls {
        /// How many there are.
        found: usize,
        /// How many there may be.
        allowed: &'static str,
    },
    /// A hash is not the one that was expected.
    #[error("the {what} is {found}, expected {expected}")]
    Mismatch {
        /// Which hash.
        what: &'static str,
        /// As computed from the file.
        found: String,
        /// As told.
        expected: String,
    },
}
