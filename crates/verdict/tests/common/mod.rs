//! A complete, consistent release with real keys, signatures and tries; tests break it one way at a time.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(unreachable_pub, reason = "shared between test files")]
#![allow(missing_debug_implementations, reason = "only tests see it")]

mod trie;

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_rlp::{Encodable, Header};
use alloy_trie::TrieAccount;
use seed_attestation::{
    Attestation, Domain, Entry, Envelope, EvidenceLayer, EvidenceManifest, LayerKind, Locator,
    NixDriver, Record, ReleaseData, Run, Signature, Statement, SystemDigest,
};
use seed_image::{Descriptor, ImageConfig, ImageIndex, ImageManifest, RunConfig, media};
use seed_merkle::Leaves;
use seed_primitives::{BuilderId, Compression, Digest, Recipe, Source, System};
use seed_proof::slots;
use seed_verdict::{
    ChainEvidence, Context, Document, EndpointEvidence, Evidence, HighWater, ImageEvidence,
    LayerEvidence, ManifestEvidence, Observation, Policy, Rejection, Release, Requested,
    StateProof, StateValues, Verified, decide, required_slots,
};
use trie::Trie;

pub const CHAIN_ID: u64 = 31337;
pub const LEDGER: Address = Address::repeat_byte(0x1e);
pub const RULES: Address = Address::repeat_byte(0x22);
pub const NOW: u64 = 1_800_000_000;
pub const DAY: u64 = 24 * 3600;
pub const GENESIS: B256 = B256::repeat_byte(0x9e);
pub const LEDGER_CODE: B256 = B256::repeat_byte(0xc0);
const NODES: [&str; 3] = [
    "https://one.example/rpc",
    "https://two.example/rpc",
    "http://127.0.0.1:8545/three",
];

/// A test key: a repeated byte.
pub fn builder(key: u8) -> BuilderId {
    sign(key, &B256::ZERO).0
}

pub fn sign(key: u8, digest: &B256) -> (BuilderId, Signature) {
    use k256::ecdsa::SigningKey;
    let key = SigningKey::from_slice(&[key; 32]).unwrap();
    let (signature, parity) = key.sign_prehash_recoverable(digest.as_slice()).unwrap();
    let full = alloy_primitives::Signature::from_signature_and_parity(signature, parity.is_y_odd());
    let builder = BuilderId::from_address(Address::from_public_key(key.verifying_key())).unwrap();
    (builder, Signature::from_full(&full))
}

/// One builder of the rules.
#[derive(Clone)]
pub struct Member {
    pub key: u8,
    pub domains: U256,
    pub systems: u64,
}

type StatementEdit = Box<dyn Fn(u8, &mut Statement)>;
type LayersEdit = Box<dyn Fn(u8, &mut Vec<EvidenceLayer>)>;
type ManifestEdit = Box<dyn Fn(&mut ImageManifest)>;
type RecordEdit = Box<dyn Fn(&mut Record)>;

/// The truth before anything is gathered. Everything that follows from a field follows from it.
pub struct Plan {
    pub systems: Vec<System>,
    pub members: Vec<Member>,
    pub threshold: u8,
    pub logic: Vec<u8>,
    /// Index in the rules and systems of every record entry.
    pub entries: Vec<(usize, u64)>,
    /// The same for builders who signed beside the record.
    pub endorsers: Vec<(usize, u64)>,
    pub source: Source,
    pub recipe: Recipe,
    pub sequence: u64,
    pub recorded_at: u64,
    pub control_sequence: u32,
    pub rules_in_force: Address,
    pub revocations: BTreeMap<Address, U256>,
    /// Overrides the commitment in the release's slot.
    pub slot: Option<U256>,
    pub ledger_code: B256,
    pub block: u64,
    pub block_time: u64,
    pub statement: StatementEdit,
    pub layers: LayersEdit,
    pub record: RecordEdit,
    /// Signs the DSSE envelope in place of the member with this key.
    pub envelope_key: Box<dyn Fn(u8) -> u8>,
    pub closure_annotation: bool,
    /// Changes every attested manifest.
    pub manifest: ManifestEdit,
    /// How many other words and accounts there are.
    pub crowd: u8,
    /// Further words of the ledger's storage.
    pub extra: Vec<(B256, U256)>,
}

