//! The first inputs of what is not a document of the protocol: registries, nodes, sources, files of `seed-gov`.

use std::{collections::BTreeMap, fs, io::Write as _, path::Path};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::{EMPTY_ROOT_HASH, HashBuilder, Nibbles, TrieAccount, proof::ProofRetainer};
use flate2::{Compression, write::GzEncoder};
use seed_builder::{AuditPolicy, AuditReport, Census, Driver, Grade, Origin, Program};
use seed_governance::{
    safe::SignatureFile,
    signer::OwnerSignature,
    simulate::{AccountProof, Snapshot},
};
use seed_nix::OutputTree;
use seed_primitives::Digest;
use serde_json::{Value, json};

use crate::Result;

pub(crate) fn inputs(top: &Path) -> Result<BTreeMap<&'static str, Vec<Vec<u8>>>> {
    let mut all = registries()?;
    all.extend(builds(top)?);
    all.extend(governance(top)?);
    Ok(all)
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<Vec<u8>> {
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

fn registries() -> Result<BTreeMap<&'static str, Vec<Vec<u8>>>> {
    let digest = Digest::of(b"layer").to_string();
    let reference = format!("registry.example:5000/acme/app@{digest}");
    let manifest = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/vnd.example", "config": {"mediaType": "application/vnd.example", "digest": digest,
        "size": 5}, "layers": [], "subject": {"mediaType": "application/vnd.example", "digest": digest, "size": 5},
        "annotations": {"a": "b"}});
    let list = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [
        {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 5,
        "artifactType": "application/vnd.example"}, {"mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": digest, "size": 5, "annotations": {"org.opencontainers.image.ref.name": "v1"}}]});
    let error = |first: u8| {
        [
            &[first][..],
            br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no such","detail":{}}]}"#,
        ]
        .concat()
    };
    Ok(BTreeMap::from([
        (
            "challenge",
            texts([
                "Bearer realm=\"http://HOME/token\",service=\"registry\",scope=\"repository:acme/app:pull\"",
                "Basic realm=\"x\"",
                "Bearer realm=\"http://HOME/v2/acme/app/token\"",
            ]),
        ),
        (
            "token",
            texts([
                r#"{"token":"abc.def","expires_in":60}"#,
                r#"{"access_token":"abc"}"#,
            ]),
        ),
        (
            "docker-config",
            texts([
                r#"{"auths":{"http://HOME/v2/":{"auth":"dTpodW50ZXIy"}}}"#,
                r#"{"auths":{"HOME/acme":{"username":"u","password":"hunter2"},"b.example":{"identitytoken":"t"}},"credHelpers":{"c.example":"pass"}}"#,
            ]),
        ),
        (
            "credential-helper",
            texts([
                r#"{"ServerURL":"x","Username":"u","Secret":"s"}"#,
                r#"{"Username":"<token>","Secret":"t"}"#,
            ]),
        ),
        ("referrers", vec![serde_json::to_vec(&list)?]),
        ("layout", vec![serde_json::to_vec(&list)?]),
        (
            "tag-list",
            texts([r#"{"name":"acme/app","tags":["v1","v2","v3","w"]}"#]),
        ),
        ("registry-error", vec![error(2), error(7)]),
        (
            "oci-manifest",
            vec![serde_json::to_vec(&manifest)?, serde_json::to_vec(&list)?],
        ),
        ("oci-archive", vec![archive()?]),
        (
            "reference",
            texts([
                &reference,
                "oci-archive:/a b.tar:v1",
                "oci:./out",
                "[::1]:5000/a:v1",
                "registry.example/a_b/c-d",
            ]),
        ),
        ("json-rpc", json_rpc()),
    ]))
}

fn archive() -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in [
        ("oci-layout", &br#"{"imageLayoutVersion":"1.0.0"}"#[..]),
        ("index.json", b"{}"),
        ("blobs/sha256/aa", b"layer"),
    ] {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append_data(&mut header, name, bytes)?;
    }
    Ok(archive.into_inner()?)
}

fn json_rpc() -> Vec<Vec<u8>> {
    let word = B256::repeat_byte(2).to_string();
    let header = alloy_header();
    let event = json!({"address": Address::repeat_byte(1), "topics": [keccak256("ReleaseFinalised(bytes32,bytes)"), word],
        "data": "0x", "blockNumber": "0x5", "transactionHash": word, "transactionIndex": "0x0", "blockHash": word,
        "logIndex": "0x0", "removed": false});
    let results = [
        json!("0x1"),
        json!("0x6001"),
        json!(word),
        json!({"accountProof": ["0xc0"], "storageProof": [{"proof": ["0xc1"]}, {"proof": []}]}),
        header,
        json!([event]),
    ];
    let mut all: Vec<Vec<u8>> = Vec::new();
    for (question, result) in (0_u8..).zip(results) {
        let envelope = json!({"jsonrpc": "2.0", "id": 1, "result": result});
        all.push([&[question][..], envelope.to_string().as_bytes()].concat());
    }
    all.push(b"\0{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":\"no\",\"data\":\"0x\"}}".to_vec());
    all.push(b"\x05{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[]}".to_vec());
    all
}

/// A header of block 7 as nodes give it, with its own hash.
fn alloy_header() -> Value {
    let zero = B256::ZERO.to_string();
    let (address, bloom) = (Address::ZERO, format!("0x{}", "00".repeat(256)));
    let items: [Vec<u8>; 15] = [
        alloy_rlp::encode(B256::ZERO),
        alloy_rlp::encode(B256::ZERO),
        alloy_rlp::encode(address),
        alloy_rlp::encode(B256::ZERO),
        alloy_rlp::encode(B256::ZERO),
        alloy_rlp::encode(B256::ZERO),
        alloy_rlp::encode([0_u8; 256]),
        alloy_rlp::encode(0_u64),
        alloy_rlp::encode(7_u64),
        alloy_rlp::encode(30_000_000_u64),
        alloy_rlp::encode(0_u64),
        alloy_rlp::encode(1_700_000_000_u64),
        alloy_rlp::encode(Bytes::new()),
        alloy_rlp::encode(B256::ZERO),
        alloy_rlp::encode([0_u8; 8]),
    ];
    let hash = keccak256(list(&items.concat())).to_string();
    json!({"parentHash": zero, "sha3Uncles": zero, "miner": address, "stateRoot": zero, "transactionsRoot": zero,
        "receiptsRoot": zero, "logsBloom": bloom, "difficulty": "0x0", "number": "0x7", "gasLimit": "0x1c9c380",
        "gasUsed": "0x0", "timestamp": "0x6553f100", "extraData": "0x", "mixHash": zero, "nonce": "0x0000000000000000",
        "hash": hash, "uncles": [], "transactions": [], "size": "0x0"})
}

fn list(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let head = alloy_rlp::Header {
        list: true,
        payload_length: payload.len(),
    };
    head.encode(&mut bytes);
    [&bytes[..], payload].concat()
}

fn builds(top: &Path) -> Result<BTreeMap<&'static str, Vec<Vec<u8>>>> {
    let name = "2sz0kli0hyvnzd17dvz9071ypxmm0fis-lib-1.0.drv";
    let derivation = fs::read(top.join("crates/nix/tests/golden").join(name))?;
    let derivation = [format!("/nix/store/{name}\n").as_bytes(), &derivation].concat();
    let tar = archive()?;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&tar)?;
    let (gzip, zstd) = (gzip.finish()?, zstd::encode_all(&tar[..], 3)?);
    let elf = [b"\x7fELF\x02\x01\x01\0".as_slice(), &[0; 56]].concat();
    let program = Program {
        path: "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-hello-1.0/bin/hello".to_owned(),
        origin: Origin::Store,
        digest: Digest::of(b"hello"),
        size: 5,
    };
    let census = Census {
        version: 1,
        derivation: "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-a.drv".to_owned(),
        programs: vec![program],
        unwatched: vec![],
    };
    let allow = json!({"version": 1, "seeds": [{"digest": Digest::of(b"seed"), "why": "the seed"}], "inert": [],
        "maxOpaqueBytes": 0});
    Ok(BTreeMap::from([
        ("derivation", vec![derivation]),
        (
            "layer",
            vec![
                [&[0][..], &tar].concat(),
                [&[1][..], &zstd].concat(),
                [&[2][..], &gzip].concat(),
            ],
        ),
        (
            "source",
            vec![
                tar,
                gzip,
                zstd,
                elf,
                b"int main(void) { return 0; }\n".to_vec(),
                zip(),
            ],
        ),
        ("census", vec![census.to_json()]),
        ("audit-report", vec![report()?.to_json()]),
        ("allow-list", vec![serde_json::to_vec(&allow)?]),
    ]))
}

