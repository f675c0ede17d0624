//! The published formats, through the public interface: what is written is read back, and every corruption is
//! refused for its own reason.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256, keccak256};
use seed_attestation::{
    Attestation, AttestationError, Domain, Entry, Envelope, EvidenceLayer, EvidenceManifest,
    FormatError, LayerKind, Locator, NixDriver, Record, ReleaseData, Run, Signature,
    SignatureError, Statement, SystemDigest,
};
use seed_merkle::{Leaves, Root};
use seed_primitives::{BuilderId, Compression, Digest, Recipe, Source};

/// The order of secp256k1.
const ORDER: U256 = U256::from_limbs([
    0xBFD2_5E8C_D036_4141,
    0xBAAE_DCE6_AF48_A03B,
    0xFFFF_FFFF_FFFF_FFFE,
    0xFFFF_FFFF_FFFF_FFFF,
]);

fn domain() -> Domain {
    Domain {
        chain_id: 31337,
        ledger: Address::repeat_byte(0x11),
    }
}

fn recipe() -> Recipe {
    Recipe {
        compression: Compression::TarZstd,
        layering: "repull:40".parse().unwrap(),
        packer: "nix-seed/1".parse().unwrap(),
        previous: None,
        reissue: 0,
    }
}

fn source() -> Source {
    Source {
        uri: "https://example.org/acme/app".parse().unwrap(),
        commit: "ab".repeat(20).parse().unwrap(),
        nar_hash: Digest::of(b"tree"),
        flake_lock: Digest::of(b""),
        target: "seed".parse().unwrap(),
        recipe: recipe().digest(),
    }
}

/// A key and its builder; signing is RFC 6979, so vectors are stable.
fn sign(key: u8, digest: &B256) -> (BuilderId, Signature) {
    use k256::ecdsa::SigningKey;
    let key = SigningKey::from_slice(&[key; 32]).unwrap();
    let (signature, parity) = key.sign_prehash_recoverable(digest.as_slice()).unwrap();
    let full = alloy_primitives::Signature::from_signature_and_parity(signature, parity.is_y_odd());
    let builder = BuilderId::from_address(Address::from_public_key(key.verifying_key())).unwrap();
    (builder, Signature::from_full(&full))
}

fn attestation() -> Attestation {
    let systems = vec![
        SystemDigest {
            system: "aarch64-linux".parse().unwrap(),
            digest: Digest::of(b"arm"),
        },
        SystemDigest {
            system: "x86_64-linux".parse().unwrap(),
            digest: Digest::of(b"intel"),
        },
    ];
    let leaves = Leaves::new(
        systems
            .iter()
            .map(|s| (s.system.clone(), s.digest))
            .collect(),
    )
    .unwrap();
    let (evidence, rules) = (Digest::of(b"evidence"), Address::repeat_byte(0x22));
    let digest = domain().attestation_digest(&source().release(), &leaves.root(), &evidence, rules);
    let (builder, signature) = sign(1, &digest);
    Attestation {
        source: source(),
        systems,
        evidence,
        rules,
        chain_id: domain().chain_id,
        ledger: domain().ledger,
        builder,
        signature,
    }
}

#[test]
fn an_attestation_survives_its_wire_format_and_verifies() {
    let bytes = attestation().to_json().unwrap();
    let verified = Attestation::from_json(&bytes)
        .unwrap()
        .verify(&domain())
        .unwrap();
    assert_eq!(verified.release(), source().release());
    assert_eq!(verified.builder(), attestation().builder);
}

