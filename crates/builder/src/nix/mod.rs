//! Driving an installed Nix: which one, how it is shut in, what it is told and what it answers.

mod census;
mod driver;
mod path_info;
mod settings;
mod version;

pub use census::{DriverFile, driver_files};
pub use driver::{BuildOrder, Built, Nix};
pub(crate) use driver::{on_disk, read_derivation, split_store_path};
pub use path_info::PathInfo;
pub(crate) use path_info::parse_path_info;
pub use version::NixVersion;