/// A zip archive of one stored member.
fn zip() -> Vec<u8> {
    let crc = 0x3610_a686_u32.to_le_bytes();
    let sizes = [&crc[..], &[5, 0, 0, 0, 5, 0, 0, 0, 1, 0]].concat();
    let local = [
        b"PK\x03\x04\x0a\0\0\0\0\0\0\0\x21\0".as_slice(),
        &sizes,
        &[0, 0],
        b"ahello",
    ]
    .concat();
    let listed = [
        b"PK\x01\x02\x0a\0\x0a\0\0\0\0\0\0\0\x21\0".as_slice(),
        &sizes,
        &[0; 16],
        b"a",
    ]
    .concat();
    let place = |number: usize| u32::try_from(number).unwrap_or_default().to_le_bytes();
    let (size, start) = (place(listed.len()), place(local.len()));
    let end = [
        b"PK\x05\x06\0\0\0\0\x01\0\x01\0".as_slice(),
        &size,
        &start,
        &[0, 0],
    ]
    .concat();
    [local, listed, end].concat()
}

fn report() -> Result<AuditReport> {
    Ok(AuditReport {
        version: 2,
        system: "x86_64-linux".parse()?,
        derivation: "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-a.drv".to_owned(),
        closure: Digest::of(b"closure"),
        closure_paths: 1,
        derivations: 1,
        built_outputs: 0,
        grade: Grade::Vendor,
        grade_reason: "a binary".to_owned(),
        policy: AuditPolicy::default(),
        seed_binary_bytes: 0,
        unexplained_binary_bytes: 1,
        opaque_bytes: 0,
        inert_bytes: 0,
        unscanned_bytes: 0,
        text_bytes: 3,
        encoded_text_bytes: 0,
        driver: Driver {
            version: "2.8.0".to_owned(),
            bytes: 0,
            files: vec![],
        },
        leaves: vec![],
        outputs: vec![],
        outputs_root: OutputTree::new(vec![]).root(),
        violations: vec!["a binary".to_owned()],
        census: None,
    })
}