#[test]
fn refuses_an_attestation_with_any_signed_field_changed() {
    let good = attestation();
    let mut other_source = good.clone();
    other_source.source.target = "other".parse().unwrap();
    let mut other_digest = good.clone();
    other_digest.systems[0].digest = Digest::of(b"else");
    let mut fewer = good.clone();
    fewer.systems.pop();
    let changed = [
        other_source,
        other_digest,
        fewer,
        Attestation {
            evidence: Digest::of(b"x"),
            ..good.clone()
        },
        Attestation {
            rules: Address::repeat_byte(9),
            ..good.clone()
        },
        Attestation {
            builder: sign(2, &B256::ZERO).0,
            ..good.clone()
        },
    ];
    for attestation in changed {
        assert!(matches!(
            attestation.verify(&domain()),
            Err(AttestationError::Signature(
                SignatureError::WrongSigner { .. }
            ))
        ));
    }
    for domain in [
        Domain {
            chain_id: 1,
            ..domain()
        },
        Domain {
            ledger: Address::repeat_byte(3),
            ..domain()
        },
    ] {
        assert!(matches!(
            good.verify(&domain),
            Err(AttestationError::Signature(
                SignatureError::WrongDomain { .. }
            ))
        ));
    }
}

#[test]
fn refuses_json_with_unknown_duplicate_or_trailing_parts() {
    let text = String::from_utf8(attestation().to_json().unwrap()).unwrap();
    let evidence = format!("\"evidence\":\"{}\"", attestation().evidence);
    for bad in [
        text.replacen('{', "{\"extra\":1,", 1),
        text.replacen('{', &format!("{{{evidence},"), 1),
        format!("{text} x"),
        format!("\u{feff}{text}"),
        text.replace("\"chainId\":31337", "\"chainId\":\"31337\""),
        text.replace("sha256:", "SHA256:"),
        text[..text.len() - 1].to_owned(),
        String::new(),
    ] {
        assert!(
            matches!(
                Attestation::from_json(bad.as_bytes()),
                Err(FormatError::Json { .. })
            ),
            "{bad}"
        );
    }
    let swapped = text
        .replace("aarch64-linux", "tmp")
        .replace("x86_64-linux", "aarch64-linux")
        .replace("tmp", "x86_64-linux");
    assert!(matches!(
        Attestation::from_json(swapped.as_bytes()),
        Err(FormatError::Systems(_))
    ));
    let huge = format!("{text}{}", " ".repeat(70_000));
    assert!(matches!(
        Attestation::from_json(huge.as_bytes()),
        Err(FormatError::TooLarge { .. })
    ));
}

#[test]
fn refuses_every_other_form_of_a_signature() {
    let digest = keccak256("x");
    let (builder, good) = sign(1, &digest);
    good.expect_signer(&digest, builder).unwrap();
    let mut high = *good.as_bytes();
    let parity = high[32] & 0x80;
    high[32] &= 0x7f;
    let s = ORDER - U256::from_be_slice(&high[32..]);
    high[32..].copy_from_slice(&s.to_be_bytes::<32>());
    // An upper-half s has its top bit free only below 2^255; where it would collide with the parity bit there
    // is no 64-byte form at all.
    if high[32] & 0x80 == 0 {
        high[32] |= parity ^ 0x80;
        assert_eq!(Signature::from_bytes(&high), Err(SignatureError::HighS));
    }
    for length in [0, 63, 65, 66] {
        assert_eq!(
            Signature::from_bytes(&vec![1; length]),
            Err(SignatureError::Length(length))
        );
    }
    assert_eq!(
        Signature::from_bytes(&[0; 64]).and_then(|zero| zero.recover(&digest)),
        Err(SignatureError::Unrecoverable)
    );
    let mut flipped = *good.as_bytes();
    flipped[32] ^= 0x80;
    let recovered = Signature::from_bytes(&flipped).unwrap().recover(&digest);
    assert_ne!(recovered, Ok(builder));
}

fn record() -> Record {
    let entry = |index: u8, systems| Entry {
        index,
        builder: BuilderId::from_address(Address::repeat_byte(index + 1)).unwrap(),
        systems,
        evidence: Digest::of(&[index]),
    };
    Record {
        sequence: 7,
        timestamp: 1_700_000_000,
        root: Root::from_word(B256::repeat_byte(4)),
        rules_code_hash: B256::repeat_byte(5),
        rules: Address::repeat_byte(6),
        entries: vec![entry(0, 0b11), entry(2, 0b01)],
        digests: vec![Digest::of(b"a"), Digest::of(b"b")],
    }
}

