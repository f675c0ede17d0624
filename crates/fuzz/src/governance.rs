//! What `seed-gov` reads: files of other people, to be signed or carried out.

use alloy_primitives::{Address, B256};
use seed_governance::{
    decode::Document,
    federation::Federation,
    operation::Operation,
    providers::Providers,
    safe::SignatureFile,
    signer::{OwnerSignature, SignerSource},
    simulate::State,
};
use seed_proof::Rules;

/// What is read of an operation is written and read again as the same operation.
pub(crate) fn operation(bytes: &[u8]) -> bool {
    let Ok(read) = Operation::from_json(bytes) else {
        return false;
    };
    let written = read.to_json();
    assert_eq!(Operation::from_json(written.as_bytes()).as_ref(), Ok(&read));
    assert!((1..=16).contains(&read.calls.len()));
    assert!(read.timelock.is_some() || read.calls.len() == 1);
    true
}

/// A file that is to be reviewed: a Safe that is named beside it is the one in it, or it is refused.
pub(crate) fn document(bytes: &[u8]) -> bool {
    let named = Address::repeat_byte(0x5a);
    let alone = Document::read(bytes, None);
    let beside = Document::read(bytes, Some(named));
    let Ok(Ok(read)) = beside else {
        return matches!(alone, Ok(Ok(_)));
    };
    let text = format!("{read:?}").to_lowercase();
    assert!(text.contains(&named.to_string().to_lowercase()), "{text}");
    true
}

/// A snapshot in which every proof holds is written and read again as the same state.
pub(crate) fn snapshot(bytes: &[u8]) -> bool {
    let Ok(read) = State::from_json(bytes) else {
        return false;
    };
    let written = serde_json::to_vec(&read.snapshot()).expect("JSON");
    let again = State::from_json(&written).expect("what was read holds");
    assert_eq!(serde_json::to_vec(&again.snapshot()).ok(), Some(written));
    true
}

/// A signature file is of one transaction and one signer.
pub(crate) fn signature(bytes: &[u8]) -> bool {
    if let Some(read) = OwnerSignature::from_bytes(bytes) {
        assert_eq!(&read.to_bytes()[..], bytes);
        return true;
    }
    let expected = B256::repeat_byte(7);
    let Ok(read) = SignatureFile::read(bytes, expected) else {
        return false;
    };
    assert_eq!(read.safe_tx_hash, expected);
    let signature = OwnerSignature::from_bytes(&read.signature).expect("a signature");
    assert!(signature.check("fuzz", &expected, read.signer).is_ok());
    let other = read.signer ^ Address::with_last_byte(1);
    assert!(signature.check("fuzz", &expected, other).is_err());
    assert!(SignatureFile::read(bytes, B256::repeat_byte(8)).is_err());
    true
}

/// A federation file: what compiles is rules that our own reader accepts. A file of providers, and the name of a signer.
pub(crate) fn federation(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let provider = Providers::read([text]);
    if provider.is_ok() {
        assert!(Providers::read([text, text]).is_err(), "a provider twice");
    }
    let signer = text.parse::<SignerSource>().is_ok();
    let Ok(read) = Federation::read(text) else {
        return provider.is_ok() || signer;
    };
    if let Ok(compiled) = read.compile() {
        let again = Rules::parse(&compiled.code).expect("rules that everybody reads");
        assert_eq!(again.code_hash(), compiled.rules.code_hash());
        assert_eq!(again.builders().len(), read.builders.len());
        assert_eq!(u64::from(again.threshold()), u64::from(read.threshold));
    }
    true
}
