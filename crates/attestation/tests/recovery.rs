//! Two implementations of recovery that share no code must agree: libsecp256k1, which decides, and `k256`, through
//! `alloy`. On made-up edges, and on random and mutated signatures; every answer is compared, refusals too.

use alloy_primitives::{Address, B256, U256, keccak256};
use k256::{
    AffinePoint, ProjectivePoint, Scalar,
    ecdsa::{SigningKey, VerifyingKey},
    elliptic_curve::{PrimeField as _, ops::Reduce, point::AffineCoordinates as _},
};
use proptest::prelude::*;
use seed_attestation::{Signature, SignatureError};
use seed_primitives::BuilderId;
use sha2::Digest as _;

/// The order of secp256k1, and the prime of its field.
const ORDER: U256 = U256::from_limbs([
    0xBFD2_5E8C_D036_4141,
    0xBAAE_DCE6_AF48_A03B,
    0xFFFF_FFFF_FFFF_FFFE,
    u64::MAX,
]);
const FIELD: U256 = U256::from_limbs([0xFFFF_FFFE_FFFF_FC2F, u64::MAX, u64::MAX, u64::MAX]);
const PARITY: U256 = U256::from_limbs([0, 0, 0, 1 << 63]);

type Recovered = Result<BuilderId, SignatureError>;

/// What the project says.
fn ours(bytes: &[u8; 64], digest: &B256) -> Recovered {
    Signature::from_bytes(bytes)?.recover(digest)
}

/// What `k256` says, with the rules of the format written down once more.
fn theirs(bytes: &[u8; 64], digest: &B256) -> Recovered {
    use k256::ecdsa::{RecoveryId, Signature as Curve};
    let words = U256::from_be_slice(&bytes[32..]);
    let (odd, s) = (words & PARITY != U256::ZERO, words & !PARITY);
    if s > ORDER >> 1 {
        return Err(SignatureError::HighS);
    }
    let r: [u8; 32] = bytes[..32].try_into().unwrap();
    let unrecoverable = |_| SignatureError::Unrecoverable;
    let curve = Curve::from_scalars(r, s.to_be_bytes::<32>()).map_err(unrecoverable)?;
    let key =
        VerifyingKey::recover_from_prehash(digest.as_slice(), &curve, RecoveryId::new(odd, false))
            .map_err(unrecoverable)?;
    Ok(BuilderId::from_address(Address::from_public_key(&key)).unwrap())
}

fn assert_agree(bytes: &[u8; 64], digest: &B256) -> Recovered {
    let found = ours(bytes, digest);
    let text = hex::encode(bytes);
    assert_eq!(found, theirs(bytes, digest), "{text} over {digest}");
    found
}

fn compact(r: U256, odd: bool, s: U256) -> [u8; 64] {
    let words = if odd { s | PARITY } else { s };
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&r.to_be_bytes::<32>());
    bytes[32..].copy_from_slice(&words.to_be_bytes::<32>());
    bytes
}

fn signed(key: &[u8; 32], digest: &B256) -> ([u8; 64], BuilderId) {
    let key = SigningKey::from_slice(key).unwrap();
    let (signature, parity) = key.sign_prehash_recoverable(digest.as_slice()).unwrap();
    let full = alloy_primitives::Signature::from_signature_and_parity(signature, parity.is_y_odd());
    let builder = BuilderId::from_address(Address::from_public_key(key.verifying_key())).unwrap();
    (*Signature::from_full(&full).as_bytes(), builder)
}

fn scalar(value: U256) -> Scalar {
    Scalar::from_repr(value.to_be_bytes::<32>().into()).unwrap()
}

fn reduced(bytes: [u8; 32]) -> Scalar {
    <Scalar as Reduce<k256::U256>>::reduce_bytes(&bytes.into())
}

fn number(scalar: &Scalar) -> U256 {
    U256::from_be_slice(&scalar.to_repr())
}

/// The point `nonce · G` as a signature names it: its x modulo the order, and whether its y is odd.
fn named(nonce: U256) -> (U256, bool, Scalar) {
    let point: AffinePoint = (ProjectivePoint::GENERATOR * scalar(nonce)).to_affine();
    let r = reduced(point.x().into());
    (number(&r), bool::from(point.y_is_odd()), r)
}

