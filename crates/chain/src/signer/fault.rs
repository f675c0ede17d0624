use alloy_primitives::Address;
use seed_primitives::write_address;
use thiserror::Error;

/// Why a signer (a key, a device, a service) gave no signature that can be used. `signer` names it for people.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum SignerFault {
    /// It is not there, refuses, or fails.
    #[error("{signer} does not sign: {why}")]
    Unavailable {
        /// Who.
        signer: String,
        /// What it says, or what became of the question.
        why: String,
    },
    /// It did not answer in time.
    #[error("{signer} has not answered after {seconds} s")]
    Silent {
        /// Who.
        signer: String,
        /// How long was waited.
        seconds: u64,
    },
    /// Its key is another account's than the one that is to sign.
    #[error("{signer} is {}, not {}", write_address(.found), accounts(.expected))]
    OtherAccount {
        /// Who.
        signer: String,
        /// Whose key it has.
        found: Address,
        /// Who may sign; nobody where it is not known.
        expected: Vec<Address>,
    },
    /// Its answer is no signature or no key.
    #[error("{signer} answers with what is no {what}: {why}")]
    Malformed {
        /// Who.
        signer: String,
        /// What it should be.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Its signature is by another key, or over something else.
    #[error("the signature that {signer} gave is {}, not that of {} over what was asked for", somebody(.found.as_ref()), write_address(.expected))]
    OtherSignature {
        /// Who.
        signer: String,
        /// The account it would be of, where it says one.
        found: Option<Address>,
        /// Whose it should be.
        expected: Address,
    },
    /// The signature has the other recovery bit.
    #[error("the signature that {signer} gave has the wrong v")]
    WrongV {
        /// Who.
        signer: String,
    },
    /// The signature is not the one of two that contracts accept.
    #[error("the signature that {signer} gave has an s in the upper half of the order")]
    HighS {
        /// Who.
        signer: String,
    },
}

impl SignerFault {
    /// The stable code, as documented in `docs/errors.md`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "signer-unavailable",
            Self::Silent { .. } => "signer-silent",
            Self::OtherAccount { .. } => "signer-other-account",
            Self::Malformed { .. } => "signer-malformed",
            Self::OtherSignature { .. } => "signature-other-key",
            Self::WrongV { .. } => "signature-wrong-v",
            Self::HighS { .. } => "signature-high-s",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => {
                "connect and unlock it and open its Ethereum app, or check the service's login and key"
            }
            Self::Silent { .. } => "try again, and answer on the device in time",
            Self::OtherAccount { .. } => {
                "use the right device, path or key, or name the account that is meant with --owner"
            }
            Self::Malformed { .. }
            | Self::OtherSignature { .. }
            | Self::WrongV { .. }
            | Self::HighS { .. } => {
                "nothing was written or sent; do not use that signer before you know why"
            }
        }
    }

    /// 1 refused, 3 could not be found out.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Unavailable { .. } | Self::Silent { .. } => 3,
            Self::OtherAccount { .. }
            | Self::Malformed { .. }
            | Self::OtherSignature { .. }
            | Self::WrongV { .. }
            | Self::HighS { .. } => 1,
        }
    }
}

fn accounts(all: &[Address]) -> String {
    let texts: Vec<_> = all.iter().map(write_address).collect();
    match texts.is_empty() {
        true => "an account that was named".to_owned(),
        false => texts.join(" or "),
    }
}

fn somebody(found: Option<&Address>) -> String {
    found.map_or_else(
        || "nobody's or another key's".to_owned(),
        |address| format!("that of {}", write_address(address)),
    )
}
