#![doc = include_str!("../README.md")]

mod archive;
mod blob;
mod credentials;
mod descriptor;
mod error;
mod host;
mod layout;
mod limits;
mod manifest;
mod name;
mod options;
mod reference;
mod referrers;
mod registry;
mod repository;
mod text;

pub use archive::{ArchiveFault, ArchiveIndex};
pub use blob::BlobStream;
pub use credentials::{Credentials, Login};
pub use descriptor::Descriptor;
pub use error::{Error, Fault};
pub use host::Host;
pub use layout::Layout;
pub use limits::{MAX_MANIFEST, MAX_REFERRERS, MAX_STATEMENT, MAX_TAGS};
pub use manifest::Manifest;
pub use name::{RepositoryName, Tag};
pub use options::Options;
pub use reference::{Place, Pointer, Reference};
pub use referrers::Referrers;
pub use registry::Registry;
pub use repository::{Repository, TagList};
