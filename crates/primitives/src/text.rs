use alloy_primitives::{Address, B256};
use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

use crate::ParseError;

/// `N` bytes from exactly `2 N` lower-case hex digits; `None` for anything else.
pub(crate) fn lower_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

/// Reads a 32-byte word written `0x` and 64 lower-case hex digits (no other form is accepted).
///
/// # Errors
/// When the text has another length, prefix, case or character.
pub fn parse_bytes32(text: &str) -> Result<B256, ParseError> {
    text.strip_prefix("0x")
        .and_then(lower_hex)
        .map(B256::new)
        .ok_or_else(|| ParseError::new("a 32-byte word", "0x and 64 lower-case hex digits", text))
}

/// Writes a 32-byte word as `0x` and 64 lower-case hex digits.
#[must_use]
pub fn write_bytes32(word: &B256) -> String {
    format!("0x{}", hex::encode(word))
}

/// Reads an address written `0x` and 40 lower-case hex digits (mixed case is refused, not normalised).
///
/// # Errors
/// When the text has another length, prefix, case or character.
pub fn parse_address(text: &str) -> Result<Address, ParseError> {
    text.strip_prefix("0x")
        .and_then(lower_hex)
        .map(Address::new)
        .ok_or_else(|| ParseError::new("an address", "0x and 40 lower-case hex digits", text))
}

/// Writes an address as `0x` and 40 lower-case hex digits.
#[must_use]
pub fn write_address(address: &Address) -> String {
    format!("0x{}", hex::encode(address))
}

/// Serde for an address in the form of [`parse_address`]; use with `#[serde(with = …)]`.
pub mod address_text {
    use alloy_primitives::Address;
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    /// Serialises an address in the form of [`write_address`](crate::write_address).
    ///
    /// # Errors
    /// Those of the serialiser.
    pub fn serialize<S: Serializer>(address: &Address, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::write_address(address))
    }

    /// Deserialises an address in the form of [`parse_address`](crate::parse_address).
    ///
    /// # Errors
    /// When the text is not in that form.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::parse_address(&text).map_err(D::Error::custom)
    }
}

/// Serialises a word in the form of [`write_bytes32`].
///
/// # Errors
/// Those of the serialiser.
pub fn serialize<S: Serializer>(word: &B256, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&write_bytes32(word))
}

/// Deserialises a word in the form of [`parse_bytes32`].
///
/// # Errors
/// When the text is not in that form.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<B256, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_bytes32(&text).map_err(D::Error::custom)
}

/// Implements `FromStr`-based serde, `TryFrom<String>` style, for a newtype that displays as its text form.
macro_rules! serde_as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use serde_as_text;
