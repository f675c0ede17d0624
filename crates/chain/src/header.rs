use alloy::rpc::types::Header as RpcHeader;
use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::Encodable as _;

use crate::{ChainError, error::shown};

/// The RLP bytes of a block header, with the hash computed from exactly these bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header {
    /// The RLP bytes.
    pub rlp: Bytes,
    /// Keccak-256 of them: the block hash.
    pub hash: B256,
    /// The block number.
    pub number: u64,
}

impl Header {
    /// Rebuilds the RLP of a header from its JSON form and refuses unless it hashes to the stated hash.
    pub(crate) fn rebuild(url: &str, json: &RpcHeader) -> Result<Self, ChainError> {
        let mut rlp = Vec::new();
        json.inner.encode(&mut rlp);
        let hash = keccak256(&rlp);
        if hash != json.hash {
            return Err(ChainError::HeaderHash {
                url: shown(url),
                stated: json.hash.to_string(),
                computed: hash.to_string(),
            });
        }
        Ok(Self {
            rlp: rlp.into(),
            hash,
            number: json.inner.number,
        })
    }
}
