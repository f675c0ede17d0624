use std::pin::pin;

use futures_util::{StreamExt as _, stream};
use seed_image::Descriptor;
use seed_oci::{Fault as Blame, Repository};
use seed_verdict::{LayerEvidence, RejectionCode};
use tokio::task::JoinSet;

use super::{Notes, Stop};
use crate::{
    Fault, LayerError,
    layer::{Encoding, LayerReader, MAX_TAR_BYTES, ReadLayer},
    threads::layers_at_once,
};

/// Reads every layer, once each, a few at a time; `None` as soon as one cannot be had. What is found out does not depend
/// on which is done first: they are judged in their order, and the first that is not good ends the rest.
///
/// With `together` they may unpack to no more than one layer may: they are those of a copy, which anybody can have made.
pub(super) async fn read(
    repository: &Repository,
    layers: &[Descriptor],
    together: bool,
    notes: &Notes,
) -> Result<Option<Vec<LayerEvidence>>, Stop> {
    let tasks = layers.iter().map(|descriptor| {
        // Ends its task when it is dropped.
        let mut task = JoinSet::new();
        task.spawn(read_one(repository.clone(), descriptor.clone()));
        async move { (descriptor, task.join_next().await) }
    });
    let mut tasks = pin!(stream::iter(tasks).buffered(layers_at_once()));
    let (mut left, mut evidence) = (MAX_TAR_BYTES, Vec::new());
    while let Some((descriptor, ended)) = tasks.next().await {
        let Some(Ok(read)) = ended else {
            let why = format!("reading layer {} ended early", descriptor.digest);
            return Err(Stop::Failed(Fault::Internal(why)));
        };
        let layer = match read {
            Ok(layer) => layer,
            Err(error) if error.fault() == Blame::WrongBytes => {
                return Err(Stop::rejected(RejectionCode::LayerMismatch, error));
            }
            Err(error) => {
                notes.add(error);
                return Ok(None);
            }
        };
        let mut error = layer.error;
        if together && error.is_none() {
            match left.checked_sub(layer.unpacked) {
                Some(rest) => left = rest,
                None => error = Some(LayerError::TooLarge(MAX_TAR_BYTES)),
            }
        }
        if let Some(error) = error {
            let why = format!("layer {}: {error}", descriptor.digest);
            return Err(Stop::rejected(RejectionCode::DiffIdMismatch, why));
        }
        evidence.push(layer.evidence);
    }
    Ok(Some(evidence))
}

/// Reads one layer and hashes it once as stored: the reader's digest is the one that is held against the descriptor.
async fn read_one(
    repository: Repository,
    descriptor: Descriptor,
) -> Result<ReadLayer, seed_oci::Error> {
    let (digest, size) = (&descriptor.digest, descriptor.size);
    let mut stream = repository
        .blob_stream(digest, size)
        .await?
        .hashed_by_caller();
    let mut reader = LayerReader::new(Encoding::of(&descriptor.media_type), MAX_TAR_BYTES);
    while let Some(chunk) = stream.chunk().await? {
        reader.push(&chunk);
    }
    let layer = reader.finish();
    stream.prove(layer.evidence.digest)?;
    Ok(layer)
}

#[cfg(test)]
mod tests {
    use seed_image::media;
    use seed_oci::{Options, Place};
    use seed_primitives::Digest;

    use super::*;

    /// A layout with plenty of layers, more than are read at a time, and what describes them.
    async fn layers(folder: &std::path::Path) -> (Repository, Vec<Descriptor>) {
        let place = Place::Layout(folder.join("layout"));
        let repository = Repository::create(&place, &Options::default()).unwrap();
        let mut descriptors = Vec::new();
        for number in 0..40_u32 {
            let tar: Vec<u8> = number.to_le_bytes().repeat(1_000 * number as usize);
            let blob = zstd::bulk::compress(&tar, 3).unwrap();
            descriptors.push(Descriptor::of(media::LAYER_TAR_ZSTD, &blob));
            repository.push_blob(blob).await.unwrap();
        }
        (repository, descriptors)
    }

    fn change(folder: &std::path::Path, layer: &Descriptor) {
        let blobs = folder.join("layout/blobs/sha256");
        let file = blobs.join(layer.digest.to_hex());
        let mut bytes = std::fs::read(&file).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(file, bytes).unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn layers_come_in_their_order_however_many_are_read_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let (repository, descriptors) = layers(folder.path()).await;
        for together in [false, true] {
            let notes = Notes::default();
            let read = read(&repository, &descriptors, together, &notes).await;
            let read = read.unwrap().unwrap();
            let stored = read.iter().map(|layer| (layer.digest, layer.size));
            let named = descriptors.iter().map(|layer| (layer.digest, layer.size));
            assert!(stored.eq(named));
            let tar = 39_u32.to_le_bytes().repeat(39_000);
            assert_eq!(read[39].diff_id, Digest::of(&tar));
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_first_layer_that_is_not_good_decides() {
        let folder = tempfile::tempdir().unwrap();
        let (repository, descriptors) = layers(folder.path()).await;
        let absent = Descriptor::of(media::LAYER_TAR_ZSTD, b"absent");
        let mut missing_first = descriptors.clone();
        missing_first[20] = absent.clone();
        let mut wrong_first = descriptors.clone();
        wrong_first[30] = absent;
        change(folder.path(), &descriptors[25]);
        for _ in 0..20 {
            let notes = Notes::default();
            let found = read(&repository, &missing_first, false, &notes).await;
            assert_eq!(found, Ok(None));
            assert_eq!(notes.into_lines().len(), 1);
            let notes = Notes::default();
            let found = read(&repository, &wrong_first, false, &notes).await;
            let Err(Stop::Rejected(rejection)) = found else {
                panic!("{found:?}");
            };
            assert_eq!(rejection.code, RejectionCode::LayerMismatch);
            assert!(notes.into_lines().is_empty());
        }
    }
}
