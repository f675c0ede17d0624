use std::io;

use seed_verdict::{Grade, Release};
use serde::Serialize;

use super::{DOES_NOT_PROVE, Report};
use crate::{Answer, Fault, Outcome, shown::ascii_json};

/// The version of the JSON form. Fields may be added within a version; none changes its meaning.
pub const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    schema_version: u32,
    tool: Tool,
    policy: Option<Policy<'a>>,
    time: u64,
    result: &'static str,
    exit_code: u8,
    error: Option<Error<'a>>,
    images: Vec<Image<'a>>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
    protocol: u32,
}

#[derive(Serialize)]
struct Policy<'a> {
    path: std::borrow::Cow<'a, str>,
    digest: String,
    require: Grade,
}

/// A rejection or a fault: the same fields for both.
#[derive(Serialize)]
struct Error<'a> {
    code: &'static str,
    class: &'static str,
    what: String,
    found: Option<&'a str>,
    expected: Option<&'a str>,
    help: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Image<'a> {
    reference: &'a str,
    result: &'static str,
    exit_code: u8,
    error: Option<Error<'a>>,
    release: Option<&'a Release>,
    does_not_prove: &'static [&'static str],
    notes: &'a [String],
}

impl Outcome {
    /// The JSON of one image.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        // Texts, numbers and lists of them always have a JSON form.
        serde_json::to_value(image(self)).unwrap_or_default()
    }
}

impl Report<'_> {
    pub(super) fn json(&self) -> io::Result<String> {
        let wire = Wire {
            schema_version: SCHEMA_VERSION,
            tool: Tool {
                name: "seed-verify",
                version: env!("CARGO_PKG_VERSION"),
                protocol: crate::PROTOCOL_VERSION,
            },
            policy: self.policy.map(|file| Policy {
                path: file.path.to_string_lossy(),
                digest: file.digest.to_string(),
                require: file.policy.require(),
            }),
            time: self.time,
            result: self.result(),
            exit_code: self.exit_code(),
            error: self.fault.map(fault),
            images: self.outcomes.iter().map(image).collect(),
        };
        let text = serde_json::to_string_pretty(&wire)?;
        Ok(format!("{}\n", ascii_json(&text)))
    }
}

fn image(outcome: &Outcome) -> Image<'_> {
    let (error, release) = match &outcome.answer {
        Answer::Verified(verified) => (None, Some(&***verified)),
        Answer::Rejected(rejection) => {
            let error = Error {
                code: rejection.code.as_str(),
                class: rejection.class().as_str(),
                what: rejection.what.clone(),
                found: rejection.found.as_deref(),
                expected: rejection.expected.as_deref(),
                help: rejection.help(),
            };
            (Some(error), None)
        }
        Answer::Failed(why) => (Some(fault(why)), None),
    };
    Image {
        reference: &outcome.reference,
        result: outcome.result(),
        exit_code: outcome.exit_code(),
        error,
        release,
        does_not_prove: &DOES_NOT_PROVE,
        notes: &outcome.notes,
    }
}

fn fault(fault: &Fault) -> Error<'_> {
    Error {
        code: fault.code(),
        class: fault.class(),
        what: fault.to_string(),
        found: None,
        expected: None,
        help: fault.help(),
    }
}
