//! Every bundle that a run may start from, honest and forged, and a layout with everything about one release.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use alloy_primitives::{B256, Bytes, hex, keccak256};
use eyre::{OptionExt as _, Result, ensure, eyre};
use seed_attestation::{Descriptor, EvidenceManifest, LayerKind, evidence_tag, locator_tag, media};
use seed_chain::{Endpoint, Header};
use seed_oci::{Options, Repository};
use seed_primitives::{Digest, write_bytes32};
use seed_proof::slots;
use seed_testkit::{
    keys,
    liar::{Liar, Lie, Upstream},
};
use seed_verdict::{Bundle, Policy};
use seed_verifier::{Gatherer, Height, Notes, Request};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    Blemish, World,
    archive_lie::archive,
    parts::{Parts, base64},
    policy,
    release::{Published, push_artifact},
    rlp,
    world::{BUILDERS, REPOSITORY},
};

/// Which release.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Which {
    Second,
    First,
    Unrecorded,
    Pending,
    Tainted,
    Blemished(Blemish),
}

/// At which state of the chain it was captured.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum At {
    /// The final block.
    Final,
    /// The newest, which is not final.
    Latest,
    /// One that somebody made up: header, account and slots fit together.
    Forged,
}

/// One image or all.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Part {
    Image(usize),
    Index,
}

/// What is no header, or is of a time to come, over a state that is as it should be.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Odd {
    /// A block that is later than any clock.
    Tomorrow,
    /// A byte behind the header.
    Trailing,
    /// Fewer fields than any header has.
    FewFields,
    /// More fields than any header may have.
    ManyFields,
    /// A field that makes it larger than any header.
    TooLarge,
}

impl Odd {
    const ALL: [Self; 5] = [
        Self::Tomorrow,
        Self::Trailing,
        Self::FewFields,
        Self::ManyFields,
        Self::TooLarge,
    ];

    /// Such a header, made from a good one.
    fn of(self, header: &[u8]) -> Vec<u8> {
        let mut fields = rlp::items(header);
        match self {
            Self::Tomorrow => fields[11] = vec![0x84, 0xff, 0xff, 0xff, 0xff],
            Self::Trailing => return [header, &[0x80]].concat(),
            Self::FewFields => fields.truncate(14),
            Self::ManyFields => fields.resize(70, vec![0x80]),
            Self::TooLarge => fields[12] = rlp::string(&[7; 9000]),
        }
        rlp::list(&fields.concat())
    }
}

/// A file of a layout: its name and its bytes.
pub(crate) type Member = (String, Vec<u8>);

/// Bundles and a layout.
#[derive(Debug, Default)]
pub struct Bundles {
    captured: BTreeMap<(Which, Part), Vec<u8>>,
    whole: BTreeMap<(Which, At), Vec<u8>>,
    /// Number and hash of the final block.
    pub(crate) pin: (u64, B256),
    odd: BTreeMap<Odd, Vec<u8>>,
    /// The proof that nothing was ever said about somebody whom nobody knows.
    pub(crate) stranger: Value,
    /// Every file of a layout that holds the second release, what vouches for it, and bundles beside it.
    pub(crate) members: Vec<Member>,
    folder: Option<TempDir>,
}

impl Bundles {
    /// Captures what is honest as the command does, and makes up the rest.
    ///
    /// # Errors
    /// When something cannot be captured, which would be a fault of this program.
    pub(crate) async fn of(world: &World, documents: &BTreeMap<Digest, Vec<u8>>) -> Result<Self> {
        let mut bundles = Self::default();
        bundles.capture(world).await?;
        bundles.make(world, documents).await?;
        let made = bundles.whole(Which::Second, At::Final);
        ensure!(
            made == bundles.captured[&(Which::Second, Part::Index)],
            "what is made up is in another form than what is captured"
        );
        bundles.lay_out(world, documents).await?;
        Ok(bundles)
    }

    /// The bundle for one part of a release; made-up ones are for all images.
    pub(crate) fn bytes(&self, which: Which, at: At, part: Part) -> &[u8] {
        match self.captured.get(&(which, part)) {
            Some(bytes) if at == At::Final => bytes,
            _ => self.whole(which, at),
        }
    }

    /// A bundle with such a header instead of its own.
    pub(crate) fn with_header(&self, bundle: &[u8], odd: Odd) -> Vec<u8> {
        let mut parts = Parts::open(bundle);
        parts.0["chain"]["header"] = json!(format!("0x{}", hex::encode(&self.odd[&odd])));
        parts.close()
    }

    /// The hash of such a header.
    pub(crate) fn hash_of(&self, odd: Odd) -> B256 {
        keccak256(&self.odd[&odd])
    }

    fn whole(&self, which: Which, at: At) -> &[u8] {
        self.whole.get(&(which, at)).map_or(&[], Vec::as_slice)
    }

