//! A lying builder, for the demo and the tests: signs what it built as if it were the release of another
//! attestation. Prints the forged attestation's builder and image digests.

use std::{error::Error, fs, path::PathBuf};

use alloy::signers::local::PrivateKeySigner;
use clap::Parser;
use seed_attestation::Attestation;
use seed_oci::{Options, Reference, Repository};

/// Sign your own build as if it were somebody else's release.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the liar's evidence is and the forged attestation goes: `host/repository:any` or `oci:FOLDER`.
    #[arg(long)]
    repository: Reference,
    /// The liar's own attestation of what it really built.
    #[arg(long)]
    own: PathBuf,
    /// An honest attestation whose source is to be claimed.
    #[arg(long)]
    claim: PathBuf,
    /// The liar's encrypted key.
    #[arg(long)]
    key_file: PathBuf,
    /// The file with the password of the key.
    #[arg(long)]
    password_file: PathBuf,
    /// Where to write the forged attestation.
    #[arg(long)]
    out: PathBuf,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let read = |path: &PathBuf| -> Result<Attestation, Box<dyn Error>> {
        Ok(Attestation::from_json(&fs::read(path)?)?)
    };
    let password = fs::read_to_string(&arguments.password_file)?;
    let key =
        PrivateKeySigner::decrypt_keystore(&arguments.key_file, password.trim_end_matches('\n'))?;
    let repository = Repository::open(&arguments.repository.place, &Options::default())?;
    let (own, claim) = (read(&arguments.own)?, read(&arguments.claim)?);
    let forged = seed_testkit::forge(&repository, &own, &claim.source, &key).await?;
    fs::write(&arguments.out, forged.to_json()?)?;
    for system in &forged.systems {
        println!(
            "{} says {} is {}",
            forged.builder, system.system, system.digest
        );
    }
    Ok(())
}