fn governance(top: &Path) -> Result<BTreeMap<&'static str, Vec<Vec<u8>>>> {
    let (safe, to) = (Address::repeat_byte(0x5a), Address::repeat_byte(1));
    let lower = |address: Address| address.to_string().to_lowercase();
    let operation = json!({"schemaVersion": 1, "chainId": 1, "safe": lower(safe), "nonce": 4, "timelock": lower(to),
        "delay": 60, "predecessor": B256::ZERO, "salt": B256::repeat_byte(3), "calls": [{"target": lower(to), "value": "0",
        "data": "0x"}], "description": "why"});
    let transaction = json!({"safe": safe, "chainId": "1", "to": to, "value": "0", "data": "0x", "operation": "0",
        "nonce": "4"});
    let builder = json!({"version": "1.0", "chainId": "1", "createdAt": 0, "meta": {"name": "x", "createdFromSafeAddress":
        safe}, "transactions": [{"to": to, "value": "0", "data": "0x"}]});
    let mut federation = "threshold = 2\nsystems = [\"x86_64-linux\"]\n".to_owned();
    for (at, parent) in (1_u8..).zip(["ada", "bo", "cy"]) {
        let address = lower(Address::with_last_byte(at));
        federation += &format!(
            "[[builders]]\nname = \"{parent}\"\naddress = \"{address}\"\nparent = \"{parent}\"\njurisdictions = [\"us\"]\n"
        );
    }
    let federation = federation.into_bytes();
    let provider = fs::read(top.join("crates/governance/providers/aws.toml"))?;
    let (whole, signature) = signature()?;
    Ok(BTreeMap::from([
        ("operation", vec![serde_json::to_vec(&operation)?]),
        (
            "gov-document",
            vec![
                serde_json::to_vec(&operation)?,
                serde_json::to_vec(&transaction)?,
                serde_json::to_vec(&builder)?,
            ],
        ),
        (
            "federation",
            vec![federation, provider, b"ledger:m/44'/60'/0'/0/0".to_vec()],
        ),
        ("owner-signature", vec![signature, whole]),
        ("snapshot", vec![snapshot()?]),
        ("deployment", vec![deployment()?]),
    ]))
}

