//! Writes the first inputs of the targets that have no golden documents into `fuzz/corpus`; fuzzers start from them.

mod outside;

use std::{collections::BTreeMap, error::Error, fs, path::Path};

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_trie::{HashBuilder, Nibbles, TrieAccount, proof::ProofRetainer};
use seed_image::{Descriptor, ImageConfig, ImageIndex, ImageManifest, RunConfig, media};
use seed_primitives::{Digest, System};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (name, inputs) in inputs(&top)?.into_iter().chain(outside::inputs(&top)?) {
        let folder = top.join("fuzz/corpus").join(name);
        fs::create_dir_all(&folder)?;
        for input in inputs {
            fs::write(folder.join(Digest::of(&input).to_hex()), input)?;
        }
    }
    Ok(())
}

fn inputs(top: &Path) -> Result<BTreeMap<&'static str, Vec<Vec<u8>>>> {
    let vectors = |file: &str| -> Result<serde_json::Value> {
        Ok(serde_json::from_slice(&fs::read(
            top.join("tests/vectors").join(file),
        )?)?)
    };
    let documents = vectors("documents.json")?;
    let mut all = BTreeMap::new();
    for name in [
        "attestation",
        "envelope",
        "evidence",
        "genesis",
        "locator",
        "statement",
    ] {
        all.insert(
            name,
            vec![
                documents[name]
                    .as_str()
                    .unwrap_or_default()
                    .as_bytes()
                    .to_vec(),
            ],
        );
    }
    let record = vectors("record.json")?;
    let bytes = |key: &str| {
        hex::decode(
            record[key]
                .as_str()
                .unwrap_or_default()
                .trim_start_matches("0x"),
        )
    };
    all.insert("record", vec![bytes("record")?]);
    all.insert("event", vec![bytes("eventData")?]);
    let (manifest, config, index) = images()?;
    all.insert("image-manifest", vec![manifest]);
    all.insert("image-config", vec![config]);
    all.insert("image-index", vec![index]);
    all.insert("header", vec![header(20), header(15)]);
    let (account, slot, absent) = proofs();
    all.insert("account-proof", vec![account]);
    all.insert("slot-proof", vec![slot, absent]);
    all.insert("rules", vec![rules(top, &vectors("configuration.json")?)?]);
    let golden = top.join("crates/verdict/tests/golden");
    let policy = fs::read(golden.join("policy.toml"))
        .unwrap_or_else(|_| b"version = 1\nrequire = \"proof\"\n".to_vec());
    all.insert("policy", vec![policy]);
    let bundle = fs::read(golden.join("bundle.json")).unwrap_or_else(|_| {
        b"{\"mediaType\":\"application/vnd.nix-seed.bundle.v1+json\"}".to_vec()
    });
    all.insert("bundle", vec![bundle]);
    all.insert("registration", vec![registration()]);
    all.insert("nar", vec![nar()?]);
    all.insert("flake-lock", vec![LOCK.to_vec()]);
    let texts: [&str; 5] = [
        "x86_64-linux",
        "https://example.org/acme/app",
        "sha256:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a",
        "0123456789abcdef0123456789abcdef01234567",
        "{\"compression\":\"tar+zstd\",\"layering\":\"repull:40\",\"packer\":\"nix-seed/1\",\"previous\":null,\"reissue\":0}",
    ];
    all.insert("texts", texts.map(|text| text.as_bytes().to_vec()).to_vec());
    Ok(all)
}

fn images() -> Result<(Vec<u8>, Vec<u8>, Vec<u8>)> {
    let system: System = "x86_64-linux".parse()?;
    let config = ImageConfig {
        os: "linux".to_owned(),
        architecture: "amd64".to_owned(),
        diff_ids: vec![Digest::of(b"tar")],
        run: RunConfig::default(),
    }
    .to_bytes();
    let manifest = ImageManifest {
        config: Descriptor::of(media::CONFIG, &config),
        layers: vec![Descriptor::of(media::LAYER_TAR_ZSTD, b"layer")],
        closure: Some(Digest::of(b"closure")),
    }
    .to_bytes();
    let child = Descriptor::of(media::MANIFEST, &manifest);
    let index = ImageIndex::of_systems(vec![(system, child)]).ok_or("no platform")?;
    Ok((manifest, config, index.to_bytes()))
}

