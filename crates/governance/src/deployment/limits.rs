use std::collections::BTreeSet;

use alloy_primitives::{Address, address};
use seed_primitives::{Environment, SafeOwners, write_address};
use thiserror::Error;

use super::Parameters;

/// A year. A longer delay would leave a mistake in the rules standing for as long.
const LONGEST_DELAY: u64 = 365 * 24 * 3600;
/// The most owners of one Safe; each is stored on the chain.
const MOST_OWNERS: usize = 64;
/// What a Safe's list of owners begins and ends with.
const SENTINEL: Address = address!("0000000000000000000000000000000000000001");
/// The chain ids that only chains on one's own machine have.
const LOCAL: [u64; 2] = [31337, 1337];

/// A parameter that must not be deployed, by name and value.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Unsafe {
    /// Changes could be made faster than anybody notices.
    #[error("`delay` is {delay} s, {environment} needs at least {least} s")]
    DelayTooShort {
        /// As configured.
        delay: u64,
        /// For which environment.
        environment: &'static str,
        /// The least.
        least: u64,
    },
    /// Nothing could be repaired in time.
    #[error("`delay` is {delay} s, more than a year ({LONGEST_DELAY} s)")]
    DelayTooLong {
        /// As configured.
        delay: u64,
    },
    /// A Safe with too few owners.
    #[error("`{safe}.owners` are {owners}, {environment} needs at least {least}")]
    TooFewOwners {
        /// `proposer` or `guardian`.
        safe: &'static str,
        /// How many there are.
        owners: usize,
        /// For which environment.
        environment: &'static str,
        /// The least.
        least: usize,
    },
    /// A Safe with more owners than is sensible.
    #[error("`{safe}.owners` are {owners}, at most {MOST_OWNERS} fit")]
    TooManyOwners {
        /// `proposer` or `guardian`.
        safe: &'static str,
        /// How many there are.
        owners: usize,
    },
    /// Too few owners suffice.
    #[error("`{safe}.threshold` is {threshold} of {owners} owners, {environment} needs {why}")]
    ThresholdTooLow {
        /// `proposer` or `guardian`.
        safe: &'static str,
        /// As configured.
        threshold: u64,
        /// How many owners there are.
        owners: usize,
        /// For which environment.
        environment: &'static str,
        /// The rule.
        why: &'static str,
    },
    /// More signatures are needed than there are owners, or as many, so that one lost key ends it.
    #[error("`{safe}.threshold` is {threshold} of {owners} owners: {why}")]
    ThresholdTooHigh {
        /// `proposer` or `guardian`.
        safe: &'static str,
        /// As configured.
        threshold: u64,
        /// How many owners there are.
        owners: usize,
        /// What is wrong with that.
        why: &'static str,
    },
    /// An account that nobody has, or that a Safe refuses.
    #[error("`{safe}.owners` names {}, which nobody owns", write_address(.owner))]
    NoOwner {
        /// `proposer` or `guardian`.
        safe: &'static str,
        /// The account.
        owner: Address,
    },
    /// One account twice.
    #[error("`{safe}.owners` names {} twice", write_address(.owner))]
    DuplicateOwner {
        /// `proposer` or `guardian`.
        safe: &'static str,
        /// The account.
        owner: Address,
    },
    /// One account in both Safes: who breaks the rules could also silence the alarm.
    #[error("{} is an owner of the proposer and of the guardian", write_address(.owner))]
    OwnerOfBoth {
        /// The account.
        owner: Address,
    },
    /// A builder's key that also governs.
    #[error("{} is the key of builder {builder} and an owner of the {safe}", write_address(.owner))]
    BuilderGoverns {
        /// The account.
        owner: Address,
        /// The builder.
        builder: String,
        /// `proposer` or `guardian`.
        safe: &'static str,
    },
    /// Weak parameters where others could rely on them.
    #[error(
        "`environment` is development, and chain {chain_id} is not a local one (31337, 1337); `development-on-public-chain = true` says that this is meant"
    )]
    DevelopmentInPublic {
        /// The chain.
        chain_id: u64,
    },
    /// A chain id that no chain has.
    #[error("`chain-id` is 0, which is no chain")]
    NoChain,
}

impl Unsafe {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::DelayTooShort { .. } => "delay-too-short",
            Self::DelayTooLong { .. } => "delay-too-long",
            Self::TooFewOwners { .. } => "too-few-owners",
            Self::TooManyOwners { .. } => "too-many-owners",
            Self::ThresholdTooLow { .. } => "threshold-too-low",
            Self::ThresholdTooHigh { .. } => "threshold-too-high",
            Self::NoOwner { .. } => "owner-nobody",
            Self::DuplicateOwner { .. } => "owner-twice",
            Self::OwnerOfBoth { .. } => "owner-of-both-safes",
            Self::BuilderGoverns { .. } => "builder-governs",
            Self::DevelopmentInPublic { .. } => "development-in-public",
            Self::NoChain => "chain-id-zero",
        }
    }
}

/// What an environment asks of the parameters.
struct Limits {
    delay: u64,
    proposer: Quorum,
    guardian: Quorum,
    /// Whether the two Safes must have no owner in common, and neither end with one lost key.
    strict: bool,
}

struct Quorum {
    owners: usize,
    threshold: u64,
    majority: bool,
    why: &'static str,
}

