use std::fmt;

use seed_primitives::Digest;
use serde::Serialize;

use super::side::Side;

/// How two images of the same outputs differ.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Packing {
    /// The first image.
    pub first: Digest,
    /// The second.
    pub second: Digest,
    /// Whether every layer unpacks to the same bytes in both, so that only the compressor made the difference.
    pub compression_only: bool,
    /// The positions of the layers whose blobs differ, from 0.
    pub layers: Vec<usize>,
    /// Whether the layers' unpacked bytes could be compared: both configurations were there.
    pub unpacked_known: bool,
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {}: ", self.first, self.second)?;
        if self.compression_only {
            return write!(f, "layers {:?} unpack to the same bytes", self.layers);
        }
        if !self.unpacked_known {
            return write!(
                f,
                "layers {:?} differ; what they unpack to is not known here",
                self.layers
            );
        }
        write!(f, "layers {:?} or the configuration differ", self.layers)
    }
}

/// How the images differ; `None` when they do not, or one is not known.
pub(super) fn compare(first: &Side, second: &Side) -> Option<Packing> {
    let (one, two) = (first.image.as_ref()?, second.image.as_ref()?);
    if one.digest == two.digest {
        return None;
    }
    let (left, right) = (&one.manifest.layers, &two.manifest.layers);
    let layers: Vec<usize> = (0..left.len().max(right.len()))
        .filter(|at| left.get(*at).map(|l| l.digest) != right.get(*at).map(|l| l.digest))
        .collect();
    let unpacked_known = one.diff_ids.is_some() && two.diff_ids.is_some();
    Some(Packing {
        first: one.digest,
        second: two.digest,
        compression_only: unpacked_known && one.diff_ids == two.diff_ids && !layers.is_empty(),
        layers,
        unpacked_known,
    })
}
