use seed_attestation::FormatError;
use seed_image::ReadError;
use seed_primitives::Digest;
use seed_proof::HeaderError;
use thiserror::Error;

/// Why bytes are not a bundle, or evidence makes none. Whoever wrote the bytes is at fault; about the image this
/// says nothing.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum BundleError {
    /// More bytes than a bundle may have.
    #[error("{size} bytes, more than the {max} allowed")]
    TooLarge {
        /// How many there are.
        size: usize,
        /// The most allowed.
        max: usize,
    },
    /// Not JSON of the expected shape: unknown, missing or duplicate field, trailing bytes, wrong type.
    #[error("not in its JSON form: {0}")]
    Json(String),
    /// Readable, but not the one spelling of what it says.
    #[error("not in canonical form: this content is written in one way only")]
    NotCanonical,
    /// A media type other than the bundle's.
    #[error("mediaType is {0:?}")]
    MediaType(String),
    /// A list that is empty or too long.
    #[error("{count} {what}, expected {least} to {most}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// The fewest.
        least: usize,
        /// The most.
        most: usize,
    },
    /// Bytes that are not written as they must be.
    #[error("{0} is not in base64 or hexadecimal digits")]
    Encoding(&'static str),
    /// A path through the proof nodes that names none.
    #[error("a proof names node {0}, which is not there")]
    Node(usize),
    /// A document inside is not in its form.
    #[error(transparent)]
    Document(#[from] FormatError),
    /// An image inside is not in its form.
    #[error(transparent)]
    Image(#[from] ReadError),
    /// The block header is not one.
    #[error("the header: {0}")]
    Header(#[from] HeaderError),
    /// Two parts contradict each other, or one belongs to nothing.
    #[error("{0}")]
    Inconsistent(String),
    /// A part that another names is not there.
    #[error("{what} {digest} is not there")]
    Missing {
        /// What it is.
        what: &'static str,
        /// The digest it is named by.
        digest: Digest,
    },
}