fn deployment() -> Result<Vec<u8>> {
    let address = |digit: char| format!("0x{}", digit.to_string().repeat(40));
    let word = |digit: char| format!("0x{}", digit.to_string().repeat(64));
    let safe = |digit: char| json!({"owners": [address(digit)], "threshold": 1});
    let deployment = json!({"schemaVersion": 1, "environment": "production", "chainId": 1, "genesisHash": word('1'),
        "block": 7, "ledger": address('2'), "ledgerCodeHash": word('3'), "rules": address('4'),
        "rulesCodeHash": word('5'), "rulesLogicHash": word('6'), "timelock": address('7'), "timelockDelay": 604_800,
        "proposer": address('8'), "guardian": address('9'), "safes": {"proposer": safe('a'), "guardian": safe('b')},
        "safeContracts": {"singleton": address('c'), "proxyFactory": address('d'), "fallbackHandler": address('e')},
        "federation": {"sha256": word('f'), "threshold": 2, "systems": ["x86_64-linux"], "builders": [{"name": "one",
        "address": address('f'), "domains": ["a"]}]}});
    Ok(serde_json::to_vec(&deployment)?)
}

/// A signature file over 32 times 7, and the 65 bytes alone.
fn signature() -> Result<(Vec<u8>, Vec<u8>)> {
    let key = k256::ecdsa::SigningKey::from_slice(&[9; 32])?;
    let hash = B256::repeat_byte(7);
    let (signature, parity) = key.sign_prehash_recoverable(hash.as_slice())?;
    let mut bytes = signature.to_bytes().to_vec();
    bytes.push(27 + parity.to_byte());
    let point = key.verifying_key().to_encoded_point(false);
    let signer = Address::from_slice(&keccak256(&point.as_bytes()[1..])[12..]);
    let read = OwnerSignature::from_bytes(&bytes).ok_or("no signature")?;
    let file = SignatureFile::new(hash, signer, &read);
    Ok((serde_json::to_vec(&file)?, bytes))
}

fn snapshot() -> Result<Vec<u8>> {
    let address = Address::repeat_byte(5);
    let account = TrieAccount {
        nonce: 1,
        balance: U256::from(3),
        storage_root: EMPTY_ROOT_HASH,
        code_hash: keccak256([]),
    };
    let path = Nibbles::unpack(keccak256(address));
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(vec![path]));
    builder.add_leaf(path, &alloy_rlp::encode(account));
    let root = builder.root();
    let nodes = builder.take_proof_nodes().into_nodes_sorted();
    let mut payload = Vec::new();
    for at in 0..20 {
        match at {
            0 => payload.extend(alloy_rlp::encode(B256::repeat_byte(1))),
            3 => payload.extend(alloy_rlp::encode(root)),
            8 => payload.extend(alloy_rlp::encode(42_u64)),
            11 => payload.extend(alloy_rlp::encode(1_700_000_000_u64)),
            _ => payload.extend(alloy_rlp::encode(7_u64)),
        }
    }
    let proof = AccountProof {
        proof: nodes.into_iter().map(|(_, node)| node).collect(),
        ..AccountProof::default()
    };
    let snapshot = Snapshot {
        schema_version: 1,
        chain_id: 1,
        header: list(&payload).into(),
        accounts: BTreeMap::from([(address, proof)]),
    };
    Ok(serde_json::to_vec(&snapshot)?)
}
