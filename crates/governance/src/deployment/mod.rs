//! Deploying the whole of it, the same way on every chain: two Safes, a timelock, rules, a ledger.

mod bytecode;
mod configuration;
mod fault;
mod inspect;
mod limits;
mod origin;
mod parameters;
mod plan;
mod rehearsal;
mod run;
mod sight;

pub use bytecode::{FACTORY, Published};
pub(crate) use configuration::federation_file;
pub use configuration::{configuration, regions};
pub use fault::DeployFault;
pub use inspect::Difference;
pub(crate) use inspect::{in_force, inspect};
pub use limits::{Unsafe, unsafe_parameters};
pub use parameters::Parameters;
pub(crate) use parameters::text;
pub use plan::{Plan, SafeSource, Step};
pub use rehearsal::{Rehearsal, Rehearsed};
pub use run::{Outcome, Request, StepReport, deploy};
pub(crate) use sight::Sight;
