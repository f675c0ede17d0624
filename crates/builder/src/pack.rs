mod previous;

use std::{
    cmp::Reverse,
    collections::BTreeSet,
    fs::File,
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use seed_image::{
    Descriptor, ImageManifest, Layer, LayerError, Layout, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES,
    PackedPath, Packer,
};
use seed_nix::{Contents, StorePath};
use seed_primitives::{Compression, Digest, Recipe, System};

pub(crate) use previous::Previous;

use crate::{Error, disk::DiskFile, publish::blob_path, state};

/// The most layers compressed at once: an encoder takes some 50 MiB, and packing stays below 256 MiB.
const MAX_ENCODERS: usize = 4;

/// A packed image in a directory: `manifest.json`, `config.json`, and the layers below `blobs`.
#[derive(Clone, Debug)]
pub struct StoredImage {
    directory: PathBuf,
    pub(crate) manifest: Vec<u8>,
    pub(crate) config: Vec<u8>,
    pub(crate) layers: Vec<Descriptor>,
    pub(crate) closure: Digest,
}

impl StoredImage {
    /// The image digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
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
/// that the recipe names. Each file is read once, and a path that turns out not to be what `closure` says is refused.
///
/// # Errors
/// [`Error::Pack`] for what cannot be planned, [`Error::Audit`] for a path with other contents than on record, and
/// [`Error::File`] for one that cannot be read or changes meanwhile, and for a disk that is full.
pub fn pack(
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
    let layers = write_layers(&packer, |index| write_layer(&packer, index, &partial))?;
    let image = packer.finish(layers);
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

/// Calls `write` with the index of each layer of `packer`, on all cores, the largest first: what is begun last
/// should not keep one core busy while the others have nothing left. Returns the layers, lowest first.
///
/// At most four layers are compressed at once, because each takes an encoder of some 50 MiB; without one, as many
/// as there are cores.
///
/// # Errors
/// The first that `write` returns; no layer is begun after it.
pub fn write_layers<C: Contents + Sync, E: Send>(
    packer: &Packer<'_, C>,
    write: impl Fn(usize) -> Result<Layer, E> + Sync,
) -> Result<Vec<Layer>, E> {
    let mut order: Vec<usize> = (0..packer.layers()).collect();
    order.sort_by_key(|index| Reverse(packer.weight(*index)));
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let work = || {
        let mut done = Vec::new();
        while !failed.load(Ordering::Relaxed) {
            let Some(index) = order.get(next.fetch_add(1, Ordering::Relaxed)) else {
                break;
            };
            let layer = write(*index).inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
            done.push((*index, layer));
        }
        Ok(done)
    };
    let found: Result<Vec<_>, E> = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers(packer.compression()).min(order.len()))
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

/// How many layers are written at once: one a core; fewer where each needs an encoder.
fn workers(compression: Compression) -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    match compression {
        Compression::Tar => cores,
        Compression::TarZstd => cores.min(MAX_ENCODERS),
    }
}

/// Writes one layer, under its digest once that is known.
fn write_layer(
    packer: &Packer<'_, DiskFile>,
    index: usize,
    directory: &Path,
) -> Result<Layer, Error> {
    let path = directory.join(format!("blobs/partial-{index}"));
    // Without a buffer: a layer comes in pieces that are large enough.
    let mut file = File::create(&path).map_err(Error::file("write", &path))?;
    let layer = packer
        .write_layer(index, &mut file)
        .map_err(|error| refusal(error, &path))?;
    file.sync_all().map_err(Error::file("write", &path))?;
    state::rename(&path, &blob_path(directory, &layer.descriptor.digest))?;
    Ok(layer)
}

/// Who is at fault for a layer that could not be written: its file, or what should have gone into it.
fn refusal(error: LayerError, path: &Path) -> Error {
    match error {
        LayerError::Write(source) => Error::file("write", path)(source),
        LayerError::Read { name, source } => {
            Error::file("pack", Path::new(&format!("/{name}")))(source)
        }
        error @ (LayerError::Contents { .. } | LayerError::NoLayer(_)) => {
            Error::Audit(error.to_string())
        }
    }
}
