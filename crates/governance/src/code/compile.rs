use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use alloy_primitives::Bytes;
use foundry_compilers::{
    ConfigurableArtifacts, ProjectBuilder, ProjectPathsConfig,
    artifacts::{
        BytecodeHash, Contract, EvmVersion, Remapping, Settings, SettingsMetadata, Severity,
        output_selection::OutputSelection,
    },
    solc::{CliSettings, Solc, SolcCompiler, SolcSettings},
};
use serde::Deserialize;

use super::CodeFault;
use crate::{Fault, deployment::text};

/// What is compiled: the file below the sources' folder, and the contract in it.
const LEDGER: (&str, &str) = ("src/ReleaseLedger.sol", "ReleaseLedger");
const LOGIC: (&str, &str) = ("src/QuorumRulesLogic.sol", "QuorumRulesLogic");
const TIMELOCK: (&str, &str) = (
    "node_modules/@openzeppelin/contracts/governance/TimelockController.sol",
    "TimelockController",
);

/// The settings of `foundry.toml` that decide the bytecode.
#[derive(Debug, Deserialize)]
struct File {
    profile: Profiles,
}

#[derive(Debug, Deserialize)]
struct Profiles {
    default: Profile,
}

#[derive(Debug, Deserialize)]
struct Profile {
    solc: PathBuf,
    evm_version: String,
    via_ir: bool,
    optimizer: bool,
    optimizer_runs: usize,
    bytecode_hash: String,
    cbor_metadata: bool,
    remappings: Vec<String>,
}

/// Runtime code as the compiler gives it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sources {
    /// The ledger's, with zeros where its immutables belong.
    pub ledger: Bytes,
    /// Where `timelock` and `guardian` belong in it: offsets of 32-byte words.
    pub immutables: [Vec<usize>; 2],
    /// The rules' before their configuration.
    pub logic: Bytes,
    /// The timelock's.
    pub timelock: Bytes,
    /// The compiler's version.
    pub compiler: String,
}

impl Sources {
    /// Compiles the contracts in `folder` with the settings of its `foundry.toml` and with `solc`, or the compiler that
    /// `foundry.toml` names. Nothing is downloaded and nothing written.
    ///
    /// # Errors
    /// [`CodeFault::Sources`] when anything is missing or does not compile.
    pub fn compile(folder: &Path, solc: Option<&Path>) -> Result<Self, Fault> {
        let folder = folder
            .canonicalize()
            .map_err(|error| Fault::file("the sources' folder", folder, error))?;
        let file = folder.join("foundry.toml");
        let file: File = toml::from_str(&text("foundry.toml", &file)?)
            .map_err(|error| Fault::file("foundry.toml", &file, error.message()))?;
        let profile = file.profile.default;
        let solc = match solc {
            Some(solc) => solc
                .canonicalize()
                .map_err(|error| Fault::file("the compiler", solc, error))?,
            None => folder.join(&profile.solc),
        };
        Ok(compile(&folder, &profile, &solc).map_err(CodeFault::Sources)?)
    }
}

