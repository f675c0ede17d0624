use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand, ValueEnum};
use seed_chain::KeySource;
use seed_image::PACKER;
use seed_primitives::System;
use serde::Serialize;

use crate::{
    AuditArgs, AuditCommand, DivergeArgs, DivergenceKind, Error, GenesisArgs, Key, Outcome,
    Patient, Settings, Stage, audit_diff, audit_path, diverge, doctor, run, sign_genesis,
};

const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (protocol 1, packer nix-seed/2)"
);

/// Build, audit, pack, sign and publish a seed.
#[derive(Debug, Parser)]
#[command(name = "seed-builder", version = VERSION, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Form of the result on standard output
    #[arg(long, value_enum, default_value_t = Output::Text, global = true)]
    output: Output,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Output {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a signing key, or show the address of one
    #[command(subcommand)]
    Key(KeyCommand),
    /// Build, audit, rebuild, pack, sign, publish, read back, and only then write the attestation
    Run(Box<Settings>),
    /// Only build, audit and rebuild
    Build(Box<Settings>),
    /// Build, audit, rebuild and pack, without a key
    Pack(Box<Settings>),
    /// Audit a built store path: is every byte accounted for by source?
    Audit(AuditArgs),
    /// Where two builders part: the first derivation whose outputs differ, and the difference of the bytes
    Diverge(DivergeArgs),
    /// Sign consent to the first release of a ledger
    SignGenesis(GenesisArgs),
    /// Show how an image or a closure is layered: sizes by layer, by depth, and of the largest paths
    Layers(crate::LayersArgs),
    /// Draw an image or a closure as a Mermaid graph, coloured by size
    Graph(crate::LayersArgs),
    /// Watch what a command starts (for `--census`, inside its namespaces)
    #[command(hide = true)]
    Watch(crate::WatchArgs),
    /// Look at everything a builder needs of this machine
    Doctor {
        /// The Nix to look at
        #[arg(long, value_name = "PROGRAM", default_value = "nix")]
        nix: PathBuf,
        /// The system to build for
        #[arg(long, value_name = "SYSTEM", default_value = "x86_64-linux")]
        system: System,
        /// Directory where stores and images will be
        #[arg(long, value_name = "DIR", default_value = ".")]
        state: PathBuf,
        /// Encrypted keystore that would sign
        #[arg(long, value_name = "FILE")]
        keystore: Option<PathBuf>,
        /// File with its password [default: ask on the terminal]
        #[arg(long, value_name = "FILE", requires = "keystore")]
        password_file: Option<PathBuf>,
        /// Unencrypted key that would sign
        #[arg(long, value_name = "FILE", conflicts_with = "keystore")]
        dev_key_file: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Make a new key; an existing file is never overwritten
    New(KeyArgs),
    /// Show the address of a key
    Address(KeyArgs),
}

#[derive(Args, Debug)]
struct KeyArgs {
    /// The key file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// File with the password [default: ask on the terminal]
    #[arg(long, value_name = "FILE", conflicts_with = "development")]
    password_file: Option<PathBuf>,
    /// The key is not encrypted: for development only
    #[arg(long)]
    development: bool,
}

impl KeyArgs {
    fn source(&self) -> KeySource {
        if self.development {
            return KeySource::Development(self.file.clone());
        }
        KeySource::Keystore {
            path: self.file.clone(),
            password: self.password_file.clone(),
        }
    }
}

#[derive(Serialize)]
struct Address {
    address: String,
}

impl Cli {
    /// Does what the command line asks for. Results go to standard output, talk and errors to standard error.
    pub async fn execute(self) -> ExitCode {
        let output = self.output;
        match self.command.execute(output).await {
            Ok(code) => code,
            Err(error) => {
                eprintln!("error[{}]: {error}; {}", error.code(), error.help());
                ExitCode::from(error.exit_code())
            }
        }
    }
}

impl Command {
    async fn execute(self, output: Output) -> Result<ExitCode, Error> {
        match self {
            Self::Key(command) => {
                let key = match &command {
                    KeyCommand::New(args) => Key::create(&args.source())?,
                    KeyCommand::Address(args) => Key::open(&args.source())?,
                };
                let address = key.builder().to_string();
                print(
                    output,
                    &Address {
                        address: address.clone(),
                    },
                    &address,
                );
            }
            Self::Run(settings) => pipeline(*settings, Stage::Attest, output).await?,
            Self::Build(settings) => pipeline(*settings, Stage::Build, output).await?,
            Self::Pack(settings) => pipeline(*settings, Stage::Pack, output).await?,
            Self::Audit(AuditArgs {
                command: Some(AuditCommand::Diff { first, second }),
                ..
            }) => {
                let diff = audit_diff(&first, &second)?;
                print(output, &diff, &diff.to_text());
                return Ok(ExitCode::from(u8::from(!diff.same)));
            }
            Self::Audit(args) => {
                let report = audit_path(&args).await?;
                // As a value its fields are in order: what is printed is the canonical form.
                let value = serde_json::to_value(&report).unwrap_or_default();
                print(output, &value, &report.to_text());
                report.evidence()?;
                if let Some(why) = report.refusal() {
                    return Err(Error::Audit(why));
                }
            }
            Self::Diverge(args) => {
                let found = diverge(&args).await?;
                print(output, &found, &found.to_text());
                let same = found.kind == DivergenceKind::Same;
                return Ok(ExitCode::from(u8::from(!same)));
            }
            Self::SignGenesis(args) => {
                let genesis = sign_genesis(&args).await?;
                let text = format!(
                    "genesis of {} signed by {} in {}",
                    genesis.release,
                    genesis.builder,
                    args.out.display()
                );
                print(output, &genesis, &text);
            }
            Self::Layers(args) => {
                let tables = crate::Tables::of(&crate::read_subject(&args).await?, args.paths);
                print(output, &tables, &tables.to_string());
            }
            Self::Graph(args) => {
                let graph = crate::mermaid(&crate::read_subject(&args).await?, args.paths);
                print(output, &graph, graph.trim_end());
            }
            Self::Watch(args) => return Ok(ExitCode::from(crate::watch(&args)?)),
            Self::Doctor {
                nix,
                system,
                state,
                keystore,
                password_file,
                dev_key_file,
            } => {
                let patient = Patient {
                    nix,
                    system,
                    state,
                    key: KeySource::named(
                        keystore.as_deref(),
                        password_file.as_deref(),
                        dev_key_file.as_deref(),
                    )?,
                };
                return Ok(examine(&patient).await);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn pipeline(settings: Settings, stage: Stage, output: Output) -> Result<(), Error> {
    let outcome = run(&settings.with_config()?, stage).await?;
    print(output, &outcome, &outcome_text(&outcome));
    Ok(())
}

fn print<T: Serialize>(output: Output, value: &T, text: &str) {
    match output {
        Output::Text => println!("{text}"),
        // Every result is made of strings, numbers and lists, which always have a JSON form.
        Output::Json => println!("{}", serde_json::to_string(value).unwrap_or_default()),
    }
}

fn outcome_text(outcome: &Outcome) -> String {
    let mut lines = vec![format!("release     {}", outcome.release)];
    for system in &outcome.systems {
        match &system.image {
            Some(image) => lines.push(format!("image       {} {image}", system.system)),
            None => lines.push(format!(
                "built       {} in {}",
                system.system,
                system.directory.display()
            )),
        }
    }
    lines.extend(
        outcome
            .evidence
            .map(|evidence| format!("evidence    {evidence}")),
    );
    lines.extend(
        outcome
            .attestation
            .as_ref()
            .map(|file| format!("attestation {}", file.display())),
    );
    lines.join("\n")
}

async fn examine(patient: &Patient) -> ExitCode {
    let mut worst = 0;
    println!("packer      {PACKER}");
    for check in doctor(patient).await {
        match check.result {
            Ok(found) => println!("ok          {}: {found}", check.what),
            Err(error) => {
                println!(
                    "not ok      {}: [{}] {error}; {}",
                    check.what,
                    error.code(),
                    error.help()
                );
                worst = worst.max(error.exit_code());
            }
        }
    }
    ExitCode::from(worst)
}
