use thiserror::Error;

use crate::SignerFault;

/// Why an endpoint gave no usable answer, or a transaction was not made. Never evidence of anything else.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ChainError {
    /// The URL cannot be used.
    #[error("endpoint {url:?}: {why}; use https://…, or http:// to a loopback address")]
    Url {
        /// The text given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// No connection, no answer in time, or a broken one.
    #[error("endpoint {url} cannot be reached: {why}")]
    Unreachable {
        /// The endpoint.
        url: String,
        /// The cause.
        why: String,
    },
    /// The answer is not the JSON-RPC answer to the question.
    #[error("endpoint {url} answers {method} with something else: {why}")]
    Malformed {
        /// The endpoint.
        url: String,
        /// The question.
        method: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The endpoint answers with an error of its own.
    #[error("endpoint {url} refuses {method}: {message} (code {code})")]
    Refused {
        /// The endpoint.
        url: String,
        /// The question.
        method: &'static str,
        /// The JSON-RPC error code.
        code: i64,
        /// Its message, escaped and shortened.
        message: String,
        /// The revert data, `0x` and hex, where there is any.
        data: Option<String>,
    },
    /// A header's bytes do not hash to the hash the endpoint gives it.
    #[error("endpoint {url} gives a header that hashes to {computed}, not to {stated}")]
    HeaderHash {
        /// The endpoint.
        url: String,
        /// The hash it states.
        stated: String,
        /// The hash of the bytes.
        computed: String,
    },
    /// A contract refused; the reason is its named error with its values.
    #[error("the contract refuses: {reason}")]
    Reverted {
        /// The named error, such as `QuorumBelowThreshold(0, 1, 2)`.
        reason: String,
    },
    /// Whoever should sign the transaction does not, or not rightly.
    #[error(transparent)]
    Signer(#[from] SignerFault),
    /// The account that pays has too little.
    #[error("account {account} has {balance} wei and needs {needed}; send it some")]
    EmptyWallet {
        /// The account.
        account: String,
        /// What it has.
        balance: String,
        /// What the transaction needs at most.
        needed: String,
    },
    /// The transaction was sent and is not mined within the time allowed.
    #[error(
        "transaction {hash} was sent and is not mined after {seconds} s; look for it before sending another"
    )]
    NotMined {
        /// The transaction.
        hash: String,
        /// How long was waited.
        seconds: u64,
    },
}

impl ChainError {
    /// A stable kebab-case code for reports.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Url { .. } => "endpoint-url",
            Self::Unreachable { .. } => "endpoint-unreachable",
            Self::Malformed { .. } | Self::HeaderHash { .. } => "endpoint-malformed",
            Self::Refused { .. } => "endpoint-refused",
            Self::Reverted { .. } => "contract-refused",
            Self::Signer(fault) => fault.code(),
            Self::EmptyWallet { .. } => "gas-wallet-empty",
            Self::NotMined { .. } => "transaction-not-mined",
        }
    }
}

/// At most 200 characters of an outsider's text, control characters escaped.
pub(crate) fn shown(text: &str) -> String {
    text.chars()
        .take(200)
        .flat_map(char::escape_debug)
        .collect()
}