impl Plan {
    pub fn new() -> Self {
        let recipe = Recipe {
            compression: Compression::TarZstd,
            layering: "repull:100".parse().unwrap(),
            packer: "nix-seed/1".parse().unwrap(),
            previous: None,
            reissue: 0,
        };
        let member = |at: usize| Member {
            key: at as u8 + 1,
            domains: U256::from(1) << at | U256::from(1) << (40 + at),
            systems: 3,
        };
        Self {
            systems: vec![
                "aarch64-linux".parse().unwrap(),
                "x86_64-linux".parse().unwrap(),
            ],
            members: (0..3).map(member).collect(),
            threshold: 2,
            logic: b"logic".to_vec(),
            entries: vec![(0, 3), (1, 3), (2, 3)],
            endorsers: Vec::new(),
            source: Source {
                uri: "https://example.org/acme/app".parse().unwrap(),
                commit: "ab".repeat(20).parse().unwrap(),
                nar_hash: Digest::of(b"tree"),
                flake_lock: Digest::of(b""),
                target: "seed".parse().unwrap(),
                recipe: recipe.digest(),
            },
            recipe,
            sequence: 7,
            recorded_at: NOW - 5 * DAY,
            control_sequence: 9,
            rules_in_force: RULES,
            revocations: BTreeMap::new(),
            slot: None,
            ledger_code: LEDGER_CODE,
            block: 1000,
            block_time: NOW - 600,
            statement: Box::new(|_, _| {}),
            layers: Box::new(|_, _| {}),
            record: Box::new(|_| {}),
            envelope_key: Box::new(|key| key),
            closure_annotation: true,
            manifest: Box::new(|_| {}),
            crowd: 40,
            extra: Vec::new(),
        }
    }

    pub fn domain(&self) -> Domain {
        Domain {
            chain_id: CHAIN_ID,
            ledger: LEDGER,
        }
    }

    /// Revokes a member: `since`, first sequence, flags.
    pub fn revoke(&mut self, address: Address, since: u64, from: u32, flags: u8) {
        let word = U256::from(since) << 40 | U256::from(from) << 8 | U256::from(flags);
        self.revocations.insert(address, word);
    }

    pub fn rules_code(&self) -> Vec<u8> {
        let mut code = self.logic.clone();
        for system in &self.systems {
            let mut word = vec![system.as_str().len() as u8];
            word.extend_from_slice(system.as_str().as_bytes());
            word.resize(32, 0);
            code.extend(word);
        }
        for member in &self.members {
            code.extend(builder(member.key).address());
            code.extend(member.domains.to_be_bytes::<32>());
            code.extend(member.systems.to_be_bytes());
        }
        code.extend([0xfe; 32]);
        let (systems, members) = (self.systems.len(), self.members.len());
        code.extend([1, systems as u8, members as u8, self.threshold]);
        code.extend([0; 24]);
        code.extend((32 * systems as u32 + 60 * members as u32 + 64).to_be_bytes());
        code
    }

    pub fn logic_hash(&self) -> B256 {
        keccak256(&self.logic)
    }

    /// Image of one system: manifest, config, layers.
    pub fn image(&self, system: &System) -> ManifestEvidence {
        let (os, architecture) = system.oci_platform().unwrap();
        let layers: Vec<LayerEvidence> = (0..2_u64)
            .map(|at| LayerEvidence {
                digest: Digest::of(format!("{system} layer {at}").as_bytes()),
                size: 100 + at,
                diff_id: Digest::of(format!("{system} tar {at}").as_bytes()),
            })
            .collect();
        let config = ImageConfig {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            diff_ids: layers.iter().map(|layer| layer.diff_id).collect(),
            run: RunConfig::default(),
        }
        .to_bytes();
        let descriptors = layers.iter().map(|layer| Descriptor {
            media_type: media::LAYER_TAR_ZSTD.to_owned(),
            digest: layer.digest,
            size: layer.size,
        });
        let mut manifest = ImageManifest {
            config: Descriptor::of(media::CONFIG, &config),
            layers: descriptors.collect(),
            closure: self.closure_annotation.then(|| closure(system)),
        };
        (self.manifest)(&mut manifest);
        ManifestEvidence {
            manifest: manifest.to_bytes(),
            config: Some(config),
            layers: Some(layers),
        }
    }

