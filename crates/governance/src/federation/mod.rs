//! The federation: who builds, what they may fail together with, and how many must agree.

mod bloc;
mod check;
mod compiled;
mod error;
mod file;

pub use bloc::{Bloc, blocs_of};
pub use check::{Finding, Severity, check};
pub use compiled::Compiled;
pub use error::FederationError;
pub use file::{Builder, Federation, Governance, MAX_FEDERATION_BYTES};
