use alloy_primitives::B256;
use thiserror::Error;

/// Why bytes are not a block header. Whoever served them is at fault.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum HeaderError {
    /// More bytes than any header has.
    #[error("a header has {size} bytes, more than the {max} allowed")]
    TooLarge {
        /// The size.
        size: usize,
        /// The most allowed.
        max: usize,
    },
    /// Not one complete, canonical RLP list.
    #[error("the header is not a canonical RLP list: {0}")]
    Rlp(String),
    /// Bytes follow the list.
    #[error("{0} bytes follow the header")]
    TrailingBytes(usize),
    /// Too few or too many fields for a header of any fork.
    #[error("the header has {0} fields, expected 15 to 64")]
    Fields(usize),
    /// A field that is read has another shape.
    #[error("field {index} ({name}) of the header is malformed: {why}")]
    Field {
        /// Its index in the list.
        index: usize,
        /// Its name.
        name: &'static str,
        /// What is wrong.
        why: String,
    },
    /// Block 0: development nodes serve a state root there that their own proofs do not fit.
    #[error("block 0 has no state root to prove against; use a later block")]
    Genesis,
}

/// Why a proof does not hold. Whoever served it is at fault; it says nothing about the value.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ProofError {
    /// More nodes than the longest path has.
    #[error("the proof has {0} nodes, more than 65")]
    TooManyNodes(usize),
    /// A node with more bytes than any node has.
    #[error("node {index} has {size} bytes, more than 1024")]
    NodeTooLarge {
        /// Its position.
        index: usize,
        /// Its size.
        size: usize,
    },
    /// The node is not the one its parent (or the root) names.
    #[error("node {index} does not hash to {expected}")]
    HashMismatch {
        /// Its position.
        index: usize,
        /// The hash its parent names.
        expected: B256,
    },
    /// A node that is not a canonical trie node.
    #[error("the node at depth {depth} is malformed: {why}")]
    Malformed {
        /// Nibbles walked so far.
        depth: usize,
        /// What is wrong.
        why: String,
    },
    /// The path goes on and the nodes end: this proves neither presence nor absence.
    #[error("the proof ends at depth {depth} although the path goes on")]
    Truncated {
        /// Nibbles walked so far.
        depth: usize,
    },
    /// The path ended before the nodes did.
    #[error("{0} nodes of the proof are not on the path")]
    UnusedNodes(usize),
    /// The leaf holds something that is not an account or a storage value.
    #[error("the proven value is malformed: {0}")]
    Value(String),
    /// The second check, by the trie library alone, did not agree with the walk.
    #[error("the trie library refuses the proof: {0}")]
    Library(String),
}

/// Why a storage word is not what the ledger writes.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum WordError {
    /// Bits are set that the ledger never sets.
    #[error("the {what} word {word} has bits set that must be zero")]
    Bits {
        /// Which word.
        what: &'static str,
        /// The word.
        word: B256,
    },
}
