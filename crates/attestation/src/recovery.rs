//! The one place where a signature becomes an address. By libsecp256k1, because this is most of what a verdict
//! costs; the tests hold it against a second implementation, which shares no code with it.

use std::sync::LazyLock;

use alloy_primitives::{Address, B256, Signature};
use secp256k1::{
    Message, Secp256k1, VerifyOnly,
    ecdsa::{RecoverableSignature, RecoveryId},
};

/// Has no secrets, so nothing in it needs blinding.
static CURVE: LazyLock<Secp256k1<VerifyOnly>> = LazyLock::new(Secp256k1::verification_only);

/// The address of the key that signed `digest`, as `ecrecover` of the EVM finds it for `v` of 27 or 28. None when
/// `r` or `s` is zero or not below the order, no point has this `r`, or the key would be the point at infinity.
pub(crate) fn recovered_address(signature: &Signature, digest: &B256) -> Option<Address> {
    let parity = if signature.v() {
        RecoveryId::One
    } else {
        RecoveryId::Zero
    };
    let mut compact = [0; 64];
    let (r, s) = compact.split_at_mut(32);
    r.copy_from_slice(&signature.r().to_be_bytes::<32>());
    s.copy_from_slice(&signature.s().to_be_bytes::<32>());
    let signature = RecoverableSignature::from_compact(&compact, parity).ok()?;
    let key = CURVE
        .recover_ecdsa(Message::from_digest(digest.0), &signature)
        .ok()?;
    // The first byte says that both coordinates follow.
    let [_, point @ ..] = key.serialize_uncompressed();
    Some(Address::from_raw_public_key(&point))
}
