use std::{cell::RefCell, collections::BTreeMap};

use alloy_primitives::Address;
use eyre::{OptionExt as _, Result};
use seed_attestation::{
    Attestation, Descriptor, Domain, Envelope, EvidenceLayer, EvidenceManifest, LayerKind, Locator,
    NixDriver, ReleaseData, Run, Statement, SystemDigest, evidence_tag, locator_tag, media,
};
use seed_image::ImageManifest;
use seed_merkle::Leaves;
use seed_oci::Repository;
use seed_primitives::{Compression, Deployment, Digest, Recipe, Source, System};
use seed_testkit::{chain::LocalChain, keys};
use serde_json::json;

use crate::{Blemish, Images, SYSTEMS};

/// The source of every release.
pub(crate) const URI: &str = "https://example.org/acme/app";
/// Who packed every release.
pub(crate) const PACKER: &str = "nix-seed/1";

/// A release as it was published, with the event that records it.
#[derive(Clone, Debug)]
pub struct Published {
    /// Its images.
    pub images: Images,
    /// Its source.
    pub source: Source,
    /// What leads to it.
    pub locator: Locator,
    /// `record ‖ signatures`, as logged.
    pub event: Vec<u8>,
    /// The evidence manifest and the statements of every builder that published, by name.
    pub evidence: BTreeMap<String, (Digest, Vec<Digest>)>,
    /// What everybody who published signed, by name.
    pub attestations: BTreeMap<String, Attestation>,
}

/// Where releases are made.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    /// The contracts.
    pub deployment: &'a Deployment,
    /// The chain.
    pub chain: &'a LocalChain,
    /// The registry's repository.
    pub repository: &'a Repository,
    /// Every evidence manifest and statement that was published.
    pub documents: RefCell<BTreeMap<Digest, Vec<u8>>>,
}

/// What is to be published.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    /// A number of its own; the first is the genesis.
    pub number: u64,
    /// Who signs the record.
    pub signers: &'a [&'a str],
    /// Who endorses it beside the record.
    pub endorsers: &'a [&'a str],
    /// What is wrong with the evidence of the last signer.
    pub blemish: Option<Blemish>,
    /// The digest of another release's image, and an evidence manifest of that release.
    pub other: Option<(Digest, Digest)>,
}

/// Who signs, and what is wrong with it.
pub(crate) struct Author<'a> {
    pub(crate) name: &'a str,
    pub(crate) blemish: Option<Blemish>,
    pub(crate) other: Option<(Digest, Digest)>,
}

fn recipe(reissue: u32) -> Result<Recipe> {
    Ok(Recipe {
        compression: Compression::TarZstd,
        layering: "repull:40".parse()?,
        packer: PACKER.parse()?,
        previous: None,
        reissue,
    })
}

/// The source of release `number`, which is issued for the first time, or again.
pub(crate) fn source(number: u64, reissue: u32) -> Result<Source> {
    Ok(Source {
        uri: URI.parse()?,
        commit: format!("{number:040x}").parse()?,
        nar_hash: Digest::of(b"tree"),
        flake_lock: Digest::of(b""),
        target: "seed".parse()?,
        recipe: recipe(reissue)?.digest(),
    })
}