#[test]
fn a_record_is_exact_words_and_its_hash_is_the_commitment() {
    let bytes = record().to_bytes();
    assert_eq!(bytes.len(), 32 * (4 + 2 * 2 + 2));
    assert_eq!(Record::parse(&bytes).unwrap(), record());
    assert_eq!(record().commitment(), keccak256(&bytes));
}

#[test]
fn refuses_every_malformed_record() {
    let good = record().to_bytes();
    let with = |offset: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[offset] = value;
        bytes
    };
    let cleared = |range: std::ops::Range<usize>| {
        let mut bytes = good.clone();
        bytes[range].fill(0);
        bytes
    };
    let mut bad = vec![
        with(0, 2),
        with(1, 0),
        with(1, 3),
        with(2, 0),
        with(2, 3),
        with(2, 255),
        with(3, 1),
        with(15, 1),
        cleared(16..24),
        cleared(32..64),
        cleared(64..96),
        with(96, 1),
        cleared(108..128),
        with(128, 2),
        with(129, 1),
        cleared(132..152),
        cleared(152..160),
        with(159, 0b111),
        cleared(160..192),
        cleared(256..288),
        cleared(288..320),
        Vec::new(),
    ];
    bad.extend((0..good.len()).step_by(31).map(|end| good[..end].to_vec()));
    bad.push([&good[..], &[0; 32]].concat());
    bad.push([&good[..], &[0]].concat());
    for bytes in bad {
        assert!(matches!(Record::parse(&bytes), Err(FormatError::Record(_))));
    }
}

#[test]
fn release_data_splits_record_and_signatures() {
    let (_, signature) = sign(1, &keccak256("x"));
    let data = ReleaseData {
        record: record(),
        signatures: vec![signature, signature],
    };
    let bytes = data.to_bytes();
    assert_eq!(ReleaseData::parse(&bytes).unwrap(), data);
    for end in [0, 1, 64, bytes.len() - 64, bytes.len() - 1] {
        assert!(ReleaseData::parse(&bytes[..end]).is_err());
    }
    assert!(ReleaseData::parse(&[&bytes[..], &[0; 64]].concat()).is_err());
}

#[test]
fn a_locator_survives_its_wire_format() {
    let locator = Locator {
        source: source(),
        record: record(),
    };
    let bytes = locator.to_json().unwrap();
    assert_eq!(Locator::from_json(&bytes).unwrap(), locator);
    let text = String::from_utf8(bytes).unwrap();
    assert!(Locator::from_json(text.replace("0x01", "0X01").as_bytes()).is_err());
    assert!(Locator::from_json(text.replace("0x01", "0x02").as_bytes()).is_err());
}

fn statement() -> Statement {
    Statement {
        image: Digest::of(b"intel"),
        source: source(),
        recipe: recipe(),
        system: "x86_64-linux".parse().unwrap(),
        closure: Digest::of(b"closure"),
        audit: Digest::of(b"audit"),
        sbom: Digest::of(b"sbom"),
        chain_id: 31337,
        builder: attestation().builder,
        nix: NixDriver {
            version: "2.26.3".into(),
            settings: BTreeMap::from([("substituters".into(), String::new())]),
        },
        run: Run {
            id: "run-1".into(),
            started: "2026-01-01T00:00:00Z".into(),
            finished: "2026-01-01T00:00:01Z".into(),
        },
    }
}

