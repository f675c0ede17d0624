//! The documents of the protocol.

use seed_attestation::{
    Attestation, Envelope, EvidenceManifest, GenesisSignature, Locator, NetworkFile, Record,
    ReleaseData, Statement,
};
use seed_verdict::{Bundle, Policy};

pub(crate) fn attestation(bytes: &[u8]) -> bool {
    let Ok(read) = Attestation::from_json(bytes) else {
        return false;
    };
    assert!(!bytes.contains(&b'\\'));
    let written = read.to_json().expect("what was read can be written");
    assert_eq!(Attestation::from_json(&written), Ok(read));
    true
}

pub(crate) fn genesis(bytes: &[u8]) -> bool {
    let Ok(read) = GenesisSignature::from_json(bytes) else {
        return false;
    };
    let written = read.to_json().expect("what was read can be written");
    assert_eq!(GenesisSignature::from_json(&written), Ok(read));
    true
}

pub(crate) fn locator(bytes: &[u8]) -> bool {
    let Ok(read) = Locator::from_json(bytes) else {
        return false;
    };
    let written = read.to_json().expect("what was read can be written");
    assert_eq!(Locator::from_json(&written), Ok(read));
    true
}

pub(crate) fn envelope(bytes: &[u8]) -> bool {
    let Ok(read) = Envelope::from_json(bytes) else {
        return false;
    };
    let written = read.to_json().expect("what was read can be written");
    assert_eq!(Envelope::from_json(&written), Ok(read));
    true
}

pub(crate) fn evidence(bytes: &[u8]) -> bool {
    let Ok(read) = EvidenceManifest::from_json(bytes) else {
        return false;
    };
    let written = read.to_json().expect("what was read can be written");
    assert_eq!(EvidenceManifest::from_json(&written), Ok(read));
    true
}

/// A statement has one form: what is signed is what is read.
pub(crate) fn statement(bytes: &[u8]) -> bool {
    let Ok(read) = Statement::from_json(bytes) else {
        return false;
    };
    assert_eq!(read.to_json().as_deref(), Ok(bytes));
    true
}

/// A record has one form: its hash is the commitment.
pub(crate) fn record(bytes: &[u8]) -> bool {
    let Ok(read) = Record::parse(bytes) else {
        return false;
    };
    assert_eq!(read.to_bytes(), bytes);
    true
}

pub(crate) fn event(bytes: &[u8]) -> bool {
    let Ok(read) = ReleaseData::parse(bytes) else {
        return false;
    };
    assert_eq!(read.to_bytes(), bytes);
    true
}

/// A bundle has one form.
pub(crate) fn bundle(bytes: &[u8]) -> bool {
    let Ok(read) = Bundle::from_json(bytes) else {
        return false;
    };
    assert_eq!(read.to_json().as_deref(), Ok(bytes));
    true
}

/// A network file has one form: what is signed is what is read.
pub(crate) fn network(bytes: &[u8]) -> bool {
    let Ok(read) = NetworkFile::from_json(bytes) else {
        return false;
    };
    assert_eq!(read.to_json().as_deref(), Ok(bytes));
    assert!(read.network.expires > read.network.issued);
    // Whoever signed it, nobody's word counts without a pinned key.
    let _ = read.signers();
    true
}

/// A policy that is accepted can be met, and never by one operator.
pub(crate) fn policy(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let Ok(read) = Policy::from_toml(text) else {
        return false;
    };
    let operators = read.endpoints().len();
    assert!(operators == 0 || (read.agree() * 2 > operators && read.agree() <= operators));
    true
}
