use alloy_primitives::{Address, B256, Signature};

use super::SignerFault;

/// Refuses a signature that is not `expected`'s over `digest` in the one form that contracts accept: low `s`, the
/// right `v`. `signer` names who gave it.
///
/// # Errors
/// [`SignerFault::HighS`], [`SignerFault::WrongV`], [`SignerFault::OtherSignature`].
pub fn check_signature(
    signer: &str,
    signature: &Signature,
    digest: &B256,
    expected: Address,
) -> Result<(), SignerFault> {
    if signature.normalize_s().is_some() {
        return Err(SignerFault::HighS {
            signer: signer.to_owned(),
        });
    }
    let found = recovered(signature, digest);
    if found == Some(expected) {
        return Ok(());
    }
    if recovered(&signature.with_parity(!signature.v()), digest) == Some(expected) {
        return Err(SignerFault::WrongV {
            signer: signer.to_owned(),
        });
    }
    Err(SignerFault::OtherSignature {
        signer: signer.to_owned(),
        found,
        expected,
    })
}

/// Makes the one signature that contracts accept from an `r` and `s` without `v`, as key management services give it:
/// `s` in either half is theirs to choose, `v` follows from whose signature it is.
///
/// # Errors
/// [`SignerFault::OtherSignature`] when it is not `expected`'s over `digest`.
pub fn complete_signature(
    signer: &str,
    signature: &Signature,
    digest: &B256,
    expected: Address,
) -> Result<Signature, SignerFault> {
    let low = signature.normalize_s().unwrap_or(*signature);
    let both = [false, true].map(|parity| low.with_parity(parity));
    let ours = both
        .into_iter()
        .find(|one| recovered(one, digest) == Some(expected));
    ours.ok_or_else(|| SignerFault::OtherSignature {
        signer: signer.to_owned(),
        found: None,
        expected,
    })
}

fn recovered(signature: &Signature, digest: &B256) -> Option<Address> {
    signature.recover_address_from_prehash(digest).ok()
}

#[cfg(test)]
mod tests {
    use alloy::signers::{SignerSync as _, local::PrivateKeySigner};
    use alloy_primitives::{U256, uint};

    use super::*;

    /// The order of the curve.
    const ORDER: U256 =
        uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);
    const DIGEST: B256 = B256::repeat_byte(7);

    fn key(byte: u8) -> PrivateKeySigner {
        PrivateKeySigner::from_bytes(&B256::repeat_byte(byte)).unwrap()
    }

    /// The same signature in its other form.
    fn high(one: &Signature) -> Signature {
        Signature::new(one.r(), ORDER - one.s(), !one.v())
    }

    fn code(signature: &Signature, expected: Address) -> Option<&'static str> {
        let checked = check_signature("it", signature, &DIGEST, expected);
        checked.err().map(|fault| fault.code())
    }

    #[test]
    fn believes_one_form_of_one_signature_only() {
        let (ours, theirs) = (key(1), key(2));
        let signature = ours.sign_hash_sync(&DIGEST).unwrap();
        assert_eq!(code(&signature, ours.address()), None);
        assert_eq!(
            code(&high(&signature), ours.address()),
            Some("signature-high-s")
        );
        let other_v = signature.with_parity(!signature.v());
        assert_eq!(code(&other_v, ours.address()), Some("signature-wrong-v"));
        let other = Some("signature-other-key");
        assert_eq!(code(&signature, theirs.address()), other);
        let elsewhere = ours.sign_hash_sync(&B256::repeat_byte(8)).unwrap();
        assert_eq!(code(&elsewhere, ours.address()), other);
        for (r, s) in [
            (U256::ZERO, U256::from(1)),
            (U256::from(1), U256::ZERO),
            (U256::ZERO, U256::ZERO),
            (ORDER, U256::from(1)),
            (U256::MAX, U256::from(1)),
        ] {
            let nothing = Signature::new(r, s, false);
            assert_eq!(code(&nothing, ours.address()), other, "{nothing:?}");
        }
    }

    #[test]
    fn completes_either_half_and_nobody_elses() {
        let (ours, theirs) = (key(1), key(2));
        for byte in 0..16 {
            let digest = B256::repeat_byte(byte);
            let signature = ours.sign_hash_sync(&digest).unwrap();
            let blank = |one: Signature| one.with_parity(false);
            for given in [blank(signature), blank(high(&signature))] {
                let complete = complete_signature("it", &given, &digest, ours.address());
                assert_eq!(complete, Ok(signature));
                let refused = complete_signature("it", &given, &digest, theirs.address());
                assert_eq!(refused.unwrap_err().code(), "signature-other-key");
            }
        }
    }
}