fn header(fields: u8) -> Vec<u8> {
    let mut payload = Vec::new();
    for at in 0..fields {
        match at {
            0 | 3 => payload.extend(alloy_rlp::encode(B256::repeat_byte(at + 1))),
            8 => payload.extend(alloy_rlp::encode(42_u64)),
            11 => payload.extend(alloy_rlp::encode(1_700_000_000_u64)),
            _ => payload.extend(alloy_rlp::encode(7_u64)),
        }
    }
    let mut bytes = Vec::new();
    let head = alloy_rlp::Header {
        list: true,
        payload_length: payload.len(),
    };
    head.encode(&mut bytes);
    [bytes, payload].concat()
}

/// An account, a slot with a value and one without, in the form that the targets read.
fn proofs() -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let slots: BTreeMap<B256, Vec<u8>> = (1..40_u64)
        .map(|at| {
            (
                keccak256(B256::from(U256::from(at))),
                alloy_rlp::encode(U256::from(at) << (at * 5)),
            )
        })
        .collect();
    let slot = |at: u64| {
        proof(
            &slots,
            B256::from(U256::from(at)),
            keccak256(B256::from(U256::from(at))),
        )
    };
    let accounts: BTreeMap<B256, Vec<u8>> = (1..20_u8)
        .map(|at| {
            (
                keccak256(Address::repeat_byte(at)),
                alloy_rlp::encode(TrieAccount {
                    nonce: at.into(),
                    ..TrieAccount::default()
                }),
            )
        })
        .collect();
    let address = Address::repeat_byte(5);
    (
        proof(&accounts, address.into_word(), keccak256(address)),
        slot(7),
        slot(99),
    )
}

fn proof(leaves: &BTreeMap<B256, Vec<u8>>, key: B256, path: B256) -> Vec<u8> {
    let targets = [path].iter().map(Nibbles::unpack).collect();
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(targets));
    for (key, value) in leaves {
        builder.add_leaf(Nibbles::unpack(key), value);
    }
    builder.root();
    // Zero for a root: the first node is taken for it.
    let mut bytes = [B256::ZERO.as_slice(), key.as_slice()].concat();
    for (_, node) in builder.take_proof_nodes().into_nodes_sorted() {
        bytes.extend([(node.len() >> 8) as u8, node.len() as u8]);
        bytes.extend_from_slice(&node);
    }
    bytes
}

fn rules(top: &Path, vectors: &serde_json::Value) -> Result<Vec<u8>> {
    let text = |value: &serde_json::Value| {
        value
            .as_str()
            .unwrap_or_default()
            .trim_start_matches("0x")
            .to_owned()
    };
    let snapshot: serde_json::Value = serde_json::from_slice(&fs::read(
        top.join("contracts/snapshots/bytecode/QuorumRules.json"),
    )?)?;
    let logic = text(&snapshot["logicCode"]);
    Ok(hex::decode(logic + &text(&vectors["configuration"]))?)
}

fn registration() -> Vec<u8> {
    let path = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-hello-1.0";
    format!("{path}\n{}\n120\n\n1\n{path}\n", "ab".repeat(32)).into_bytes()
}

fn nar() -> Result<Vec<u8>> {
    let word = |text: &[u8]| {
        let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(text);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    };
    let words: [&[u8]; 22] = [
        b"nix-archive-1",
        b"(",
        b"type",
        b"directory",
        b"entry",
        b"(",
        b"name",
        b"a",
        b"node",
        b"(",
        b"type",
        b"regular",
        b"contents",
        b"hello",
        b")",
        b")",
        b"entry",
        b"(",
        b"name",
        b"b",
        b"node",
        b"(",
    ];
    let rest: [&[u8]; 7] = [b"type", b"symlink", b"target", b"a", b")", b")", b")"];
    Ok(words
        .iter()
        .chain(&rest)
        .flat_map(|text| word(text))
        .collect())
}

const LOCK: &[u8] = br#"{"nodes":{"nixpkgs":{"locked":{"lastModified":1700000000,"narHash":"sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","owner":"NixOS","repo":"nixpkgs","rev":"0123456789abcdef0123456789abcdef01234567","type":"github"}},"root":{"inputs":{"nixpkgs":"nixpkgs"}}},"root":"root","version":7}"#;