/// Numbers at which implementations of this curve have gone wrong.
fn edges() -> Vec<U256> {
    let one = U256::from(1);
    let mut edges = vec![
        U256::ZERO,
        U256::MAX,
        PARITY,
        PARITY - one,
        // The x of a point whose x is not below the order differs from its r by this much.
        FIELD - ORDER,
        FIELD - ORDER - one,
    ];
    for middle in [ORDER, FIELD, ORDER >> 1, U256::from(3), one << 128] {
        edges.extend([
            middle - U256::from(2),
            middle - one,
            middle,
            middle + one,
            middle + U256::from(2),
        ]);
    }
    edges
}

#[test]
fn both_say_the_same_at_every_edge_of_r_s_parity_and_digest() {
    let (mut found, mut refused) = (0, 0);
    let nonces = [1_u64, 2, 3, 7].map(|nonce| named(U256::from(nonce)).0);
    for r in edges().into_iter().chain(nonces) {
        for s in edges() {
            for digest in [
                U256::ZERO,
                U256::from(1),
                ORDER - U256::from(1),
                ORDER,
                U256::MAX,
            ] {
                for odd in [false, true] {
                    match assert_agree(&compact(r, odd, s), &B256::from(digest)) {
                        Ok(_) => found += 1,
                        Err(_) => refused += 1,
                    }
                }
            }
        }
    }
    assert!(
        found > 500 && refused > 500,
        "{found} found, {refused} refused"
    );
}

#[test]
fn zero_and_too_large_numbers_are_refused() {
    let digest = keccak256("x");
    let (good, builder) = signed(&[1; 32], &digest);
    assert_eq!(assert_agree(&good, &digest), Ok(builder));
    let r = U256::from_be_slice(&good[..32]);
    let s = U256::from_be_slice(&good[32..]) & !PARITY;
    let odd = good[32] & 0x80 != 0;
    for r in [U256::ZERO, ORDER, ORDER + U256::from(1), FIELD, U256::MAX] {
        assert_eq!(
            assert_agree(&compact(r, odd, s), &digest),
            Err(SignatureError::Unrecoverable)
        );
    }
    assert_eq!(
        assert_agree(&compact(r, odd, U256::ZERO), &digest),
        Err(SignatureError::Unrecoverable)
    );
    for high in [(ORDER >> 1) + U256::from(1), PARITY - U256::from(1)] {
        assert_eq!(
            assert_agree(&compact(r, odd, high), &digest),
            Err(SignatureError::HighS)
        );
    }
    assert_ne!(
        assert_agree(&compact(r, odd, ORDER >> 1), &digest),
        Ok(builder)
    );
}

/// With `s · R = z · G` the key would be the point at infinity, which has no address.
#[test]
fn a_key_at_infinity_is_refused() {
    let mut tried = 0;
    for nonce in 1..40 {
        let (r, odd, _) = named(U256::from(nonce));
        let nonce = scalar(U256::from(nonce));
        for s in [U256::from(1), U256::from(12_345), ORDER >> 1] {
            let digest = B256::from(number(&(nonce * scalar(s))));
            assert_eq!(
                assert_agree(&compact(r, odd, s), &digest),
                Err(SignatureError::Unrecoverable)
            );
            // The other point of the same r gives a key.
            assert!(assert_agree(&compact(r, !odd, s), &digest).is_ok());
            tried += 1;
        }
    }
    assert_eq!(tried, 117);
}

/// `R`, the digest and the key in such relations that adding the two products meets equal or opposite points.
#[test]
fn sums_of_equal_and_opposite_points_agree() {
    for nonce in 1..40 {
        let (r, odd, r_scalar) = named(U256::from(nonce));
        let nonce = scalar(U256::from(nonce));
        for s in [U256::from(1), U256::from(2), ORDER >> 1] {
            // s·R = -z·G and s·R = ±2z·G.
            let product = nonce * scalar(s);
            let half = product * Scalar::from(2_u64).invert().unwrap();
            for z in [
                -product,
                half,
                -half,
                r_scalar,
                -r_scalar,
                product + product,
            ] {
                for odd in [odd, !odd] {
                    let _ = assert_agree(&compact(r, odd, s), &B256::from(number(&z)));
                }
            }
        }
    }
}

