use std::{path::PathBuf, time::Duration};

use alloy::signers::local::PrivateKeySigner;
use clap::Args;
use seed_attestation::{
    Attestation, AttestationError, Domain, SignatureError, VerifiedAttestation,
};
use seed_chain::{KeySource, Options, Wallet};

use crate::{
    Fault, Ledger, Names, Output, file,
    settings::{domain, endpoints, max_fee, somebody_pays, timeout},
};

const MAX_ATTESTATION_BYTES: u64 = 64 * 1024;

/// The flags of the commands that send one transaction to the ledger.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SendArguments {
    /// A JSON-RPC endpoint, https or loopback; all that answer must agree (repeatable)
    #[arg(long, value_name = "URL")]
    rpc: Vec<String>,
    /// The deployment's JSON file, in place of --chain-id and --ledger; its names are shown
    #[arg(long, value_name = "FILE")]
    deployment: Option<PathBuf>,
    /// The address of the ReleaseLedger
    #[arg(long, value_name = "ADDRESS")]
    ledger: Option<String>,
    /// The chain it is on
    #[arg(long, value_name = "N")]
    chain_id: Option<u64>,
    /// Check everything, send nothing
    #[arg(long)]
    dry_run: bool,
    /// The form of the answer [default: text]
    #[arg(long, value_name = "FORM")]
    pub(crate) output: Option<Output>,
    /// The encrypted keystore (Web3, version 3) of the account that pays for gas
    #[arg(long, value_name = "FILE", conflicts_with = "dev_key_file")]
    key_file: Option<PathBuf>,
    /// The file with its password [default: ask on the terminal]
    #[arg(long, value_name = "FILE", requires = "key_file")]
    password_file: Option<PathBuf>,
    /// For development only: an unencrypted key, 0x and 64 hex digits
    #[arg(long, value_name = "FILE")]
    dev_key_file: Option<PathBuf>,
    /// The most seconds for everything [default: 300]
    #[arg(long, value_name = "SECS")]
    timeout: Option<u64>,
    /// The most gwei per gas that is ever paid [default: 100]
    #[arg(long, value_name = "GWEI")]
    max_fee: Option<u64>,
}

/// What one transaction needs: the ledger as its endpoints show it, and an account that pays.
pub(crate) struct Sender {
    pub(crate) ledger: Ledger,
    pub(crate) wallet: Wallet,
    pub(crate) domain: Domain,
    pub(crate) dry_run: bool,
}

impl SendArguments {
    /// The chain and ledger that documents must be for.
    pub(crate) fn domain(&self) -> Result<Domain, Fault> {
        domain(
            self.deployment.as_deref(),
            self.chain_id,
            self.ledger.clone(),
        )
    }

    /// What the deployment file calls the builders; nobody has a name without one.
    pub(crate) fn names(&self) -> Result<Names, Fault> {
        self.deployment
            .as_deref()
            .map_or_else(|| Ok(Names::default()), Names::load)
    }

    /// The most time for everything.
    pub(crate) fn timeout(&self) -> Result<Duration, Fault> {
        timeout(self.timeout)
    }

    /// Opens key and endpoints.
    pub(crate) async fn open(&self) -> Result<Sender, Fault> {
        let domain = self.domain()?;
        let urls = endpoints(self.rpc.clone())?;
        let key = KeySource::named(
            self.key_file.as_deref(),
            self.password_file.as_deref(),
            self.dev_key_file.as_deref(),
        )?;
        somebody_pays(key.as_ref(), self.dry_run)?;
        let signer = payer(key.as_ref())?;
        let ledger = Ledger::open(&urls, domain).await?;
        let wallet = Wallet::new(
            &ledger.url(),
            &Options::default(),
            domain.chain_id,
            signer,
            max_fee(self.max_fee),
            self.timeout()?,
        )?;
        Ok(Sender {
            ledger,
            wallet,
            domain,
            dry_run: self.dry_run,
        })
    }
}

/// The key of the account that pays.
pub(crate) fn payer(key: Option<&KeySource>) -> Result<PrivateKeySigner, Fault> {
    match key {
        Some(source) => Ok(source.open("Password of the gas wallet: ")?),
        // A dry run only asks what would happen, and it does not matter who asks.
        None => Ok(PrivateKeySigner::random()),
    }
}

/// Reads one attestation and recovers its signer in `domain`.
pub(crate) fn attestation(
    path: &std::path::Path,
    domain: &Domain,
) -> Result<VerifiedAttestation, Fault> {
    let bytes = file::read("the attestation", path, MAX_ATTESTATION_BYTES)?;
    let document = |why: String| Fault::Document {
        file: path.to_owned(),
        why,
    };
    let attestation =
        Attestation::from_json(&bytes).map_err(|error| document(error.to_string()))?;
    attestation.verify(domain).map_err(|error| match error {
        AttestationError::Signature(error @ SignatureError::WrongDomain { .. }) => {
            document(format!("it is for another chain or ledger: {error}"))
        }
        error => document(error.to_string()),
    })
}
