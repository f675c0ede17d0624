use std::{path::PathBuf, sync::LazyLock};

use clap::{Args, Parser, Subcommand, ValueEnum, builder::RangedU64ValueParser, value_parser};
use seed_oci::Place;
use seed_primitives::{BuilderId, ReleaseId, SourceUri};
use seed_verdict::Grade;

use super::registries::TokenService;
use crate::{BundlePlace, PROTOCOL_VERSION, high_water::SYSTEM_STATE, report::Format};

static VERSION: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{} (protocol {PROTOCOL_VERSION}, packer {})",
        env!("CARGO_PKG_VERSION"),
        seed_image::PACKER
    )
});

/// A number of seconds, at most a day.
fn seconds() -> RangedU64ValueParser {
    value_parser!(u64).range(1..=86_400)
}

/// Check an image against the record on chain, trusting neither the registry nor a single endpoint.
#[derive(Debug, Parser)]
#[command(
    name = "seed-verify",
    version = VERSION.as_str(),
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Exit codes: 0 verified, 1 rejected, 2 usage, 3 could not be found out, 4 revoked or tainted."
)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) verify: VerifyArguments,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Look at a release on chain; judges nothing
    Record(RecordArguments),
    /// Make, confirm, renew or look into a bundle, to verify from with the network off
    Bundle(BundleArguments),
    /// Write, check, explain or update a policy
    Policy(PolicyArguments),
    /// Make, sign or look into a network file, which says what was deployed where
    Network(NetworkArguments),
    /// Print the script that completes commands and options in a shell
    Completions(CompletionsArguments),
    /// Print the manual page, or write those of all commands into a folder
    Man(ManArguments),
}

#[derive(Args, Debug)]
pub(super) struct VerifyArguments {
    /// Check against the chain: N independent builders, recorded by the ledger
    #[arg(long)]
    pub(super) chain: bool,
    /// Take everything but the image from this bundle, a file or beside the image in oci:DIR or oci-archive:FILE;
    /// without --chain, nothing and nobody is contacted
    #[arg(long, value_name = "FILE")]
    pub(super) bundle: Option<BundlePlace>,
    /// The policy [default: /etc/nix-seed/policy.toml, which must be root's]
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
    /// The least grade, `signatures`, `quorum` or `proof`; never lowers what the policy demands
    #[arg(long, value_name = "GRADE")]
    pub(super) require: Option<Grade>,
    /// Read and unpack every layer and compare it with manifest and config
    #[arg(long)]
    pub(super) deep: bool,
    /// The locator of the release, instead of one found beside the image
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<PathBuf>,
    /// Where else to look for evidence, by digest: host/repository, oci:DIR or oci-archive:FILE (repeatable)
    #[arg(long, value_name = "PLACE")]
    pub(super) mirror: Vec<Place>,
    /// Another host that may be shown the login to a registry, as the token service it names (repeatable)
    #[arg(long, value_name = "REGISTRY=HOST")]
    pub(super) token_service: Vec<TokenService>,
    /// The folder of what is remembered, for policies with high_water
    #[arg(long, value_name = "DIR", default_value = SYSTEM_STATE)]
    pub(super) state: PathBuf,
    /// Accept that nothing is remembered yet, and remember from now on
    #[arg(long)]
    pub(super) first_use: bool,
    /// Where to write a SLSA verification summary (VSA), unsigned, if the one image is verified, and only then;
    /// never overwrites
    #[arg(long, value_name = "FILE")]
    pub(super) vsa: Option<PathBuf>,
    /// The form of the answer
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(super) output: Output,
    /// Say nothing on standard error but errors
    #[arg(long)]
    pub(super) quiet: bool,
    /// The most seconds for everything [default: 60, with --deep 3600]
    #[arg(long, value_name = "SECS", value_parser = seconds())]
    pub(super) timeout: Option<u64>,
    /// Explain a code such as `head-stale` and stop
    #[arg(long, value_name = "CODE")]
    pub(super) explain: Option<String>,
    /// host/repository@sha256:…, host/repository:tag, oci:DIR, oci:DIR:tag or oci:DIR@sha256:…, the same with
    /// oci-archive:FILE; with a bundle alone also sha256:…
    #[arg(value_name = "IMAGE")]
    pub(super) images: Vec<String>,
}

#[derive(Args, Debug)]
pub(super) struct RecordArguments {
    /// The release, 0x and 64 hex digits
    pub(super) release: ReleaseId,
    /// The policy, for anchor, endpoints and names [default: /etc/nix-seed/policy.toml]
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
    /// The form of the answer
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(super) output: Output,
    /// Say nothing on standard error but errors
    #[arg(long)]
    pub(super) quiet: bool,
    /// The most seconds for everything
    #[arg(long, value_name = "SECS", default_value = "60", value_parser = seconds())]
    pub(super) timeout: u64,
}