/// A digest is a number modulo the order.
#[test]
fn a_digest_above_the_order_counts_modulo_the_order() {
    for low in [U256::ZERO, U256::from(1), U256::from(0xffff_u64)] {
        let (signature, builder) = signed(&[7; 32], &B256::from(low));
        for digest in [low, low + ORDER] {
            assert_eq!(assert_agree(&signature, &B256::from(digest)), Ok(builder));
        }
    }
}

/// Project Wycheproof's signatures over SHA-256 and SHA-512, `r ‖ s`, each with both parities and its `s` in the lower half:
/// one of the two keys is the signer's where the signature is valid, and neither where it is not.
#[test]
fn wycheproofs_signatures_lead_to_their_signers_or_nowhere() {
    use wycheproof::{
        TestResult,
        ecdsa::{TestName, TestSet},
    };
    let (mut valid, mut invalid, mut no_form) = (0, 0, 0);
    for (set, sha512) in [
        (TestName::EcdsaSecp256k1Sha256P1363, false),
        (TestName::EcdsaSecp256k1Sha512P1363, true),
    ] {
        let groups = TestSet::load(set).unwrap().test_groups;
        for group in groups {
            let key = VerifyingKey::from_sec1_bytes(&group.key.key).unwrap();
            let signer = BuilderId::from_address(Address::from_public_key(&key)).unwrap();
            for test in group.tests {
                let good = test.result == TestResult::Valid;
                let digest = match sha512 {
                    true => B256::from_slice(&sha2::Sha512::digest(&test.msg[..])[..32]),
                    false => B256::from_slice(&sha2::Sha256::digest(&test.msg[..])),
                };
                let Ok(bytes) = <[u8; 64]>::try_from(&test.sig[..]) else {
                    assert!(!good, "test {}", test.tc_id);
                    no_form += 1;
                    continue;
                };
                let (r, s) = (
                    U256::from_be_slice(&bytes[..32]),
                    U256::from_be_slice(&bytes[32..]),
                );
                let s = if s > ORDER >> 1 && s < ORDER {
                    ORDER - s
                } else {
                    s
                };
                if s & PARITY != U256::ZERO {
                    assert!(!good, "test {}", test.tc_id);
                    no_form += 1;
                    continue;
                }
                let found = [false, true]
                    .map(|odd| assert_agree(&compact(r, odd, s), &digest))
                    .contains(&Ok(signer));
                // Below this r, a point may have an x above the order, which 64 bytes cannot say.
                if good && r >= FIELD - ORDER {
                    assert!(found, "test {}: {}", test.tc_id, test.comment);
                }
                if !good {
                    assert!(!found, "test {}: {}", test.tc_id, test.comment);
                }
                *if good { &mut valid } else { &mut invalid } += 1;
            }
        }
    }
    assert!(
        valid > 400 && invalid > 70 && no_form > 90,
        "{valid} {invalid} {no_form}"
    );
}

/// So many of each, unless `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    match std::env::var("PROPTEST_CASES") {
        Ok(cases) => cases.parse().expect("PROPTEST_CASES is a number"),
        Err(_) => 2_000,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_find_who_signed(key in any::<[u8; 32]>(), digest in any::<[u8; 32]>()) {
        let key = reduced(key);
        prop_assume!(!bool::from(key.is_zero()));
        let digest = B256::from(digest);
        let (signature, builder) = signed(&key.to_repr().into(), &digest);
        prop_assert_eq!(assert_agree(&signature, &digest), Ok(builder));
        let mut other = signature;
        other[32] ^= 0x80;
        prop_assert_ne!(assert_agree(&other, &digest), Ok(builder));
    }

    #[test]
    fn both_say_the_same_of_any_bytes(
        r in any::<[u8; 32]>(), s in any::<[u8; 32]>(), digest in any::<[u8; 32]>(),
    ) {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&r);
        bytes[32..].copy_from_slice(&s);
        let _ = assert_agree(&bytes, &B256::from(digest));
        // Half of all such s are in the upper half: the same once more with one that is not.
        bytes[32] &= 0xbf;
        let _ = assert_agree(&bytes, &B256::from(digest));
    }

    #[test]
    fn both_say_the_same_after_a_bit_flip(
        key in 1_u8..u8::MAX, digest in any::<[u8; 32]>(), bit in 0_usize..512,
    ) {
        let digest = B256::from(digest);
        let (mut bytes, builder) = signed(&[key; 32], &digest);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_ne!(assert_agree(&bytes, &digest), Ok(builder));
    }
}
