use std::fmt;

use alloy_primitives::{B256, Selector, U256};

use super::fault::NEVER;

/// Something about a call that a signer must not overlook. Each is a reason to refuse.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Warning {
    /// The code of the target would run as the caller itself.
    Delegatecall {
        /// Whose code, named.
        target: String,
    },
    /// The bytes are not the one encoding of what they seem to say.
    Malformed {
        /// What is wrong.
        why: String,
    },
    /// More calls, more bytes or more nesting than anybody can review.
    TooComplex {
        /// The bound that is broken.
        bound: &'static str,
    },
    /// The target is not part of the deployment.
    UnknownTarget {
        /// The target, whole.
        target: String,
    },
    /// The function is none that governance has business calling there.
    UnknownSelector {
        /// The target, named.
        target: String,
        /// The first four bytes, or fewer where there are fewer.
        selector: Option<Selector>,
    },
    /// Money is sent.
    Value {
        /// How many wei.
        wei: U256,
    },
    /// The Safe pays whoever executes, or a receiver of their choice.
    Refund,
    /// The rules to be put in force judge by code that this program does not know.
    UnknownLogic {
        /// The hash of their logic.
        found: B256,
        /// The hash of the logic that is known.
        known: B256,
    },
    /// The rules to be put in force are none that their constructor would have made.
    BadRules {
        /// The check that fails.
        why: String,
    },
    /// It takes away a protection, or gives power to somebody else.
    Weaker {
        /// What it takes away.
        what: String,
    },
    /// The contract would refuse it: the caller is not who may do this.
    Futile {
        /// Who may.
        only: String,
    },
}

/// What a reader asked to have let through.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Allowed {
    /// Unknown targets and functions, and money.
    pub unknown: bool,
    /// Calls that weaken governance.
    pub weaker: bool,
}

impl Warning {
    /// The stable code of the refusal.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Delegatecall { .. } => "delegatecall-refused",
            Self::Malformed { .. } => "malformed-call-refused",
            Self::TooComplex { .. } => "too-complex-refused",
            Self::UnknownTarget { .. } | Self::UnknownSelector { .. } => "unknown-call-refused",
            Self::UnknownLogic { .. } => "unknown-rules-refused",
            Self::BadRules { .. } => "rules-refused",
            Self::Value { .. } | Self::Refund => "value-refused",
            Self::Weaker { .. } => "weaker-refused",
            Self::Futile { .. } => "futile-call-refused",
        }
    }

    /// Whether it stays a refusal with these things let through.
    #[must_use]
    pub const fn refuses(&self, allowed: Allowed) -> bool {
        match self {
            Self::Delegatecall { .. }
            | Self::Malformed { .. }
            | Self::TooComplex { .. }
            | Self::BadRules { .. }
            | Self::Futile { .. } => true,
            Self::UnknownTarget { .. }
            | Self::UnknownSelector { .. }
            | Self::UnknownLogic { .. }
            | Self::Value { .. }
            | Self::Refund => !allowed.unknown,
            Self::Weaker { .. } => !allowed.weaker,
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        let open = Allowed {
            unknown: true,
            weaker: true,
        };
        match self {
            Self::Weaker { .. } => "do not sign it; if it is meant, pass --allow-weaker",
            one if one.refuses(open) => NEVER,
            _ => "do not sign it; if it is meant, pass --allow-unknown",
        }
    }

    /// Worst first: which of several names the refusal.
    pub(crate) const fn rank(&self) -> u8 {
        match self {
            Self::Delegatecall { .. } => 0,
            Self::Malformed { .. } => 1,
            Self::TooComplex { .. } | Self::BadRules { .. } => 2,
            Self::UnknownTarget { .. }
            | Self::UnknownSelector { .. }
            | Self::UnknownLogic { .. } => 3,
            Self::Value { .. } | Self::Refund => 4,
            Self::Weaker { .. } => 5,
            Self::Futile { .. } => 6,
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delegatecall { target } => write!(
                f,
                "DELEGATECALL: the code of {target} would run as the caller itself and could change everything it is and owns"
            ),
            Self::Malformed { why } => write!(f, "MALFORMED CALL: {why}"),
            Self::TooComplex { bound } => write!(f, "TOO COMPLEX TO REVIEW: more than {bound}"),
            Self::UnknownTarget { target } => {
                write!(f, "UNKNOWN TARGET: {target} is not part of this deployment")
            }
            Self::UnknownSelector {
                target,
                selector: Some(selector),
            } => write!(
                f,
                "UNKNOWN FUNCTION: {selector} is none that governance calls on {target}"
            ),
            Self::UnknownSelector {
                target,
                selector: None,
            } => write!(f, "UNKNOWN FUNCTION: less than a selector for {target}"),
            Self::Value { wei } => write!(f, "MONEY: {wei} wei are sent"),
            Self::Refund => write!(
                f,
                "MONEY: the Safe would pay for the gas (its gas price, gas token or refund receiver is set)"
            ),
            Self::UnknownLogic { found, known } => write!(
                f,
                "UNKNOWN RULES: their logic has hash {found}; the one known here has {known}"
            ),
            Self::BadRules { why } => write!(f, "BAD RULES: {why}"),
            Self::Weaker { what } => write!(f, "WEAKENS GOVERNANCE: {what}"),
            Self::Futile { only } => write!(f, "WOULD BE REFUSED: only {only} may do this"),
        }
    }
}
