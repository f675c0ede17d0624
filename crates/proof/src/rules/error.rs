use alloy_primitives::{B256, U256};
use thiserror::Error;

/// Why code is not the code of rules that may judge: one variant per check of their constructor, repeated here
/// because nothing forces rules to have been deployed by it. Whoever put the rules in force is at fault.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum RulesError {
    /// More bytes than any contract's code.
    #[error("the rules' code has {0} bytes, more than 65536")]
    TooLong(usize),
    /// Code that starts with `0xef` is not run as it reads (EIP-3541, EIP-7702).
    #[error("the rules' code starts with 0xef")]
    Prefix,
    /// The code ends before its configuration is complete, or states another length.
    #[error("the configuration has {found} bytes, expected {expected}")]
    Length {
        /// The length there is, or that the final word states.
        found: usize,
        /// The length its counts demand.
        expected: usize,
    },
    /// There is nothing before the configuration.
    #[error("the rules' code is a configuration without logic")]
    NoLogic,
    /// A version of the configuration other than 1.
    #[error("the configuration has version {0}, expected 1")]
    Version(u8),
    /// Flag bits are reserved and must be zero.
    #[error("the configuration has reserved bits set")]
    Flags,
    /// Not 1 to 64 systems.
    #[error("the configuration has {0} systems, expected 1 to 64")]
    SystemCount(usize),
    /// Not 1 to 32 builders.
    #[error("the configuration has {0} builders, expected 1 to 32")]
    BuilderCount(usize),
    /// One signature would be enough.
    #[error("the threshold is {0}, expected at least 2")]
    Threshold(u8),
    /// A system's word is not length, name and zeros, or the name is not a Nix system.
    #[error("system {index} is not a name: {word}")]
    SystemName {
        /// Its position.
        index: usize,
        /// Its word.
        word: B256,
    },
    /// Systems must strictly ascend bytewise.
    #[error("system {index} does not follow the one before it")]
    SystemOrder {
        /// Its position.
        index: usize,
    },
    /// A builder with the zero address.
    #[error("builder {index} has the zero address")]
    ZeroBuilder {
        /// Its position.
        index: usize,
    },
    /// Two builders with one key.
    #[error("builders {first} and {second} have the same key")]
    DuplicateBuilder {
        /// The earlier position.
        first: usize,
        /// The later position.
        second: usize,
    },
    /// Bits 0 to 31 of a builder's domains must be exactly its own index bit.
    #[error(
        "builder {index} has domains {domains:#x}, whose low 32 bits must be exactly bit {index}"
    )]
    Domains {
        /// Its position.
        index: usize,
        /// Its domains.
        domains: U256,
    },
    /// A builder that is eligible for nothing, or for systems that do not exist.
    #[error("builder {index} is eligible for systems {mask:#x} of {count}")]
    Eligibility {
        /// Its position.
        index: usize,
        /// Its mask.
        mask: u64,
        /// How many systems there are.
        count: usize,
    },
    /// The threshold is not a majority of a system's eligible builders (2N > M), or is more than all of them.
    #[error(
        "the threshold {threshold} is no majority of the {eligible} builders eligible for system {index}, or exceeds them"
    )]
    Majority {
        /// The position of the system.
        index: usize,
        /// The threshold, N.
        threshold: u8,
        /// How many builders are eligible, M.
        eligible: usize,
    },
}
