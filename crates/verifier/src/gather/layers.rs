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
