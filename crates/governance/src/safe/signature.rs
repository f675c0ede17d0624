use alloy_primitives::{Address, B256, Bytes};
use seed_primitives::{address_text, bytes32_text, write_address};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::SafeState;
use crate::signer::OwnerSignature;

/// The most bytes of a signature file.
pub(crate) const MAX_SIGNATURE_BYTES: u64 = 4096;

/// One owner's signature over one Safe transaction, as a file that can be carried by hand.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SignatureFile {
    /// 1.
    pub schema_version: u8,
    /// What was signed.
    #[serde(with = "bytes32_text")]
    pub safe_tx_hash: B256,
    /// Who says to have signed it.
    #[serde(with = "address_text")]
    pub signer: Address,
    /// `r ‖ s ‖ v`, v being 27 or 28, or 31 or 32 where the hash was signed as a message (EIP-191).
    pub signature: Bytes,
}

/// Why signatures do not carry a transaction.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum SignatureError {
    /// The file is not one.
    #[error("it is no signature file: {0}")]
    Form(String),
    /// It is over something else.
    #[error("it signs {found}, not {expected}")]
    OtherTransaction {
        /// What it signs.
        found: B256,
        /// What it should.
        expected: B256,
    },
    /// It is somebody else's, or nobody's.
    #[error("the signature is not by {}, whose name is on it", write_address(.0))]
    NotTheSigner(Address),
    /// The signer has no say.
    #[error("{} is no owner of the Safe", write_address(.0))]
    NotAnOwner(Address),
    /// The same owner again.
    #[error("{} signed twice", write_address(.0))]
    Duplicate(Address),
    /// Too few.
    #[error("{have} owners signed, the Safe asks for {need}")]
    TooFew {
        /// How many.
        have: usize,
        /// How many there must be.
        need: u64,
    },
}

impl SignatureFile {
    /// A signature file.
    #[must_use]
    pub fn new(safe_tx_hash: B256, signer: Address, signature: &OwnerSignature) -> Self {
        Self {
            schema_version: 1,
            safe_tx_hash,
            signer,
            signature: signature.to_bytes(),
        }
    }

    /// Reads a signature file and recovers its signer.
    ///
    /// # Errors
    /// [`SignatureError`] when it is malformed, over another transaction, or not by whom it says.
    pub fn read(json: &[u8], expected: B256) -> Result<Self, SignatureError> {
        let file: Self = serde_json::from_slice(json)
            .map_err(|error| SignatureError::Form(error.to_string()))?;
        if file.schema_version != 1 {
            let why = format!("schemaVersion is {}, not 1", file.schema_version);
            return Err(SignatureError::Form(why));
        }
        if file.safe_tx_hash != expected {
            return Err(SignatureError::OtherTransaction {
                found: file.safe_tx_hash,
                expected,
            });
        }
        // The Safe reads other values of v as other kinds of signature: approvals and contracts.
        let signature = OwnerSignature::from_bytes(&file.signature)
            .ok_or(SignatureError::NotTheSigner(file.signer))?;
        signature
            .check("the file", &expected, file.signer)
            .map_err(|_| SignatureError::NotTheSigner(file.signer))?;
        Ok(file)
    }
}

/// Enough signatures for one transaction of one Safe.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signatures {
    signers: Vec<Address>,
    packed: Bytes,
}

impl Signatures {
    /// Puts signature files in order, ascending by signer as the Safe wants them, and no more than it asks for.
    ///
    /// # Errors
    /// [`SignatureError`] when one is by no owner or there twice, or there are too few.
    pub fn collect(
        mut files: Vec<SignatureFile>,
        safe: &SafeState,
    ) -> Result<Self, SignatureError> {
        files.sort_by_key(|file| file.signer);
        for pair in files.windows(2) {
            if let [one, other] = pair
                && one.signer == other.signer
            {
                return Err(SignatureError::Duplicate(one.signer));
            }
        }
        if let Some(stranger) = files
            .iter()
            .find(|file| !safe.owners.contains(&file.signer))
        {
            return Err(SignatureError::NotAnOwner(stranger.signer));
        }
        let enough = usize::try_from(safe.threshold).unwrap_or(usize::MAX);
        if files.len() < enough {
            return Err(SignatureError::TooFew {
                have: files.len(),
                need: safe.threshold,
            });
        }
        files.truncate(enough);
        let packed: Vec<u8> = files
            .iter()
            .flat_map(|file| file.signature.to_vec())
            .collect();
        Ok(Self {
            signers: files.iter().map(|file| file.signer).collect(),
            packed: packed.into(),
        })
    }

