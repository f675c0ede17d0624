use thiserror::Error;

/// Why a policy is not used. The person who wrote it is at fault; nothing is verified until it is corrected.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum PolicyError {
    /// More bytes than any policy needs.
    #[error("the policy has {0} bytes, more than 262144")]
    TooLarge(usize),
    /// Not TOML of the expected shape: a syntax error, an unknown, missing or duplicate field, a wrong form.
    #[error("the policy cannot be read: {0}")]
    Toml(String),
    /// Nothing says which rules may judge.
    #[error(
        "the policy pins no rules: list code hashes under [rules] pinned, or logic hashes under [rules] logic together with [[rules.builders]]"
    )]
    NoRules,
    /// Logic hashes without builders: anybody could deploy that logic with builders of their own.
    #[error(
        "[rules] logic needs [[rules.builders]]: a logic says nothing about whose signatures count"
    )]
    LogicWithoutBuilders,
    /// Known builders without the number of them that must sign.
    #[error(
        "[rules] logic needs minimum_known_signers: how many of the listed builders must have signed"
    )]
    NoMinimumKnownSigners,
    /// A number is outside what can be meant.
    #[error("{field} is {value}, expected {expected}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
        /// What is accepted.
        expected: String,
    },
    /// A value that must not be there twice.
    #[error("{field} lists {value} twice")]
    Duplicate {
        /// The field.
        field: &'static str,
        /// The value.
        value: String,
    },
    /// A list that must not be empty, or has too many entries.
    #[error("{field} has {count} entries, expected {expected}")]
    Count {
        /// The field.
        field: &'static str,
        /// How many entries it has.
        count: usize,
        /// How many are accepted.
        expected: &'static str,
    },
    /// An endpoint that is neither https nor plain http to this machine.
    #[error(
        "endpoint {0} must be https://…, or http:// to a loopback address, without user or password"
    )]
    EndpointUrl(String),
    /// A name that is empty, too long, or has characters that could mislead a reader.
    #[error("{field} is {value:?}, expected 1 to 64 printable ASCII characters")]
    Name {
        /// The field.
        field: &'static str,
        /// The value.
        value: String,
    },
    /// The anchor names nothing.
    #[error("[anchor] {0} is zero")]
    ZeroAnchor(&'static str),
    /// A checkpoint that names no block.
    #[error("the hash of [[checkpoints]] block {0} is zero")]
    ZeroCheckpoint(u64),
    /// Keys of a network that make no quorum.
    #[error("[network] {0}")]
    NetworkKeys(String),
    /// Grade `signatures` without saying whose.
    #[error(
        "require = \"signatures\" needs [[rules.builders]] and minimum_known_signers: without the chain nothing else says whose signatures count"
    )]
    SignaturesOfNobody,
}
