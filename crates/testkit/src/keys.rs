use alloy::signers::{SignerSync, local::PrivateKeySigner};
use alloy_primitives::B256;
use seed_attestation::Signature;
use seed_primitives::{BuilderId, Digest};

/// The signer of a builder called `name`: its key is SHA-256 of `nix-seed test key <name>`.
///
/// # Panics
/// Never in practice: a SHA-256 output outside the curve's range is not known.
#[must_use]
pub fn signer(name: &str) -> PrivateKeySigner {
    let secret = Digest::of(format!("nix-seed test key {name}").as_bytes());
    PrivateKeySigner::from_bytes(&B256::new(*secret.as_bytes())).expect("a key in range")
}

/// The identity of the builder called `name`.
///
/// # Panics
/// As [`signer`].
#[must_use]
pub fn builder(name: &str) -> BuilderId {
    BuilderId::from_address(signer(name).address()).expect("a non-zero address")
}

/// The signature of the builder called `name` over `digest` (RFC 6979, so it is the same every time).
///
/// # Panics
/// As [`signer`].
#[must_use]
pub fn sign(name: &str, digest: &B256) -> Signature {
    Signature::from_full(
        &signer(name)
            .sign_hash_sync(digest)
            .expect("a local key signs"),
    )
}