    /// Where the layout and the archive of it are; nobody writes to them.
    fn folder(&self) -> &Path {
        self.folder
            .as_ref()
            .map_or(Path::new("/nonexistent"), TempDir::path)
    }

    /// The honest layout.
    pub(crate) fn layout(&self) -> PathBuf {
        self.folder().join("layout")
    }

    /// The honest archive of it.
    pub(crate) fn archive(&self) -> PathBuf {
        self.folder().join("layout.tar")
    }

    async fn capture(&mut self, world: &World) -> Result<()> {
        let upstream = Upstream::new(&world.chain.url())?.remembering();
        let mut operators = Vec::new();
        for _ in 0..3 {
            operators.push(Liar::before(&upstream, 0).await?);
        }
        let urls: Vec<_> = operators.iter().map(Liar::url).collect();
        let policy = Policy::from_toml(&policy::plain(world, &urls)?)?;
        for which in [Which::Second, Which::First] {
            for part in [Part::Image(0), Part::Image(1), Part::Index] {
                let digest = which.digest(world, part);
                let text = format!("{}/{REPOSITORY}@{digest}", world.registry.host());
                let reference = text.parse()?;
                let request = Request {
                    reference: &reference,
                    deep: false,
                    locator: None,
                };
                let gatherer = Gatherer::new(&policy, Options::default(), &[]);
                let notes = Notes::default();
                let gathered = gatherer.gather(&request, Height::Finalised, &notes).await;
                let evidence = gathered.map_err(|stop| eyre!("{stop:?}"))?;
                let now = std::time::UNIX_EPOCH.elapsed()?.as_secs();
                let bundle = Bundle::capture(&policy, &evidence, now)?;
                self.captured.insert((which, part), bundle.to_json()?);
            }
        }
        Ok(())
    }

    async fn make(&mut self, world: &World, documents: &BTreeMap<Digest, Vec<u8>>) -> Result<()> {
        let endpoint = world.chain.endpoint()?;
        let header = endpoint.finalized_header().await?;
        self.pin = (header.number, header.hash);
        let upstream = Upstream::new(&world.chain.url())?.remembering();
        let liar = Liar::before(&upstream, 0).await?;
        liar.tell(Lie::Forged(Box::new(world.forgery.clone())));
        let forger = Endpoint::new(&liar.url(), &seed_chain::Options::default())?;
        let forged = forger.finalized_header().await?;
        let newest = endpoint.latest_header().await?;
        ensure!(
            newest.number > header.number && forged.hash != header.hash,
            "three states of the chain that are not three"
        );
        let states = [
            (At::Final, Chain::read(world, &endpoint, header).await?),
            (At::Latest, Chain::read(world, &endpoint, newest).await?),
            (At::Forged, Chain::read(world, &forger, forged).await?),
        ];
        let slot = slots::revocation(keys::builder("mallory").address());
        self.stranger = states[0].1.slot(&slot);
        self.odd = Odd::ALL
            .map(|odd| (odd, odd.of(&states[0].1.header)))
            .into();
        let plain = [
            Which::Second,
            Which::First,
            Which::Unrecorded,
            Which::Pending,
            Which::Tainted,
        ];
        let blemished = Blemish::ALL.iter().map(|(one, ..)| Which::Blemished(*one));
        for which in plain.into_iter().chain(blemished) {
            for (at, chain) in &states {
                let parts = chain.bundle(which.release(world), documents)?;
                self.whole.insert((which, *at), parts.close());
            }
        }
        Ok(())
    }

    async fn lay_out(
        &mut self,
        world: &World,
        documents: &BTreeMap<Digest, Vec<u8>>,
    ) -> Result<()> {
        self.folder = Some(tempfile::tempdir()?);
        let folder = self.layout();
        fs::create_dir(&folder)?;
        let place = format!("oci:{}", folder.display()).parse()?;
        let layout = Repository::create(&place, &Options::default())?;
        let (second, release) = (&world.second, world.second.source.release());
        for (images, tag) in [
            (&second.images, "v2"),
            (&world.first.images, "v1"),
            (&world.strange, "strange"),
        ] {
            images.push(&layout, tag).await?;
        }
        layout.push_blob(media::EMPTY_CONFIG).await?;
        for at in 0..second.images.manifests.len() {
            let tag = locator_tag(&second.images.manifest(at));
            let subject = Descriptor::of(media::OCI_MANIFEST, &second.images.manifests[at]);
            let locator = second.locator.to_json()?;
            push_artifact(&layout, media::LOCATOR, locator, &tag, Some(subject)).await?;
        }
        for (name, attestation) in &second.attestations {
            let builder = keys::builder(name);
            let tag = format!("attestation-{}-{}", release.to_hex(), builder.to_hex());
            let document = attestation.to_json()?;
            push_artifact(&layout, media::ATTESTATION, document, &tag, None).await?;
            let (evidence, statements) = &second.evidence[name];
            for digest in statements {
                layout.push_blob(documents[digest].clone()).await?;
            }
            for blob in [&b"{\"audit\":1}"[..], b"{\"sbom\":1}"] {
                layout.push_blob(blob.to_vec()).await?;
            }
            let tag = evidence_tag(&release, &builder).parse()?;
            let manifest = documents[evidence].clone();
            layout.push_manifest(manifest, &[tag]).await?;
        }
        for part in [Part::Image(0), Part::Image(1), Part::Index] {
            let tag = format!("bundle-{}", Which::Second.digest(world, part).to_hex());
            let bundle = self.captured[&(Which::Second, part)].clone();
            push_artifact(&layout, media::BUNDLE, bundle, &tag, None).await?;
        }
        for name in ["oci-layout", "index.json"] {
            let bytes = fs::read(folder.join(name))?;
            self.members.push((name.to_owned(), bytes));
        }
        for entry in fs::read_dir(folder.join("blobs/sha256"))? {
            let entry = entry?;
            let name = format!("blobs/sha256/{}", entry.file_name().to_string_lossy());
            self.members.push((name, fs::read(entry.path())?));
        }
        self.members.sort();
        fs::write(self.archive(), archive(&self.members))?;
        Ok(())
    }
}

