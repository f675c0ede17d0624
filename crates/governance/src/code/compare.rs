use std::{fmt, ops::Range};

use alloy_primitives::{Address, hex};
use seed_primitives::write_address;

use super::Expected;

/// The longest region whose whole value is shown; of longer ones the bytes around the difference are.
const SHOWN: usize = 32;

/// The first place where the code on the chain is not the expected code.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CodeDifference {
    /// The contract.
    pub what: String,
    /// Where it stands.
    pub address: Address,
    /// The offset of the first byte that differs.
    pub offset: usize,
    /// What lies there.
    pub region: String,
    /// The expected bytes of that region, or from that offset on.
    pub expected: String,
    /// What is there instead.
    pub found: String,
}

impl fmt::Display for CodeDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}: byte {} ({}): expected {}, found {}",
            self.what,
            write_address(&self.address),
            self.offset,
            self.region,
            self.expected,
            self.found
        )
    }
}

/// The first difference between `expected` and `found`; nothing where they are equal, byte for byte and in length.
#[must_use]
pub fn first_difference(expected: &Expected, found: &[u8]) -> Option<CodeDifference> {
    let code = expected.code.as_ref();
    if code == found {
        return None;
    }
    let equal = code
        .iter()
        .zip(found)
        .take_while(|(one, other)| one == other);
    let offset = equal.count();
    let (region, range) = match expected
        .regions
        .iter()
        .find(|(one, _)| one.contains(&offset))
    {
        Some((range, what)) => (what.clone(), range.clone()),
        None if offset >= code.len() => ("after the end".to_owned(), offset..offset + SHOWN),
        None => ("logic".to_owned(), offset..offset + SHOWN),
    };
    let range = match range.len() > SHOWN {
        true => offset..(offset + SHOWN).min(range.end),
        false => range,
    };
    Some(CodeDifference {
        what: expected.what.clone(),
        address: expected.address,
        offset,
        region,
        expected: bytes(code, &range),
        found: bytes(found, &range),
    })
}

/// The bytes of `range`, as far as there are any.
fn bytes(code: &[u8], range: &Range<usize>) -> String {
    let end = range.end.min(code.len());
    match code.get(range.start..end) {
        Some(bytes) if !bytes.is_empty() => format!("0x{}", hex::encode(bytes)),
        _ if code.is_empty() => "no code".to_owned(),
        _ => "the end".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Expected {
        Expected {
            what: "ledger".to_owned(),
            address: Address::ZERO,
            code: (0..100).collect::<Vec<u8>>().into(),
            regions: vec![(40..72, "immutable `guardian`".to_owned())],
        }
    }

    #[test]
    fn finds_every_changed_byte_and_says_what_lies_there() {
        let expected = example();
        assert_eq!(first_difference(&expected, &expected.code), None);
        for offset in 0..100 {
            let mut code = expected.code.to_vec();
            code[offset] ^= 0x80;
            let found = first_difference(&expected, &code).unwrap();
            assert_eq!(found.offset, offset);
            let region = if (40..72).contains(&offset) {
                "immutable `guardian`"
            } else {
                "logic"
            };
            assert_eq!(found.region, region);
            assert_ne!(found.expected, found.found);
        }
    }

    #[test]
    fn finds_what_is_missing_and_what_is_too_much() {
        let expected = example();
        let short = first_difference(&expected, &expected.code[..99]).unwrap();
        assert_eq!((short.offset, short.found.as_str()), (99, "the end"));
        let long = first_difference(&expected, &[expected.code.as_ref(), &[1]].concat()).unwrap();
        assert_eq!((long.offset, long.region.as_str()), (100, "after the end"));
        assert_eq!(
            (long.expected.as_str(), long.found.as_str()),
            ("the end", "0x01")
        );
        let none = first_difference(&expected, &[]).unwrap();
        assert_eq!((none.offset, none.found.as_str()), (0, "no code"));
    }
}