#[test]
fn a_statement_has_one_form() {
    let bytes = statement().to_json().unwrap();
    assert_eq!(Statement::from_json(&bytes).unwrap(), statement());
    let text = String::from_utf8(bytes).unwrap();
    for bad in [
        text.replace(
            &statement().source.release().to_string(),
            &format!("0x{}", "1".repeat(64)),
        ),
        text.replace(
            "git+https://example.org/acme/app",
            "git+https://example.org/acme/other",
        ),
        text.replace("\"reissue\":0", "\"reissue\":1"),
        text.replace("provenance/v1", "provenance/v0.2"),
        text.replace("Statement/v1", "Statement/v0.1"),
        text.replace("build-types/seed/v1", "build-types/seed/v2"),
        text.replace(
            "\"substituters\":\"\"",
            "\"substituters\":\"x\",\"substituters\":\"\"",
        ),
        text.replace("eip155:31337:", "eip155:+31337:"),
        text.replace("\"version\":", " \"version\":"),
        text.replace("\"sbom\"", "\"sboms\""),
    ] {
        assert!(Statement::from_json(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn an_envelope_opens_only_for_its_signer_in_its_domain() {
    let payload = statement().to_json().unwrap();
    let (builder, signature) = sign(1, &Envelope::digest(&domain(), &payload));
    let envelope = Envelope::new(&domain(), payload.clone(), builder, signature);
    let read = Envelope::from_json(&envelope.to_json().unwrap()).unwrap();
    assert_eq!(read.open_as(&domain(), builder).unwrap().payload(), payload);
    assert!(
        read.open_as(
            &Domain {
                chain_id: 1,
                ..domain()
            },
            builder
        )
        .is_err()
    );
    assert!(read.open_as(&domain(), sign(2, &B256::ZERO).0).is_err());
}

#[test]
fn refuses_envelopes_of_another_shape() {
    let payload = statement().to_json().unwrap();
    let (builder, signature) = sign(1, &Envelope::digest(&domain(), &payload));
    let envelope = Envelope::new(&domain(), payload, builder, signature);
    let good: serde_json::Value = serde_json::from_slice(&envelope.to_json().unwrap()).unwrap();
    let change = |edit: &dyn Fn(&mut serde_json::Value)| {
        let mut value = good.clone();
        edit(&mut value);
        Envelope::from_json(value.to_string().as_bytes())
    };
    assert!(change(&|_| ()).is_ok());
    assert!(change(&|v| v["payloadType"] = "text/plain".into()).is_err());
    assert!(change(&|v| v["signatures"] = serde_json::json!([])).is_err());
    assert!(
        change(&|v| {
            let first = v["signatures"][0].clone();
            v["signatures"].as_array_mut().unwrap().push(first);
        })
        .is_err()
    );
    assert!(change(&|v| v["signatures"][0]["sig"] = "AA==".into()).is_err());
    assert!(change(&|v| v["payload"] = "e30".into()).is_err());
    assert!(change(&|v| v["payload"] = "e3 0=".into()).is_err());
    assert!(change(&|v| v["key"] = "mine".into()).is_err());
}

fn layers() -> Vec<EvidenceLayer> {
    [
        LayerKind::Sbom,
        LayerKind::Statement,
        LayerKind::ImageManifest,
        LayerKind::Audit,
    ]
    .into_iter()
    .map(|kind| EvidenceLayer {
        system: "x86_64-linux".parse().unwrap(),
        kind,
        digest: Digest::of(kind.media_type().as_bytes()),
        size: 10,
    })
    .collect()
}

#[test]
fn an_evidence_manifest_has_one_order_and_one_form() {
    let manifest = EvidenceManifest::new(layers()).unwrap();
    let bytes = manifest.to_json().unwrap();
    assert_eq!(EvidenceManifest::from_json(&bytes).unwrap(), manifest);
    let text = String::from_utf8(bytes).unwrap();
    for bad in [
        text.replacen('{', "{\"subject\":{},", 1),
        text.replace("nix-seed.evidence.v1", "nix-seed.evidence.v2"),
        text.replace("\"size\":2}", "\"size\":3}"),
        text.replace("vnd.nix-seed.audit.v1+json", "vnd.cyclonedx+json"),
        text.replace("\"schemaVersion\":2", "\"schemaVersion\":1"),
        text.replace("dev.nix-seed.system", "dev.nix-seed.sistem"),
    ] {
        assert!(
            EvidenceManifest::from_json(bad.as_bytes()).is_err(),
            "{bad}"
        );
    }
    assert!(EvidenceManifest::new(layers()[..1].to_vec()).is_err());
    assert!(EvidenceManifest::new([layers(), layers()].concat()).is_err());
    assert!(EvidenceManifest::new(Vec::new()).is_err());
}
