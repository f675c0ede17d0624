//! The pipeline: build → audit → rebuild check → pack → statement → evidence → sign → publish → read back →
//! write the attestation. Every finished step leaves a file, and a step whose file is there is not redone.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use seed_attestation::{
    Attestation, Domain, Envelope, EvidenceLayer, EvidenceManifest, LayerKind, NixDriver, Run,
    Statement, SystemDigest, evidence_tag, media,
};
use seed_image::{Descriptor, ImageIndex, MAX_CONFIG_BYTES};
use seed_merkle::Leaves;
use seed_primitives::{Digest, Recipe, ReleaseId, Source, System, Target};
use serde::{Deserialize, Serialize};

use crate::{
    AuditSubject, Error, Journal, Key, Nix, NixVersion, Settings, audit, closure_of,
    compare_builds,
    git::{self, SourceTree},
    nix::{Built, driver_files},
    pack::{self, StoredImage},
    progress::say,
    publish::{self, Beside, Blob, Publication, document_tag},
    sbom::sbom,
    state,
};

const MAX_REPORT_BYTES: u64 = 1 << 30;

/// How far the pipeline goes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// Build, audit and rebuild.
    Build,
    /// And pack.
    Pack,
    /// And sign and publish: everything.
    Attest,
}

/// What the pipeline gave; printed as JSON or text.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The release.
    pub release: ReleaseId,
    /// The source as attested.
    pub source: Source,
    /// What was made for each system.
    pub systems: Vec<SystemOutcome>,
    /// The evidence, once signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Digest>,
    /// The file with the attestation, once everything can be read back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attestation: Option<PathBuf>,
}

/// What was made for one system.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemOutcome {
    /// The system.
    pub system: System,
    /// The image digest, once packed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Digest>,
    /// The closure digest, once packed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closure: Option<Digest>,
    /// The directory with stores, reports and image.
    pub directory: PathBuf,
}

/// What stays of the first build, for the statement.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct BuildRecord {
    built: Built,
    nix_version: String,
    settings: BTreeMap<String, String>,
    run_id: String,
    started: String,
}

/// What stays of packing.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PackRecord {
    finished: String,
}

struct Pipeline<'a> {
    settings: &'a Settings,
    nix: Nix,
    work: PathBuf,
    tree: SourceTree,
    source: Source,
    recipe: Recipe,
    target: Target,
}

/// Runs the pipeline up to and including `stage`.
///
/// # Errors
/// The first [`Error`]; what was finished before stays and is not redone by the next run.
pub async fn run(settings: &Settings, stage: Stage) -> Result<Outcome, Error> {
    let systems = settings.systems()?;
    let (uri, commit, target, recipe) = (
        settings.uri()?,
        settings.commit()?,
        settings.target()?,
        settings.recipe()?,
    );
    let repository = settings.repository()?.to_owned();
    let signing = if stage == Stage::Attest {
        Some(Signing::prepare(settings)?)
    } else {
        None
    };
    let work = settings.state_directory()?;
    let _lock = state::lock(&work.join("lock"))?;
    let nix = Nix::find(settings.nix(), &work).await?;
    check_vulnerable(nix.version(), settings, signing.as_ref())?;
    nix.check_namespace().await?;

    say(&format!("source  {repository} {commit}"));
    let tree = git::export(&repository, &commit, &work).await?;
    let source = Source {
        uri,
        commit,
        nar_hash: tree.nar.digest,
        flake_lock: tree.flake_lock(target.directory())?,
        target: target.clone(),
        recipe: recipe.digest(),
    };
    let release = source.release();
    say(&format!("release {release}"));
    let pipeline = Pipeline {
        settings,
        nix,
        work,
        tree,
        source,
        recipe,
        target,
    };
    let mut images = BTreeMap::new();
    let mut outcomes = Vec::new();
    for system in systems {
        let directory = pipeline.directory(&system);
        state::create_directory(&directory)?;
        pipeline.build(&system).await?;
        let mut outcome = SystemOutcome {
            system: system.clone(),
            image: None,
            closure: None,
            directory,
        };
        if stage >= Stage::Pack {
            let image = pipeline.pack(&system).await?;
            (outcome.image, outcome.closure) = (Some(image.digest()), Some(image.closure));
            images.insert(system, image);
        }
        outcomes.push(outcome);
    }
    let mut outcome = Outcome {
        release,
        source: pipeline.source.clone(),
        systems: outcomes,
        evidence: None,
        attestation: None,
    };
    if let Some(signing) = signing {
        let (evidence, file) = pipeline.attest(signing, images).await?;
        (outcome.evidence, outcome.attestation) = (Some(evidence), Some(file));
    }
    Ok(outcome)
}

