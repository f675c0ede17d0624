use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use alloy_primitives::Address;
use seed_attestation::Domain;
use seed_chain::KeySource;
use seed_oci::Place;
use seed_primitives::{
    Deployment, MAX_DEPLOYMENT_BYTES, ParseError, ReleaseId, parse_address, shown, write_address,
};

use crate::{Fault, Output, arguments::OnceArguments, file};

const MAX_CONFIG_BYTES: u64 = 256 * 1024;
const DEFAULT_TIMEOUT: u64 = 300;
const MAX_TIMEOUT: u64 = 7 * 24 * 3600;
const DEFAULT_MAX_FEE: u64 = 100;
const GWEI: u128 = 1_000_000_000;
/// The most endpoints, places and files of each kind.
const MAX_LIST: usize = 64;

/// What one run is to do, parsed from flags and configuration file.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The endpoints, at least one.
    pub rpc: Vec<String>,
    /// Chain and ledger.
    pub domain: Domain,
    /// Where builders publish.
    pub from: Vec<Place>,
    /// Files with attestations.
    pub attestations: Vec<PathBuf>,
    /// Files with genesis signatures.
    pub genesis: Vec<PathBuf>,
    /// The releases to look at; every release found where there are none.
    pub releases: Vec<ReleaseId>,
    /// Submit nothing.
    pub dry_run: bool,
    /// The form of the answer.
    pub output: Output,
    /// Who pays; only a dry run needs nobody.
    pub key: Option<KeySource>,
    /// Where locators go.
    pub publish: Vec<Place>,
    /// Whether to wait for the chain's finality.
    pub wait_finalised: bool,
    /// The most time for everything.
    pub timeout: Duration,
    /// The most wei per gas.
    pub max_fee: u128,
    /// A file with the builders' names.
    pub names: Option<PathBuf>,
}

impl Settings {
    /// Reads the configuration file, if there is one, and parses everything. A list given as a flag replaces
    /// the file's list. Relative paths in the file are relative to the file.
    pub(crate) fn read(flags: OnceArguments) -> Result<Self, Fault> {
        let merged = match flags.config.clone() {
            Some(path) => merge(flags, load(&path)?),
            None => flags,
        };
        Self::parse(merged)
    }

    fn parse(arguments: OnceArguments) -> Result<Self, Fault> {
        let key = KeySource::named(
            arguments.key_file.as_deref(),
            arguments.password_file.as_deref(),
            arguments.dev_key_file.as_deref(),
        )?;
        let settings = Self {
            rpc: endpoints(arguments.rpc)?,
            domain: domain(
                arguments.deployment.as_deref(),
                arguments.chain_id,
                arguments.ledger,
            )?,
            from: places(arguments.from, "--from")?,
            attestations: bounded(arguments.attestation, "--attestation")?,
            genesis: bounded(arguments.genesis, "--genesis")?,
            releases: bounded(arguments.release, "--release")?
                .iter()
                .map(|text| text.parse())
                .collect::<Result<_, ParseError>>()?,
            dry_run: arguments.dry_run,
            output: arguments.output.unwrap_or_default(),
            publish: places(arguments.publish_locator, "--publish-locator")?,
            wait_finalised: arguments.wait_finalised,
            timeout: timeout(arguments.timeout)?,
            max_fee: max_fee(arguments.max_fee),
            names: arguments.names.or(arguments.deployment),
            key,
        };
        if settings.from.is_empty() {
            return Err(Fault::Usage(
                "no place to look in: --from PLACE is missing (evidence is looked for there too)"
                    .to_owned(),
            ));
        }
        somebody_pays(settings.key.as_ref(), settings.dry_run)?;
        Ok(settings)
    }
}

/// Chain and ledger as the caller names them, or as the deployment file does; never two different ones.
pub(crate) fn domain(
    file: Option<&Path>,
    chain_id: Option<u64>,
    ledger: Option<String>,
) -> Result<Domain, Fault> {
    let (mut chain_id, mut ledger) = (chain_id, ledger);
    if let Some(file) = file {
        let deployment = deployment(file)?;
        let address = write_address(&deployment.ledger);
        chain_id = agreed("--chain-id", chain_id, deployment.chain_id, file)?;
        ledger = agreed("--ledger", ledger, address, file)?;
    }
    Ok(Domain {
        chain_id: required(chain_id, "--chain-id N (or --deployment FILE)")?,
        ledger: address(&required(
            ledger,
            "--ledger ADDRESS (or --deployment FILE)",
        )?)?,
    })
}

fn deployment(path: &Path) -> Result<Deployment, Fault> {
    let what = "the deployment";
    let bytes = file::read(what, path, MAX_DEPLOYMENT_BYTES)?;
    Deployment::from_json(&bytes).map_err(|error| Fault::File {
        what,
        file: path.to_owned(),
        why: error.to_string(),
    })
}

/// What the deployment file says, unless the caller says something else.
fn agreed<T: PartialEq + std::fmt::Display>(
    flag: &str,
    given: Option<T>,
    deployed: T,
    file: &Path,
) -> Result<Option<T>, Fault> {
    match given.filter(|given| *given != deployed) {
        Some(other) => Err(Fault::Usage(format!(
            "{flag} is {other}, and the deployment {} says {deployed}",
            shown(&file.display().to_string())
        ))),
        None => Ok(Some(deployed)),
    }
}

