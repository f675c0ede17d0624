#![doc = include_str!("../README.md")]

mod cli;
mod commands;
pub mod decode;
mod fault;
pub mod federation;
mod output;
pub mod simulate;

pub use cli::run;
pub use fault::Fault;