fn compile(folder: &Path, profile: &Profile, solc: &Path) -> Result<Sources, String> {
    let solc = Solc::new(solc).map_err(|error| format!("{}: {error}", solc.display()))?;
    let compiler = solc.version.to_string();
    let mut paths = ProjectPathsConfig::builder().sources(folder.join("src"));
    for remapping in &profile.remappings {
        let remapping: Remapping = remapping
            .parse()
            .map_err(|error| format!("remapping {remapping}: {error}"))?;
        paths = paths.remapping(remapping);
    }
    let paths = paths
        .lib(folder.join("node_modules"))
        .build_with_root(folder);
    let project = ProjectBuilder::<SolcCompiler, ConfigurableArtifacts>::new(
        ConfigurableArtifacts::default(),
    )
    .paths(paths)
    .settings(settings(profile)?)
    .ephemeral()
    .no_artifacts()
    .set_offline(true)
    .single_solc_jobs()
    .build(SolcCompiler::Specific(solc))
    .map_err(|error| error.to_string())?;
    let files = [LEDGER, LOGIC, TIMELOCK].map(|(file, _)| folder.join(file));
    let output = project
        .compile_files(files)
        .map_err(|error| error.to_string())?
        .into_output();
    if output.has_error(&[], &[], &[], &Severity::Error) {
        let messages: Vec<_> = output
            .errors
            .iter()
            .map(|one| one.message.clone())
            .collect();
        return Err(messages.join("; "));
    }
    let contracts: BTreeMap<_, _> = output
        .contracts_with_files_into_iter()
        .map(|(file, name, contract)| ((file, name), contract))
        .collect();
    let find = |(file, name): (&str, &str)| {
        let key = (folder.join(file), name.to_owned());
        let contract = contracts.get(&key);
        contract.ok_or_else(|| format!("{file} has no contract {name}"))
    };
    let (ledger, places) = runtime(LEDGER.1, find(LEDGER)?)?;
    let [timelock_places, guardian_places] = places.as_slice() else {
        return Err(format!(
            "ReleaseLedger has {} immutables, expected timelock and guardian",
            places.len()
        ));
    };
    let immutables = [timelock_places.clone(), guardian_places.clone()];
    let plain = |which: (&str, &str)| {
        let (code, places) = runtime(which.1, find(which)?)?;
        match places.is_empty() {
            true => Ok(code),
            false => Err(format!("{} has immutables, expected none", which.1)),
        }
    };
    Ok(Sources {
        ledger,
        immutables,
        logic: plain(LOGIC)?,
        timelock: plain(TIMELOCK)?,
        compiler,
    })
}

fn settings(profile: &Profile) -> Result<SolcSettings, String> {
    let evm: EvmVersion = profile
        .evm_version
        .parse()
        .map_err(|_| format!("evm_version {}", profile.evm_version))?;
    let hash: BytecodeHash = profile
        .bytecode_hash
        .parse()
        .map_err(|_| format!("bytecode_hash {}", profile.bytecode_hash))?;
    let mut settings = Settings {
        evm_version: Some(evm),
        via_ir: Some(profile.via_ir),
        metadata: Some(SettingsMetadata::new(hash, profile.cbor_metadata)),
        output_selection: OutputSelection::common_output_selection([
            "evm.deployedBytecode.object".to_owned(),
            "evm.deployedBytecode.immutableReferences".to_owned(),
        ]),
        ..Settings::default()
    };
    settings.optimizer.enabled = Some(profile.optimizer);
    settings.optimizer.runs = Some(profile.optimizer_runs);
    Ok(SolcSettings {
        settings,
        cli_settings: CliSettings::default(),
    })
}

/// The runtime code, and of each immutable, in the order of their declaration, where its 32-byte words are.
fn runtime(name: &str, contract: &Contract) -> Result<(Bytes, Vec<Vec<usize>>), String> {
    let deployed = contract
        .evm
        .as_ref()
        .and_then(|evm| evm.deployed_bytecode.as_ref())
        .ok_or_else(|| format!("the compiler gives no code for {name}"))?;
    let code = deployed
        .bytecode
        .as_ref()
        .and_then(|bytecode| bytecode.object.as_bytes())
        .filter(|code| !code.is_empty())
        .ok_or_else(|| format!("the code of {name} is empty or needs linking"))?;
    // The keys are numbers that the compiler gives to declarations, ascending.
    let mut places: Vec<(u64, Vec<usize>)> = Vec::new();
    for (id, all) in &deployed.immutable_references {
        let id = id
            .parse()
            .map_err(|_| format!("an immutable of {name} has the number {id}"))?;
        if all.iter().any(|place| place.length != 32) {
            return Err(format!("an immutable of {name} is not a word"));
        }
        places.push((id, all.iter().map(|place| place.start as usize).collect()));
    }
    places.sort_unstable();
    Ok((
        code.clone(),
        places.into_iter().map(|(_, all)| all).collect(),
    ))
}
