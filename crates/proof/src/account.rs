use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_rlp::Decodable;
use alloy_trie::TrieAccount;

use crate::{ProofError, walk::walk};

/// An account as the proven leaf of the state trie says, and nothing else.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Account {
    /// Transactions sent, or contracts created.
    pub nonce: u64,
    /// Balance in wei.
    pub balance: U256,
    /// The root of its storage trie.
    pub storage_root: B256,
    /// Keccak-256 of its code.
    pub code_hash: B256,
}

/// Proves the account at `address` in the state with root `state_root`.
///
/// `nodes` run from the root to the account, as `accountProof` of `eth_getProof` (EIP-1186) has them; the fields
/// beside the proof in that answer are not needed and not believed. Returns `None` where the nodes prove that
/// there is no account.
///
/// # Errors
/// [`ProofError`] when the nodes prove neither.
pub fn prove_account(
    state_root: B256,
    address: Address,
    nodes: &[Bytes],
) -> Result<Option<Account>, ProofError> {
    walk(state_root, keccak256(address), nodes)?
        .map(|leaf| decode(&leaf))
        .transpose()
}

/// Proves the value of `slot` in the storage with root `storage_root`; zero where the nodes prove that nothing
/// is stored there, or that zero is.
///
/// `storage_root` must come from a proven [`Account`].
///
/// # Errors
/// [`ProofError`] when the nodes prove neither a value nor its absence.
pub fn prove_slot(storage_root: B256, slot: B256, nodes: &[Bytes]) -> Result<U256, ProofError> {
    let Some(leaf) = walk(storage_root, keccak256(slot), nodes)? else {
        return Ok(U256::ZERO);
    };
    let mut rest = leaf.as_slice();
    let value = U256::decode(&mut rest).map_err(|error| ProofError::Value(error.to_string()))?;
    if !rest.is_empty() {
        return Err(ProofError::Value(
            "a stored value is a number and nothing after it".to_owned(),
        ));
    }
    // Clearing a slot deletes its leaf, so most tries hold no zero. One that does (anvil keeps slots that were
    // read) still says zero, bound to the root like any other value.
    Ok(value)
}

fn decode(leaf: &[u8]) -> Result<Account, ProofError> {
    let mut rest = leaf;
    let account =
        TrieAccount::decode(&mut rest).map_err(|error| ProofError::Value(error.to_string()))?;
    if !rest.is_empty() || alloy_rlp::encode(account) != leaf {
        return Err(ProofError::Value("not a canonical account".to_owned()));
    }
    Ok(Account {
        nonce: account.nonce,
        balance: account.balance,
        storage_root: account.storage_root,
        code_hash: account.code_hash,
    })
}