    /// The same image packed again: another manifest, other stored layers, the same config.
    pub fn copy(&self, system: &System, media_type: &str) -> ManifestEvidence {
        let mut image = self.image(system);
        let mut manifest = ImageManifest::parse(&image.manifest).unwrap();
        let layers = image.layers.as_mut().unwrap();
        for (layer, descriptor) in layers.iter_mut().zip(&mut manifest.layers) {
            layer.digest = Digest::of(layer.digest.as_bytes());
            layer.size += 1000;
            *descriptor = Descriptor {
                media_type: media_type.to_owned(),
                digest: layer.digest,
                size: layer.size,
            };
        }
        manifest.closure = Some(Digest::of(b"what a copy says of its closure is read over"));
        image.manifest = manifest.to_bytes();
        image
    }

    fn digests(&self) -> Vec<Digest> {
        let images = self.systems.iter();
        images
            .map(|system| Digest::of(&self.image(system).manifest))
            .collect()
    }

    fn statement_of(&self, key: u8, system: &System) -> Statement {
        let mut statement = Statement {
            image: Digest::of(&self.image(system).manifest),
            source: self.source.clone(),
            recipe: self.recipe.clone(),
            system: system.clone(),
            closure: closure(system),
            audit: Digest::of(b"audit"),
            sbom: Digest::of(b"sbom"),
            chain_id: CHAIN_ID,
            builder: builder(key),
            nix: NixDriver {
                version: "2.26.3".to_owned(),
                settings: BTreeMap::from([
                    ("substituters".to_owned(), String::new()),
                    ("sandbox".to_owned(), "true".to_owned()),
                ]),
            },
            run: Run {
                id: format!("run {key}"),
                started: "2026-11-20T00:00:00Z".to_owned(),
                finished: "2026-11-20T00:10:00Z".to_owned(),
            },
        };
        (self.statement)(key, &mut statement);
        statement
    }

    /// Publishes a member's evidence into `evidence` and returns its digest.
    fn publish(&self, key: u8, evidence: &mut Evidence) -> Digest {
        let mut layers = Vec::new();
        for system in &self.systems {
            let payload = self.statement_of(key, system).to_json().unwrap();
            let signing = (self.envelope_key)(key);
            let (signer, signature) = sign(signing, &Envelope::digest(&self.domain(), &payload));
            let envelope = Envelope::new(&self.domain(), payload, signer, signature);
            let bytes = envelope.to_json().unwrap();
            let manifest = self.image(system).manifest;
            let mut layer = |kind, digest, size: usize| {
                layers.push(EvidenceLayer {
                    system: system.clone(),
                    kind,
                    digest,
                    size: size as u64,
                });
            };
            layer(LayerKind::Statement, Digest::of(&bytes), bytes.len());
            layer(
                LayerKind::ImageManifest,
                Digest::of(&manifest),
                manifest.len(),
            );
            layer(LayerKind::Audit, Digest::of(b"audit"), 5);
            layer(LayerKind::Sbom, Digest::of(b"sbom"), 4);
            evidence.blobs.insert(bytes);
        }
        (self.layers)(key, &mut layers);
        let manifest = EvidenceManifest::new(layers).unwrap().to_json().unwrap();
        evidence.blobs.insert(manifest)
    }

    fn leaves(&self, mask: u64) -> Leaves {
        let pairs = self.systems.iter().cloned().zip(self.digests()).enumerate();
        let chosen = pairs.filter(|(at, _)| mask >> at & 1 == 1);
        Leaves::new(chosen.map(|(_, pair)| pair).collect()).unwrap()
    }

    fn signature(&self, key: u8, mask: u64, evidence: &Digest) -> Signature {
        let digest = self.domain().attestation_digest(
            &self.source.release(),
            &self.leaves(mask).root(),
            evidence,
            RULES,
        );
        sign(key, &digest).1
    }