fn load(path: &Path) -> Result<OnceArguments, Fault> {
    let bytes = file::read("the configuration", path, MAX_CONFIG_BYTES)?;
    let fault = |why: String| Fault::Config {
        file: path.to_owned(),
        why,
    };
    let text = String::from_utf8(bytes).map_err(|_| fault("it is not UTF-8".to_owned()))?;
    let mut read: OnceArguments = toml::from_str(&text).map_err(|error| {
        let line = error.span().map(|span| {
            let before = text.get(..span.start).unwrap_or_default();
            before.matches('\n').count() + 1
        });
        let at = line
            .map(|line| format!("line {line}: "))
            .unwrap_or_default();
        fault(format!("{at}{}", error.message()))
    })?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let files = read.attestation.iter_mut().chain(&mut read.genesis);
    let single = [
        &mut read.key_file,
        &mut read.password_file,
        &mut read.dev_key_file,
        &mut read.names,
        &mut read.deployment,
    ];
    for file in files.chain(single.into_iter().flatten()) {
        *file = folder.join(&file);
    }
    for place in read.from.iter_mut().chain(&mut read.publish_locator) {
        if let Some(layout) = place.strip_prefix("oci:") {
            *place = format!("oci:{}", folder.join(layout).display());
        }
    }
    Ok(read)
}

fn merge(flags: OnceArguments, file: OnceArguments) -> OnceArguments {
    // The ways of naming a key belong together: half of one from here and half from there is nobody's wish.
    let keys = match flags.key_file.is_some() || flags.dev_key_file.is_some() {
        true => &flags,
        false => &file,
    };
    OnceArguments {
        config: None,
        key_file: keys.key_file.clone(),
        password_file: keys.password_file.clone(),
        dev_key_file: keys.dev_key_file.clone(),
        rpc: either(flags.rpc, file.rpc),
        deployment: flags.deployment.or(file.deployment),
        ledger: flags.ledger.or(file.ledger),
        chain_id: flags.chain_id.or(file.chain_id),
        from: either(flags.from, file.from),
        attestation: either(flags.attestation, file.attestation),
        genesis: either(flags.genesis, file.genesis),
        release: either(flags.release, file.release),
        dry_run: flags.dry_run || file.dry_run,
        output: flags.output.or(file.output),
        publish_locator: either(flags.publish_locator, file.publish_locator),
        wait_finalised: flags.wait_finalised || file.wait_finalised,
        timeout: flags.timeout.or(file.timeout),
        max_fee: flags.max_fee.or(file.max_fee),
        names: flags.names.or(file.names),
    }
}

fn either<T>(first: Vec<T>, second: Vec<T>) -> Vec<T> {
    if first.is_empty() { second } else { first }
}

/// Only a dry run needs nobody who pays.
pub(crate) fn somebody_pays(key: Option<&KeySource>, dry_run: bool) -> Result<(), Fault> {
    if key.is_some() || dry_run {
        return Ok(());
    }
    Err(Fault::Usage(
        "nobody pays for gas: --key-file FILE, --dev-key-file FILE or --dry-run is missing"
            .to_owned(),
    ))
}

pub(crate) fn endpoints(urls: Vec<String>) -> Result<Vec<String>, Fault> {
    some(bounded(urls, "--rpc")?, "--rpc URL")
}

/// The most wei per gas.
pub(crate) fn max_fee(gwei: Option<u64>) -> u128 {
    u128::from(gwei.unwrap_or(DEFAULT_MAX_FEE)) * GWEI
}

fn address(text: &str) -> Result<Address, Fault> {
    let address = parse_address(text)?;
    if address.is_zero() {
        return Err(Fault::Usage("--ledger is the zero address".to_owned()));
    }
    Ok(address)
}

fn places(texts: Vec<String>, flag: &str) -> Result<Vec<Place>, Fault> {
    let parsed = bounded(texts, flag)?
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, ParseError>>()?;
    Ok(parsed)
}

pub(crate) fn timeout(seconds: Option<u64>) -> Result<Duration, Fault> {
    let seconds = seconds.unwrap_or(DEFAULT_TIMEOUT);
    if !(1..=MAX_TIMEOUT).contains(&seconds) {
        return Err(Fault::Usage(format!(
            "--timeout is 1 to {MAX_TIMEOUT} seconds, got {seconds}"
        )));
    }
    Ok(Duration::from_secs(seconds))
}

fn required<T>(value: Option<T>, flag: &str) -> Result<T, Fault> {
    value.ok_or_else(|| Fault::Usage(format!("{flag} is missing")))
}

fn some<T>(list: Vec<T>, flag: &str) -> Result<Vec<T>, Fault> {
    match list.is_empty() {
        true => Err(Fault::Usage(format!("{flag} is missing"))),
        false => Ok(list),
    }
}

