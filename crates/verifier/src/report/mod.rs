//! What is printed about a verdict.

mod json;
mod page;
mod summary;
mod text;
mod trust;

use std::io::{self, Write};

use crate::{Fault, Outcome, PolicyFile, worst};

pub(crate) use json::Policy as PolicyLine;
pub use json::SCHEMA_VERSION;
pub(crate) use page::{Page, Tone};
pub(crate) use summary::Summary;

/// What a verdict does not say, printed with every one.
pub(crate) const DOES_NOT_PROVE: [&str; 3] = [
    "that the sources are good: outputs are bound to sources, nobody audits these here",
    "that the builders' hardware is honest",
    "anything against a quorum of independent builders that conspires",
];

/// The form of the answer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one object, schema version [`SCHEMA_VERSION`].
    Json,
}

/// Everything that is printed: the images in the order they were named, and under which policy.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// The policy, where it could be read.
    pub policy: Option<&'a PolicyFile>,
    /// When the verdict was given, Unix seconds.
    pub time: u64,
    /// The outcomes, one per image.
    pub outcomes: &'a [Outcome],
    /// Why there is no outcome at all.
    pub fault: Option<&'a Fault>,
}

impl Report<'_> {
    /// The exit code: that of the worst outcome. Without any outcome it is the fault's, and never 0.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (self.fault, worst(self.outcomes)) {
            (Some(fault), _) => fault.exit_code(),
            (None, Some(outcome)) => outcome.exit_code(),
            (None, None) => 3,
        }
    }

    /// The word for the exit code.
    #[must_use]
    pub fn result(&self) -> &'static str {
        match (self.fault, worst(self.outcomes)) {
            (Some(fault), _) => fault.class(),
            (None, Some(outcome)) => outcome.result(),
            (None, None) => "undecidable",
        }
    }

    /// Writes the report and flushes it.
    ///
    /// # Errors
    /// Those of `out`. Whoever calls must then not end with exit code 0.
    pub fn write(&self, format: Format, colour: bool, out: &mut impl Write) -> io::Result<()> {
        let text = match format {
            Format::Text => self.text(colour),
            Format::Json => self.json()?,
        };
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}
