use std::{path::PathBuf, sync::LazyLock};

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Deserialize;

use crate::{
    PROTOCOL_VERSION,
    claim::{EquivocationArguments, PostArguments},
};

static VERSION: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{} (protocol {PROTOCOL_VERSION})",
        env!("CARGO_PKG_VERSION")
    )
});

/// Collect attestations, find an independent quorum, submit releases; accuse who signs two things.
#[derive(Debug, Parser)]
#[command(
    name = "seed-aggregator",
    version = VERSION.as_str(),
    subcommand_required = true,
    after_help = "Exit codes: 0 done, 1 rejected, 2 usage, 3 could not be found out."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Collect once, submit what is ready, and end
    Once(Box<OnceArguments>),
    /// Prove that a builder signed two images for one system; its key is revoked at once and for ever
    Equivocation(Box<EquivocationArguments>),
    /// Log one signature on the chain, for a builder whom every registry refuses
    Post(Box<PostArguments>),
}

/// The form of the answer on standard output.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// The flags of `once`, which are also the keys of its configuration file (with `_` for `-`). Texts are kept
/// as they came; [`Settings`](crate::Settings) parses them.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OnceArguments {
    /// A TOML file with these flags as keys, `_` for `-`; flags go before it
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,
    /// A JSON-RPC endpoint, https or loopback; all that answer must agree (repeatable)
    #[arg(long, value_name = "URL")]
    pub(crate) rpc: Vec<String>,
    /// The deployment's JSON file, in place of --chain-id and --ledger; its names are shown
    #[arg(long, value_name = "FILE")]
    pub(crate) deployment: Option<PathBuf>,
    /// The address of the ReleaseLedger
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) ledger: Option<String>,
    /// The chain it is on
    #[arg(long, value_name = "N")]
    pub(crate) chain_id: Option<u64>,
    /// Where builders publish: host/repository or oci:DIR (repeatable)
    #[arg(long, value_name = "PLACE")]
    pub(crate) from: Vec<String>,
    /// An attestation (repeatable); its evidence is looked for in the places
    #[arg(long, value_name = "FILE")]
    pub(crate) attestation: Vec<PathBuf>,
    /// A genesis signature (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) genesis: Vec<PathBuf>,
    /// The release, 0x and 64 hex digits (repeatable) [default: every release found]
    #[arg(long, value_name = "RELEASE")]
    pub(crate) release: Vec<String>,
    /// Show what would be submitted, and submit nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The form of the answer [default: text]
    #[arg(long, value_name = "FORM")]
    pub(crate) output: Option<Output>,
    /// The encrypted keystore (Web3, version 3) of the account that pays for gas
    #[arg(long, value_name = "FILE", conflicts_with = "dev_key_file")]
    pub(crate) key_file: Option<PathBuf>,
    /// The file with its password [default: ask on the terminal]
    #[arg(long, value_name = "FILE", requires = "key_file")]
    pub(crate) password_file: Option<PathBuf>,
    /// For development only: an unencrypted key, 0x and 64 hex digits
    #[arg(long, value_name = "FILE")]
    pub(crate) dev_key_file: Option<PathBuf>,
    /// Where to publish the locator once the release is recorded: host/repository or oci:DIR (repeatable)
    #[arg(long, value_name = "PLACE")]
    pub(crate) publish_locator: Vec<String>,
    /// Wait until the chain calls the block finalised
    #[arg(long)]
    pub(crate) wait_finalised: bool,
    /// The most seconds for everything [default: 300]
    #[arg(long, value_name = "SECS")]
    pub(crate) timeout: Option<u64>,
    /// The most gwei per gas that is ever paid [default: 100]
    #[arg(long, value_name = "GWEI")]
    pub(crate) max_fee: Option<u64>,
    /// A deployment's JSON file, for the builders' names
    #[arg(long, value_name = "FILE")]
    pub(crate) names: Option<PathBuf>,
}
