use eyre::{OptionExt as _, Result};
use seed_attestation::{
    Descriptor, Domain, Envelope, EvidenceLayer, EvidenceManifest, LayerKind, Locator, NixDriver,
    ReleaseData, Run, Statement, evidence_tag, locator_tag, media,
};
use seed_image::{ImageManifest, PACKER};
use seed_merkle::Leaves;
use seed_oci::Repository;
use seed_primitives::{Compression, Deployment, Digest, Recipe, Source, System};
use seed_testkit::{chain::LocalChain, keys};
use serde_json::json;

/// The source of every release.
pub(crate) const URI: &str = "https://example.org/acme/app";
/// Who signs every release.
pub(crate) const BUILDERS: [&str; 3] = ["ada", "bo", "cy"];
/// The one system of every release.
pub(crate) const SYSTEM: &str = "x86_64-linux";

/// A release to be: one image, packed and pushed already.
pub(crate) struct Release<'a> {
    pub(crate) deployment: &'a Deployment,
    pub(crate) chain: &'a LocalChain,
    pub(crate) repository: &'a Repository,
    /// A number of its own; the first is the genesis.
    pub(crate) number: u64,
    pub(crate) compression: Compression,
    /// The image's manifest.
    pub(crate) manifest: &'a [u8],
}

impl Release<'_> {
    /// Has every builder publish evidence and sign, records it, and publishes the locator.
    ///
    /// # Errors
    /// When chain or registry refuse.
    pub(crate) async fn publish(&self) -> Result<()> {
        let (source, image) = (self.source()?, Digest::of(self.manifest));
        let (domain, system) = (self.domain(), SYSTEM.parse::<System>()?);
        let leaves = Leaves::new([(system, image)].into_iter().collect())?;
        let (release, root) = (source.release(), leaves.root());
        self.repository.push_blob(media::EMPTY_CONFIG).await?;
        let (mut submission, mut consents) = (image.as_bytes().to_vec(), Vec::new());
        for (index, name) in (0_u8..).zip(BUILDERS) {
            let evidence = self.evidence(name, &source).await?;
            let rules = self.deployment.rules;
            let vote = domain.attestation_digest(&release, &root, &evidence, rules);
            submission.push(index);
            submission.extend(1_u64.to_be_bytes());
            submission.extend(evidence.as_bytes());
            submission.extend(keys::sign(name, &vote).as_bytes());
            let code = self.deployment.rules_code_hash;
            let consent = domain.genesis_digest(code, &release, &root);
            consents.extend(keys::sign(name, &consent).as_bytes());
        }
        let (wallet, ledger) = (self.chain.wallet()?, self.deployment.ledger);
        match self.number {
            1 => {
                wallet
                    .genesis(ledger, &release, &submission, &consents)
                    .await?
            }
            _ => wallet.finalise(ledger, &release, &submission).await?,
        };
        self.locate(source).await
    }

    fn domain(&self) -> Domain {
        Domain {
            chain_id: self.deployment.chain_id,
            ledger: self.deployment.ledger,
        }
    }

    fn recipe(&self) -> Result<Recipe> {
        Ok(Recipe {
            compression: self.compression,
            layering: "repull:40".parse()?,
            packer: PACKER.parse()?,
            previous: None,
            reissue: 0,
        })
    }

    fn source(&self) -> Result<Source> {
        Ok(Source {
            uri: URI.parse()?,
            commit: format!("{:040x}", self.number).parse()?,
            nar_hash: Digest::of(b"tree"),
            flake_lock: Digest::of(b""),
            target: "seed".parse()?,
            recipe: self.recipe()?.digest(),
        })
    }

    /// What one builder publishes; returns the digest of its evidence manifest.
    async fn evidence(&self, name: &str, source: &Source) -> Result<Digest> {
        let system: System = SYSTEM.parse()?;
        let (audit, sbom) = (b"{\"audit\":1}".to_vec(), b"{\"sbom\":1}".to_vec());
        let closure = ImageManifest::parse(self.manifest)?.closure;
        let statement = Statement {
            image: Digest::of(self.manifest),
            source: source.clone(),
            recipe: self.recipe()?,
            system: system.clone(),
            closure: closure.ok_or_eyre("an image without a closure")?,
            audit: Digest::of(&audit),
            sbom: Digest::of(&sbom),
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
        let (payload, domain) = (statement.to_json()?, self.domain());
        let signature = keys::sign(name, &Envelope::digest(&domain, &payload));
        let envelope = Envelope::new(&domain, payload, keys::builder(name), signature);
        let mut layers = Vec::new();
        for (kind, bytes) in [
            (LayerKind::Statement, envelope.to_json()?),
            (LayerKind::ImageManifest, self.manifest.to_vec()),
            (LayerKind::Audit, audit),
            (LayerKind::Sbom, sbom),
        ] {
            layers.push(EvidenceLayer {
                system: system.clone(),
                kind,
                digest: Digest::of(&bytes),
                size: bytes.len() as u64,
            });
            self.repository.push_blob(bytes).await?;
        }
        let manifest = EvidenceManifest::new(layers)?.to_json()?;
        let tag = evidence_tag(&source.release(), &keys::builder(name)).parse()?;
        Ok(self.repository.push_manifest(manifest, &[tag]).await?)
    }

    /// Publishes what leads from the image to the record, under its tag and as a referrer.
    async fn locate(&self, source: Source) -> Result<()> {
        let (endpoint, ledger) = (self.chain.endpoint()?, self.deployment.ledger);
        let head = endpoint.latest_header().await?.number;
        let events = endpoint
            .finalised_events(ledger, &source.release(), 0, head)
            .await?;
        let event = events.first().ok_or_eyre("the release was not recorded")?;
        let record = ReleaseData::parse(&event.data)?.record;
        let document = Locator { source, record }.to_json()?;
        let subject = Descriptor::of(media::OCI_MANIFEST, self.manifest);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media::OCI_MANIFEST,
            "artifactType": media::LOCATOR,
            "config": Descriptor::of(media::OCI_EMPTY, media::EMPTY_CONFIG),
            "layers": [Descriptor::of(media::LOCATOR, &document)],
            "subject": subject,
        });
        self.repository.push_blob(document).await?;
        let manifest = manifest.to_string().into_bytes();
        self.repository
            .push_referrer(&subject.digest, manifest.clone())
            .await?;
        let tag = locator_tag(&Digest::of(self.manifest)).parse()?;
        self.repository.push_manifest(manifest, &[tag]).await?;
        Ok(())
    }
}
