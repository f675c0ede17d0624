use std::{collections::BTreeMap, fmt};

use alloy_primitives::{Address, B256, U256};

use super::{Change, place::Place};
use crate::decode::{Allowed, Decoded, NamedRules, Names, ReviewFault, Warning};

/// Everything that a change would do.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The chain.
    pub chain_id: u64,
    /// The block whose state it ran on.
    pub block: u64,
    /// The hash of that block.
    pub block_hash: B256,
    /// The time of that block, Unix seconds.
    pub block_time: u64,
    /// Whether the Safe's signatures were pretended.
    pub pretended: bool,
    /// The meaning of the change.
    pub decoded: Decoded,
    /// The transactions in order.
    pub steps: Vec<Step>,
    /// What speaks against it.
    pub objections: Vec<Objection>,
    /// The rules in force before.
    pub rules_before: Option<NamedRules>,
    /// The rules in force after.
    pub rules_after: Option<NamedRules>,
}

/// One transaction and what it changes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// What it is.
    pub title: String,
    /// When it runs, Unix seconds.
    pub time: u64,
    /// The gas it uses.
    pub gas: u64,
    /// Who sends it.
    pub sender: Address,
    /// Storage, by contract and slot.
    pub changes: Vec<Change>,
    /// What the operation says it changes and does not, because it is so already: contract and place, named.
    pub unchanged: Vec<String>,
    /// Balances before and after.
    pub balances: BTreeMap<Address, (U256, U256)>,
    /// Code hashes before and after.
    pub codes: BTreeMap<Address, (B256, B256)>,
    /// Events in order, in words.
    pub events: Vec<String>,
}

/// Something that a change does and does not say, or should not do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Objection {
    /// The record of a release changes.
    Release {
        /// Which.
        release: B256,
    },
    /// A slot changes that the operation does not name, or to something else.
    Unexpected {
        /// The contract, named.
        contract: String,
        /// What the slot holds.
        place: String,
        /// The word before.
        before: U256,
        /// The word after.
        after: U256,
    },
    /// The revoked builders in the control word are not those of the revocations.
    Bitmap {
        /// The bits there.
        found: u32,
        /// The bits that follow from the revocations.
        expected: u32,
    },
    /// The rules in force are none that their constructor would have made.
    BadRules {
        /// Where, named.
        rules: String,
        /// The check that fails.
        why: String,
    },
    /// Code appears, disappears or changes.
    Code(String),
    /// A contract destroys itself.
    Destroyed(String),
    /// A contract creates another.
    Created(String),
    /// A call goes to an account without code: it would succeed and do nothing.
    NoCode(String),
    /// Money moves.
    Balance(String),
    /// The rules that come into force are not what they should be.
    Rules(Warning),
}

impl Objection {
    /// The objection to a change that was not expected.
    pub(super) fn of(change: &Change, names: &Names) -> Self {
        if let Place::Release(release) = change.place {
            return Self::Release { release };
        }
        Self::Unexpected {
            contract: names.of(change.contract),
            place: change.place.to_string(),
            before: change.before,
            after: change.after,
        }
    }

    /// The stable code of the refusal.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Release { .. } => "release-changed",
            Self::Unexpected { .. } | Self::Bitmap { .. } => "unexpected-change",
            Self::BadRules { .. } => "rules-refused",
            Self::Code(_) | Self::Destroyed(_) | Self::Created(_) => "code-changed",
            Self::NoCode(_) => "no-code",
            Self::Balance(_) => "balance-changed",
            Self::Rules(warning) => warning.code(),
        }
    }

    /// Whether it stays a refusal with these things let through.
    #[must_use]
    pub const fn refuses(&self, allowed: Allowed) -> bool {
        match self {
            Self::Balance(_) => !allowed.unknown,
            Self::Rules(warning) => warning.refuses(allowed),
            _ => true,
        }
    }

    const fn help(&self) -> &'static str {
        match self {
            Self::Rules(warning) => warning.help(),
            Self::Balance(_) => "do not sign it; if it is meant, pass --allow-unknown",
            _ => "do not sign it",
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Release { .. } => 0,
            Self::Code(_) | Self::Destroyed(_) | Self::Created(_) => 1,
            Self::Unexpected { .. } | Self::Bitmap { .. } => 2,
            Self::BadRules { .. } => 3,
            Self::NoCode(_) => 4,
            Self::Balance(_) => 5,
            Self::Rules(warning) => 6 + warning.rank(),
        }
    }
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release { release } => write!(f, "RELEASE CHANGED: {release}"),
            Self::Unexpected {
                contract,
                place,
                before,
                after,
            } => write!(
                f,
                "UNEXPECTED CHANGE: {place} of {contract} from {before:#066x} to {after:#066x}"
            ),
            Self::Bitmap { found, expected } => write!(
                f,
                "UNEXPECTED CHANGE: the revoked builders are {found:#x}, and {expected:#x} follows from the revocations"
            ),
            Self::BadRules { rules, why } => write!(f, "BAD RULES: {rules}: {why}"),
            Self::Code(at) => write!(f, "CODE CHANGED: of {at}"),
            Self::Destroyed(at) => write!(f, "SELF-DESTRUCT: of {at}"),
            Self::Created(by) => write!(f, "CONTRACT CREATED: by {by}"),
            Self::NoCode(at) => write!(f, "NO CODE: {at} has none, so a call does nothing"),
            Self::Balance(of) => write!(f, "MONEY MOVES: the balance of {of} changes"),
            Self::Rules(warning) => warning.fmt(f),
        }
    }
}

impl Outcome {
    /// The worst reason to refuse, with these things let through.
    #[must_use]
    pub fn refusal(&self, allowed: Allowed) -> Option<ReviewFault> {
        let objections = self.objections.iter();
        let worst = objections
            .filter(|one| one.refuses(allowed))
            .min_by_key(|one| one.rank());
        // What the calls say is refused before what they do: a delegatecall may do anything.
        if let Some(warning) = self.decoded.refusal(allowed) {
            return Some(ReviewFault::refused(warning));
        }
        worst.map(|one| ReviewFault::Refused {
            code: one.code(),
            what: one.to_string(),
            help: one.help(),
        })
    }
}
