//! What is known about providers of continuous integration and compute, and what a builder inherits from its own.

mod finding;
mod provider;
mod registry;

pub use finding::{inherited, outdated};
pub use provider::{Fact, Kind, Provider};
pub use registry::{Providers, ProvidersError};