    /// The published attestation of a member.
    pub fn attestation(&self, index: usize, mask: u64, evidence: Digest) -> Attestation {
        let key = self.members[index].key;
        let leaves = self.leaves(mask);
        let systems = leaves
            .as_slice()
            .iter()
            .map(|(system, digest)| SystemDigest {
                system: system.clone(),
                digest: *digest,
            });
        Attestation {
            source: self.source.clone(),
            systems: systems.collect(),
            evidence,
            rules: RULES,
            chain_id: CHAIN_ID,
            ledger: LEDGER,
            builder: builder(key),
            signature: self.signature(key, mask, &evidence),
        }
    }

    /// Gathers everything there is.
    pub fn case(&self) -> Case {
        let mut evidence = Evidence::default();
        let mut entries = Vec::new();
        let mut signatures = Vec::new();
        for (index, mask) in &self.entries {
            let key = self.members[*index].key;
            let published = self.publish(key, &mut evidence);
            entries.push(Entry {
                index: *index as u8,
                builder: builder(key),
                systems: *mask,
                evidence: published,
            });
            signatures.push(self.signature(key, *mask, &published));
        }
        for (index, mask) in &self.endorsers {
            let published = self.publish(self.members[*index].key, &mut evidence);
            let attestation = self.attestation(*index, *mask, published);
            evidence.attestations.push(attestation.to_json().unwrap());
        }
        let mut record = Record {
            sequence: self.sequence,
            timestamp: self.recorded_at,
            root: self.leaves((1 << self.systems.len()) - 1).root(),
            rules_code_hash: keccak256(self.rules_code()),
            rules: RULES,
            entries,
            digests: self.digests(),
        };
        (self.record)(&mut record);
        let locator = Locator {
            source: self.source.clone(),
            record: record.clone(),
        };
        evidence.locators.push(locator.to_json().unwrap());
        let event = ReleaseData {
            record: record.clone(),
            signatures,
        };
        evidence.events.push(event.to_bytes());
        let image = self.image(self.systems.last().unwrap());
        evidence.image = ImageEvidence {
            requested: Some(Requested::Digest(Digest::of(&image.manifest))),
            document: Some(Document::Manifest(image)),
        };
        self.observe(&record, &mut evidence);
        Case {
            policy: policy_text(self.logic_hash()),
            context: Context {
                now: NOW,
                deep: false,
                high_water: HighWater::NotRead,
            },
            evidence,
            record,
        }
    }

    pub fn observe(&self, record: &Record, evidence: &mut Evidence) {
        let chain = self.chain(record);
        let header = chain.header(self.block, self.block_time);
        let slots = required_slots(evidence);
        evidence.chain = ChainEvidence {
            endpoints: NODES
                .iter()
                .map(|url| EndpointEvidence {
                    url: (*url).to_owned(),
                    outcome: Ok(Observation {
                        chain_id: CHAIN_ID,
                        genesis: GENESIS,
                        finalized: self.block + 2,
                        headers: vec![header.clone()],
                        values: None,
                    }),
                })
                .collect(),
            header: Some(header),
            proofs: vec![chain.prove(NODES[0], &slots)],
            rules_codes: vec![Bytes::from(self.rules_code())],
            captured: false,
        };
    }

    /// The ledger's state with this record in it.
    pub fn chain(&self, record: &Record) -> Chain {
        let commitment = U256::from_be_bytes(record.commitment().0);
        let control = U256::from(self.control_sequence) << 192
            | U256::from_be_slice(self.rules_in_force.as_slice());
        let mut words: BTreeMap<B256, U256> = (0..u64::from(self.crowd) + 10)
            .map(|at| (keccak256(at.to_be_bytes()), U256::from(at + 1)))
            .collect();
        words.insert(
            slots::release(&self.source.release()),
            self.slot.unwrap_or(commitment),
        );
        words.insert(slots::CONTROL, control);
        for (address, word) in &self.revocations {
            words.insert(slots::revocation(*address), *word);
        }
        words.extend(self.extra.iter().copied());
        words.retain(|_, word| !word.is_zero());
        let storage = Trie::storage(words.clone());
        let ledger = TrieAccount {
            storage_root: storage.root,
            code_hash: self.ledger_code,
            ..TrieAccount::default()
        };
        let mut accounts: Vec<(B256, Vec<u8>)> = (1..self.crowd)
            .map(|at| {
                let other = TrieAccount {
                    nonce: u64::from(at),
                    ..TrieAccount::default()
                };
                (
                    keccak256(Address::repeat_byte(0x80 + at)),
                    alloy_rlp::encode(other),
                )
            })
            .collect();
        accounts.push((keccak256(LEDGER), alloy_rlp::encode(ledger)));
        Chain {
            words,
            storage,
            accounts: Trie::new(accounts),
        }
    }
}

