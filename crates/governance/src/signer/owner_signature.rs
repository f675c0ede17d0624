use alloy_primitives::{Address, B256, Bytes, Signature, eip191_hash_message};
use seed_chain::{SignerFault, check_signature};

/// What the Safe adds to `v` where the owner signed the transaction's hash as a message (EIP-191) and not itself.
const MESSAGE: u8 = 4;

/// An owner's signature over a Safe transaction hash, in one of the two forms in which a Safe takes it from a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OwnerSignature {
    /// Over the hash.
    Hash(Signature),
    /// Over the hash as a message of 32 bytes: for devices that sign messages and no hashes.
    Message(Signature),
}

impl OwnerSignature {
    /// Reads `r ‖ s ‖ v`, `v` being 27 or 28, or 31 or 32 for a message; every other is another kind of approval.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (v, values) = bytes.split_last()?;
        let signature = |parity| {
            let values: &[u8; 64] = values.try_into().ok()?;
            Some(Signature::from_bytes_and_parity(values, parity))
        };
        match v {
            27 | 28 => Some(Self::Hash(signature(*v == 28)?)),
            31 | 32 => Some(Self::Message(signature(*v == 32)?)),
            _ => None,
        }
    }

    /// `r ‖ s ‖ v`, as the Safe reads it.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let (signature, more) = match self {
            Self::Hash(signature) => (signature, 0),
            Self::Message(signature) => (signature, MESSAGE),
        };
        let mut bytes = signature.as_bytes();
        if let Some(v) = bytes.last_mut() {
            *v += more;
        }
        Bytes::copy_from_slice(&bytes)
    }

    /// Refuses it unless it is `owner`'s over `hash`, with a low `s`; `signer` names who gave it.
    ///
    /// # Errors
    /// As [`check_signature`].
    pub fn check(&self, signer: &str, hash: &B256, owner: Address) -> Result<(), SignerFault> {
        match self {
            Self::Hash(signature) => check_signature(signer, signature, hash, owner),
            Self::Message(signature) => {
                check_signature(signer, signature, &eip191_hash_message(hash), owner)
            }
        }
    }
}