const ANY: Quorum = Quorum {
    owners: 1,
    threshold: 1,
    majority: false,
    why: "at least 1",
};

const fn limits(environment: Environment) -> Limits {
    match environment {
        Environment::Production => Limits {
            delay: 7 * 24 * 3600,
            proposer: Quorum {
                owners: 3,
                threshold: 2,
                majority: true,
                why: "at least 2, and more than half",
            },
            guardian: Quorum { owners: 2, ..ANY },
            strict: true,
        },
        Environment::Staging => Limits {
            delay: 3600,
            proposer: Quorum {
                owners: 2,
                threshold: 2,
                majority: true,
                why: "at least 2, and more than half",
            },
            guardian: ANY,
            strict: false,
        },
        Environment::Development => Limits {
            delay: 1,
            proposer: ANY,
            guardian: ANY,
            strict: false,
        },
    }
}

/// Everything about `parameters` that must not be deployed; empty where they are safe.
///
/// | | production | staging | development |
/// |---|---|---|---|
/// | delay | ≥ 7 days | ≥ 1 hour | ≥ 1 s |
/// | proposer | ≥ 3 owners; threshold ≥ 2, more than half, fewer than all | ≥ 2 owners; ≥ 2, more than half | ≥ 1 |
/// | guardian | ≥ 2 owners; threshold ≥ 1, fewer than all | ≥ 1 | ≥ 1 |
/// | an owner of both Safes | refused | allowed | allowed |
/// | a builder's key as owner | refused | refused | refused |
#[must_use]
pub fn unsafe_parameters(parameters: &Parameters) -> Vec<Unsafe> {
    let limits = limits(parameters.environment);
    let environment = parameters.environment.as_str();
    let mut found = Vec::new();
    if parameters.chain_id == 0 {
        found.push(Unsafe::NoChain);
    }
    if parameters.delay < limits.delay {
        found.push(Unsafe::DelayTooShort {
            delay: parameters.delay,
            environment,
            least: limits.delay,
        });
    }
    if parameters.delay > LONGEST_DELAY {
        found.push(Unsafe::DelayTooLong {
            delay: parameters.delay,
        });
    }
    let safes = [
        ("proposer", &parameters.proposer, &limits.proposer),
        ("guardian", &parameters.guardian, &limits.guardian),
    ];
    for (name, safe, quorum) in safes {
        owners(name, safe, &mut found);
        threshold(name, safe, quorum, limits.strict, environment, &mut found);
        builders(name, safe, parameters, &mut found);
    }
    if limits.strict {
        let guardians: BTreeSet<_> = parameters.guardian.owners.iter().collect();
        let both: BTreeSet<_> = parameters
            .proposer
            .owners
            .iter()
            .filter(|one| guardians.contains(one))
            .collect();
        found.extend(
            both.into_iter()
                .map(|owner| Unsafe::OwnerOfBoth { owner: *owner }),
        );
    }
    let local = LOCAL.contains(&parameters.chain_id) || parameters.development_on_public_chain;
    if parameters.environment == Environment::Development && !local {
        found.push(Unsafe::DevelopmentInPublic {
            chain_id: parameters.chain_id,
        });
    }
    found
}

fn owners(name: &'static str, safe: &SafeOwners, found: &mut Vec<Unsafe>) {
    let mut seen = BTreeSet::new();
    for owner in &safe.owners {
        if owner.is_zero() || *owner == SENTINEL {
            found.push(Unsafe::NoOwner {
                safe: name,
                owner: *owner,
            });
        }
        if !seen.insert(owner) {
            found.push(Unsafe::DuplicateOwner {
                safe: name,
                owner: *owner,
            });
        }
    }
    if safe.owners.len() > MOST_OWNERS {
        found.push(Unsafe::TooManyOwners {
            safe: name,
            owners: safe.owners.len(),
        });
    }
}

fn threshold(
    name: &'static str,
    safe: &SafeOwners,
    quorum: &Quorum,
    strict: bool,
    environment: &'static str,
    found: &mut Vec<Unsafe>,
) {
    let (threshold, owners) = (safe.threshold, safe.owners.len());
    let all = owners as u64;
    if owners < quorum.owners {
        found.push(Unsafe::TooFewOwners {
            safe: name,
            owners,
            environment,
            least: quorum.owners,
        });
    }
    let minority = quorum.majority && threshold <= all / 2;
    if threshold < quorum.threshold || minority {
        found.push(Unsafe::ThresholdTooLow {
            safe: name,
            threshold,
            owners,
            environment,
            why: quorum.why,
        });
    }
    let why = match threshold {
        _ if threshold > all => "there are not as many",
        _ if strict && threshold == all => "one lost key would end it",
        _ => return,
    };
    found.push(Unsafe::ThresholdTooHigh {
        safe: name,
        threshold,
        owners,
        why,
    });
}

fn builders(
    name: &'static str,
    safe: &SafeOwners,
    parameters: &Parameters,
    found: &mut Vec<Unsafe>,
) {
    for builder in &parameters.federation.builders {
        let key = builder.address.address();
        if safe.owners.contains(&key) {
            found.push(Unsafe::BuilderGoverns {
                owner: key,
                builder: builder.name.clone(),
                safe: name,
            });
        }
    }
}
