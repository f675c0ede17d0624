use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use alloy_primitives::Address;
use clap::{Args, ValueEnum};
use seed_attestation::Domain;
use seed_chain::KeySource;
use seed_image::{LAYERING, PACKER, PACKER_RUNNER};
use seed_oci::{Place, Tag};
use seed_primitives::{
    Commit, Compression, Deployment, Digest, MAX_DEPLOYMENT_BYTES, Recipe, RecipeName, SourceUri,
    System, Target, parse_address, write_address,
};
use serde::Deserialize;

use crate::{
    AuditPolicy, Error,
    pack::Previous,
    provision::{Sources, parse_mirrors},
    state,
};

const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// How layers are encoded.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, ValueEnum)]
pub enum CompressionChoice {
    /// Plain tar.
    #[serde(rename = "tar")]
    #[value(name = "tar")]
    Tar,
    /// Tar compressed by the packer's own zstd.
    #[serde(rename = "tar+zstd")]
    #[value(name = "tar+zstd")]
    TarZstd,
}

/// Everything that can be given as a flag or, under the same name, in the configuration file. A flag wins.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// TOML file with these settings; relative paths in it start at its directory
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Directory for stores, images and the signing journal
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// The Nix to drive [default: nix from PATH]
    #[arg(long, value_name = "PROGRAM")]
    pub nix: Option<PathBuf>,
    /// Git repository to build from: a path or an https URL
    #[arg(long, value_name = "REPOSITORY")]
    pub source: Option<String>,
    /// The URI to attest as the source [default: the repository, where that is an https URL]
    #[arg(long, value_name = "URI")]
    pub source_uri: Option<SourceUri>,
    /// The commit, in full
    #[arg(long, value_name = "HEX")]
    pub commit: Option<Commit>,
    /// What of the flake is the seed: `[DIR#]ATTRIBUTE` below `packages.<system>`.
    #[arg(
        long,
        value_name = "TARGET",
        help = "What of the flake is the seed: [DIR#]ATTRIBUTE below packages.<system> [default: seed]"
    )]
    pub target: Option<Target>,
    /// A system to build for; may be given several times
    #[arg(long, value_name = "SYSTEM")]
    pub system: Vec<System>,
    /// Encoding of the layers [default: tar+zstd]
    #[arg(long, value_enum)]
    pub compression: Option<CompressionChoice>,
    /// Rule that groups store paths into layers [default: repull:40]
    #[arg(long, value_name = "RULE")]
    pub layering: Option<RecipeName>,
    /// Last image or index, by digest: layers of it that can stay are kept as they are
    #[arg(long, value_name = "IMAGE")]
    pub previous: Option<String>,
    /// Put what a CI runner needs on top, as the seed's own nix-support/nix-seed.json describes it
    #[arg(long)]
    pub runner: bool,
    /// How often this source was issued again [default: 0]
    #[arg(long, value_name = "NUMBER")]
    pub reissue: Option<u32>,
    /// Encrypted keystore with the signing key
    #[arg(long, value_name = "FILE")]
    pub keystore: Option<PathBuf>,
    /// File with the keystore's password [default: ask on the terminal]
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Unencrypted signing key, for development only
    #[arg(long, value_name = "FILE", conflicts_with = "keystore")]
    pub dev_key_file: Option<PathBuf>,
    /// Accept a Nix with known holes for a key that protects nothing
    #[arg(long)]
    pub development: bool,
    /// The deployment's JSON file, in place of --chain-id, --ledger and --rules
    #[arg(long, value_name = "FILE")]
    pub deployment: Option<PathBuf>,
    /// Chain id of the ledger
    #[arg(long, value_name = "NUMBER")]
    pub chain_id: Option<u64>,
    /// Address of the release ledger
    #[arg(long, value_name = "ADDRESS")]
    pub ledger: Option<String>,
    /// Address of the quorum rules that will judge
    #[arg(long, value_name = "ADDRESS")]
    pub rules: Option<String>,
    /// Folder with sources that the build needs and the repository lacks; may be given several times
    #[arg(long, value_name = "DIR")]
    pub sources: Vec<PathBuf>,
    /// Fetch sources from where their derivations say, before the build
    #[arg(long)]
    pub fetch_sources: bool,
    /// What `mirror://NAME/` stands for in the places of a derivation, as `NAME=URL`; may be given several times.
    #[arg(
        long,
        value_name = "NAME=URL",
        help = "What mirror://NAME/ stands for in the places of a derivation; may be given several times"
    )]
    pub mirror: Vec<String>,
    /// The most bytes of one source [default: 4294967296]
    #[arg(long, value_name = "BYTES")]
    pub max_source_bytes: Option<u64>,
    /// How long one download may take, in seconds [default: 600]
    #[arg(long, value_name = "SECONDS")]
    pub source_timeout: Option<u64>,
    /// Where to publish: `HOST[:PORT]/REPOSITORY` or `oci:DIR`; may be given several times.
    #[arg(
        long,
        value_name = "PLACE",
        help = "Where to publish: HOST[:PORT]/REPOSITORY or oci:DIR; may be given several times"
    )]
    pub publish: Vec<String>,
    /// Tag for the image, or for the index of several
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Where to write the result [default: in the state directory]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The signing journal [default: STATE/journal]
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Digest of a binary that may stand at the beginning; may be given several times
    #[arg(long, value_name = "DIGEST")]
    pub allow_seed: Vec<Digest>,
    /// Digest of something among the sources that is held to do nothing; may be given several times
    #[arg(long, value_name = "DIGEST")]
    pub allow_inert: Vec<Digest>,
    /// List of what may be accepted, with reasons
    #[arg(long, value_name = "FILE")]
    pub allow_list: Option<PathBuf>,
    /// The digest that list must have
    #[arg(long, value_name = "DIGEST")]
    pub allow_list_digest: Option<Digest>,
    /// How many bytes of sources may be neither text nor known [default: 0]
    #[arg(long, value_name = "BYTES")]
    pub max_opaque_bytes: Option<u64>,
    /// Also take a census of every program that the build starts, and refuse what the audit does not explain;
    /// needs root of the machine
    #[arg(long)]
    pub census: bool,
    /// Directory for the store of the second build, such as one on another file system [default: STATE]
    #[arg(long, value_name = "DIR")]
    pub rebuild_in: Option<PathBuf>,
    /// Name of this run in the statement [default: made up]
    #[arg(long, value_name = "TEXT")]
    pub run_id: Option<String>,
    /// How long one Nix build may take, in seconds [default: 86400]
    #[arg(long, value_name = "SECONDS")]
    pub build_timeout: Option<u64>,
}

