#![doc = include_str!("../README.md")]

mod ablation;
mod blemish;
mod images;
mod journal;
mod lane;
mod oracle;
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
pub use images::{Images, SYSTEMS};
pub use journal::{Journal, Line};
pub use lane::{Got, Lane, Truth};
pub use rows::table;
pub use scenario::Scenario;
pub use seed::Seed;
pub use subject::Subject;
pub use words::{Word, Words};
pub use world::World;