impl Which {
    pub(crate) fn release(self, world: &World) -> &Published {
        match self {
            Self::Second => &world.second,
            Self::First => &world.first,
            Self::Unrecorded => &world.unrecorded,
            Self::Pending => &world.pending,
            Self::Tainted => &world.tainted,
            Self::Blemished(blemish) => &world.blemished[&blemish],
        }
    }

    pub(crate) fn digest(self, world: &World, part: Part) -> Digest {
        let images = &self.release(world).images;
        match part {
            Part::Image(at) => images.manifest(at),
            Part::Index => images.index(),
        }
    }
}

/// One state of the chain, with the proof of every slot that any bundle may need.
struct Chain {
    header: Vec<u8>,
    account: Vec<Bytes>,
    slots: BTreeMap<B256, Vec<Bytes>>,
    code: Bytes,
}

impl Chain {
    async fn read(world: &World, endpoint: &Endpoint, header: Header) -> Result<Self> {
        let deployment = &world.deployment;
        let mut wanted = vec![slots::CONTROL, slots::revocation(deployment.rules)];
        let people = BUILDERS.iter().chain(&["mallory"]);
        wanted.extend(people.map(|name| slots::revocation(keys::builder(name).address())));
        let releases = [
            &world.first,
            &world.second,
            &world.unrecorded,
            &world.tainted,
            &world.pending,
        ];
        let releases = releases.into_iter().chain(world.blemished.values());
        wanted.extend(releases.map(|one| slots::release(&one.source.release())));
        let proof = endpoint
            .proof(deployment.ledger, &wanted, header.hash)
            .await?;
        Ok(Self {
            account: proof.account,
            slots: proof.slots.into_iter().collect(),
            code: endpoint.code(deployment.rules, header.hash).await?,
            header: header.rlp.to_vec(),
        })
    }

    fn slot(&self, slot: &B256) -> Value {
        let path = self.slots.get(slot).into_iter().flatten();
        let path: Vec<_> = path.map(|node| base64(node)).collect();
        json!({ "path": path, "slot": write_bytes32(slot) })
    }

    /// A bundle of everything that was published about a release.
    fn bundle(&self, release: &Published, documents: &BTreeMap<Digest, Vec<u8>>) -> Result<Parts> {
        let hex = |bytes: &[u8]| format!("0x{}", hex::encode(bytes));
        let find = |digest: &Digest| documents.get(digest).ok_or_eyre("a lost document");
        let (mut evidence, mut statements) = (vec![], vec![]);
        for attestation in release.attestations.values() {
            let bytes = find(&attestation.evidence)?;
            evidence.push(base64(bytes));
            let Ok(manifest) = EvidenceManifest::from_json(bytes) else {
                continue;
            };
            for layer in manifest.layers() {
                if layer.kind == LayerKind::Statement {
                    statements.push(base64(find(&layer.digest)?));
                }
            }
        }
        let images = release.images.manifests.iter().zip(&release.images.configs);
        let images = images.map(
            |(manifest, config)| json!({ "config": base64(config), "manifest": base64(manifest) }),
        );
        let attestations: Vec<_> = release.attestations.values().collect();
        let account: Vec<_> = self.account.iter().map(|node| base64(node)).collect();
        let mut parts = Parts(json!({
            "attestations": attestations,
            "chain": {
                "account": account,
                "header": hex(&self.header),
                "rulesCode": hex(&self.code),
                "slots": self.slots.keys().map(|slot| self.slot(slot)).collect::<Vec<_>>(),
            },
            "evidence": evidence,
            "images": images.collect::<Vec<_>>(),
            "mediaType": media::BUNDLE,
            "record": hex(&release.locator.record.to_bytes()),
            "source": release.source,
            "statements": statements,
        }));
        parts.trim();
        parts.tidy();
        Ok(parts)
    }
}