impl Scene<'_> {
    pub(crate) fn domain(&self) -> Domain {
        Domain {
            chain_id: self.deployment.chain_id,
            ledger: self.deployment.ledger,
        }
    }

    /// Publishes images, evidence, attestations and locators of a release and records it.
    ///
    /// # Errors
    /// When registry or chain refuse.
    pub(crate) async fn publish(&self, plan: &Plan<'_>) -> Result<Published> {
        let content = format!("release {}", plan.number).repeat(40);
        let (images, source) = (Images::new(content.as_bytes())?, source(plan.number, 0)?);
        images
            .push(self.repository, &format!("v{}", plan.number))
            .await?;
        self.repository.push_blob(media::EMPTY_CONFIG).await?;
        let (mut evidence, mut attestations) = (BTreeMap::new(), BTreeMap::new());
        for name in plan.signers.iter().chain(plan.endorsers) {
            let author = Author {
                name,
                blemish: plan.blemish.filter(|_| plan.signers.last() == Some(name)),
                other: plan.other,
            };
            let published = self.evidence(&author, &source, &images).await?;
            let attestation = self.attestation(name, &source, &images, published.0)?;
            self.post(&source, &attestation).await?;
            evidence.insert((*name).to_owned(), published);
            attestations.insert((*name).to_owned(), attestation);
        }
        let voted = plan
            .signers
            .iter()
            .map(|name| (*name, &attestations[*name]));
        let event = self
            .record(plan.number, &source, &images, &voted.collect::<Vec<_>>())
            .await?;
        let record = ReleaseData::parse(&event)?.record;
        let locator = Locator {
            source: source.clone(),
            record,
        };
        self.lead(&images, &locator).await?;
        Ok(Published {
            images,
            source,
            locator,
            event,
            evidence,
            attestations,
        })
    }

    /// Publishes an attestation where those about the release of `source` are looked for.
    ///
    /// # Errors
    /// When the registry refuses.
    pub(crate) async fn post(&self, source: &Source, attestation: &Attestation) -> Result<()> {
        let release = source.release().to_hex();
        let tag = format!("attestation-{release}-{}", attestation.builder.to_hex());
        let document = attestation.to_json()?;
        push_artifact(self.repository, media::ATTESTATION, document, &tag, None).await
    }

    /// Publishes what leads from images to their release.
    ///
    /// # Errors
    /// When the registry refuses.
    pub(crate) async fn lead(&self, images: &Images, locator: &Locator) -> Result<()> {
        for at in 0..SYSTEMS.len() {
            let tag = locator_tag(&images.manifest(at));
            let subject = Descriptor::of(media::OCI_MANIFEST, &images.manifests[at]);
            let document = locator.to_json()?;
            push_artifact(
                self.repository,
                media::LOCATOR,
                document,
                &tag,
                Some(subject),
            )
            .await?;
        }
        Ok(())
    }

    /// Publishes what one builder says about every system, and returns the digests of evidence and statements.
    ///
    /// # Errors
    /// When the registry refuses.
    pub(crate) async fn evidence(
        &self,
        author: &Author<'_>,
        source: &Source,
        images: &Images,
    ) -> Result<(Digest, Vec<Digest>)> {
        let (mut layers, mut statements) = (vec![], vec![]);
        for (at, system) in SYSTEMS.iter().enumerate() {
            let system: System = system.parse()?;
            let manifest = &images.manifests[at];
            let (audit, sbom) = (b"{\"audit\":1}".to_vec(), b"{\"sbom\":1}".to_vec());
            let statement = self.statement(author, source, manifest, &system, (&audit, &sbom))?;
            let envelope = self.envelope(author, &statement)?;
            statements.push(self.keep(&envelope));
            let copied = match (author.blemish, author.other) {
                (Some(Blemish::OtherCopy), Some((other, _))) => Some(other),
                _ => None,
            };
            for (kind, bytes) in [
                (LayerKind::Statement, envelope),
                (LayerKind::ImageManifest, manifest.clone()),
                (LayerKind::Audit, audit),
                (LayerKind::Sbom, sbom),
            ] {
                let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
                let named = copied.filter(|_| kind == LayerKind::ImageManifest);
                layers.push(EvidenceLayer {
                    system: system.clone(),
                    kind,
                    digest: named.unwrap_or(digest),
                    size,
                });
                self.repository.push_blob(bytes).await?;
            }
        }
        let mut manifest = EvidenceManifest::new(layers)?.to_json()?;
        match (author.blemish, author.other) {
            (Some(Blemish::ForeignEvidence), Some((_, other))) => return Ok((other, statements)),
            (Some(Blemish::EmptyEvidence), _) => {
                let mut value: serde_json::Value = serde_json::from_slice(&manifest)?;
                value["layers"] = json!([]);
                manifest = value.to_string().into_bytes();
            }
            _ => {}
        }
        let tag = evidence_tag(&source.release(), &keys::builder(author.name)).parse()?;
        self.keep(&manifest);
        let digest = self.repository.push_manifest(manifest, &[tag]).await?;
        Ok((digest, statements))
    }

    fn keep(&self, document: &[u8]) -> Digest {
        let digest = Digest::of(document);
        self.documents
            .borrow_mut()
            .insert(digest, document.to_vec());
        digest
    }

    fn statement(
        &self,
        author: &Author<'_>,
        source: &Source,
        manifest: &[u8],
        system: &System,
        (audit, sbom): (&[u8], &[u8]),
    ) -> Result<String> {
        let chain_id = self.deployment.chain_id;
        let closure = ImageManifest::parse(manifest)?.closure;
        let mut source = source.clone();
        if author.blemish == Some(Blemish::OtherCommit) {
            source.commit = "c".repeat(40).parse()?;
        }
        let reissue = u32::from(recipe(0)?.digest() != source.recipe);
        let statement = Statement {
            image: Digest::of(manifest),
            source,
            recipe: recipe(reissue)?,
            system: system.clone(),
            closure: match author.blemish {
                Some(Blemish::OtherClosure) => Digest::of(b"another closure"),
                _ => closure.ok_or_eyre("an image without a closure")?,
            },
            audit: match author.blemish {
                Some(Blemish::OtherAudit) => Digest::of(b"another audit"),
                _ => Digest::of(audit),
            },
            sbom: Digest::of(sbom),
            chain_id: match author.blemish {
                Some(Blemish::OtherChain) => chain_id + 1,
                _ => chain_id,
            },
            builder: match author.blemish {
                Some(Blemish::OtherBuilder) => keys::builder("cy"),
                _ => keys::builder(author.name),
            },
            nix: NixDriver {
                version: "2.26.3".to_owned(),
                settings: [("substituters", ""), ("sandbox", "true")]
                    .into_iter()
                    .filter(|(key, _)| {
                        *key != "sandbox" || author.blemish != Some(Blemish::NoSandbox)
                    })
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .collect(),
            },
            run: Run {
                id: format!("{}-1", author.name),
                started: "2026-01-01T00:00:00Z".to_owned(),
                finished: "2026-01-01T00:01:00Z".to_owned(),
            },
        };
        Ok(String::from_utf8(statement.to_json()?)?)
    }

    fn envelope(&self, author: &Author<'_>, statement: &str) -> Result<Vec<u8>> {
        let stranger = author
            .other
            .map_or_else(String::new, |(image, _)| image.to_hex());
        let (payload, signer) = match author.blemish {
            Some(blemish) => (
                blemish.statement(statement, &stranger),
                blemish.signer(author.name),
            ),
            None => (statement.as_bytes().to_vec(), author.name),
        };
        let signature = keys::sign(signer, &Envelope::digest(&self.domain(), &payload));
        let envelope = Envelope::new(
            &self.domain(),
            payload,
            keys::builder(author.name),
            signature,
        );
        let text = String::from_utf8(envelope.to_json()?)?;
        Ok(author.blemish.map_or_else(
            || text.clone().into_bytes(),
            |blemish| blemish.envelope(&text),
        ))
    }

    pub(crate) fn attestation(
        &self,
        name: &str,
        source: &Source,
        images: &Images,
        evidence: Digest,
    ) -> Result<Attestation> {
        let rules = self.deployment.rules;
        self.signed(name, source, &images.leaves()?, rules, evidence)
    }

    /// What `name` signs: that these images of this source are good under these rules.
    ///
    /// # Errors
    /// Never in practice.
    pub(crate) fn signed(
        &self,
        name: &str,
        source: &Source,
        leaves: &Leaves,
        rules: Address,
        evidence: Digest,
    ) -> Result<Attestation> {
        let domain = self.domain();
        let digest = domain.attestation_digest(&source.release(), &leaves.root(), &evidence, rules);
        let systems = leaves
            .as_slice()
            .iter()
            .map(|(system, digest)| SystemDigest {
                system: system.clone(),
                digest: *digest,
            });
        Ok(Attestation {
            source: source.clone(),
            systems: systems.collect(),
            evidence,
            rules,
            chain_id: domain.chain_id,
            ledger: domain.ledger,
            builder: keys::builder(name),
            signature: keys::sign(name, &digest),
        })
    }

    /// Records the release and returns the data of its event.
    async fn record(
        &self,
        number: u64,
        source: &Source,
        images: &Images,
        signers: &[(&str, &Attestation)],
    ) -> Result<Vec<u8>> {
        let digests = (0..SYSTEMS.len()).flat_map(|at| *images.manifest(at).as_bytes());
        let mut submission: Vec<u8> = digests.collect();
        let mut consents = vec![];
        for (name, attestation) in signers {
            let builders = &self.deployment.federation.builders;
            let index = builders.iter().position(|one| one.name == *name);
            submission.push(u8::try_from(index.ok_or_eyre("a builder nobody knows")?)?);
            submission.extend(3_u64.to_be_bytes());
            submission.extend(attestation.evidence.as_bytes());
            submission.extend(attestation.signature.as_bytes());
            let (code, root) = (self.deployment.rules_code_hash, images.leaves()?.root());
            let digest = self.domain().genesis_digest(code, &source.release(), &root);
            consents.extend(keys::sign(name, &digest).as_bytes());
        }
        let (wallet, ledger, release) = (
            self.chain.wallet()?,
            self.deployment.ledger,
            source.release(),
        );
        if number == 1 {
            wallet
                .genesis(ledger, &release, &submission, &consents)
                .await?;
        } else {
            wallet.finalise(ledger, &release, &submission).await?;
        }
        let endpoint = self.chain.endpoint()?;
        let head = endpoint.latest_header().await?.number;
        let events = endpoint.finalised_events(ledger, &release, 0, head).await?;
        let event = events.first().ok_or_eyre("the release was not recorded")?;
        Ok(event.data.to_vec())
    }
}

/// Pushes a document in its artifact manifest, under a tag and where it has a subject as a referrer.
pub(crate) async fn push_artifact(
    repository: &Repository,
    kind: &str,
    document: Vec<u8>,
    tag: &str,
    subject: Option<Descriptor>,
) -> Result<()> {
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_MANIFEST,
        "artifactType": kind,
        "config": Descriptor::of(media::OCI_EMPTY, media::EMPTY_CONFIG),
        "layers": [Descriptor::of(kind, &document)],
    });
    repository.push_blob(document).await?;
    if let Some(subject) = &subject {
        manifest["subject"] = json!(subject);
        repository
            .push_referrer(&subject.digest, manifest.to_string().into_bytes())
            .await?;
    }
    repository
        .push_manifest(manifest.to_string().into_bytes(), &[tag.parse()?])
        .await?;
    Ok(())
}
