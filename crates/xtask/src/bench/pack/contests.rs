use std::{
    fs,
    hint::black_box,
    io::{self, Write as _},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use eyre::{ensure, eyre};
use seed_builder::{DiskFile, pack, write_layers};
use seed_image::{Layer, LayerError, Packer};
use seed_nix::Contents;
use seed_primitives::Compression;
use sha2::{Digest as _, Sha256};

use crate::{
    closure::{Closure, recipe, system},
    contest::{Comparison, Rounds},
};

const ROUNDS: Rounds = Rounds {
    rounds: 15,
    calls: 1,
    reference_calls: 1,
};
const FEW_ROUNDS: Rounds = Rounds {
    rounds: 5,
    ..ROUNDS
};
const PATHS: usize = 200;
/// The encoder is slow: fewer paths are enough.
const COMPRESSED_PATHS: usize = 40;
/// What the reference hashes, again and again.
const BUFFER: usize = 64 << 20;
/// The pieces in which the packer feeds its encoder.
const PIECE: usize = 128 << 10;

/// Every figure, and the one that must not be above the gate: packing from files, all cores.
pub(crate) struct Contests {
    pub(crate) comparisons: Vec<Comparison>,
    pub(crate) gated: f64,
    pub(crate) cores: usize,
    pub(crate) hashed: u64,
}

pub(crate) fn run(folder: &Path) -> eyre::Result<Contests> {
    let memory = Closure::make(PATHS)?;
    memory.write(folder)?;
    let files = Closure::open(folder)?;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let layers = all_cores(&memory.packer(Compression::Tar)?)?;
    let tar: u64 = layers.iter().map(|layer| layer.descriptor.size).sum();
    let hashed = tar + memory.nar_bytes();
    let buffer = vec![0x5a; BUFFER];
    let hashing = format!("SHA-256 of {} MiB", hashed >> 20);
    let on_one = format!("{hashing}, one core");
    let on_all = format!("{hashing}, all cores");
    let plain = memory.packer(Compression::Tar)?;
    let from_files = files.packer(Compression::Tar)?;
    let sha256 = |cores| sha256(&buffer, hashed, cores);
    let gated = Comparison::run(
        ["tar, from files, all cores", &on_all],
        ROUNDS,
        || all_cores(&from_files).map(drop),
        || sha256(cores),
    )?;
    Ok(Contests {
        gated: gated.ratio,
        cores,
        hashed,
        comparisons: vec![
            gated,
            Comparison::run(
                ["tar, from memory, all cores", &on_all],
                ROUNDS,
                || all_cores(&plain).map(drop),
                || sha256(cores),
            )?,
            Comparison::run(
                ["tar, from memory, one core", &on_one],
                ROUNDS,
                || one_core(&plain),
                || sha256(1),
            )?,
            Comparison::run(
                ["tar, from files to synced files", &on_all],
                FEW_ROUNDS,
                || to_files(&files, Compression::Tar, folder),
                || sha256(cores),
            )?,
            beside_the_encoder(&Closure::make(COMPRESSED_PATHS)?)?,
        ],
    })
}

/// The packer with its hashes beside its encoder alone, over the same tars and as many at once.
fn beside_the_encoder(closure: &Closure<Vec<u8>>) -> eyre::Result<Comparison> {
    let plain = closure.packer(Compression::Tar)?;
    let compressed = closure.packer(Compression::TarZstd)?;
    let tars = (0..plain.layers())
        .map(|index| {
            let mut tar = Vec::new();
            plain.write_layer(index, &mut tar)?;
            Ok(tar)
        })
        .collect::<Result<Vec<_>, LayerError>>()?;
    let packed = all_cores(&compressed)?;
    let encode_all = || {
        write_layers(&compressed, |index| {
            let (tar, layer) = tars
                .get(index)
                .zip(packed.get(index))
                .ok_or_else(|| eyre!("no layer {index}"))?;
            // Another size would mean that this is another encoder.
            ensure!(encode(tar)? == layer.descriptor.size, "encoded otherwise");
            Ok(layer.clone())
        })
        .map(drop)
    };
    let size: usize = tars.iter().map(Vec::len).sum();
    Comparison::run(
        [
            "tar+zstd, from memory, all cores",
            &format!("the encoder alone, {} MiB, all cores", size >> 20),
        ],
        FEW_ROUNDS,
        || all_cores(&compressed).map(drop),
        encode_all,
    )
}

/// The settings of docs/image.md, "Compression". Returns how many bytes come out.
fn encode(tar: &[u8]) -> eyre::Result<u64> {
    let mut encoder = zstd::Encoder::new(Count(0), 9)?;
    encoder.window_log(23)?;
    encoder.long_distance_matching(false)?;
    encoder.include_checksum(true)?;
    encoder.include_contentsize(true)?;
    encoder.include_dictid(false)?;
    encoder.set_pledged_src_size(Some(tar.len() as u64))?;
    tar.chunks(PIECE)
        .try_for_each(|piece| encoder.write_all(piece))?;
    Ok(encoder.finish()?.0)
}

struct Count(u64);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn all_cores<C: Contents + Sync>(packer: &Packer<'_, C>) -> eyre::Result<Vec<Layer>> {
    let layers = write_layers(packer, |index| packer.write_layer(index, &mut io::sink()))?;
    Ok(black_box(packer.finish(layers)).layers)
}

fn one_core<C: Contents>(packer: &Packer<'_, C>) -> eyre::Result<()> {
    let layers = (0..packer.layers())
        .map(|index| packer.write_layer(index, &mut io::sink()))
        .collect::<Result<Vec<_>, _>>()?;
    black_box(packer.finish(layers));
    Ok(())
}

/// As the builder does it, and the image removed again.
pub(crate) fn to_files(
    closure: &Closure<DiskFile>,
    compression: Compression,
    folder: &Path,
) -> eyre::Result<()> {
    let image = folder.join("image");
    let applications = closure.applications();
    let recipe = recipe(compression)?;
    black_box(pack(
        &closure.0,
        &applications,
        &recipe,
        &system()?,
        None,
        &image,
    )?);
    fs::remove_dir_all(image)?;
    Ok(())
}

/// Hashes `bytes` bytes on `cores` cores, each its share of them piece by piece.
fn sha256(buffer: &[u8], bytes: u64, cores: usize) -> eyre::Result<()> {
    let left = AtomicU64::new(bytes);
    let work = || {
        // Pieces that are small beside the whole, so that all cores end together.
        for piece in buffer.chunks(4 << 20).cycle() {
            let before = left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    Some(left.saturating_sub(piece.len() as u64))
                })
                .unwrap_or(0);
            let size = usize::try_from(before)
                .unwrap_or(usize::MAX)
                .min(piece.len());
            if size == 0 {
                return;
            }
            black_box(Sha256::digest(black_box(&piece[..size])));
        }
    };
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    Ok(())
}
