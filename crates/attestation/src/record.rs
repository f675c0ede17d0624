use alloy_primitives::{Address, B256, keccak256};
use seed_merkle::{Leaves, Root};
use seed_primitives::{BuilderId, Digest, System};

use crate::FormatError;

const VERSION: u8 = 1;
const WORD: usize = 32;
/// Builders are counted in a 32-bit bitmap, systems in a 64-bit mask.
const MAX_ENTRIES: usize = 32;
const MAX_SYSTEMS: usize = 64;
/// The longest record: four words, two for each of 32 builders, one for each of 64 systems.
pub const MAX_RECORD_BYTES: usize = WORD * (4 + 2 * MAX_ENTRIES + MAX_SYSTEMS);

/// One builder's part in a record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The builder's index in the rules.
    pub index: u8,
    /// The builder.
    pub builder: BuilderId,
    /// The systems it attested: bit i from the least significant is system i of the rules; never zero.
    pub systems: u64,
    /// The digest of its evidence manifest.
    pub evidence: Digest,
}

/// What the ledger commits to for one release (`docs/protocol.md`, "Record").
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// The number of the release in this ledger, from 1.
    pub sequence: u64,
    /// The block time in seconds, as the ledger saw it.
    pub timestamp: u64,
    /// The root over all systems.
    pub root: Root,
    /// The code hash of the rules that judged.
    pub rules_code_hash: B256,
    /// The rules that judged.
    pub rules: Address,
    /// The builders who signed, strictly ascending by index.
    pub entries: Vec<Entry>,
    /// The image digests, in the order of the rules' systems.
    pub digests: Vec<Digest>,
}

impl Record {
    /// Reads a record of exactly the right length.
    ///
    /// # Errors
    /// When the length, version, order or any must-be-zero byte is wrong, or a digest, root, sequence, rules
    /// address or mask is zero or out of range.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut words = Words::new(bytes)?;
        let head = words.next()?;
        let [
            version,
            systems,
            entries,
            zeros @ ..,
            s0,
            s1,
            s2,
            s3,
            s4,
            s5,
            s6,
            s7,
        ] = head.0;
        let (zeros, sequence) = zeros.split_at(13);
        if version != VERSION {
            return bad(format!("version {version}, expected {VERSION}"));
        }
        if zeros.iter().any(|byte| *byte != 0) {
            return bad("bytes 3 to 15 of word 0 must be zero");
        }
        let (systems, entries) = (usize::from(systems), usize::from(entries));
        if !(1..=MAX_SYSTEMS).contains(&systems) || !(1..=MAX_ENTRIES).contains(&entries) {
            return bad(format!("{systems} systems and {entries} entries"));
        }
        words.expect_len(4 + 2 * entries + systems)?;
        let sequence = u64_of(sequence);
        if sequence == 0 {
            return bad("sequence is zero");
        }
        let record = Self {
            sequence,
            timestamp: u64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7]),
            root: Root::from_word(nonzero("root", words.next()?)?),
            rules_code_hash: nonzero("code hash of the rules", words.next()?)?,
            rules: address("rules", words.next()?)?,
            entries: (0..entries)
                .map(|_| words.entry(systems))
                .collect::<Result<_, _>>()?,
            digests: (0..systems)
                .map(|_| words.digest("image digest"))
                .collect::<Result<_, _>>()?,
        };
        record.check_order()?;
        Ok(record)
    }

    /// The bytes the ledger hashed: whole 32-byte words.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION, self.digests.len() as u8, self.entries.len() as u8];
        bytes.extend_from_slice(&[0; 13]);
        bytes.extend_from_slice(&self.sequence.to_be_bytes());
        bytes.extend_from_slice(&self.timestamp.to_be_bytes());
        bytes.extend_from_slice(self.root.word().as_slice());
        bytes.extend_from_slice(self.rules_code_hash.as_slice());
        bytes.extend_from_slice(self.rules.into_word().as_slice());
        for entry in &self.entries {
            bytes.extend_from_slice(&[entry.index, 0, 0, 0]);
            bytes.extend_from_slice(entry.builder.address().as_slice());
            bytes.extend_from_slice(&entry.systems.to_be_bytes());
            bytes.extend_from_slice(entry.evidence.as_bytes());
        }
        for digest in &self.digests {
            bytes.extend_from_slice(digest.as_bytes());
        }
        bytes
    }

    /// `keccak(record)`: the value of the release's slot in the ledger.
    #[must_use]
    pub fn commitment(&self) -> B256 {
        keccak256(self.to_bytes())
    }

    /// The leaves of the systems in `mask`, named by `systems` (the rules' list, in order).
    ///
    /// # Errors
    /// When `systems` has another length than the record, or the selected names are not a tree.
    pub fn leaves(&self, systems: &[System], mask: u64) -> Result<Leaves, FormatError> {
        if systems.len() != self.digests.len() {
            return bad(format!(
                "{} digests for {} systems",
                self.digests.len(),
                systems.len()
            ));
        }
        let pairs = systems.iter().zip(&self.digests).enumerate();
        let chosen = pairs.filter(|(bit, _)| mask >> bit & 1 == 1);
        Ok(Leaves::new(
            chosen
                .map(|(_, (system, digest))| (system.clone(), *digest))
                .collect(),
        )?)
    }

    fn check_order(&self) -> Result<(), FormatError> {
        for (first, second) in self.entries.iter().zip(self.entries.iter().skip(1)) {
            if first.index >= second.index {
                return bad(format!(
                    "entry index {} follows {}",
                    second.index, first.index
                ));
            }
        }
        Ok(())
    }
}

