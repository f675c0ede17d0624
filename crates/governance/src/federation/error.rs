use seed_proof::RulesError;
use thiserror::Error;

/// Why a federation file does not stand for any rules.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum FederationError {
    /// It is not the TOML it should be.
    #[error("line {line}: {why}")]
    Form {
        /// Where, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// A builder has something that cannot be.
    #[error("builder `{builder}` has the {what}: `{value}`")]
    Builder {
        /// Its name.
        builder: String,
        /// What is wrong with it.
        what: &'static str,
        /// The text.
        value: String,
    },
    /// There are more systems than a mask has bits.
    #[error("{0} systems are listed, 64 fit")]
    TooManySystems(usize),
    /// There are more builders than a bitmap has bits.
    #[error("{0} builders are listed, 32 fit")]
    TooManyBuilders(usize),
    /// There are more named domains than bits.
    #[error("{0} failure domains are named, 224 fit")]
    TooManyDomains(usize),
    /// The rules' constructor would refuse it.
    #[error("the rules refuse it: {0}")]
    Rules(#[from] RulesError),
}
