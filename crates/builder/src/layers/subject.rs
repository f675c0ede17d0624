use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use clap::Args;
use seed_image::{
    Descriptor, ImageConfig, ImageIndex, ImageManifest, Layout, MAX_CONFIG_BYTES, ReadError,
    Registered, registration_of_layer,
};
use seed_nix::StorePath;
use seed_oci::{Reference, Repository};
use seed_primitives::{Digest, System};

use crate::{Error, Nix, nix::split_store_path, publish, state};

/// The most bytes of a compressed database layer that are fetched.
const MAX_DATABASE_BYTES: u64 = 64 << 20;

/// What `layers` and `graph` are told.
#[derive(Args, Clone, Debug)]
pub struct LayersArgs {
    /// An image (HOST/REPOSITORY@sha256:…, oci:DIR…) or a built path on disk (…/nix/store/…-seed)
    #[arg(value_name = "IMAGE|PATH")]
    pub subject: String,
    /// The system, where the image is an index of several
    #[arg(long, value_name = "SYSTEM")]
    pub system: Option<System>,
    /// The Nix whose store a built path is in
    #[arg(long, value_name = "PROGRAM", default_value = "nix")]
    pub nix: PathBuf,
    /// How many of the largest paths to name
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    pub paths: usize,
}

/// A path's size and what it refers to, itself left out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PathSize {
    /// Bytes of its NAR serialisation.
    pub size: u64,
    /// The other paths it refers to.
    pub references: BTreeSet<StorePath>,
}

/// A closure, and the image it lies in where it is one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subject {
    /// The paths.
    pub paths: BTreeMap<StorePath, PathSize>,
    /// The image's digest, layers and what lies in each; `None` for a closure in a store.
    pub image: Option<(Digest, Vec<Descriptor>, Layout)>,
}

/// Reads what `args` name: an image through its config and its top layer only, or a path in a store on disk
/// through its Nix database.
///
/// # Errors
/// When there is no such thing, or it is no image of this project's packers: their config tells which paths
/// lie in which layer, and their last layer tells sizes and references.
pub async fn read_subject(args: &LayersArgs) -> Result<Subject, Error> {
    let path = Path::new(&args.subject);
    if path.symlink_metadata().is_ok() {
        return of_store(path, args).await;
    }
    let reference: Reference = args.subject.parse().map_err(|error| Error::Value {
        place: "IMAGE".to_owned(),
        error,
    })?;
    let repository = publish::open_existing(&reference.place)?;
    let top = repository.resolve(&reference.pointer).await?;
    match ImageIndex::parse(top.bytes()) {
        Ok(index) => {
            let child = choose(&index, args.system.as_ref())?;
            of_image(&repository, repository.manifest(&child).await?.bytes()).await
        }
        Err(_) => of_image(&repository, top.bytes()).await,
    }
}

fn choose(index: &ImageIndex, system: Option<&System>) -> Result<Digest, Error> {
    let found = |child: &&seed_image::IndexChild| match system {
        Some(system) => child.system().as_ref() == Some(system),
        None => index.children.len() == 1,
    };
    let systems: Vec<String> = index
        .children
        .iter()
        .filter_map(|child| Some(child.system()?.to_string()))
        .collect();
    let chosen = index.children.iter().find(found).ok_or_else(|| {
        Error::Usage(format!(
            "--system: the index holds images for {}; choose one of them",
            systems.join(", ")
        ))
    })?;
    Ok(chosen.manifest.digest)
}

async fn of_image(repository: &Repository, manifest: &[u8]) -> Result<Subject, Error> {
    let digest = Digest::of(manifest);
    let foreign = |error: ReadError| Error::Usage(format!("{digest} cannot be shown: {error}"));
    let manifest = ImageManifest::parse(manifest).map_err(foreign)?;
    let config = repository
        .blob(&manifest.config.digest, MAX_CONFIG_BYTES as u64)
        .await?;
    let layout = Layout::of_config(&config).map_err(foreign)?;
    let layers = ImageConfig::parse(&config).map_err(foreign)?.diff_ids.len();
    if manifest.layers.len() != layers {
        let why = format!(
            "{digest} cannot be shown: its config tells of {layers} layers, its manifest of {}",
            manifest.layers.len()
        );
        return Err(Error::Usage(why));
    }
    // The lowest layer without store paths is the database's; a runner's may lie above it.
    let mut pairs = manifest.layers.iter().zip(layout.layers());
    let Some((blob, _)) = pairs.find(|(_, paths)| paths.is_empty()) else {
        let why = format!("{digest} cannot be shown: it has no layer for the database");
        return Err(Error::Usage(why));
    };
    let database = repository
        .blob(&blob.digest, MAX_DATABASE_BYTES.min(blob.size))
        .await?;
    let registered = registration_of_layer(&blob.media_type, &database[..]).map_err(foreign)?;
    let laid: BTreeSet<&StorePath> = layout.layers().iter().flatten().collect();
    if !laid.into_iter().eq(registered.keys()) {
        let why = format!("{digest} cannot be shown: its layers and its database hold other paths");
        return Err(Error::Usage(why));
    }
    Ok(Subject {
        paths: registered
            .into_iter()
            .map(|(path, Registered { nar, references })| {
                let size = path_size(&path, nar.size, references);
                (path, size)
            })
            .collect(),
        image: Some((digest, manifest.layers, layout)),
    })
}

async fn of_store(path: &Path, args: &LayersArgs) -> Result<Subject, Error> {
    // The path itself may be a link in the store: only what is above it is resolved.
    let above = state::parent(path)
        .canonicalize()
        .map_err(Error::file("read", path))?;
    let (store, root) = split_store_path(&above.join(path.file_name().unwrap_or_default()))?;
    let work = tempfile::tempdir().map_err(Error::file("create", &std::env::temp_dir()))?;
    let nix = Nix::find(&args.nix, work.path()).await?;
    let system = args.system.clone().unwrap_or(host_system()?);
    nix.configure(&system, 1).await?;
    let infos = nix.path_info(&store).await?;
    let mut paths = BTreeMap::new();
    let mut todo = vec![root];
    while let Some(path) = todo.pop() {
        if paths.contains_key(&path) {
            continue;
        }
        let info = infos.get(&path).ok_or_else(|| {
            Error::Usage(format!(
                "{path} is not registered in the store {}",
                store.display()
            ))
        })?;
        let size = path_size(&path, info.nar.size, info.references.clone());
        todo.extend(size.references.iter().cloned());
        paths.insert(path, size);
    }
    Ok(Subject { paths, image: None })
}

/// Only names the machine's settings to Nix; nothing is built.
fn host_system() -> Result<System, Error> {
    format!("{}-linux", std::env::consts::ARCH)
        .parse()
        .map_err(|error| Error::Value {
            place: "--system".to_owned(),
            error,
        })
}

fn path_size(path: &StorePath, size: u64, mut references: BTreeSet<StorePath>) -> PathSize {
    references.remove(path);
    PathSize { size, references }
}
