#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod closure;
mod fixed;
mod graph;
mod lock;
mod nar;
mod nar_framing;
mod nar_hasher;
mod nar_reader;
mod output_tree;
mod project;
mod purity;
mod scan;
mod source;
mod stream_digest;
mod tree;

pub use closure::{ClosureEntry, ClosureError, closure_digest};
pub use fixed::{FixedSource, SourceAddress, SourceOrigin, SourceRefusal};
pub use graph::{GraphError, GraphLoader, MAX_DERIVATION_BYTES, MAX_DERIVATIONS, Step};
pub use lock::{LockError, locked_inputs};
pub use nar::{NarHash, nar_hash, write_nar};
pub use nar_hasher::NarHasher;
pub use nar_reader::{NarError, NarVisitor, read_nar};
/// Nix's spelling of bytes, a content address, and a store path, as the pinned library defines them.
pub use nix_derivation::{CAHash, NixHash, StorePath, nixbase32};
pub use output_tree::{BuiltOutput, Comparison, OutputTree, Parting, TreeError, TreePeer};
pub use project::{Project, ProjectError};
pub use purity::Impurity;
pub use scan::{
    Finding, Format, Kind, Limit, Limits, MachineCode, Scan, read_packed, scan, unpacked,
};
pub use source::{SourceKind, content_matches, source_kind};
pub use stream_digest::StreamDigest;
pub use tree::{Contents, Node, copy_exactly};
