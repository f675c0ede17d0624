use std::{fmt, str::FromStr};

use alloy_primitives::Address;

use crate::{
    ParseError,
    text::{lower_hex, serde_as_text},
};

/// A builder: the address of its secp256k1 signing key, 20 bytes, never zero.
///
/// Written `0x` and 40 lower-case hex digits; mixed-case (EIP-55) text is refused rather than normalised, so
/// that one builder has one text form everywhere.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct BuilderId(Address);

impl BuilderId {
    /// A builder from its address; `None` for the zero address.
    #[must_use]
    pub fn from_address(address: Address) -> Option<Self> {
        (!address.is_zero()).then_some(Self(address))
    }

    /// The address.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.0
    }

    /// The 40 lower-case hex digits without `0x`, as used in registry tags.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl FromStr for BuilderId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        text.strip_prefix("0x")
            .and_then(lower_hex::<20>)
            .and_then(|bytes| Self::from_address(Address::new(bytes)))
            .ok_or_else(|| {
                ParseError::new(
                    "an address",
                    "0x and 40 lower-case hex digits, not all zero",
                    text,
                )
            })
    }
}

impl fmt::Display for BuilderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", self.to_hex())
    }
}

impl fmt::Debug for BuilderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

serde_as_text!(BuilderId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_zero_mixed_case_and_wrong_lengths() {
        for text in [
            "0x0000000000000000000000000000000000000000",
            "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
            "f39fd6e51aad88f6f4ce6ab8827279cfffb92266",
            "0xf39fd6e51aad88f6f4ce6ab8827279cfffb9226",
            "",
        ] {
            assert!(text.parse::<BuilderId>().is_err(), "{text:?}");
        }
        let good = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
        assert_eq!(good.parse::<BuilderId>().unwrap().to_string(), good);
    }
}
