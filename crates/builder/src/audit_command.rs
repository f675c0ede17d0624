use std::{collections::BTreeSet, path::PathBuf};

use clap::Args;
use seed_primitives::{Digest, System};

use crate::{
    AuditPolicy, AuditReport, AuditSubject, Error, Nix, audit,
    nix::{driver_files, on_disk, split_store_path},
    state,
};

/// What `audit` is told.
#[derive(Args, Clone, Debug)]
pub struct AuditArgs {
    /// A built path on disk, such as STATE/releases/…/store/nix/store/…-seed
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// The Nix whose store it is [default: nix from PATH]
    #[arg(long, value_name = "PROGRAM", default_value = "nix")]
    pub nix: PathBuf,
    /// Digest of a binary that may stand at the beginning; may be given several times
    #[arg(long, value_name = "DIGEST")]
    pub allow_seed: Vec<Digest>,
    /// How many bytes of sources may be neither text nor known
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub max_opaque_bytes: u64,
    /// The system the path is for
    #[arg(long, value_name = "SYSTEM", default_value = "x86_64-linux")]
    pub system: System,
}

/// Audits a path in a store on disk.
///
/// # Errors
/// When the path is not in a store, or something cannot be read. What the audit finds is in the report.
pub async fn audit_path(args: &AuditArgs) -> Result<AuditReport, Error> {
    // The path itself may be a link in the store: only what is above it is resolved.
    std::fs::symlink_metadata(&args.path).map_err(Error::file("read", &args.path))?;
    let above = state::parent(&args.path)
        .canonicalize()
        .map_err(Error::file("read", &args.path))?;
    let path = above.join(args.path.file_name().unwrap_or_default());
    let (store, path) = split_store_path(&path)?;
    std::fs::symlink_metadata(on_disk(&store, &path))
        .map_err(Error::file("read", &on_disk(&store, &path)))?;
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
    let policy = AuditPolicy {
        allowed_seeds: args.allow_seed.iter().copied().collect(),
        max_opaque_bytes: args.max_opaque_bytes,
    };
    audit(subject, &policy)
}
