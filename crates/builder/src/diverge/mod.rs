//! Where two builders part: the first derivation whose outputs differ, and the difference of the bytes.

mod bytes;
mod diffoscope;
mod image;
mod side;

use std::path::PathBuf;

use alloy_primitives::Address;
use clap::Args;
use seed_nix::{BuiltOutput, Parting};
use seed_primitives::{BuilderId, Digest, System, parse_address};
use serde::Serialize;

use crate::{Error, audit::AuditedOutput};
pub use bytes::{Change, FileChange};
pub use image::Packing;
use side::Side;

/// What `diverge` is told.
#[derive(Args, Clone, Debug)]
pub struct DivergeArgs {
    /// The one builder's build: a directory STATE/releases/…/SYSTEM, an audit report, or its published evidence
    /// by digest (PLACE@sha256:…)
    #[arg(value_name = "BUILD")]
    pub first: String,
    /// The other's
    #[arg(value_name = "BUILD")]
    pub second: String,
    /// The system, where evidence holds several
    #[arg(long, value_name = "SYSTEM")]
    pub system: Option<System>,
    /// Chain id of the ledger, to check who signed published evidence
    #[arg(long, value_name = "NUMBER", requires = "ledger")]
    pub chain_id: Option<u64>,
    /// Address of the release ledger, to check who signed published evidence
    #[arg(long, value_name = "ADDRESS", requires = "chain_id")]
    pub ledger: Option<String>,
    /// The first builder's store (the directory above nix/store), where it is not beside the report
    #[arg(long, value_name = "DIR")]
    pub first_store: Option<PathBuf>,
    /// The second builder's store
    #[arg(long, value_name = "DIR")]
    pub second_store: Option<PathBuf>,
    /// The program that explains differing files [default: diffoscope from PATH, where it is]
    #[arg(long, value_name = "PROGRAM")]
    pub diffoscope: Option<PathBuf>,
}

/// What kind of difference two builds have, the deepest one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DivergenceKind {
    /// None.
    Same,
    /// The same bytes, compressed differently: layers that unpack to the same tar, or files that unpack to the
    /// same contents.
    Compression,
    /// The same outputs in differently made layers or with another configuration.
    Packing,
    /// Outputs of one derivation hold other bytes.
    Content,
    /// The two sides did not build the same derivations.
    Derivations,
}

/// The result of a comparison.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Divergence {
    /// The kind of difference.
    pub kind: DivergenceKind,
    /// Who signed the first side; absent where nothing signed was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_builder: Option<BuilderId>,
    /// Who signed the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_builder: Option<BuilderId>,
    /// How many outputs the first side has.
    pub outputs: usize,
    /// How many hashes had to be exchanged.
    pub exchanged: u32,
    /// The first output in build order that differs, on the first side; everything before it is the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<AuditedOutput>,
    /// The same on the second side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second: Option<AuditedOutput>,
    /// The files that differ, where both stores were there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<FileChange>>,
    /// What diffoscope says of them, where it was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explained: Option<String>,
    /// How the images differ, where the outputs do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packing: Option<Packing>,
}

/// Compares two builders' builds.
///
/// # Errors
/// When a side cannot be read or is not signed by whom it claims, or a store does not hold what its report
/// says.
pub async fn diverge(args: &DivergeArgs) -> Result<Divergence, Error> {
    let ledger = match (&args.chain_id, &args.ledger) {
        (Some(chain), Some(text)) => Some((*chain, address(text)?)),
        _ => None,
    };
    let open = async |text: &str, store: Option<&PathBuf>| -> Result<Side, Error> {
        let mut side = Side::open(text, args.system.as_ref(), ledger).await?;
        side.store = store.cloned().or(side.store);
        Ok(side)
    };
    let first = open(&args.first, args.first_store.as_ref()).await?;
    let second = open(&args.second, args.second_store.as_ref()).await?;
    if first.report.system != second.report.system {
        return Err(Error::Usage(format!(
            "the one side is for {}, the other for {}",
            first.report.system, second.report.system
        )));
    }
    let tree = first.report.tree()?;
    let compared = tree
        .compare(&mut second.report.tree()?)
        .map_err(|error| Error::Usage(error.to_string()))?;
    let mut result = Divergence {
        kind: DivergenceKind::Same,
        first_builder: first.builder,
        second_builder: second.builder,
        outputs: tree.outputs().len(),
        exchanged: compared.exchanged,
        first: None,
        second: None,
        files: None,
        explained: None,
        packing: None,
    };
    match compared.parting {
        Some(parting) => content(&mut result, args, &first, &second, &parting).await?,
        None => {
            result.packing = image::compare(&first, &second);
            result.kind = match &result.packing {
                None => DivergenceKind::Same,
                Some(packing) if packing.compression_only => DivergenceKind::Compression,
                Some(_) => DivergenceKind::Packing,
            };
        }
    }
    Ok(result)
}