fn closure(system: &System) -> Digest {
    Digest::of(format!("{system} closure").as_bytes())
}

/// A state with its tries.
pub struct Chain {
    pub words: BTreeMap<B256, U256>,
    storage: Trie,
    accounts: Trie,
}

impl Chain {
    pub fn header(&self, number: u64, timestamp: u64) -> Vec<u8> {
        let mut payload = Vec::new();
        for index in 0..20 {
            match index {
                3 => self.accounts.root.encode(&mut payload),
                8 => number.encode(&mut payload),
                11 => timestamp.encode(&mut payload),
                0 | 1 | 4 | 5 => B256::repeat_byte(index).encode(&mut payload),
                _ => 7_u64.encode(&mut payload),
            }
        }
        let mut rlp = Vec::new();
        Header {
            list: true,
            payload_length: payload.len(),
        }
        .encode(&mut rlp);
        rlp.extend(payload);
        rlp
    }

    /// Proves that there is no account at `address`.
    pub fn prove_absent(&self, address: Address) -> StateProof {
        StateProof {
            url: NODES[0].to_owned(),
            account: self.accounts.proof_of(keccak256(address)),
            slots: Vec::new(),
        }
    }

    pub fn prove(&self, url: &str, slots: &[B256]) -> StateProof {
        StateProof {
            url: url.to_owned(),
            account: self.accounts.proof_of(keccak256(LEDGER)),
            slots: slots
                .iter()
                .map(|slot| (*slot, self.storage.proof_of(keccak256(slot))))
                .collect(),
        }
    }
}

/// What was gathered, the policy's text and the context: everything a test may break.
#[derive(Clone)]
pub struct Case {
    pub policy: String,
    pub evidence: Evidence,
    pub context: Context,
    pub record: Record,
}

impl Case {
    pub fn decide(&self) -> Result<Verified<Release>, Rejection> {
        let policy = Policy::from_toml(&self.policy).unwrap();
        decide(&policy, &self.evidence, &self.context)
    }

    /// Replaces text of the policy, which must be there.
    pub fn demand(&mut self, from: &str, to: &str) {
        assert!(self.policy.contains(from), "{from}");
        self.policy = self.policy.replacen(from, to, 1);
    }

    pub fn image(&mut self) -> &mut ManifestEvidence {
        match self.evidence.image.document.as_mut().unwrap() {
            Document::Manifest(image) => image,
            Document::Index { children, .. } => &mut children[0],
        }
    }

    /// Asks for exactly what is served, whatever it is.
    pub fn ask_for_what_is_served(&mut self) {
        let digest = match self.evidence.image.document.as_ref().unwrap() {
            Document::Manifest(image) => Digest::of(&image.manifest),
            Document::Index { bytes, .. } => Digest::of(bytes),
        };
        self.evidence.image.requested = Some(Requested::Digest(digest));
    }

    /// Serves an index over every system in place of the image.
    pub fn serve_index(&mut self, plan: &Plan) {
        let children: Vec<ManifestEvidence> = plan
            .systems
            .iter()
            .map(|system| plan.image(system))
            .collect();
        let descriptors = plan.systems.iter().cloned().zip(
            children
                .iter()
                .map(|child| Descriptor::of(media::MANIFEST, &child.manifest)),
        );
        let index = ImageIndex::of_systems(descriptors.collect()).unwrap();
        self.evidence.image.document = Some(Document::Index {
            bytes: index.to_bytes(),
            children,
        });
        self.ask_for_what_is_served();
    }

    /// Serves a re-packed copy in place of the image, its layers read, and every original beside it.
    pub fn serve_copy(&mut self, plan: &Plan, media_type: &str) {
        let system = plan.systems.last().unwrap();
        self.evidence.image.document = Some(Document::Manifest(plan.copy(system, media_type)));
        self.ask_for_what_is_served();
        self.add_originals(plan);
        self.context.deep = true;
    }

