//! Which programs a build started, as the kernel tells it: taken beside the build, judged by the audit.

mod judge;
mod mounts;
mod record;
mod sightings;
mod watch;

pub use judge::{CensusVerdict, Explained, Explanation, judge};
pub(crate) use record::read_sightings;
pub use record::{Census, Origin, Program};
pub use watch::{WatchArgs, can_watch, watch};