    /// Who signed, ascending.
    #[must_use]
    pub fn signers(&self) -> &[Address] {
        &self.signers
    }

    /// What `execTransaction` takes.
    #[must_use]
    pub const fn packed(&self) -> &Bytes {
        &self.packed
    }
}

#[cfg(test)]
mod tests {
    use alloy::signers::{SignerSync as _, local::PrivateKeySigner};

    use super::*;

    const HASH: B256 = B256::repeat_byte(7);

    fn key(byte: u8) -> PrivateKeySigner {
        PrivateKeySigner::from_bytes(&B256::repeat_byte(byte)).unwrap()
    }

    fn signed(byte: u8) -> SignatureFile {
        let key = key(byte);
        let signature = OwnerSignature::Hash(key.sign_hash_sync(&HASH).unwrap());
        SignatureFile::new(HASH, key.address(), &signature)
    }

    fn safe(owners: &[u8], threshold: u64) -> SafeState {
        SafeState {
            owners: owners.iter().map(|byte| key(*byte).address()).collect(),
            threshold,
            nonce: 0,
        }
    }

    #[test]
    fn collects_ascending_and_no_more_than_needed() {
        let files = vec![signed(1), signed(2), signed(3)];
        let signatures = Signatures::collect(files, &safe(&[1, 2, 3], 2)).unwrap();
        assert_eq!(signatures.packed().len(), 130);
        assert!(signatures.signers().is_sorted());
    }

    #[test]
    fn refuses_strangers_duplicates_and_too_few() {
        let collect = |files, owners: &[u8], threshold| {
            Signatures::collect(files, &safe(owners, threshold)).unwrap_err()
        };
        let stranger = key(9).address();
        assert_eq!(
            collect(vec![signed(1), signed(9)], &[1, 2], 2),
            SignatureError::NotAnOwner(stranger)
        );
        assert_eq!(
            collect(vec![signed(1), signed(1)], &[1, 2], 2),
            SignatureError::Duplicate(key(1).address())
        );
        assert_eq!(
            collect(vec![signed(1)], &[1, 2], 2),
            SignatureError::TooFew { have: 1, need: 2 }
        );
    }

    #[test]
    fn reads_only_a_plain_signature_of_its_signer_over_this_hash() {
        let good = signed(1);
        let read = |file: &SignatureFile| {
            SignatureFile::read(&serde_json::to_vec(file).unwrap(), HASH).map(|_| ())
        };
        assert_eq!(read(&good), Ok(()));
        for place in 0..65 {
            let mut bytes = good.signature.to_vec();
            bytes[place] ^= 1;
            let file = SignatureFile {
                signature: bytes.into(),
                ..good.clone()
            };
            assert_eq!(read(&file), Err(SignatureError::NotTheSigner(good.signer)));
        }
        let key = key(1);
        let message = key.sign_message_sync(HASH.as_slice()).unwrap();
        let message = SignatureFile::new(HASH, key.address(), &OwnerSignature::Message(message));
        assert_eq!(read(&message), Ok(()));
        assert!(matches!(message.signature.last(), Some(31 | 32)));
        // An approval, a contract's signature, a message's: the Safe would read other things into these.
        for v in [0, 1, 31, 32] {
            let mut bytes = good.signature.to_vec();
            bytes[64] = v;
            let file = SignatureFile {
                signature: bytes.into(),
                ..good.clone()
            };
            assert!(read(&file).is_err(), "{v}");
        }
        let long = SignatureFile {
            signature: [good.signature.as_ref(), &[0]].concat().into(),
            ..good.clone()
        };
        assert!(read(&long).is_err());
        let other = SignatureFile {
            signer: self::key(2).address(),
            ..good.clone()
        };
        assert!(read(&other).is_err());
        let elsewhere = SignatureFile {
            safe_tx_hash: B256::ZERO,
            ..good
        };
        assert!(matches!(
            read(&elsewhere),
            Err(SignatureError::OtherTransaction { .. })
        ));
    }
}