fn bounded<T>(list: Vec<T>, flag: &str) -> Result<Vec<T>, Fault> {
    match list.len() > MAX_LIST {
        true => Err(Fault::Usage(format!(
            "{flag} is given more than {MAX_LIST} times"
        ))),
        false => Ok(list),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags() -> OnceArguments {
        OnceArguments {
            rpc: vec!["http://127.0.0.1:1".to_owned()],
            ledger: Some(format!("0x{}", "11".repeat(20))),
            chain_id: Some(1),
            from: vec!["oci:x".to_owned()],
            dry_run: true,
            ..OnceArguments::default()
        }
    }

    fn code(arguments: OnceArguments) -> &'static str {
        Settings::parse(arguments).unwrap_err().code()
    }

    #[test]
    fn refuses_what_is_missing_or_malformed() {
        assert!(Settings::parse(flags()).is_ok());
        assert_eq!(
            code(OnceArguments {
                rpc: vec![],
                ..flags()
            }),
            "usage"
        );
        assert_eq!(
            code(OnceArguments {
                from: vec![],
                ..flags()
            }),
            "usage"
        );
        assert_eq!(
            code(OnceArguments {
                dry_run: false,
                ..flags()
            }),
            "usage"
        );
        assert_eq!(
            code(OnceArguments {
                timeout: Some(0),
                ..flags()
            }),
            "usage"
        );
        let zero = Some(format!("0x{}", "00".repeat(20)));
        assert_eq!(
            code(OnceArguments {
                ledger: zero,
                ..flags()
            }),
            "usage"
        );
        let mixed = Some("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266".to_owned());
        assert_eq!(
            code(OnceArguments {
                ledger: mixed,
                ..flags()
            }),
            "argument-malformed"
        );
        let release = vec!["0x12".to_owned()];
        assert_eq!(
            code(OnceArguments { release, ..flags() }),
            "argument-malformed"
        );
        let from = vec!["not a place".to_owned()];
        assert_eq!(
            code(OnceArguments { from, ..flags() }),
            "argument-malformed"
        );
    }

    #[test]
    fn a_flag_goes_before_the_file_and_paths_in_the_file_are_relative_to_it() {
        let folder = tempfile::Builder::new().prefix("a b").tempdir().unwrap();
        let path = folder.path().join("seed.toml");
        let text = "rpc = ['http://127.0.0.1:2']\nchain_id = 7\nfrom = ['oci:images', 'localhost/a']\n\
                    dev_key_file = 'key'\ntimeout = 9\noutput = 'json'\n";
        std::fs::write(&path, text).unwrap();
        let flags = OnceArguments {
            config: Some(path),
            from: vec![],
            dry_run: false,
            ..flags()
        };
        let settings = Settings::read(flags).unwrap();
        assert_eq!(settings.rpc, ["http://127.0.0.1:1"]);
        assert_eq!(settings.domain.chain_id, 1);
        assert_eq!(settings.timeout, Duration::from_secs(9));
        assert_eq!(settings.output, Output::Json);
        assert_eq!(
            settings.from[0],
            Place::Layout(folder.path().join("images"))
        );
        assert_eq!(settings.from[1].to_string(), "localhost/a");
        let key = KeySource::Development(folder.path().join("key"));
        assert_eq!(settings.key, Some(key));
    }

    fn deployment(chain_id: u64) -> String {
        let word = format!("0x{}", "22".repeat(32));
        let account = format!("0x{}", "33".repeat(20));
        serde_json::json!({
            "chainId": chain_id, "genesisHash": word, "ledger": account, "ledgerCodeHash": word,
            "rules": account, "rulesCodeHash": word, "rulesLogicHash": word,
            "timelock": account, "guardian": account,
            "federation": { "threshold": 2, "systems": [], "builders": [] }
        })
        .to_string()
    }

    #[test]
    fn takes_chain_and_ledger_from_the_deployment_and_refuses_a_disagreement() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deployment.json");
        std::fs::write(&path, deployment(7)).unwrap();
        let named = OnceArguments {
            deployment: Some(path.clone()),
            ledger: None,
            chain_id: None,
            ..flags()
        };
        let settings = Settings::parse(named.clone()).unwrap();
        assert_eq!(settings.domain.chain_id, 7);
        assert_eq!(settings.domain.ledger, Address::repeat_byte(0x33));
        assert_eq!(settings.names, Some(path.clone()));
        let same = OnceArguments {
            chain_id: Some(7),
            ..named.clone()
        };
        assert!(Settings::parse(same).is_ok());
        for wrong in [
            OnceArguments {
                chain_id: Some(8),
                ..named.clone()
            },
            OnceArguments {
                ledger: flags().ledger,
                ..named.clone()
            },
        ] {
            assert_eq!(code(wrong), "usage");
        }
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(code(named), "file-unreadable");
    }

    #[test]
    fn names_the_line_of_an_unknown_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seed.toml");
        std::fs::write(&path, "chain_id = 7\nrcp = []\n").unwrap();
        let fault = load(&path).unwrap_err();
        assert_eq!(fault.code(), "config-malformed");
        assert!(
            fault.line().contains("line 2: unknown field `rcp`"),
            "{}",
            fault.line()
        );
    }
}
