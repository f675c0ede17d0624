//! Driving an installed Nix: which one, how it is shut in, what it is told and what it answers.

mod advisory;
mod driver;
mod driver_file;
mod order;
mod path_info;
mod plain_path;
mod settings;
mod store;
mod version;

pub use advisory::{ADVISORIES, Advisory};
pub use driver::Nix;
pub use driver_file::{DriverFile, driver_files};
pub use order::{BuildOrder, Built};
pub use path_info::PathInfo;
pub(crate) use path_info::parse_path_info;
pub(crate) use store::{on_disk, read_derivation, split_store_path};
pub use version::NixVersion;