impl Settings {
    /// These flags over the configuration file they name.
    ///
    /// # Errors
    /// When the file cannot be read, or holds an unknown key or a malformed value.
    pub fn with_config(mut self) -> Result<Self, Error> {
        let Some(path) = self.config.take() else {
            return self.with_deployment();
        };
        let bytes = state::read(&path, MAX_CONFIG_BYTES)?;
        let malformed = |reason: String| Error::Config {
            path: path.clone(),
            reason,
        };
        let text = std::str::from_utf8(&bytes).map_err(|error| malformed(error.to_string()))?;
        let file: Self = toml::from_str(text).map_err(|error| malformed(one_line(&error)))?;
        self.over(file.below(state::parent(&path)))
            .with_deployment()
    }

    /// Takes chain, ledger and rules from the deployment file, if one is named.
    fn with_deployment(mut self) -> Result<Self, Error> {
        let Some(path) = &self.deployment else {
            return Ok(self);
        };
        let bytes = state::read(path, MAX_DEPLOYMENT_BYTES)?;
        let deployment = Deployment::from_json(&bytes).map_err(|error| Error::Config {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        let text = |address| Some(write_address(&address));
        let chain_id = Some(deployment.chain_id);
        self.chain_id = agreed("--chain-id", self.chain_id, chain_id, path)?;
        self.ledger = agreed("--ledger", self.ledger, text(deployment.ledger), path)?;
        self.rules = agreed("--rules", self.rules, text(deployment.rules), path)?;
        Ok(self)
    }

    /// Makes relative paths start at `directory`.
    fn below(mut self, directory: &Path) -> Self {
        let paths = [
            &mut self.state,
            &mut self.deployment,
            &mut self.keystore,
            &mut self.password_file,
            &mut self.dev_key_file,
            &mut self.out,
            &mut self.journal,
            &mut self.allow_list,
            &mut self.rebuild_in,
        ];
        for path in paths.into_iter().flatten() {
            *path = directory.join(&*path);
        }
        for folder in &mut self.sources {
            *folder = directory.join(&*folder);
        }
        if let Some(source) = &mut self.source
            && !source.contains("://")
        {
            *source = directory.join(&*source).to_string_lossy().into_owned();
        }
        if let Some(nix) = &mut self.nix
            && nix.components().count() > 1
        {
            *nix = directory.join(&*nix);
        }
        for place in self.publish.iter_mut().chain(&mut self.previous) {
            if let Some(folder) = place.strip_prefix("oci:") {
                *place = format!("oci:{}", directory.join(folder).display());
            }
        }
        self
    }

    fn over(self, file: Self) -> Self {
        let list = |own: Vec<_>, other| if own.is_empty() { other } else { own };
        let key_given = self.keystore.is_some() || self.dev_key_file.is_some();
        Self {
            config: None,
            state: self.state.or(file.state),
            nix: self.nix.or(file.nix),
            source: self.source.or(file.source),
            source_uri: self.source_uri.or(file.source_uri),
            commit: self.commit.or(file.commit),
            target: self.target.or(file.target),
            system: if self.system.is_empty() {
                file.system
            } else {
                self.system
            },
            compression: self.compression.or(file.compression),
            layering: self.layering.or(file.layering),
            previous: self.previous.or(file.previous),
            runner: self.runner || file.runner,
            reissue: self.reissue.or(file.reissue),
            password_file: self.password_file.or(file.password_file),
            keystore: if key_given {
                self.keystore
            } else {
                file.keystore
            },
            dev_key_file: if key_given {
                self.dev_key_file
            } else {
                file.dev_key_file
            },
            development: self.development || file.development,
            deployment: self.deployment.or(file.deployment),
            chain_id: self.chain_id.or(file.chain_id),
            ledger: self.ledger.or(file.ledger),
            rules: self.rules.or(file.rules),
            sources: if self.sources.is_empty() {
                file.sources
            } else {
                self.sources
            },
            fetch_sources: self.fetch_sources || file.fetch_sources,
            mirror: list(self.mirror, file.mirror),
            max_source_bytes: self.max_source_bytes.or(file.max_source_bytes),
            source_timeout: self.source_timeout.or(file.source_timeout),
            publish: list(self.publish, file.publish),
            tag: self.tag.or(file.tag),
            out: self.out.or(file.out),
            journal: self.journal.or(file.journal),
            allow_seed: if self.allow_seed.is_empty() {
                file.allow_seed
            } else {
                self.allow_seed
            },
            allow_inert: if self.allow_inert.is_empty() {
                file.allow_inert
            } else {
                self.allow_inert
            },
            allow_list: self.allow_list.or(file.allow_list),
            allow_list_digest: self.allow_list_digest.or(file.allow_list_digest),
            max_opaque_bytes: self.max_opaque_bytes.or(file.max_opaque_bytes),
            census: self.census || file.census,
            rebuild_in: self.rebuild_in.or(file.rebuild_in),
            run_id: self.run_id.or(file.run_id),
            build_timeout: self.build_timeout.or(file.build_timeout),
        }
    }

    /// The state directory, made if need be, as an absolute path without links.
    ///
    /// # Errors
    /// When it is not given, or cannot be made.
    pub fn state_directory(&self) -> Result<PathBuf, Error> {
        let path = self.state.as_ref().ok_or(Error::Missing("--state"))?;
        state::create_directory(path)?;
        path.canonicalize().map_err(Error::file("open", path))
    }

    /// Where sources may come from; downloads are kept in `work`.
    pub(crate) fn sources(&self, work: &Path) -> Result<Sources, Error> {
        let downloads = work.join("downloads");
        state::create_directory(&downloads)?;
        let folders = self.sources.iter().map(|folder| {
            let open = || {
                folder
                    .canonicalize()
                    .and_then(|path| path.read_dir().map(|_| path))
            };
            open().map_err(Error::file("open", folder))
        });
        Ok(Sources {
            folders: folders.collect::<Result<_, _>>()?,
            fetch: self.fetch_sources,
            mirrors: parse_mirrors(&self.mirror)?,
            max_bytes: self.max_source_bytes.unwrap_or(4 << 30),
            limit: Duration::from_secs(self.source_timeout.unwrap_or(600)),
            downloads,
        })
    }

    /// The Nix to look for.
    #[must_use]
    pub fn nix(&self) -> &Path {
        self.nix.as_deref().unwrap_or(Path::new("nix"))
    }

    /// The repository to fetch from.
    ///
    /// # Errors
    /// When none is given, or it is a URL that is not https or file.
    pub fn repository(&self) -> Result<&str, Error> {
        let source = self.source.as_deref().ok_or(Error::Missing("--source"))?;
        match source.split_once("://") {
            Some(("https" | "file", _)) | None => Ok(source),
            Some((scheme, _)) => Err(Error::Usage(format!(
                "--source: the scheme `{}` is not allowed",
                scheme.escape_debug()
            ))),
        }
    }

    /// The source URI to attest.
    ///
    /// # Errors
    /// When none is given and the repository is not one itself.
    pub fn uri(&self) -> Result<SourceUri, Error> {
        if let Some(uri) = &self.source_uri {
            return Ok(uri.clone());
        }
        let source = self.repository()?;
        source
            .strip_suffix(".git")
            .unwrap_or(source)
            .parse()
            .map_err(|_| Error::Missing("--source-uri (needed for a local repository)"))
    }

    /// The commit.
    ///
    /// # Errors
    /// When none is given.
    pub fn commit(&self) -> Result<Commit, Error> {
        self.commit.ok_or(Error::Missing("--commit"))
    }

    /// The target.
    ///
    /// # Errors
    /// Never for the default.
    pub fn target(&self) -> Result<Target, Error> {
        match &self.target {
            Some(target) => Ok(target.clone()),
            None => "seed".parse().map_err(value("--target")),
        }
    }

    /// The systems, ascending, each once.
    ///
    /// # Errors
    /// When none is given, or one has no OCI platform.
    pub fn systems(&self) -> Result<Vec<System>, Error> {
        let systems: BTreeSet<System> = self.system.iter().cloned().collect();
        if systems.is_empty() {
            return Err(Error::Missing("--system"));
        }
        match systems
            .iter()
            .find(|system| system.oci_platform().is_none())
        {
            Some(system) => Err(Error::Usage(format!(
                "--system: {system} has no OCI platform; use x86_64 or aarch64 on linux or darwin"
            ))),
            None => Ok(systems.into_iter().collect()),
        }
    }

    /// The image whose layers are kept where they can be.
    ///
    /// # Errors
    /// When it is not named by digest.
    pub(crate) fn previous(&self) -> Result<Option<Previous>, Error> {
        self.previous.as_deref().map(Previous::parse).transpose()
    }

    /// The recipe.
    ///
    /// # Errors
    /// When the previous image is not named by digest; never for the defaults.
    pub fn recipe(&self) -> Result<Recipe, Error> {
        let packer = if self.runner { PACKER_RUNNER } else { PACKER };
        Ok(Recipe {
            compression: match self.compression {
                Some(CompressionChoice::Tar) => Compression::Tar,
                Some(CompressionChoice::TarZstd) | None => Compression::TarZstd,
            },
            layering: match &self.layering {
                Some(layering) => layering.clone(),
                None => LAYERING.parse().map_err(value("--layering"))?,
            },
            packer: packer.parse().map_err(value("packer"))?,
            previous: self.previous()?.map(|previous| previous.digest),
            reissue: self.reissue.unwrap_or(0),
        })
    }

    /// Where the key is.
    ///
    /// # Errors
    /// When none is given, or two are.
    pub fn key(&self) -> Result<KeySource, Error> {
        let source = KeySource::named(
            self.keystore.as_deref(),
            self.password_file.as_deref(),
            self.dev_key_file.as_deref(),
        )?;
        source.ok_or(Error::Missing("--keystore"))
    }

    /// The chain and ledger signatures are for.
    ///
    /// # Errors
    /// When one is missing or malformed.
    pub fn domain(&self) -> Result<Domain, Error> {
        let chain_id = self
            .chain_id
            .filter(|id| *id != 0)
            .ok_or(Error::Missing("--chain-id"))?;
        Ok(Domain {
            chain_id,
            ledger: address("--ledger", self.ledger.as_deref())?,
        })
    }

    /// The rules that will judge.
    ///
    /// # Errors
    /// When missing or malformed.
    pub fn rules(&self) -> Result<Address, Error> {
        address("--rules", self.rules.as_deref())
    }

    /// Where to publish.
    ///
    /// # Errors
    /// When nothing is given, or something that is no place.
    pub fn places(&self) -> Result<Vec<Place>, Error> {
        if self.publish.is_empty() {
            return Err(Error::Missing("--publish"));
        }
        self.publish
            .iter()
            .map(|text| text.parse().map_err(value("--publish")))
            .collect()
    }

    /// The tag for people.
    ///
    /// # Errors
    /// When it is no tag.
    pub fn tag(&self) -> Result<Option<Tag>, Error> {
        self.tag
            .as_ref()
            .map(|text| text.parse().map_err(value("--tag")))
            .transpose()
    }

    /// What an audit may accept: the flags and the allow-list together.
    ///
    /// # Errors
    /// When the allow-list is given without its digest, cannot be read, or has another digest.
    pub fn audit_policy(&self) -> Result<AuditPolicy, Error> {
        let flags = AuditPolicy {
            allowed_seeds: self.allow_seed.iter().copied().collect(),
            allowed_inert: self.allow_inert.iter().copied().collect(),
            max_opaque_bytes: self.max_opaque_bytes.unwrap_or(0),
        };
        match (&self.allow_list, &self.allow_list_digest) {
            (None, None) => Ok(flags),
            (Some(path), Some(digest)) => flags.with_list(path, digest),
            (Some(_), None) => Err(Error::Missing("--allow-list-digest")),
            (None, Some(_)) => Err(Error::Missing("--allow-list")),
        }
    }

    /// How long one build may take.
    #[must_use]
    pub fn build_limit(&self) -> Duration {
        Duration::from_secs(self.build_timeout.unwrap_or(86_400))
    }
}

fn value(place: &str) -> impl Fn(seed_primitives::ParseError) -> Error {
    let place = place.to_owned();
    move |error| Error::Value {
        place: place.clone(),
        error,
    }
}

/// What the deployment file says, unless the caller says something else.
fn agreed<T: PartialEq + std::fmt::Display>(
    flag: &'static str,
    given: Option<T>,
    deployed: Option<T>,
    file: &Path,
) -> Result<Option<T>, Error> {
    match (&given, &deployed) {
        (Some(one), Some(other)) if one != other => Err(Error::Usage(format!(
            "{flag} is {one}, and the deployment {} says {other}",
            file.display()
        ))),
        _ => Ok(deployed),
    }
}

fn address(place: &'static str, text: Option<&str>) -> Result<Address, Error> {
    let address = parse_address(text.ok_or(Error::Missing(place))?).map_err(value(place))?;
    if address.is_zero() {
        return Err(Error::Usage(format!("{place}: the zero address is nobody")));
    }
    Ok(address)
}

fn one_line(error: &toml::de::Error) -> String {
    error.message().lines().collect::<Vec<_>>().join(" ")
}