fn bad<T>(why: impl Into<String>) -> Result<T, FormatError> {
    Err(FormatError::Record(why.into()))
}

fn nonzero(what: &str, word: B256) -> Result<B256, FormatError> {
    if word.is_zero() {
        bad(format!("{what} is zero"))
    } else {
        Ok(word)
    }
}

fn address(what: &str, word: B256) -> Result<Address, FormatError> {
    let address = Address::from_word(word);
    if address.into_word() != word || address.is_zero() {
        return bad(format!("{what} is not a non-zero address"));
    }
    Ok(address)
}

fn u64_of(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// Reads a record word by word.
struct Words<'a> {
    count: usize,
    rest: std::slice::ChunksExact<'a, u8>,
}

impl<'a> Words<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, FormatError> {
        if bytes.len() > MAX_RECORD_BYTES || !bytes.len().is_multiple_of(WORD) {
            return bad(format!("{} bytes is not a possible length", bytes.len()));
        }
        Ok(Self {
            count: bytes.len() / WORD,
            rest: bytes.chunks_exact(WORD),
        })
    }

    fn expect_len(&self, words: usize) -> Result<(), FormatError> {
        if self.count == words {
            return Ok(());
        }
        bad(format!("{} words, its head announces {words}", self.count))
    }

    fn next(&mut self) -> Result<B256, FormatError> {
        match self.rest.next() {
            Some(word) => Ok(B256::from_slice(word)),
            None => bad("it ends early"),
        }
    }

    fn digest(&mut self, what: &str) -> Result<Digest, FormatError> {
        match Digest::from_bytes(self.next()?.0) {
            Some(digest) => Ok(digest),
            None => bad(format!("{what} is zero")),
        }
    }

    fn entry(&mut self, systems: usize) -> Result<Entry, FormatError> {
        let word = self.next()?.0;
        let [index, 0, 0, 0, rest @ ..] = word else {
            return bad("bytes 1 to 3 of an entry must be zero");
        };
        let (builder, mask) = rest.split_at(20);
        let Some(builder) = BuilderId::from_address(Address::from_slice(builder)) else {
            return bad("a builder is the zero address");
        };
        let mask = u64_of(mask);
        let known = if systems == MAX_SYSTEMS {
            u64::MAX
        } else {
            (1 << systems) - 1
        };
        if mask == 0 || mask & !known != 0 {
            return bad(format!(
                "the systems of builder {builder} are {mask:#x}, of {systems}"
            ));
        }
        if usize::from(index) >= MAX_ENTRIES {
            return bad(format!("builder index {index}"));
        }
        Ok(Entry {
            index,
            builder,
            systems: mask,
            evidence: self.digest("evidence")?,
        })
    }
}