#[derive(Args, Debug)]
pub(super) struct BundleArguments {
    #[command(subcommand)]
    pub(super) command: BundleCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum BundleCommand {
    /// Capture everything a verdict on an image needs, now, before nodes forget how to prove it
    Create(CreateArguments),
    /// Ask the endpoints whether the bundle's block is final, and print the checkpoint for a policy
    Confirm(ConfirmArguments),
    /// Write the bundle again with everything that is read from the chain read anew
    Refresh(RefreshArguments),
    /// Fetch the bundle published beside an image; verifies nothing
    Fetch(FetchArguments),
    /// Show what is in a bundle; verifies nothing
    Inspect(InspectArguments),
}

/// Whom to ask, and for how long.
#[derive(Args, Debug)]
pub(super) struct AskArguments {
    /// The policy [default: /etc/nix-seed/policy.toml]
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
    /// Say nothing on standard error but errors
    #[arg(long)]
    pub(super) quiet: bool,
    /// The most seconds for everything
    #[arg(long, value_name = "SECS", default_value = "60", value_parser = seconds())]
    pub(super) timeout: u64,
}

#[derive(Args, Debug)]
pub(super) struct CreateArguments {
    #[command(flatten)]
    pub(super) ask: AskArguments,
    /// host/repository@sha256:…, host/repository:tag, oci:DIR, oci:DIR:tag or oci:DIR@sha256:…
    #[arg(value_name = "IMAGE")]
    pub(super) image: String,
    /// Where to write the bundle; never overwrites
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
    /// Publish it beside the image as well: as its referrer, and under the tag bundle-<digest>
    #[arg(long)]
    pub(super) attach: bool,
    /// Capture at the finalised block instead of the latest, for nodes that prove old blocks
    #[arg(long)]
    pub(super) finalised: bool,
    /// The locator of the release, instead of one found beside the image
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<PathBuf>,
    /// Where else to look for evidence, by digest: host/repository or oci:DIR (repeatable)
    #[arg(long, value_name = "PLACE")]
    pub(super) mirror: Vec<Place>,
    /// Another host that may be shown the login to a registry, as the token service it names (repeatable)
    #[arg(long, value_name = "REGISTRY=HOST")]
    pub(super) token_service: Vec<TokenService>,
}

#[derive(Args, Debug)]
pub(super) struct ConfirmArguments {
    #[command(flatten)]
    pub(super) ask: AskArguments,
    /// The bundle
    #[arg(value_name = "FILE")]
    pub(super) bundle: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct RefreshArguments {
    #[command(flatten)]
    pub(super) ask: AskArguments,
    /// The bundle
    #[arg(value_name = "FILE")]
    pub(super) bundle: PathBuf,
    /// Where to write the renewed one; never overwrites
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
    /// Capture at the finalised block instead of the latest
    #[arg(long)]
    pub(super) finalised: bool,
}

#[derive(Args, Debug)]
pub(super) struct FetchArguments {
    /// host/repository@sha256:… or oci:DIR@sha256:…
    #[arg(value_name = "IMAGE")]
    pub(super) image: String,
    /// Where to write the bundle; never overwrites
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
    /// Another host that may be shown the login to a registry, as the token service it names (repeatable)
    #[arg(long, value_name = "REGISTRY=HOST")]
    pub(super) token_service: Vec<TokenService>,
    /// The most seconds for everything
    #[arg(long, value_name = "SECS", default_value = "60", value_parser = seconds())]
    pub(super) timeout: u64,
}

#[derive(Args, Debug)]
pub(super) struct InspectArguments {
    /// The bundle
    #[arg(value_name = "FILE")]
    pub(super) bundle: PathBuf,
    /// The form of the answer
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(super) output: Output,
}

#[derive(Args, Debug)]
pub(super) struct PolicyArguments {
    #[command(subcommand)]
    pub(super) command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Write a complete policy with a comment on every choice
    Init(InitArguments),
    /// Read a policy and say whether it would be used
    Check(CheckArguments),
    /// Say in words what a policy demands and whom it trusts
    Explain(FileArguments),
    /// Take a newer network file, signed by the keys that the policy pins
    Update(UpdateArguments),
}

#[derive(Args, Debug)]
pub(super) struct InitArguments {
    /// What the deployment of the contracts wrote about itself
    #[arg(
        long,
        value_name = "deployment.json",
        required_unless_present = "network"
    )]
    pub(super) deployment: Option<PathBuf>,
    /// A signed network file to take the anchor from, instead
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "deployment",
        requires = "network_keys"
    )]
    pub(super) network: Option<PathBuf>,
    /// Which of its deployments [default: the only one]
    #[arg(long, value_name = "NAME", requires = "network")]
    pub(super) network_deployment: Option<String>,
    #[command(flatten)]
    pub(super) keys: NetworkKeyArguments,
    /// An endpoint and who runs it: OPERATOR[,JURISDICTION]=URL (repeatable, at least two)
    #[arg(long = "endpoint", value_name = "OPERATOR=URL", required = true)]
    pub(super) endpoints: Vec<String>,
    /// How many operators must agree [default: more than half]
    #[arg(long, value_name = "K")]
    pub(super) agree: Option<usize>,
    /// A repository whose releases are wanted (repeatable)
    #[arg(long = "source", value_name = "URI", required = true)]
    pub(super) sources: Vec<SourceUri>,
    /// Where to write it; never overwrites [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct NetworkKeyArguments {
    /// The address of a key that signs network files (repeatable)
    #[arg(long = "network-key", value_name = "ADDRESS")]
    pub(super) network_keys: Vec<BuilderId>,
    /// How many of them must sign [default: more than half]
    #[arg(long, value_name = "K", requires = "network_keys")]
    pub(super) network_threshold: Option<usize>,
}

