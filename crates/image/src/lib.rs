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

mod config;
mod descriptor;
mod error;
mod facts;
mod groups;
mod index;
mod layer;
mod layer_error;
mod layering;
mod layout;
mod manifest;
/// OCI media types of images.
pub mod media;
mod packer;
mod registration;
mod runner;
mod tar;
mod tar_writer;

pub use config::{ImageConfig, RunConfig};
pub use descriptor::{Descriptor, MAX_BLOB_BYTES};
pub use error::ReadError;
pub use facts::{FACTS_FILE, Fact, Facts};
pub use index::{ImageIndex, IndexChild, MAX_CHILDREN};
pub use layer::Layer;
pub use layer_error::LayerError;
pub use layout::Layout;
pub use manifest::{
    CLOSURE_ANNOTATION, ImageManifest, MAX_CONFIG_BYTES, MAX_LAYERS, MAX_MANIFEST_BYTES,
};
pub use packer::{
    LAYERING, PACKER, PACKER_RUNNER, PackError, PackedImage, PackedPath, Packer, check_recipe,
};
pub use registration::{
    MAX_REGISTRATION_BYTES, Registered, parse_registration, registration_of_layer,
};
pub use runner::Runner;
