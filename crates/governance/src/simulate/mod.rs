//! A change run on a local EVM over proven state, and everything it would change.

mod approval;
mod change;
mod events;
mod expected;
mod halt;
mod live;
mod machine;
mod outcome;
mod place;
mod reason;
/// Outcomes as text and as JSON.
pub mod report;
mod run;
mod state;
mod words;

pub use change::{Change, Field};
pub use halt::Halt;
pub use live::{BlockChoice, Live, LiveError};
pub use outcome::{Objection, Outcome, Step};
pub use place::Place;
pub use run::Plan;
pub use state::{AccountProof, Need, Snapshot, State, StateError};

pub(crate) use machine::Machine;
pub(crate) use place::{SENTINEL, mapping, timestamp};