/// A Nix with known holes may build, but a production key signs nothing that it built.
fn check_vulnerable(
    version: NixVersion,
    settings: &Settings,
    signing: Option<&Signing>,
) -> Result<(), Error> {
    if !version.is_vulnerable() {
        return Ok(());
    }
    if signing.is_some_and(|signing| signing.forbids(version, settings)) {
        return Err(Error::NixVulnerable(version.to_string()));
    }
    say(&format!(
        "WARNING Nix {version} has known holes; accepted for development only"
    ));
    Ok(())
}

impl Pipeline<'_> {
    fn directory(&self, system: &System) -> PathBuf {
        self.work
            .join("releases")
            .join(self.source.release().to_hex())
            .join(system.as_str())
    }

    fn limit(&self) -> std::time::Duration {
        self.settings.build_limit()
    }

    /// Build, audit, rebuild: each once.
    async fn build(&self, system: &System) -> Result<(), Error> {
        let directory = self.directory(system);
        let record = match self.build_record(system)? {
            Some(record) => record,
            None => self.first_build(system, &directory).await?,
        };
        let report = directory.join("audit.json");
        if !report.exists() {
            self.audit(system, &record.built, &report).await?;
        }
        let done = directory.join("rebuild.json");
        if !done.exists() {
            self.rebuild(system, &record, &directory, &done).await?;
        }
        Ok(())
    }

    fn build_record(&self, system: &System) -> Result<Option<BuildRecord>, Error> {
        read_record(&self.directory(system).join("build.json"))
    }

    async fn first_build(&self, system: &System, directory: &Path) -> Result<BuildRecord, Error> {
        say(&format!(
            "build   {} for {system}, Nix {}",
            self.target,
            self.nix.version()
        ));
        let started = now();
        let settings = self.nix.configure(system, 0).await?;
        let built = self.nix_build(system, directory, "store").await?;
        let run_id = self
            .settings
            .run_id
            .clone()
            .unwrap_or_else(|| format!("local/{}", seconds()));
        let record = BuildRecord {
            built,
            nix_version: self.nix.version().to_string(),
            settings,
            run_id,
            started,
        };
        write_record(&directory.join("build.json"), &record)?;
        Ok(record)
    }

    async fn nix_build(
        &self,
        system: &System,
        directory: &Path,
        name: &str,
    ) -> Result<Built, Error> {
        let (store, log) = (directory.join(name), directory.join(format!("{name}.log")));
        state::remove_tree(&store)?;
        let inside = self.target.directory();
        let flake = inside.map_or_else(
            || self.tree.path.clone(),
            |inside| self.tree.path.join(inside),
        );
        let nar = self.tree.flake_nar(inside)?;
        let order = crate::nix::BuildOrder {
            flake: &flake,
            nar: &nar,
            target: &self.target,
            system,
            store: &store,
            log: &log,
            limit: self.limit(),
        };
        self.nix.build(&order).await
    }

    async fn audit(&self, system: &System, built: &Built, report: &Path) -> Result<(), Error> {
        say(&format!("audit   {}", built.derivation));
        let store = self.directory(system).join("store");
        let infos = self.nix.path_info(&store).await?;
        let subject = AuditSubject {
            store: &store,
            derivation: built.derivation()?,
            roots: built.paths()?,
            infos: &infos,
            system: system.clone(),
            version: self.nix.version(),
            driver: driver_files(&self.nix, &store).await?,
        };
        let result = audit(subject, &self.settings.audit_policy())?;
        say(&format!(
            "audit   {} derivations, {} outputs built here, {} leaves, {} seed bytes, {} unexplained, {} opaque",
            result.derivations,
            result.built_outputs,
            result.leaves.len(),
            result.seed_binary_bytes,
            result.unexplained_binary_bytes,
            result.opaque_bytes
        ));
        if let Some(why) = result.refusal() {
            return Err(Error::Audit(why));
        }
        state::write(report, &result.to_json())
    }

    /// A second store, another number of cores, another time.
    async fn rebuild(
        &self,
        system: &System,
        record: &BuildRecord,
        directory: &Path,
        done: &Path,
    ) -> Result<(), Error> {
        say("rebuild in a second fresh store");
        let settings = self.nix.configure(system, 1).await?;
        let built = self.nix_build(system, directory, "rebuild").await?;
        if built != record.built || settings != record.settings {
            return Err(Error::Audit(
                "the second evaluation gave another derivation".to_owned(),
            ));
        }
        let second = directory.join("rebuild");
        let outputs = compare_builds(&directory.join("store"), &second, &built.derivation()?)?;
        state::remove_tree(&second)?;
        say(&format!(
            "rebuild {outputs} outputs are the same, byte for byte"
        ));
        write_record(done, &serde_json::json!({ "outputs": outputs }))
    }

    async fn pack(&self, system: &System) -> Result<StoredImage, Error> {
        let directory = self.directory(system);
        let (image, done) = (directory.join("image"), directory.join("packed.json"));
        if done.exists()
            && let Some(image) = StoredImage::load(&image)?
        {
            return Ok(image);
        }
        let record = self
            .build_record(system)?
            .ok_or(Error::Missing("the build"))?;
        let store = directory.join("store");
        let infos = self.nix.path_info(&store).await?;
        let applications = record.built.paths()?;
        let closure = closure_of(&store, &applications, &infos)?;
        let image = pack::pack(&closure, &applications, &self.recipe, system, &image)?;
        say(&format!(
            "pack    {} ({} layers, {} store paths)",
            image.digest(),
            image.layers.len(),
            closure.len()
        ));
        let steps = audit::load_graph(&store, &record.built.derivation()?)?;
        let derivations = steps
            .iter()
            .flat_map(|step| {
                step.outputs
                    .values()
                    .map(|output| (output.clone(), step.path.clone()))
            })
            .collect();
        let bom = sbom(
            &closure,
            &derivations,
            &applications,
            &image.closure,
            &self.target,
            system,
        );
        state::write(&directory.join("sbom.json"), &bom)?;
        write_record(&done, &PackRecord { finished: now() })?;
        Ok(image)
    }

    async fn attest(
        &self,
        mut signing: Signing,
        images: BTreeMap<System, StoredImage>,
    ) -> Result<(Digest, PathBuf), Error> {
        let release = self.source.release();
        let builder = signing.key.builder();
        let digests: Vec<(System, Digest)> = images
            .iter()
            .map(|(system, image)| (system.clone(), image.digest()))
            .collect();
        let repositories = signing
            .places
            .iter()
            .map(publish::open)
            .collect::<Result<Vec<_>, _>>()?;
        for repository in &repositories {
            publish::refuse_equivocation(repository, builder, release, &digests).await?;
        }
        let journal = signing
            .journal
            .take()
            .unwrap_or_else(|| self.work.join("journal"));
        let mut journal = Journal::open(&journal)?;
        for (system, digest) in &digests {
            journal.note(builder, release, system, *digest)?;
        }
        let publication = self.publication(&signing, images)?;
        let evidence = Digest::of(&publication.evidence);
        say(&format!("sign    evidence {evidence} as {builder}"));
        let attestation = self.attestation(&signing, &digests, evidence)?;
        for repository in &repositories {
            say(&format!("publish {}", repository.place()));
            publish::publish(repository, &publication).await?;
        }
        // Everything can be read back: only now the vote leaves.
        let tag = document_tag("attestation", &release, &builder)?;
        for repository in &repositories {
            publish::publish_document(repository, media::ATTESTATION, &attestation, tag.clone())
                .await?;
        }
        let default = || {
            self.work
                .join("releases")
                .join(release.to_hex())
                .join("attestation.json")
        };
        let file = signing.out.unwrap_or_else(default);
        state::write(&file, &attestation)?;
        Ok((evidence, file))
    }

    fn publication(
        &self,
        signing: &Signing,
        images: BTreeMap<System, StoredImage>,
    ) -> Result<Publication, Error> {
        let index = if images.len() > 1 {
            let children = images.iter().map(|(system, image)| {
                (
                    system.clone(),
                    Descriptor::of(media::OCI_MANIFEST, &image.manifest),
                )
            });
            ImageIndex::of_systems(children.collect()).map(|index| index.to_bytes())
        } else {
            None
        };
        let (mut layers, mut blobs, mut beside) = (Vec::new(), Vec::new(), Vec::new());
        for (system, image) in images {
            let directory = self.directory(&system);
            let audit = state::read(&directory.join("audit.json"), MAX_REPORT_BYTES)?;
            let bom = state::read(&directory.join("sbom.json"), MAX_REPORT_BYTES)?;
            let statement = self.statement(signing, &system, &image, &audit, &bom)?;
            let parts = [
                (LayerKind::Statement, statement.clone()),
                (LayerKind::ImageManifest, image.manifest.clone()),
                (LayerKind::Audit, audit),
                (LayerKind::Sbom, bom.clone()),
            ];
            for (kind, bytes) in parts {
                layers.push(EvidenceLayer {
                    system: system.clone(),
                    kind,
                    digest: Digest::of(&bytes),
                    size: bytes.len() as u64,
                });
                blobs.push(Blob {
                    media_type: kind.media_type(),
                    bytes,
                });
            }
            let referrers = vec![
                (
                    media::IN_TOTO,
                    Blob {
                        media_type: media::DSSE,
                        bytes: statement,
                    },
                ),
                (
                    media::CYCLONEDX,
                    Blob {
                        media_type: media::CYCLONEDX,
                        bytes: bom,
                    },
                ),
            ];
            beside.push(Beside { image, referrers });
        }
        Ok(Publication {
            images: beside,
            index,
            tag: signing.tag.clone(),
            evidence_blobs: blobs,
            evidence: EvidenceManifest::new(layers)?.to_json()?,
            evidence_tag: publish::parse_tag(&evidence_tag(
                &self.source.release(),
                &signing.key.builder(),
            ))?,
        })
    }

    /// The signed statement about one image, as a DSSE envelope.
    fn statement(
        &self,
        signing: &Signing,
        system: &System,
        image: &StoredImage,
        audit: &[u8],
        bom: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let record = self
            .build_record(system)?
            .ok_or(Error::Missing("the build"))?;
        let version: NixVersion = record
            .nix_version
            .parse()
            .map_err(|()| Error::NixVersion(format!("`{}` is no version", record.nix_version)))?;
        if signing.forbids(version, self.settings) {
            return Err(Error::NixVulnerable(record.nix_version));
        }
        let packed: PackRecord = read_record(&self.directory(system).join("packed.json"))?
            .ok_or(Error::Missing("the image"))?;
        let statement = Statement {
            image: image.digest(),
            source: self.source.clone(),
            recipe: self.recipe.clone(),
            system: system.clone(),
            closure: image.closure,
            audit: Digest::of(audit),
            sbom: Digest::of(bom),
            chain_id: signing.domain.chain_id,
            builder: signing.key.builder(),
            nix: NixDriver {
                version: record.nix_version,
                settings: record.settings,
            },
            run: Run {
                id: record.run_id,
                started: record.started,
                finished: packed.finished,
            },
        };
        let payload = statement.to_json()?;
        let signature = signing
            .key
            .sign(&Envelope::digest(&signing.domain, &payload))?;
        Ok(Envelope::new(&signing.domain, payload, signing.key.builder(), signature).to_json()?)
    }

    fn attestation(
        &self,
        signing: &Signing,
        digests: &[(System, Digest)],
        evidence: Digest,
    ) -> Result<Vec<u8>, Error> {
        let leaves = Leaves::new(digests.to_vec()).map_err(seed_attestation::FormatError::from)?;
        let digest = signing.domain.attestation_digest(
            &self.source.release(),
            &leaves.root(),
            &evidence,
            signing.rules,
        );
        let attestation = Attestation {
            source: self.source.clone(),
            systems: digests
                .iter()
                .map(|(system, digest)| SystemDigest {
                    system: system.clone(),
                    digest: *digest,
                })
                .collect(),
            evidence,
            rules: signing.rules,
            chain_id: signing.domain.chain_id,
            ledger: signing.domain.ledger,
            builder: signing.key.builder(),
            signature: signing.key.sign(&digest)?,
        };
        attestation.verify(&signing.domain)?;
        Ok(attestation.to_json()?)
    }
}

