use std::{
    collections::BTreeSet,
    error::Error,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use eyre::{OptionExt as _, ensure, eyre};
use seed_image::{ImageManifest, PACKER, PackedPath, Packer};
use seed_nix::StorePath;
use seed_oci::Repository;
use seed_primitives::{Compression, Deployment, Digest, Recipe};
use seed_testkit::{
    chain::LocalChain,
    deployment::{deploy_locally, federation_text},
    release::{Image, Release, SOURCE_URI, source},
};
use tempfile::TempDir;

use crate::{closure::Text, measure::bare};

/// Who signs every release.
const BUILDERS: [&str; 3] = ["ada", "bo", "cy"];
/// The one system of every release.
const SYSTEM: &str = "x86_64-linux";

/// A real chain with the real contracts, and a folder for everything else.
pub(crate) struct World {
    pub(crate) chain: LocalChain,
    pub(crate) folder: TempDir,
    deployment: Deployment,
    verify: PathBuf,
}

/// What is packed.
pub(crate) struct Closure {
    pub(crate) paths: Vec<PackedPath<Text>>,
    pub(crate) applications: BTreeSet<StorePath>,
}

/// An image as it was pushed.
pub(crate) struct Pushed {
    pub(crate) manifest: Vec<u8>,
    /// Digests of the layers' blobs.
    pub(crate) layers: Vec<Digest>,
    pub(crate) stored_bytes: u64,
}

impl World {
    pub(crate) async fn start(verify: &Path) -> eyre::Result<Self> {
        let chain = LocalChain::start()?;
        let builders = [("ada", "ada Ltd"), ("bo", "bo Ltd"), ("cy", "cy Ltd")];
        let federation = federation_text(&builders, &[SYSTEM], 2);
        let deployment = deploy_locally(&chain, &federation)
            .await
            .map_err(|error| eyre!(error))?;
        let folder = tempfile::tempdir()?;
        fs::write(
            folder.path().join("deployment.json"),
            serde_json::to_string(&deployment)?,
        )?;
        Ok(Self {
            chain,
            folder,
            deployment,
            verify: verify.canonicalize()?,
        })
    }

    pub(crate) fn verifier(&self) -> &Path {
        &self.verify
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `seed-verify` in the folder and returns what it said.
    pub(crate) fn verify(&self, arguments: &[&str]) -> eyre::Result<String> {
        let output = bare(self.verify.as_os_str(), self.folder.path())
            .args(arguments)
            .output()?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "seed-verify {arguments:?}: {words}"
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Writes a policy for these three endpoints, as an operator would.
    pub(crate) fn write_policy(&self, name: &str, urls: &[String; 3]) -> eyre::Result<()> {
        let endpoints: Vec<String> = ["one", "two", "three"]
            .iter()
            .zip(urls)
            .map(|(operator, url)| format!("--endpoint={operator},EE={url}"))
            .collect();
        let mut arguments = vec!["policy", "init", "--deployment", "deployment.json"];
        arguments.extend(["--source", SOURCE_URI, "--out", name]);
        arguments.extend(endpoints.iter().map(String::as_str));
        self.verify(&arguments).map(drop)
    }

    /// Packs a closure with the real packer, pushes the image, and publishes it as release `number`.
    pub(crate) async fn publish(
        &self,
        repository: &Repository,
        closure: &Closure,
        compression: Compression,
        number: u64,
    ) -> eyre::Result<Pushed> {
        let recipe = Recipe {
            compression,
            layering: "repull:40".parse()?,
            packer: PACKER.parse()?,
            previous: None,
            reissue: 0,
        };
        let system = SYSTEM.parse()?;
        let (paths, applications) = (&closure.paths, &closure.applications);
        let packer = Packer::new(paths, applications, &recipe, &system, None)?;
        let (file, mut layers, mut stored_bytes) = (self.path("layer"), Vec::new(), 0);
        for index in 0..packer.layers() {
            let mut out = BufWriter::new(File::create(&file)?);
            let layer = packer.write_layer(index, &mut out)?;
            out.flush()?;
            let blob = &layer.descriptor;
            repository.push_file(&file, &blob.digest, blob.size).await?;
            stored_bytes += blob.size;
            layers.push(layer);
        }
        fs::remove_file(&file)?;
        let blobs = layers.iter().map(|layer| layer.descriptor.digest).collect();
        let image = packer.finish(layers);
        repository.push_blob(image.config).await?;
        repository
            .push_manifest(image.manifest.clone(), &[])
            .await?;
        let closure = ImageManifest::parse(&image.manifest)?.closure;
        let release = Release {
            deployment: &self.deployment,
            repository,
            source: source(number, &recipe),
            recipe,
            images: vec![Image {
                system,
                manifest: image.manifest.clone(),
                closure: closure.ok_or_eyre("an image without a closure")?,
            }],
        };
        self.record(&release, number == 1)
            .await
            .map_err(|error| eyre!(error))?;
        self.chain.mine(3).await?;
        Ok(Pushed {
            manifest: image.manifest,
            layers: blobs,
            stored_bytes,
        })
    }

    /// Has every builder publish evidence and sign, records the release, and publishes the locator.
    async fn record(
        &self,
        release: &Release<'_>,
        first: bool,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut signed = Vec::new();
        for name in BUILDERS {
            let evidence = release.publish_evidence(name).await?;
            signed.push((name, release.attestation(name, evidence.manifest)?));
        }
        let signers: Vec<_> = signed.iter().map(|(name, one)| (*name, one)).collect();
        release.record(&self.chain, first, &signers).await?;
        release.publish_locator(&self.chain).await.map(drop)
    }

    /// Captures a bundle, has it confirmed, and writes a policy that pins its block, for use without a network.
    pub(crate) async fn capture(
        &self,
        image: &str,
        policy: &str,
        [bundle, pinned]: [&str; 2],
    ) -> eyre::Result<()> {
        self.verify(&[
            "bundle", "create", image, "--out", bundle, "--policy", policy,
        ])?;
        self.chain.mine(5).await?;
        let pin = self.verify(&["bundle", "confirm", bundle, "--policy", policy])?;
        let text = fs::read_to_string(self.path(policy))?;
        fs::write(self.path(pinned), text + &pin)?;
        Ok(())
    }
}