/// Explains the first output that differs.
async fn content(
    result: &mut Divergence,
    args: &DivergeArgs,
    first: &Side,
    second: &Side,
    parting: &Parting,
) -> Result<(), Error> {
    let shown = |output: &Option<BuiltOutput>| output.as_ref().map(AuditedOutput::of);
    (result.first, result.second) = (shown(&parting.ours), shown(&parting.theirs));
    let (Some(ours), Some(theirs)) = (&parting.ours, &parting.theirs) else {
        result.kind = DivergenceKind::Derivations;
        return Ok(());
    };
    if (&ours.derivation, &ours.name, &ours.path)
        != (&theirs.derivation, &theirs.name, &theirs.path)
    {
        result.kind = DivergenceKind::Derivations;
        return Ok(());
    }
    result.kind = DivergenceKind::Content;
    let (Some(one), Some(two)) = (first.output(ours)?, second.output(theirs)?) else {
        return Ok(());
    };
    let files = bytes::compare(&one.1, &two.1)?;
    if !files.is_empty() && files.iter().all(FileChange::is_compression_only) {
        result.kind = DivergenceKind::Compression;
    }
    result.files = Some(files);
    result.explained = diffoscope::explain(args.diffoscope.as_deref(), &one.0, &two.0).await?;
    Ok(())
}

fn address(text: &str) -> Result<Address, Error> {
    parse_address(text).map_err(|error| Error::Value {
        place: "--ledger".to_owned(),
        error,
    })
}

/// How many files are listed in the text.
const LISTED: usize = 20;

impl Divergence {
    /// The result for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let said = match self.kind {
            DivergenceKind::Same => "nothing differs",
            DivergenceKind::Compression => "the same bytes, compressed differently",
            DivergenceKind::Packing => "the same outputs, packed differently",
            DivergenceKind::Content => "an output holds other bytes",
            DivergenceKind::Derivations => "not the same derivations were built",
        };
        let mut lines = vec![format!("result      {said}")];
        for (label, builder) in [
            ("first by    ", &self.first_builder),
            ("second by   ", &self.second_builder),
        ] {
            lines.extend(builder.iter().map(|builder| format!("{label}{builder}")));
        }
        lines.push(format!(
            "compared    {} outputs, {} hashes exchanged",
            self.outputs, self.exchanged
        ));
        for (label, output) in [
            ("first       ", &self.first),
            ("second      ", &self.second),
        ] {
            lines.extend(output.iter().map(|output| describe(label, output)));
        }
        if let Some(files) = &self.files {
            lines.extend(
                files
                    .iter()
                    .take(LISTED)
                    .map(|file| format!("file        {file}")),
            );
            if files.len() > LISTED {
                lines.push(format!("file        and {} more", files.len() - LISTED));
            }
        }
        lines.extend(
            self.packing
                .iter()
                .map(|packing| format!("images      {packing}")),
        );
        lines.extend(self.explained.iter().cloned());
        lines.join("\n")
    }
}

fn describe(label: &str, output: &AuditedOutput) -> String {
    let AuditedOutput {
        derivation,
        name,
        path,
        nar_hash,
        nar_size,
    } = output;
    format!("{label}{derivation} output {name}, {path}: {nar_hash}, {nar_size} bytes")
}

/// Refuses a store path that does not hold what a report says of it.
fn refuse_other(path: &seed_nix::StorePath, actual: &Digest, said: &Digest) -> Error {
    Error::Audit(format!(
        "{path} hashes to {actual} in the store, and {said} in the report"
    ))
}
