//! Network files: the golden one, each corruption, whose signatures count, and what may follow on what.

use std::{collections::BTreeSet, fs, path::PathBuf};

use alloy_dyn_abi::TypedData;
use alloy_primitives::{Address, B256};
use k256::ecdsa::SigningKey;
use proptest::prelude::*;
use seed_attestation::{
    FormatError, MAX_NETWORK_BYTES, NETWORK_DOMAIN_TYPE, NETWORK_TYPE, NetworkError, NetworkFile,
    NetworkKeys, Signature,
};
use seed_primitives::{BuilderId, Digest};
use serde_json::{Value, json};

const NOW: u64 = 1_800_000_100;

fn vectors() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors"))
}

fn read(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn text() -> String {
    let golden = read(vectors().join("network.json"));
    golden["file"].as_str().unwrap().to_owned()
}

fn file() -> NetworkFile {
    NetworkFile::from_json(text().as_bytes()).unwrap()
}

fn keys_of(file: &NetworkFile) -> Vec<BuilderId> {
    file.signatures.iter().map(|one| one.key).collect()
}

fn keys(file: &NetworkFile, threshold: usize) -> NetworkKeys {
    NetworkKeys::new(keys_of(file), threshold).unwrap()
}

fn sign(byte: u8, digest: &B256) -> (BuilderId, Signature) {
    let key = SigningKey::from_slice(&[byte; 32]).unwrap();
    let (signature, parity) = key.sign_prehash_recoverable(digest.as_slice()).unwrap();
    let full = alloy_primitives::Signature::from_signature_and_parity(signature, parity.is_y_odd());
    let address = Address::from_public_key(key.verifying_key());
    (
        BuilderId::from_address(address).unwrap(),
        Signature::from_full(&full),
    )
}

#[test]
fn the_golden_file_is_read_written_and_signed_by_its_keys() {
    let golden = read(vectors().join("network.json"));
    let file = file();
    assert_eq!(file.to_json().unwrap(), text().as_bytes());
    assert_eq!(
        file.network.digest().unwrap().to_string(),
        golden["digest"].as_str().unwrap()
    );
    assert_eq!(
        format!("{:#x}", file.network.signing_digest()),
        golden["signingDigest"].as_str().unwrap()
    );
    assert_eq!(file.network.typed_data().unwrap(), golden["typedData"]);
    let verified = file.verify(&keys(&file, 3), NOW).unwrap();
    assert_eq!(verified.network(), &file.network);
    assert!(verified.network().deployment(None).is_none());
    assert_eq!(
        verified
            .network()
            .deployment(Some("base"))
            .unwrap()
            .chain_id,
        8453
    );
    assert!(verified.network().deployment(Some("bas")).is_none());
}

#[test]
fn every_corruption_is_refused() {
    let mut seen = 0;
    for entry in fs::read_dir(vectors().join("negative/network")).unwrap() {
        let case = read(entry.unwrap().path());
        let input = case["input"].as_str().unwrap();
        let refused = match NetworkFile::from_json(input.as_bytes()) {
            Ok(file) => file.signers().is_err(),
            Err(_) => true,
        };
        assert!(refused, "{}", case["corruption"]);
        seen += 1;
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn every_changed_bit_and_every_truncation_is_refused() {
    let good = text().into_bytes();
    let keys = keys(&file(), 3);
    let counts = |bytes: &[u8]| {
        NetworkFile::from_json(bytes).is_ok_and(|file| file.verify(&keys, NOW).is_ok())
    };
    assert!(counts(&good));
    // One bit of every byte: all would take minutes for the signatures.
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 7);
        assert!(!counts(&bad), "byte {at}");
        assert!(!counts(&good[..at]));
    }
    let mut long = good;
    long.resize(MAX_NETWORK_BYTES + 1, b' ');
    assert!(matches!(
        NetworkFile::from_json(&long),
        Err(FormatError::TooLarge { .. })
    ));
}

#[test]
fn only_pinned_keys_count_each_once_and_more_than_half_of_them() {
    let mut file = file();
    let mut mixed = keys_of(&file);
    let stranger = sign(9, &B256::ZERO).0;
    mixed[0] = stranger;
    let mixed = NetworkKeys::new(mixed, 3).unwrap();
    assert_eq!(
        file.verify(&mixed, NOW),
        Err(NetworkError::TooFew {
            found: 2,
            threshold: 3
        })
    );
    let two = NetworkKeys::new(mixed.keys().to_vec(), 2).unwrap();
    assert!(file.verify(&two, NOW).is_ok());
    let strangers = NetworkKeys::new(vec![stranger], 1).unwrap();
    assert_eq!(
        file.verify(&strangers, NOW),
        Err(NetworkError::TooFew {
            found: 0,
            threshold: 1
        })
    );
    // One signature that is not its key's: nobody knows what this file is.
    let all = keys(&file, 2);
    let other = file.signatures[0].signature;
    file.signatures[1].signature = other;
    assert!(matches!(
        file.verify(&all, NOW),
        Err(NetworkError::Signature(_))
    ));

    for (count, threshold) in [(0, 0), (0, 1), (1, 0), (1, 2), (2, 1), (4, 2), (17, 9)] {
        let keys = (1..=count).map(|byte| sign(byte, &B256::ZERO).0).collect();
        assert!(
            NetworkKeys::new(keys, threshold).is_err(),
            "{threshold} of {count}"
        );
    }
    assert!(NetworkKeys::new(vec![stranger, stranger], 2).is_err());
}

#[test]
fn it_counts_from_when_it_was_made_until_it_expires() {
    let file = file();
    let keys = keys(&file, 2);
    let (issued, expires) = (file.network.issued, file.network.expires);
    assert_eq!(
        file.verify(&keys, issued - 1),
        Err(NetworkError::NotYet(issued))
    );
    assert!(file.verify(&keys, issued).is_ok());
    assert!(file.verify(&keys, expires - 1).is_ok());
    assert_eq!(
        file.verify(&keys, expires),
        Err(NetworkError::Expired(expires))
    );
}

#[test]
fn nothing_older_and_nothing_beside_it_follows_on_a_file() {
    let file = file();
    let verified = file.verify(&keys(&file, 2), NOW).unwrap();
    let (name, digest) = (file.network.name.as_str(), *verified.digest());
    let other = Digest::of(b"another file");
    assert_eq!(verified.follows(name, 7, &digest), Ok(()));
    assert_eq!(verified.follows(name, 6, &other), Ok(()));
    assert_eq!(
        verified.follows(name, 8, &other),
        Err(NetworkError::Older { found: 7, known: 8 })
    );
    assert!(matches!(
        verified.follows(name, 7, &other),
        Err(NetworkError::Forked { .. })
    ));
    assert!(matches!(
        verified.follows("other", 1, &other),
        Err(NetworkError::OtherName { .. })
    ));
}

#[test]
fn a_signature_is_put_where_it_belongs_and_only_once() {
    let mut file = file();
    let before: BTreeSet<_> = keys_of(&file).into_iter().collect();
    let (key, signature) = sign(9, &file.network.signing_digest());
    file = file.signed(signature).unwrap();
    let mut expected = before;
    expected.insert(key);
    assert_eq!(file.signers().unwrap(), expected);
    let bytes = file.to_json().unwrap();
    assert_eq!(NetworkFile::from_json(&bytes).unwrap(), file);
    assert!(matches!(
        file.signed(signature),
        Err(NetworkError::Format(_))
    ));
}

/// What wallets make of the request: alloy hashes any typed data, and shares no line with [`Network::signing_digest`].
fn signed_by_wallets(request: Value) -> B256 {
    let typed: TypedData = serde_json::from_value(request).unwrap();
    typed.eip712_signing_hash().unwrap()
}

#[test]
fn a_wallet_that_is_given_the_request_signs_what_is_checked() {
    let file = file();
    let request = file.network.typed_data().unwrap();
    let typed: TypedData = serde_json::from_value(request.clone()).unwrap();
    assert_eq!(typed.encode_type().unwrap(), NETWORK_TYPE);
    assert_eq!(typed.domain.encode_type(), NETWORK_DOMAIN_TYPE);
    let digest = file.network.signing_digest();
    assert_eq!(signed_by_wallets(request.clone()), digest);
    let golden = read(vectors().join("network.json"));
    assert_eq!(golden["signingDigest"], format!("{digest}"));

    // Each member of the request is signed.
    for (member, other) in [
        ("name", json!("other.example")),
        ("sequence", json!(8)),
        ("issued", json!(1)),
        ("expires", json!(2)),
        ("digest", json!(format!("0x{}", "5e".repeat(32)))),
    ] {
        let mut changed = request.clone();
        assert_ne!(changed["message"][member], other);
        changed["message"][member] = other;
        assert_ne!(signed_by_wallets(changed), digest, "{member}");
    }
    for (member, other) in [("name", "NixSeed"), ("version", "2")] {
        let mut changed = request.clone();
        changed["domain"][member] = json!(other);
        assert_ne!(signed_by_wallets(changed), digest, "{member}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn so_does_it_for_any_name_number_and_time(
        name in "[a-z0-9][a-z0-9.-]{0,62}",
        sequence in 1u64..1 << 53,
        issued in 1u64..1 << 52,
        lifetime in 1u64..63_244_800,
    ) {
        let mut network = file().network;
        (network.name, network.sequence) = (name, sequence);
        (network.issued, network.expires) = (issued, issued + lifetime);
        let request = network.typed_data().unwrap();
        prop_assert_eq!(signed_by_wallets(request), network.signing_digest());
    }
}
