use std::error::Error;

use seed_attestation::{
    Attestation, Descriptor, Domain, Envelope, EvidenceLayer, EvidenceManifest, LayerKind, Locator,
    NixDriver, ReleaseData, Run, Statement, evidence_tag, locator_tag, media,
};
use seed_merkle::Leaves;
use seed_oci::Repository;
use seed_primitives::{Deployment, Digest, Recipe, Source, System};

use crate::{attest, chain::LocalChain, keys, push_artifact};

/// Where every release of the tests comes from.
pub const SOURCE_URI: &str = "https://example.org/acme/app";

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The source of release `number`, to be built by this recipe.
///
/// # Panics
/// Never: all of it is well formed.
#[must_use]
pub fn source(number: u64, recipe: &Recipe) -> Source {
    Source {
        uri: SOURCE_URI.parse().expect("a source"),
        commit: format!("{number:040x}").parse().expect("a commit"),
        nar_hash: Digest::of(b"tree"),
        flake_lock: Digest::of(b""),
        target: "seed".parse().expect("a target"),
        recipe: recipe.digest(),
    }
}

/// What is signed for a deployment's ledger.
#[must_use]
pub const fn domain(deployment: &Deployment) -> Domain {
    Domain {
        chain_id: deployment.chain_id,
        ledger: deployment.ledger,
    }
}

/// A release that builders publish and sign: from its source to its images, which are pushed already.
#[derive(Clone, Debug)]
pub struct Release<'a> {
    /// Whose ledger it is for.
    pub deployment: &'a Deployment,
    /// Where everything is published.
    pub repository: &'a Repository,
    /// What is built.
    pub source: Source,
    /// How.
    pub recipe: Recipe,
    /// One image per system, by system.
    pub images: Vec<Image>,
}

/// An image of a release.
#[derive(Clone, Debug)]
pub struct Image {
    /// Its system.
    pub system: System,
    /// Its manifest.
    pub manifest: Vec<u8>,
    /// The digest of the closure in it.
    pub closure: Digest,
}

/// What one builder published about a release.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The digest of the evidence manifest.
    pub manifest: Digest,
    /// The digests of its statements, by system.
    pub statements: Vec<Digest>,
}

impl Image {
    fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }
}