/// Everything that signing and publishing need, read before the long work begins.
struct Signing {
    key: Key,
    domain: Domain,
    rules: alloy_primitives::Address,
    places: Vec<seed_oci::Place>,
    tag: Option<seed_oci::Tag>,
    out: Option<PathBuf>,
    journal: Option<PathBuf>,
}

impl Signing {
    /// Whether this key must not sign what `version` built: also when it was built by an earlier run.
    fn forbids(&self, version: NixVersion, settings: &Settings) -> bool {
        version.is_vulnerable() && !self.key.is_development() && !settings.development
    }

    fn prepare(settings: &Settings) -> Result<Self, Error> {
        let out = match &settings.out {
            Some(path) => Some(std::path::absolute(path).map_err(Error::file("write", path))?),
            None => None,
        };
        if let Some(parent) = out
            .as_deref()
            .map(state::parent)
            .filter(|parent| !parent.is_dir())
        {
            let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(Error::file("write into", parent)(missing));
        }
        let (domain, rules, places, tag) = (
            settings.domain()?,
            settings.rules()?,
            settings.places()?,
            settings.tag()?,
        );
        let key = Key::open(&settings.key()?)?;
        if key.is_development() {
            say("WARNING the key is not encrypted; it can protect nothing");
        }
        Ok(Self {
            key,
            domain,
            rules,
            places,
            tag,
            out,
            journal: settings.journal.clone(),
        })
    }
}

fn read_record<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, Error> {
    let Some(bytes) = state::read_if_there(path, MAX_CONFIG_BYTES as u64)? else {
        return Ok(None);
    };
    let bad = |error: serde_json::Error| Error::Config {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(bad)
}

fn write_record<T: Serialize>(path: &Path, record: &T) -> Result<(), Error> {
    let bytes = serde_json::to_vec(record).map_err(|error| Error::Config {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    state::write(path, &bytes)
}

fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

fn seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
