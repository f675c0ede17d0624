#![doc = include_str!("../README.md")]

mod cli;
pub mod code;
mod commands;
pub mod decode;
pub mod deployment;
mod fault;
pub mod federation;
pub mod operation;
mod output;
pub mod providers;
pub mod safe;
pub mod signer;
pub mod simulate;

pub use cli::run;
pub use fault::Fault;
