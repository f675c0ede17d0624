use std::io;

use seed_primitives::ascii_json;
use seed_verdict::{Grade, Release};
use serde::Serialize;

use super::{DOES_NOT_PROVE, Report, trust::trusts};
use crate::{Answer, Fault, Outcome, PolicyFile};

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

/// Which policy it was.
#[derive(Serialize)]
pub(crate) struct Policy<'a> {
    path: std::borrow::Cow<'a, str>,
    digest: String,
    require: Grade,
}

impl<'a> Policy<'a> {
    pub(crate) fn of(file: &'a PolicyFile) -> Self {
        Self {
            path: file.path.to_string_lossy(),
            digest: file.digest.to_string(),
            require: file.policy.require(),
        }
    }
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
    trusts: Vec<String>,
    does_not_prove: &'static [&'static str],
    notes: &'a [String],
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
            policy: self.policy.map(Policy::of),
            time: self.time,
            result: self.result(),
            exit_code: self.exit_code(),
            error: self.fault.map(fault),
            images: self
                .outcomes
                .iter()
                .map(|outcome| image(self.policy, outcome))
                .collect(),
        };
        let text = serde_json::to_string_pretty(&wire)?;
        Ok(format!("{}\n", ascii_json(&text)))
    }
}

fn image<'a>(policy: Option<&PolicyFile>, outcome: &'a Outcome) -> Image<'a> {
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
        trusts: trusts(policy, &outcome.answer),
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
