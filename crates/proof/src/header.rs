use alloy_primitives::{B256, keccak256};
use alloy_rlp::{Decodable, Header as RlpHeader};

use crate::HeaderError;

/// The most bytes of a header: several times what any fork has.
pub const MAX_HEADER_BYTES: usize = 8 * 1024;
const FEWEST_FIELDS: usize = 15;
const MOST_FIELDS: usize = 64;

/// A block header kept as the bytes that are hashed (Ethereum Yellow Paper §4.3; later fields per fork).
///
/// Fields are read by index, so that a fork that appends fields does not change what is read here. The hash is
/// always computed; a header from JSON must be re-encoded by whoever has it and compared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RawHeader {
    rlp: Vec<u8>,
    hash: B256,
    parent_hash: B256,
    state_root: B256,
    number: u64,
    timestamp: u64,
}

impl RawHeader {
    /// Reads the RLP bytes of one header: one canonical list of 15 to 64 fields and nothing after it.
    ///
    /// # Errors
    /// [`HeaderError`] for anything else.
    pub fn parse(rlp: &[u8]) -> Result<Self, HeaderError> {
        if rlp.len() > MAX_HEADER_BYTES {
            return Err(HeaderError::TooLarge {
                size: rlp.len(),
                max: MAX_HEADER_BYTES,
            });
        }
        let fields = fields(rlp)?;
        Ok(Self {
            rlp: rlp.to_vec(),
            hash: keccak256(rlp),
            parent_hash: field(&fields, 0, "parentHash")?,
            state_root: field(&fields, 3, "stateRoot")?,
            number: field(&fields, 8, "number")?,
            timestamp: field(&fields, 11, "timestamp")?,
        })
    }

    /// The bytes that are hashed.
    #[must_use]
    pub fn rlp(&self) -> &[u8] {
        &self.rlp
    }

    /// Keccak-256 of the bytes: the block hash.
    #[must_use]
    pub const fn hash(&self) -> B256 {
        self.hash
    }

    /// The hash of the block before (field 0).
    #[must_use]
    pub const fn parent_hash(&self) -> B256 {
        self.parent_hash
    }

    /// The root of the state after this block (field 3).
    ///
    /// # Errors
    /// [`HeaderError::Genesis`] for block 0, where development nodes serve a root their proofs do not fit.
    pub const fn state_root(&self) -> Result<B256, HeaderError> {
        if self.number == 0 {
            return Err(HeaderError::Genesis);
        }
        Ok(self.state_root)
    }

    /// The block number (field 8).
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The block time in Unix seconds (field 11).
    #[must_use]
    pub const fn timestamp(&self) -> u64 {
        self.timestamp
    }
}

/// The encoded items of the list, each with its own RLP head.
fn fields(rlp: &[u8]) -> Result<Vec<&[u8]>, HeaderError> {
    let malformed = |error: alloy_rlp::Error| HeaderError::Rlp(error.to_string());
    let mut rest = rlp;
    let mut payload = RlpHeader::decode_bytes(&mut rest, true).map_err(malformed)?;
    if !rest.is_empty() {
        return Err(HeaderError::TrailingBytes(rest.len()));
    }
    let mut fields = Vec::new();
    while !payload.is_empty() {
        let mut after = payload;
        let head = RlpHeader::decode(&mut after).map_err(malformed)?;
        let size = payload.len() - after.len() + head.payload_length;
        let (item, next) = payload
            .split_at_checked(size)
            .ok_or_else(|| malformed(alloy_rlp::Error::InputTooShort))?;
        fields.push(item);
        payload = next;
        if fields.len() > MOST_FIELDS {
            return Err(HeaderError::Fields(fields.len()));
        }
    }
    if fields.len() < FEWEST_FIELDS {
        return Err(HeaderError::Fields(fields.len()));
    }
    Ok(fields)
}

