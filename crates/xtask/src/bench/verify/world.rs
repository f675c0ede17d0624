use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use eyre::ensure;
use seed_image::{PACKER, PackedPath, Packer};
use seed_nix::StorePath;
use seed_oci::Repository;
use seed_primitives::{Compression, Deployment, Digest, Recipe};
use seed_testkit::{
    chain::LocalChain,
    deployment::{Federation, deploy},
    keys,
};
use tempfile::TempDir;

use crate::{
    closure::Text,
    measure::bare,
    release::{BUILDERS, Release, SYSTEM, URI},
};

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
        let (wallet, endpoint) = (chain.wallet()?, chain.endpoint()?);
        let (federation, configuration) = Federation::configuration(&federation())?;
        let guardian = keys::signer("guardian").address();
        let deployment = deploy(
            &wallet,
            &endpoint,
            guardian,
            60,
            &federation,
            &configuration,
        )
        .await?;
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
        arguments.extend(["--source", URI, "--out", name]);
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
        let (paths, applications) = (&closure.paths, &closure.applications);
        let packer = Packer::new(paths, applications, &recipe, &SYSTEM.parse()?, None)?;
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
        Release {
            deployment: &self.deployment,
            chain: &self.chain,
            repository,
            number,
            compression,
            manifest: &image.manifest,
        }
        .publish()
        .await?;
        self.chain.mine(3).await?;
        Ok(Pushed {
            manifest: image.manifest,
            layers: blobs,
            stored_bytes,
        })
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

/// Three builders who share nothing, two of three.
fn federation() -> String {
    let mut text = format!("threshold = 2\nsystems = [\"{SYSTEM}\"]\n");
    for name in BUILDERS {
        let address = keys::builder(name);
        text += &format!(
            "[[builders]]\nname = \"{name}\"\naddress = \"{address}\"\ndomains = [\"{name} Ltd\"]\n"
        );
    }
    text
}
