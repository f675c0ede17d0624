use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use seed_primitives::{Digest, System};

use crate::{
    AuditDiff, AuditPolicy, AuditReport, AuditSubject, Census, Error, Nix,
    audit::{audit, load_graph},
    judge,
    nix::{driver_files, on_disk, split_store_path},
    state,
};

/// What `audit` is told.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct AuditArgs {
    /// What to do instead of auditing a path
    #[command(subcommand)]
    pub command: Option<AuditCommand>,
    /// A built path on disk, such as STATE/releases/…/store/nix/store/…-seed
    #[arg(value_name = "PATH", required = true)]
    pub path: Option<PathBuf>,
    /// The Nix whose store it is [default: nix from PATH]
    #[arg(long, value_name = "PROGRAM", default_value = "nix")]
    pub nix: PathBuf,
    /// Digest of a binary that may stand at the beginning; may be given several times
    #[arg(long, value_name = "DIGEST")]
    pub allow_seed: Vec<Digest>,
    /// Digest of something among the sources that is held to do nothing; may be given several times
    #[arg(long, value_name = "DIGEST")]
    pub allow_inert: Vec<Digest>,
    /// List of what may be accepted, with reasons
    #[arg(long, value_name = "FILE", requires = "allow_list_digest")]
    pub allow_list: Option<PathBuf>,
    /// The digest that list must have
    #[arg(long, value_name = "DIGEST", requires = "allow_list")]
    pub allow_list_digest: Option<Digest>,
    /// How many bytes of sources may be neither text nor known
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub max_opaque_bytes: u64,
    /// What was started during the build, as `run --census` left it: each program must be explained by the audit
    #[arg(long, value_name = "FILE")]
    pub census: Option<PathBuf>,
    /// The system the path is for
    #[arg(long, value_name = "SYSTEM", default_value = "x86_64-linux")]
    pub system: System,
}

/// What `audit` can do besides.
#[derive(Clone, Debug, Subcommand)]
pub enum AuditCommand {
    /// Compare two builders' reports on one release
    Diff {
        /// The one report
        #[arg(value_name = "REPORT")]
        first: PathBuf,
        /// The other
        #[arg(value_name = "REPORT")]
        second: PathBuf,
    },
}

/// Compares two reports.
///
/// # Errors
/// When one of them cannot be read or is none.
pub fn audit_diff(first: &Path, second: &Path) -> Result<AuditDiff, Error> {
    Ok(AuditDiff::between(
        &read_report(first)?,
        &read_report(second)?,
    ))
}

fn read_report(path: &Path) -> Result<AuditReport, Error> {
    let bytes = state::read(path, AuditReport::MAX_BYTES)?;
    AuditReport::from_json(&bytes)
        .map_err(|error| Error::Usage(format!("{}: {error}", path.display())))
}

/// Audits a path in a store on disk.
///
/// # Errors
/// When the path is not in a store, or something cannot be read. What the audit finds is in the report.
pub async fn audit_path(args: &AuditArgs) -> Result<AuditReport, Error> {
    let given = args.path.as_deref().ok_or(Error::Missing("the path"))?;
    // The path itself may be a link in the store: only what is above it is resolved.
    std::fs::symlink_metadata(given).map_err(Error::file("read", given))?;
    let above = state::parent(given)
        .canonicalize()
        .map_err(Error::file("read", given))?;
    let path = above.join(given.file_name().unwrap_or_default());
    let (store, path) = split_store_path(&path)?;
    std::fs::symlink_metadata(on_disk(&store, &path))
        .map_err(Error::file("read", &on_disk(&store, &path)))?;
    let census = args.census.as_deref().map(Census::read).transpose()?;
    let work = tempfile::tempdir().map_err(Error::file("create", &std::env::temp_dir()))?;
    let nix = Nix::find(&args.nix, work.path()).await?;
    nix.configure(&args.system, 1).await?;
    let infos = nix.path_info(&store).await?;
    let derivation = match infos.get(&path).map(|info| &info.deriver) {
        Some(Some(deriver)) => deriver.clone(),
        Some(None) => {
            return Err(Error::Audit(format!(
                "{path} was not built: no derivation is known for it"
            )));
        }
        None => {
            return Err(Error::Audit(format!(
                "{path} is not registered in the store {}",
                store.display()
            )));
        }
    };
    let subject = AuditSubject {
        store: &store,
        derivation,
        roots: BTreeSet::from([path]),
        infos: &infos,
        system: args.system.clone(),
        version: nix.version(),
        driver: driver_files(&nix, &store).await?,
    };
    let flags = AuditPolicy {
        allowed_seeds: args.allow_seed.iter().copied().collect(),
        allowed_inert: args.allow_inert.iter().copied().collect(),
        max_opaque_bytes: args.max_opaque_bytes,
    };
    let policy = match (&args.allow_list, &args.allow_list_digest) {
        (Some(path), Some(digest)) => flags.with_list(path, digest)?,
        _ => flags,
    };
    let derivation = subject.derivation.clone();
    let mut report = audit(subject, &policy)?;
    if let Some(census) = census {
        let steps = load_graph(&store, &derivation)?;
        report.census = Some(judge(&census, &report, &steps, &store)?);
    }
    Ok(report)
}