fn field<T: Decodable>(
    fields: &[&[u8]],
    index: usize,
    name: &'static str,
) -> Result<T, HeaderError> {
    let mut item = fields.get(index).copied().unwrap_or_default();
    let refuse = |why: String| HeaderError::Field { index, name, why };
    let value = T::decode(&mut item).map_err(|error| refuse(error.to_string()))?;
    if !item.is_empty() {
        return Err(refuse("bytes follow the value".to_owned()));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use alloy_rlp::Encodable;

    use super::*;

    /// A header of `count` fields: hashes and numbers where they are read, filler elsewhere.
    fn header(count: usize, number: u64) -> Vec<u8> {
        let mut payload = Vec::new();
        for index in 0..count {
            match index {
                0 | 3 => B256::repeat_byte(index as u8 + 1).encode(&mut payload),
                8 => number.encode(&mut payload),
                11 => 1_700_000_000_u64.encode(&mut payload),
                _ => 7_u64.encode(&mut payload),
            }
        }
        list(&payload)
    }

    fn list(payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        RlpHeader {
            list: true,
            payload_length: payload.len(),
        }
        .encode(&mut bytes);
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn reads_fields_by_index_whatever_newer_forks_append() {
        for count in [15, 16, 20, 21, 64] {
            let rlp = header(count, 42);
            let header = RawHeader::parse(&rlp).unwrap();
            assert_eq!(header.number(), 42);
            assert_eq!(header.timestamp(), 1_700_000_000);
            assert_eq!(header.parent_hash(), B256::repeat_byte(1));
            assert_eq!(header.state_root(), Ok(B256::repeat_byte(4)));
            assert_eq!(header.hash(), keccak256(&rlp));
            assert_eq!(header.rlp(), rlp);
        }
    }

    #[test]
    fn refuses_the_state_root_of_block_zero() {
        let header = RawHeader::parse(&header(20, 0)).unwrap();
        assert_eq!(header.state_root(), Err(HeaderError::Genesis));
    }

    #[test]
    fn rejects_too_few_and_too_many_fields() {
        assert_eq!(
            RawHeader::parse(&header(14, 1)),
            Err(HeaderError::Fields(14))
        );
        assert_eq!(
            RawHeader::parse(&header(65, 1)),
            Err(HeaderError::Fields(65))
        );
    }

    #[test]
    fn rejects_every_truncation_and_trailing_bytes() {
        let rlp = header(20, 1);
        for length in 0..rlp.len() {
            assert!(RawHeader::parse(&rlp[..length]).is_err(), "{length}");
        }
        let longer = [rlp.as_slice(), &[0]].concat();
        assert_eq!(
            RawHeader::parse(&longer),
            Err(HeaderError::TrailingBytes(1))
        );
    }

    #[test]
    fn reads_a_header_of_the_most_bytes_and_none_of_one_more() {
        let sized = |filler: usize| {
            let mut payload = Vec::new();
            for at in 0..15 {
                match at {
                    0 | 3 => B256::ZERO.encode(&mut payload),
                    12 => vec![1_u8; filler].as_slice().encode(&mut payload),
                    _ => 7_u64.encode(&mut payload),
                }
            }
            list(&payload)
        };
        let filler = 1000 + 8192 - sized(1000).len();
        assert_eq!(sized(filler).len(), 8192);
        assert!(RawHeader::parse(&sized(filler)).is_ok());
        assert_eq!(
            RawHeader::parse(&sized(filler + 1)),
            Err(HeaderError::TooLarge {
                size: 8193,
                max: 8192
            })
        );
    }

    #[test]
    fn rejects_a_header_that_is_too_large() {
        let rlp = list(&vec![0x07; MAX_HEADER_BYTES]);
        assert!(matches!(
            RawHeader::parse(&rlp),
            Err(HeaderError::TooLarge { .. })
        ));
    }

    #[test]
    fn rejects_numbers_with_leading_zeros_and_short_hashes() {
        let field_of = |index: usize, item: &[u8]| {
            let mut payload = Vec::new();
            for at in 0..15 {
                match at {
                    _ if at == index => payload.extend_from_slice(item),
                    0 | 3 => B256::ZERO.encode(&mut payload),
                    _ => 7_u64.encode(&mut payload),
                }
            }
            RawHeader::parse(&list(&payload))
        };
        assert!(field_of(8, &[0x07]).is_ok());
        for (index, item) in [
            (8, &[0x82, 0x00, 0x07][..]),
            (8, &[0x00]),
            (11, &[0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
            (3, &[0x07]),
            (0, &[0xc0]),
        ] {
            assert!(
                matches!(field_of(index, item), Err(HeaderError::Field { index: at, .. }) if at == index),
                "{index} {item:?}"
            );
        }
    }

    #[test]
    fn any_changed_bit_changes_the_hash_or_is_refused() {
        let rlp = header(20, 9);
        let good = RawHeader::parse(&rlp).unwrap();
        for bit in 0..rlp.len() * 8 {
            let mut changed = rlp.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            if let Ok(other) = RawHeader::parse(&changed) {
                assert_ne!(other.hash(), good.hash());
            }
        }
    }
}
