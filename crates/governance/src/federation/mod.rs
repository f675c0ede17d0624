//! The federation: who builds, what they may fail together with, and how many must agree.

mod bloc;
mod change;
mod check;
mod compiled;
mod error;
mod file;
mod plan;

pub use bloc::{Bloc, blocs_of};
pub use change::{difference, hostile_swap};
pub use check::{Finding, Severity, check};
pub use compiled::Compiled;
pub use error::FederationError;
pub use file::{Builder, Federation, Governance, MAX_FEDERATION_BYTES};
pub use plan::{Dependence, OwnerPlan, Plan, SystemPlan};
