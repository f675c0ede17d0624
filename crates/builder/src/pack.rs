mod previous;

use std::{
    collections::BTreeSet,
    fs::File,
    io::BufWriter,
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use seed_image::{
    Descriptor, ImageManifest, Layer, Layout, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, PackedPath,
    Packer,
};
use seed_nix::StorePath;
use seed_primitives::{Digest, Recipe, System};

pub(crate) use previous::Previous;

use crate::{Error, disk::DiskFile, publish::blob_path, state};

/// The most layers written at once: an encoder takes some 50 MiB, and packing stays below 256 MiB.
const MAX_WORKERS: usize = 4;

/// A packed image in a directory: `manifest.json`, `config.json`, and the layers below `blobs`.
#[derive(Clone, Debug)]
pub(crate) struct StoredImage {
    directory: PathBuf,
    pub(crate) manifest: Vec<u8>,
    pub(crate) config: Vec<u8>,
    pub(crate) layers: Vec<Descriptor>,
    pub(crate) closure: Digest,
}

impl StoredImage {
    /// The image digest.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }

    /// The file with a layer.
    pub(crate) fn blob(&self, digest: &Digest) -> PathBuf {
        blob_path(&self.directory, digest)
    }

    /// The image at `directory`, or `None` where none was finished.
    pub(crate) fn load(directory: &Path) -> Result<Option<Self>, Error> {
        let file = directory.join("manifest.json");
        let Some(manifest) = state::read_if_there(&file, MAX_MANIFEST_BYTES as u64)? else {
            return Ok(None);
        };
        let bad = |reason: &str| Error::Config {
            path: file.clone(),
            reason: reason.to_owned(),
        };
        let parsed = ImageManifest::parse(&manifest).map_err(|error| bad(&error.to_string()))?;
        let config = state::read(&directory.join("config.json"), MAX_CONFIG_BYTES as u64)?;
        if parsed.config.digest != Digest::of(&config) {
            return Err(bad("the config beside it is another one"));
        }
        let closure = parsed.closure.ok_or_else(|| bad("it names no closure"))?;
        Ok(Some(Self {
            directory: directory.to_owned(),
            manifest,
            config,
            layers: parsed.layers,
            closure,
        }))
    }
}

/// Packs `closure` into `directory`, which appears whole or not at all; `previous` is the layout of the image
/// that the recipe names.
pub(crate) fn pack(
    closure: &[PackedPath<DiskFile>],
    applications: &BTreeSet<StorePath>,
    recipe: &Recipe,
    system: &System,
    previous: Option<&Layout>,
    directory: &Path,
) -> Result<StoredImage, Error> {
    let packer = Packer::new(closure, applications, recipe, system, previous)?;
    let partial = directory.with_extension("partial");
    state::remove_tree(&partial)?;
    state::create_directory(&partial.join("blobs"))?;
    let image = packer.finish(write_layers(&packer, &partial)?);
    state::write(&partial.join("config.json"), &image.config)?;
    state::write(&partial.join("manifest.json"), &image.manifest)?;
    state::remove_tree(directory)?;
    state::rename(&partial, directory)?;
    let lost = || {
        Error::Usage(format!(
            "{} vanished while it was written",
            directory.display()
        ))
    };
    StoredImage::load(directory)?.ok_or_else(lost)
}

/// Writes all layers below `directory`, several at a time.
fn write_layers(packer: &Packer<'_, DiskFile>, directory: &Path) -> Result<Vec<Layer>, Error> {
    let count = packer.layers();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return Ok(done);
            }
            done.push((index, write_layer(packer, index, directory)?));
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let found: Result<Vec<_>, Error> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores.min(MAX_WORKERS).min(count))
            .map(|_| scope.spawn(work))
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    });
    let mut layers: Vec<(usize, Layer)> = found?.concat();
    layers.sort_by_key(|(index, _)| *index);
    Ok(layers.into_iter().map(|(_, layer)| layer).collect())
}

/// Writes one layer, under its digest once that is known.
fn write_layer(
    packer: &Packer<'_, DiskFile>,
    index: usize,
    directory: &Path,
) -> Result<Layer, Error> {
    let path = directory.join(format!("blobs/partial-{index}"));
    let file = File::create(&path).map_err(Error::file("write", &path))?;
    let mut out = BufWriter::new(file);
    let layer = packer
        .write_layer(index, &mut out)
        .map_err(Error::file("write", &path))?;
    out.get_ref()
        .sync_all()
        .map_err(Error::file("write", &path))?;
    state::rename(&path, &blob_path(directory, &layer.descriptor.digest))?;
    Ok(layer)
}
