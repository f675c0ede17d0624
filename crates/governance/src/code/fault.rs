use thiserror::Error;

use super::CodeDifference;
use crate::output::shown;

/// Why code was not found to be the sources' code.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum CodeFault {
    /// It is other code.
    #[error("{}", list(.0))]
    Differs(Vec<CodeDifference>),
    /// The configuration of rules is not one that may be judged by.
    #[error("the configuration of the {what} is refused: {why}")]
    Configuration {
        /// Which rules.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// The deployment file contradicts itself or the sources.
    #[error(
        "the deployment file's {field} is {found}, the sources and its other fields give {expected}"
    )]
    File {
        /// The field.
        field: &'static str,
        /// What it says.
        found: String,
        /// What it should say.
        expected: String,
    },
    /// The sources cannot be compiled.
    #[error("the sources cannot be compiled: {}", shown(.0))]
    Sources(String),
}

impl CodeFault {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Differs(_) => "code-differs",
            Self::Configuration { .. } => "rules-refused",
            Self::File { .. } => "deployment-file-differs",
            Self::Sources(_) => "sources-unusable",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Differs(_) => {
                "trust nothing there until it is explained; check that the sources are the deployed version"
            }
            Self::Configuration { .. } => "trust nothing that these rules judged",
            Self::File { .. } => {
                "check that the sources are the deployed version, then where the file is from"
            }
            Self::Sources(_) => {
                "run `npm ci --ignore-scripts` in the sources' folder, or name --sources and --solc"
            }
        }
    }

    /// 1 refused, 2 wrong question.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Differs(_) | Self::Configuration { .. } | Self::File { .. } => 1,
            Self::Sources(_) => 2,
        }
    }
}

fn list(all: &[CodeDifference]) -> String {
    let texts: Vec<_> = all.iter().map(ToString::to_string).collect();
    texts.join(" | ")
}
