use alloy_primitives::{Address, B256, U256, keccak256};
use seed_merkle::Root;
use seed_primitives::{Digest, ReleaseId, write_address};

use crate::SignatureError;

/// The EIP-712 domain type.
pub const DOMAIN_TYPE: &str =
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
/// The EIP-712 type of an attestation.
pub const ATTESTATION_TYPE: &str =
    "Attestation(bytes32 release,bytes32 root,bytes32 evidence,address rules)";
/// The EIP-712 type of a genesis signature.
pub const GENESIS_TYPE: &str = "Genesis(bytes32 rulesCodeHash,bytes32 release,bytes32 root)";
/// The EIP-712 type of a DSSE signature.
pub const DSSE_TYPE: &str = "DSSE(bytes pae)";

/// Where a signature counts: one ledger on one chain (`docs/protocol.md`, "Signing").
///
/// The EIP-712 domain is `{name: "NixSeed", version: "1", chainId, verifyingContract: ledger}`. Every method
/// returns the 32-byte digest `keccak(0x1901 ‖ separator ‖ structHash)` that is signed, and nothing else is
/// ever signed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Domain {
    /// The chain id.
    pub chain_id: u64,
    /// The address of the `ReleaseLedger`.
    pub ledger: Address,
}

impl Domain {
    /// The domain separator.
    #[must_use]
    pub fn separator(&self) -> B256 {
        struct_hash(
            DOMAIN_TYPE,
            &[
                keccak256("NixSeed"),
                keccak256("1"),
                B256::new(U256::from(self.chain_id).to_be_bytes()),
                self.ledger.into_word(),
            ],
        )
    }

    /// What a builder signs to attest: `root` over the systems it built, judged by `rules`.
    #[must_use]
    pub fn attestation_digest(
        &self,
        release: &ReleaseId,
        root: &Root,
        evidence: &Digest,
        rules: Address,
    ) -> B256 {
        self.digest(struct_hash(
            ATTESTATION_TYPE,
            &[
                release.word(),
                root.word(),
                B256::new(*evidence.as_bytes()),
                rules.into_word(),
            ],
        ))
    }

    /// What every builder signs, besides its attestation, to consent to the first release.
    #[must_use]
    pub fn genesis_digest(&self, rules_code_hash: B256, release: &ReleaseId, root: &Root) -> B256 {
        self.digest(struct_hash(
            GENESIS_TYPE,
            &[rules_code_hash, release.word(), root.word()],
        ))
    }

    /// What is signed over a DSSE pre-authentication encoding.
    #[must_use]
    pub fn dsse_digest(&self, pae: &[u8]) -> B256 {
        self.digest(struct_hash(DSSE_TYPE, &[keccak256(pae)]))
    }

    /// The CAIP-10 account id of `address` on this chain: `eip155:<chain id>:0x…`.
    #[must_use]
    pub fn account(&self, address: &Address) -> String {
        format!("eip155:{}:{}", self.chain_id, write_address(address))
    }

    /// Refuses a document made for another chain or ledger.
    pub(crate) fn expect(&self, chain_id: u64, ledger: &Address) -> Result<(), SignatureError> {
        if chain_id == self.chain_id && *ledger == self.ledger {
            return Ok(());
        }
        Err(SignatureError::WrongDomain {
            chain_id,
            ledger: write_address(ledger),
            expected_chain_id: self.chain_id,
            expected_ledger: write_address(&self.ledger),
        })
    }

    fn digest(&self, struct_hash: B256) -> B256 {
        keccak256(
            [
                &[0x19, 0x01],
                self.separator().as_slice(),
                struct_hash.as_slice(),
            ]
            .concat(),
        )
    }
}

/// `keccak(keccak(type) ‖ words)`, the EIP-712 struct hash of a type whose members are single words.
fn struct_hash(type_text: &str, words: &[B256]) -> B256 {
    keccak256([&[keccak256(type_text)], words].concat().concat())
}
