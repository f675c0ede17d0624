#![doc = include_str!("../README.md")]

mod ablation;
mod archive_lie;
mod blemish;
mod bundle_case;
mod bundle_lie;
mod bundles;
mod images;
mod journal;
mod lane;
mod oracle;
mod parts;
mod policy;
mod registry_lie;
mod release;
mod rows;
mod scenario;
mod seed;
mod subject;
mod voice;
mod words;
mod world;

pub use ablation::{ABLATIONS, Ablation, names, switch};
pub use blemish::Blemish;
pub use bundle_case::BundleCase;
pub use bundles::Bundles;
pub use images::{Images, SYSTEMS};
pub use journal::{Journal, Line, generation};
pub use lane::{Got, Lane, Truth};
pub use rows::{missed, rows_around, table};
pub use scenario::Scenario;
pub use seed::Seed;
pub use subject::Subject;
pub use words::{Word, Words};
pub use world::World;