#[derive(Args, Debug)]
pub(super) struct UpdateArguments {
    #[command(flatten)]
    pub(super) file: FileArguments,
    /// The newer network file
    #[arg(long, value_name = "FILE")]
    pub(super) network: PathBuf,
    /// Where to write the new policy; never overwrites [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct NetworkArguments {
    #[command(subcommand)]
    pub(super) command: NetworkCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum NetworkCommand {
    /// Make a network file of deployments, for others to sign
    Create(CreateNetworkArguments),
    /// Print what a key has to sign, as wallets take it (EIP-712 typed data)
    Request(NetworkFileArguments),
    /// Add signatures that wallets made; no key is read
    Sign(SignNetworkArguments),
    /// Show what is in it and who signed
    Inspect(InspectNetworkArguments),
}

#[derive(Args, Debug)]
pub(super) struct CreateNetworkArguments {
    /// The network, such as nix-seed.example
    #[arg(long)]
    pub(super) name: String,
    /// The number of the file, above that of the last one
    #[arg(long, value_name = "N")]
    pub(super) sequence: u64,
    /// Until when it counts, such as 2027-06-01T00:00:00Z, at most two years from now
    #[arg(long, value_name = "TIME")]
    pub(super) expires: String,
    /// A deployment and what it wrote about itself: NAME=deployment.json (repeatable)
    #[arg(long = "deployment", value_name = "NAME=FILE", required = true)]
    pub(super) deployments: Vec<String>,
    /// Further rules of a deployment whose releases are good: NAME=CODEHASH,LOGICHASH (repeatable)
    #[arg(long = "rules", value_name = "NAME=HASHES")]
    pub(super) rules: Vec<String>,
    /// Where to write it; never overwrites
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct NetworkFileArguments {
    /// The network file
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct SignNetworkArguments {
    /// The network file
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// A signature over what `request` printed, 64 or 65 bytes in hex (repeatable)
    #[arg(long = "signature", value_name = "HEX", required = true)]
    pub(super) signatures: Vec<String>,
    /// Where to write it; never overwrites
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct InspectNetworkArguments {
    /// The network file
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) keys: NetworkKeyArguments,
    /// The form of the answer
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(super) output: Output,
}

#[derive(Args, Debug)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    pub(super) file: FileArguments,
    /// The form of the answer
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(super) output: Output,
}

#[derive(Args, Debug)]
pub(super) struct FileArguments {
    /// The policy [default: /etc/nix-seed/policy.toml]
    #[arg(value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct CompletionsArguments {
    /// For which shell
    #[arg(value_name = "SHELL")]
    pub(super) shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Shell {
    Bash,
    Fish,
    Zsh,
}

#[derive(Args, Debug)]
pub(super) struct ManArguments {
    /// Where to write one page per command; never overwrites [default: the first page on standard output]
    #[arg(value_name = "DIR")]
    pub(super) folder: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Output {
    Text,
    Json,
}

impl From<Output> for Format {
    fn from(output: Output) -> Self {
        match output {
            Output::Text => Self::Text,
            Output::Json => Self::Json,
        }
    }
}