    /// Adds the attested manifests of all systems.
    pub fn add_originals(&mut self, plan: &Plan) {
        for system in &plan.systems {
            self.evidence.blobs.insert(plan.image(system).manifest);
        }
    }

    pub fn endpoint(&mut self, at: usize) -> &mut Observation {
        self.evidence.chain.endpoints[at].outcome.as_mut().unwrap()
    }

    pub fn fail(&mut self, at: usize) {
        self.evidence.chain.endpoints[at].outcome = Err("timed out".to_owned());
    }

    /// Replaces the header everywhere.
    pub fn set_header(&mut self, header: &[u8]) {
        self.evidence.chain.header = Some(header.to_vec());
        for endpoint in &mut self.evidence.chain.endpoints {
            if let Ok(observation) = &mut endpoint.outcome {
                observation.headers = vec![header.to_vec()];
            }
        }
    }

    /// Every endpoint asserts the values in `plan`'s chain at the chosen header; proofs are withdrawn.
    pub fn assert_values(&mut self, plan: &Plan) {
        let chain = plan.chain(&self.record);
        let block = keccak256(self.evidence.chain.header.as_ref().unwrap());
        let slots = required_slots(&self.evidence);
        let values = StateValues {
            block,
            ledger_code_hash: plan.ledger_code,
            slots: slots
                .iter()
                .map(|slot| (*slot, chain.words.get(slot).copied().unwrap_or_default()))
                .collect(),
        };
        for at in 0..3 {
            self.endpoint(at).values = Some(values.clone());
        }
        self.evidence.chain.proofs.clear();
    }

    pub fn values(&mut self, at: usize) -> &mut StateValues {
        self.endpoint(at).values.as_mut().unwrap()
    }

    /// Drops the blob with this digest.
    pub fn lose(&mut self, digest: &Digest) {
        let mut blobs = seed_verdict::Blobs::default();
        std::mem::swap(&mut blobs, &mut self.evidence.blobs);
        for (found, bytes) in blobs.into_iter() {
            if found != *digest {
                self.evidence.blobs.insert(bytes);
            }
        }
    }

    /// Drops the x86_64 statement of the record entry at `at`.
    pub fn lose_statement(&mut self, at: usize) {
        let evidence = self.record.entries[at].evidence;
        let manifest = self.evidence.blobs.get(&evidence).unwrap();
        let manifest = EvidenceManifest::from_json(manifest).unwrap();
        let system = "x86_64-linux".parse().unwrap();
        let digest = manifest
            .layer(&system, LayerKind::Statement)
            .unwrap()
            .digest;
        self.lose(&digest);
    }

    pub fn tag(&mut self) {
        let resolved = *self.evidence.image.requested.as_ref().unwrap().digest();
        self.evidence.image.requested = Some(Requested::Tag {
            name: "latest".to_owned(),
            resolved,
        });
    }
}

pub fn policy_text(logic: B256) -> String {
    let mut text = format!(
        r#"version = 1
[anchor]
chain_id = {CHAIN_ID}
genesis = "{GENESIS}"
ledger = "{}"
ledger_code_hash = "{LEDGER_CODE}"
[rules]
pinned = []
logic = ["{logic}"]
minimum_threshold = 2
minimum_known_signers = 2
"#,
        seed_primitives::write_address(&LEDGER)
    );
    for (key, name, domains) in [
        (1, "Aster", r#"["aster", "DE"]"#),
        (2, "Birch", r#"["birch", "US"]"#),
        (3, "Cedar", r#"["cedar", "JP"]"#),
    ] {
        text.push_str(&format!(
            "[[rules.builders]]\naddress = \"{}\"\nname = \"{name}\"\ndomains = {domains}\n",
            builder(key)
        ));
    }
    text.push_str("[endpoints]\nagree = 2\n");
    for (at, url) in NODES.iter().enumerate() {
        text.push_str(&format!(
            "[[endpoints.nodes]]\nurl = \"{url}\"\noperator = \"operator {at}\"\njurisdiction = \"J{at}\"\n"
        ));
    }
    text.push_str(
        r#"[[sources]]
uri = "https://example.org/acme/app"
targets = ["seed"]
[recipe]
packers = ["nix-seed/1"]
maximum_reissue = 0
[rollback]
# rollback
[freshness]
maximum_head_age = 3600
"#,
    );
    text
}
