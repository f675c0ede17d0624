use std::{path::PathBuf, time::Duration};

use clap::Args;
use seed_chain::KeySource;

use crate::{
    Fault,
    signer::{Signer, SignerSource},
};

/// Who signs: a key in a file, a device, a service.
#[derive(Args, Debug)]
pub(crate) struct SignerArguments {
    /// Who signs: keystore:FILE, ledger[:INDEX|:PATH], trezor[:INDEX|:PATH], aws-kms:KEY or gcp-kms:VERSION
    #[arg(long, value_name = "SIGNER", conflicts_with_all = ["keystore", "dev_key_file"])]
    signer: Option<SignerSource>,
    /// The encrypted keystore (Web3, version 3): short for --signer keystore:FILE
    #[arg(long, value_name = "FILE", conflicts_with = "dev_key_file")]
    keystore: Option<PathBuf>,
    /// The file with its password [default: ask on the terminal]
    #[arg(long, value_name = "FILE", conflicts_with = "dev_key_file")]
    password_file: Option<PathBuf>,
    /// For development only: an unencrypted key, 0x and 64 hex digits
    #[arg(long, value_name = "FILE")]
    dev_key_file: Option<PathBuf>,
    /// The most seconds for each answer of a device or service
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=3600))]
    signer_timeout: u64,
}

impl SignerArguments {
    /// Who is to sign, if somebody was named.
    pub(crate) fn source(&self) -> Result<Option<SignerSource>, Fault> {
        let keystore = |path: &PathBuf| KeySource::Keystore {
            path: path.clone(),
            password: self.password_file.clone(),
        };
        let source = match (&self.signer, &self.keystore, &self.dev_key_file) {
            (Some(SignerSource::Key(KeySource::Keystore { path, .. })), _, _)
            | (None, Some(path), _) => SignerSource::Key(keystore(path)),
            (Some(other), _, _) if self.password_file.is_none() => other.clone(),
            (None, None, Some(path)) => SignerSource::Key(KeySource::Development(path.clone())),
            (None, None, None) if self.password_file.is_none() => return Ok(None),
            _ => {
                let why =
                    "--password-file is for a keystore: --signer keystore:FILE or --keystore FILE";
                return Err(Fault::Usage(why.to_owned()));
            }
        };
        source.built()?;
        Ok(Some(source))
    }

    /// Opens the signer; `prompt` is what the terminal shows where a password must be asked for.
    pub(crate) async fn open(&self, source: &SignerSource, prompt: &str) -> Result<Signer, Fault> {
        Signer::open(source, prompt, Duration::from_secs(self.signer_timeout)).await
    }

    /// Opens the account that pays, if one was named.
    pub(crate) async fn payer(&self) -> Result<Option<Signer>, Fault> {
        match self.source()? {
            Some(source) => {
                let prompt = "Password of the account that pays: ";
                Ok(Some(self.open(&source, prompt).await?))
            }
            None => Ok(None),
        }
    }
}
