#![doc = include_str!("../README.md")]

mod audit;
mod audit_command;
mod census;
mod cli;
mod closure;
mod condition;
mod config;
mod disk;
mod diverge;
mod doctor;
mod error;
mod genesis;
mod git;
mod git_tree;
mod journal;
mod key;
mod layers;
mod nix;
mod pack;
mod process;
mod progress;
mod provision;
mod publish;
mod rebuild;
mod run;
mod sbom;
mod state;

pub use audit::{
    AllowList, Allowed, AuditDiff, AuditDifference, AuditPolicy, AuditReport, AuditSubject,
    AuditedOutput, Driver, Grade, Leaf, LeafFinding, LeafOrigin, Verdict, audit,
};
pub use audit_command::{AuditArgs, AuditCommand, audit_diff, audit_path};
pub use census::{
    Census, CensusVerdict, Explained, Explanation, Origin, Program, WatchArgs, can_watch, judge,
    watch,
};
pub use cli::Cli;
pub use closure::closure_of;
pub use condition::{Condition, Fate};
pub use config::{CompressionChoice, Settings};
pub use disk::{DiskFile, read_tree};
pub use diverge::{Change, DivergeArgs, Divergence, DivergenceKind, FileChange, Packing, diverge};
pub use doctor::{Check, Patient, doctor};
pub use error::{Conflict, Difference, Error};
pub use genesis::{GenesisArgs, sign_genesis};
pub use git::{SourceTree, export};
pub use journal::Journal;
pub use key::Key;
pub use layers::{
    DepthRow, LayerRow, LayersArgs, PathRow, PathSize, Subject, Tables, mermaid, read_subject,
};
pub use nix::{
    ADVISORIES, Advisory, BuildOrder, Built, DriverFile, Nix, NixVersion, PathInfo, driver_files,
};
pub use pack::{StoredImage, pack, write_layers};
pub use provision::MissingSource;
pub use rebuild::compare_builds;
pub use run::{Outcome, Stage, SystemOutcome, run};
pub use sbom::Bill;
