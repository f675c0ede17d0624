use std::collections::BTreeMap;

use seed_primitives::{BuilderId, Digest, Recipe, Source, System};

use crate::{FormatError, statement_wire as wire};

const WHAT: &str = "a statement";
const MAX_BYTES: usize = 1024 * 1024;

/// The Nix that drove a build, and the canonical subset of its effective settings.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NixDriver {
    /// Its version, such as `2.26.3`.
    pub version: String,
    /// Setting name to value, as text; lists are joined by spaces, so an empty list is the empty text.
    pub settings: BTreeMap<String, String>,
}

/// One run of a builder.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Run {
    /// An identifier the builder chose.
    pub id: String,
    /// When it began, RFC 3339 in UTC.
    pub started: String,
    /// When it ended, RFC 3339 in UTC.
    pub finished: String,
}

/// What one builder says about one image: the content of an in-toto Statement v1 with a SLSA provenance v1
/// predicate (`docs/protocol.md`, "Statement").
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Statement {
    /// The subject: the digest of the image manifest.
    pub image: Digest,
    /// What was built; its struct hash is the release.
    pub source: Source,
    /// The recipe in clear; its digest is `source.recipe`.
    pub recipe: Recipe,
    /// The system the image is for.
    pub system: System,
    /// The closure digest of the image.
    pub closure: Digest,
    /// The digest of the audit report.
    pub audit: Digest,
    /// The digest of the CycloneDX bill of materials.
    pub sbom: Digest,
    /// The chain the builder's identity belongs to.
    pub chain_id: u64,
    /// The builder.
    pub builder: BuilderId,
    /// The Nix that drove the build.
    pub nix: NixDriver,
    /// The run.
    pub run: Run,
}

impl Statement {
    /// The setting `name` of the Nix that drove the build, if the statement carries it.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.nix.settings.get(name).map(String::as_str)
    }

    /// Reads the exact payload of an envelope: at most 1 MiB, canonical JSON, one subject, our predicate and
    /// build type, no unknown or duplicate field, and every fact that the form repeats equal in each place.
    ///
    /// # Errors
    /// When the bytes are anything else, or the recipe does not hash to the source's.
    pub fn from_json(bytes: &[u8]) -> Result<Self, FormatError> {
        FormatError::bounded(WHAT, bytes, MAX_BYTES)?;
        let read: wire::Statement =
            serde_json::from_slice(bytes).map_err(FormatError::json(WHAT))?;
        let statement = read.claims()?;
        // The form states several facts twice for the sake of other tools, and a map could name a key twice.
        // Accepting only the canonical bytes is the one check that covers all of it.
        if statement.to_json()? != bytes {
            return Err(FormatError::field(
                WHAT,
                "it contradicts itself or is not canonical JSON",
            ));
        }
        Ok(statement)
    }

    /// The payload to be signed: canonical JSON.
    ///
    /// # Errors
    /// Only when a field has no JSON form, which none of these lacks.
    pub fn to_json(&self) -> Result<Vec<u8>, FormatError> {
        seed_primitives::canonical_json(&wire::Statement::of(self)).map_err(FormatError::json(WHAT))
    }
}
