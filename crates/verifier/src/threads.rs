use std::{num::NonZero, thread::available_parallelism};

use tokio::runtime::{Builder, Runtime};

use crate::Fault;

/// The most layers read at a time, however many cores there are: each may take the memory of one zstd window.
const MOST: usize = 8;

/// How many layers are read at a time.
pub(crate) fn layers_at_once() -> usize {
    available_parallelism().map_or(1, NonZero::get).min(MOST)
}

/// Finishes a runtime: one thread, or with `deep` as many beside it as layers are read at a time. A verdict without
/// layers waits for others and computes next to nothing, so it is quicker alone.
pub(crate) fn runtime(
    deep: bool,
    enable: fn(&mut Builder) -> &mut Builder,
) -> Result<Runtime, Fault> {
    let threads = layers_at_once();
    let mut builder = match deep && threads > 1 {
        true => Builder::new_multi_thread(),
        false => Builder::new_current_thread(),
    };
    enable(builder.worker_threads(threads))
        .build()
        .map_err(|error| Fault::Internal(error.to_string()))
}
