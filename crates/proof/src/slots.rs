//! Where the ledger keeps what (DESIGN §4; frozen by `contracts/snapshots/storage-layout/ReleaseLedger.json`).

use alloy_primitives::{Address, B256, U256, keccak256};
use seed_primitives::ReleaseId;

/// The slot of the word that governs the next release; see [`ControlWord`](crate::ControlWord).
pub const CONTROL: B256 = B256::with_last_byte(1);

/// The slot of a release's commitment: `keccak(release ‖ uint256(0))`.
#[must_use]
pub fn release(release: &ReleaseId) -> B256 {
    mapping(release.word(), 0)
}

/// The slot of an address's revocation: `keccak(address, left-padded ‖ uint256(2))`; see
/// [`RevocationWord`](crate::RevocationWord).
#[must_use]
pub fn revocation(address: Address) -> B256 {
    mapping(address.into_word(), 2)
}

/// Solidity's place for `mapping[key]` of the mapping at `slot`.
fn mapping(key: B256, slot: u64) -> B256 {
    let slot = B256::new(U256::from(slot).to_be_bytes());
    keccak256([key, slot].concat())
}