impl Release<'_> {
    /// Systems and images, as they are signed.
    ///
    /// # Errors
    /// When the systems are not ascending.
    pub fn leaves(&self) -> Result<Leaves> {
        let images = self.images.iter();
        let pairs = images.map(|image| (image.system.clone(), image.digest()));
        Ok(Leaves::new(pairs.collect())?)
    }

    /// Publishes what the builder called `name` says about every image.
    ///
    /// # Errors
    /// When the repository refuses.
    pub async fn publish_evidence(&self, name: &str) -> Result<Evidence> {
        let (mut layers, mut statements) = (vec![], vec![]);
        for image in &self.images {
            let (audit, sbom) = (b"{\"audit\":1}".to_vec(), b"{\"sbom\":1}".to_vec());
            let statement = self.statement(name, image, &audit, &sbom)?;
            statements.push(Digest::of(&statement));
            for (kind, bytes) in [
                (LayerKind::Statement, statement),
                (LayerKind::ImageManifest, image.manifest.clone()),
                (LayerKind::Audit, audit),
                (LayerKind::Sbom, sbom),
            ] {
                layers.push(EvidenceLayer {
                    system: image.system.clone(),
                    kind,
                    digest: Digest::of(&bytes),
                    size: bytes.len() as u64,
                });
                self.repository.push_blob(bytes).await?;
            }
        }
        self.repository.push_blob(media::EMPTY_CONFIG).await?;
        let manifest = EvidenceManifest::new(layers)?.to_json()?;
        let tag = evidence_tag(&self.source.release(), &keys::builder(name)).parse()?;
        let manifest = self.repository.push_manifest(manifest, &[tag]).await?;
        Ok(Evidence {
            manifest,
            statements,
        })
    }

    fn statement(&self, name: &str, image: &Image, audit: &[u8], sbom: &[u8]) -> Result<Vec<u8>> {
        let statement = Statement {
            image: image.digest(),
            source: self.source.clone(),
            recipe: self.recipe.clone(),
            system: image.system.clone(),
            closure: image.closure,
            audit: Digest::of(audit),
            sbom: Digest::of(sbom),
            chain_id: self.deployment.chain_id,
            builder: keys::builder(name),
            nix: NixDriver {
                version: "2.26.3".to_owned(),
                settings: [("substituters", ""), ("sandbox", "true")]
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .into(),
            },
            run: Run {
                id: format!("{name}-1"),
                started: "2026-01-01T00:00:00Z".to_owned(),
                finished: "2026-01-01T00:01:00Z".to_owned(),
            },
        };
        let (domain, payload) = (domain(self.deployment), statement.to_json()?);
        let signature = keys::sign(name, &Envelope::digest(&domain, &payload));
        Ok(Envelope::new(&domain, payload, keys::builder(name), signature).to_json()?)
    }

    /// The attestation of the builder called `name`, whose evidence manifest has this digest.
    ///
    /// # Errors
    /// When the systems are not ascending.
    pub fn attestation(&self, name: &str, evidence: Digest) -> Result<Attestation> {
        let (domain, rules) = (domain(self.deployment), self.deployment.rules);
        let leaves = self.leaves()?;
        Ok(attest(
            name,
            &domain,
            rules,
            &self.source,
            &leaves,
            evidence,
        ))
    }

    /// Has the ledger record it with these attestations, in the order of the federation; the genesis where it is the
    /// `first`.
    ///
    /// # Errors
    /// When one is of nobody in the federation, or the ledger refuses.
    pub async fn record(
        &self,
        chain: &LocalChain,
        first: bool,
        signers: &[(&str, &Attestation)],
    ) -> Result<()> {
        let (release, root) = (self.source.release(), self.leaves()?.root());
        let consent = domain(self.deployment).genesis_digest(
            self.deployment.rules_code_hash,
            &release,
            &root,
        );
        let images = self.images.iter();
        let mut submission: Vec<u8> = images
            .flat_map(|image| *image.digest().as_bytes())
            .collect();
        let (systems, mut consents) = ((1_u64 << self.images.len()) - 1, vec![]);
        for (name, attestation) in signers {
            let builders = &self.deployment.federation.builders;
            let index = builders.iter().position(|one| one.name == *name);
            submission.push(u8::try_from(index.ok_or("no builder of the federation")?)?);
            submission.extend(systems.to_be_bytes());
            submission.extend(attestation.evidence.as_bytes());
            submission.extend(attestation.signature.as_bytes());
            consents.extend(keys::sign(name, &consent).as_bytes());
        }
        let (wallet, ledger) = (chain.wallet()?, self.deployment.ledger);
        if first {
            wallet
                .genesis(ledger, &release, &submission, &consents)
                .await?;
        } else {
            wallet.finalise(ledger, &release, &submission).await?;
        }
        Ok(())
    }

    /// Publishes what leads from each image to the record, under its tag and as a referrer.
    ///
    /// # Errors
    /// When the release is not recorded, or the repository refuses.
    pub async fn publish_locator(&self, chain: &LocalChain) -> Result<Locator> {
        let endpoint = chain.endpoint()?;
        let head = endpoint.latest_header().await?.number;
        let (ledger, release) = (self.deployment.ledger, self.source.release());
        let events = endpoint.finalised_events(ledger, &release, 0, head).await?;
        let event = events.first().ok_or("the release is not recorded")?;
        let locator = Locator {
            source: self.source.clone(),
            record: ReleaseData::parse(&event.data)?.record,
        };
        for image in &self.images {
            let (document, tag) = (locator.to_json()?, locator_tag(&image.digest()));
            let subject = Descriptor::of(media::OCI_MANIFEST, &image.manifest);
            push_artifact(
                self.repository,
                media::LOCATOR,
                document,
                &tag,
                Some(subject),
            )
            .await?;
        }
        Ok(locator)
    }
}
