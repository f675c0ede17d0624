//! Network files: made, signed by others, and shown. No key is ever read here.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::B256;
use seed_attestation::{
    Network, NetworkBuilder, NetworkDeployment, NetworkFile, NetworkKeys, NetworkRules, Signature,
};
use seed_primitives::{
    BuilderId, Deployment, Digest, ParseError, parse_bytes32, shown, write_address, write_bytes32,
};
use serde_json::{Value, json};

use super::{
    arguments::{
        CreateNetworkArguments, InspectNetworkArguments, NetworkArguments, NetworkCommand, Output,
        SignNetworkArguments,
    },
    colour, complain,
    new_file::write_new,
    record::json_text,
    say,
};
use crate::{
    Fault, deployment, load_deployment,
    moment::{date, now, seconds},
    network_file::load,
    report::{Page, SCHEMA_VERSION, Tone},
};

const UNVERIFIED: &str =
    "shown, not verified: whose word it is only keys you name can say (--network-key)";

pub(super) fn run(arguments: &NetworkArguments) -> Result<(), Fault> {
    match &arguments.command {
        NetworkCommand::Create(arguments) => create(arguments),
        NetworkCommand::Request(arguments) => {
            let file = load(&arguments.file)?;
            let request = file.network.typed_data();
            let request = request.map_err(|error| Fault::network(&arguments.file, error))?;
            say(&json_text(&request)?)
        }
        NetworkCommand::Sign(arguments) => sign(arguments),
        NetworkCommand::Inspect(arguments) => inspect(arguments),
    }
}

fn create(arguments: &CreateNetworkArguments) -> Result<(), Fault> {
    let mut deployments: BTreeMap<String, NetworkDeployment> = BTreeMap::new();
    for text in &arguments.deployments {
        let (name, file) = pair(text, "a deployment", "NAME=FILE")?;
        let deployment = published(name, &load_deployment(file.as_ref())?);
        if deployments.insert(name.to_owned(), deployment).is_some() {
            return Err(Fault::Usage(format!("deployment {name} is named twice")));
        }
    }
    for text in &arguments.rules {
        let form = "NAME=CODEHASH,LOGICHASH";
        let (name, hashes) = pair(text, "rules", form)?;
        let refused = || Fault::Argument(ParseError::new("rules", form, text));
        let (code, logic) = hashes.split_once(',').ok_or_else(refused)?;
        let word = |text: &str| parse_bytes32(text).map_err(Fault::Argument);
        let rules = NetworkRules {
            code_hash: word(code)?,
            logic_hash: word(logic)?,
        };
        let deployment = deployments.get_mut(name).ok_or_else(refused)?;
        deployment.rules.push(rules);
        deployment.rules.sort_by_key(|one| one.code_hash);
    }
    let file = NetworkFile {
        network: Network {
            deployments: deployments.into_values().collect(),
            expires: seconds(&arguments.expires).map_err(Fault::Argument)?,
            issued: now(),
            name: arguments.name.clone(),
            sequence: arguments.sequence,
            version: 1,
        },
        signatures: Vec::new(),
    };
    write(&file, &arguments.out)
}

/// What is published of a deployment.
fn published(name: &str, from: &Deployment) -> NetworkDeployment {
    let mut builders: Vec<NetworkBuilder> = deployment::builders(from)
        .into_iter()
        .map(|builder| {
            let mut domains = builder.domains;
            domains.sort();
            NetworkBuilder {
                address: builder.address,
                domains,
                name: builder.name,
            }
        })
        .collect();
    builders.sort_by_key(|builder| builder.address);
    NetworkDeployment {
        block: from.block,
        builders,
        chain_id: from.chain_id,
        environment: from.environment,
        genesis: from.genesis_hash,
        ledger: from.ledger,
        ledger_code_hash: from.ledger_code_hash,
        name: name.to_owned(),
        rules: vec![NetworkRules {
            code_hash: from.rules_code_hash,
            logic_hash: from.rules_logic_hash,
        }],
    }
}

/// Adds signatures, whoever made them, and says whose they are.
fn sign(arguments: &SignNetworkArguments) -> Result<(), Fault> {
    let mut file = load(&arguments.file)?;
    let before = signers(&file, arguments)?;
    for text in &arguments.signatures {
        let signature = signature(text)?;
        file = file
            .signed(signature)
            .map_err(|error| Fault::network(&arguments.file, error))?;
    }
    for key in signers(&file, arguments)?.difference(&before) {
        // Over another file the same signature is that of some other key: whose it is must be looked at.
        complain(&format!("signed by {key}; compare this with who signed"));
    }
    write(&file, &arguments.out)
}

fn signers(
    file: &NetworkFile,
    arguments: &SignNetworkArguments,
) -> Result<BTreeSet<BuilderId>, Fault> {
    file.signers()
        .map_err(|error| Fault::network(&arguments.file, error))
}

/// Reads 64 bytes (EIP-2098), or the 65 that wallets give.
fn signature(text: &str) -> Result<Signature, Fault> {
    let form = "0x and 128 or 130 hex digits";
    let refused = || Fault::Argument(ParseError::new("a signature", form, text));
    let digits = text.strip_prefix("0x").ok_or_else(refused)?;
    let bytes = hex::decode(digits).map_err(|_| refused())?;
    match bytes.len() {
        65 => alloy_primitives::Signature::from_raw(&bytes)
            .map(|full| Signature::from_full(&full))
            .map_err(|_| refused()),
        _ => Signature::from_bytes(&bytes).map_err(|_| refused()),
    }
}

fn write(file: &NetworkFile, out: &std::path::Path) -> Result<(), Fault> {
    let bytes = file.to_json().map_err(|error| Fault::network(out, error))?;
    write_new(out, &bytes)?;
    complain(&format!("wrote {}", shown(&out.to_string_lossy())));
    Ok(())
}

fn inspect(arguments: &InspectNetworkArguments) -> Result<(), Fault> {
    let file = load(&arguments.file)?;
    let fault = |error| Fault::network(&arguments.file, error);
    let signers = file.signers().map_err(|error| fault(error.into()))?;
    let pinned = &arguments.keys.network_keys;
    let mut looked = Looked {
        digest: file.network.digest().map_err(|error| fault(error.into()))?,
        network: &file.network,
        signers: signers
            .into_iter()
            .map(|key| (key, pinned.contains(&key)))
            .collect(),
        verified: None,
    };
    if !pinned.is_empty() {
        let (keys, time) = (arguments.keys.parse()?, now());
        file.verify(&keys, time).map_err(fault)?;
        looked.verified = Some((keys, time));
    }
    match arguments.output {
        Output::Text => say(&looked.text()),
        Output::Json => say(&json_text(&looked.json())?),
    }
}

/// A file whose signatures are those of the keys they name, and whether these are enough for whoever asks.
struct Looked<'a> {
    network: &'a Network,
    digest: Digest,
    /// Who signed, and whether that key was named.
    signers: Vec<(BuilderId, bool)>,
    /// The keys of which enough signed, and when that was so; `None` where none were named.
    verified: Option<(NetworkKeys, u64)>,
}

impl Looked<'_> {
    fn text(&self) -> String {
        let network = self.network;
        let mut page = Page::new(colour());
        page.line("network", &network.name);
        page.line("number", &network.sequence.to_string());
        page.line("digest", &self.digest.to_string());
        page.line("made", &date(network.issued));
        page.line("expires", &date(network.expires));
        for deployment in &network.deployments {
            page.blank();
            shown_deployment(&mut page, deployment);
        }
        page.blank();
        for (at, (key, pinned)) in self.signers.iter().enumerate() {
            let name = if at == 0 { "signed by" } else { "" };
            let note = if *pinned { " (pinned)" } else { "" };
            page.line(name, &format!("{key}{note}"));
        }
        let (tone, result) = match &self.verified {
            None => (Tone::Doubtful, UNVERIFIED.to_owned()),
            Some((keys, _)) => {
                let (k, n) = (keys.threshold(), keys.keys().len());
                (
                    Tone::Good,
                    format!("signed by at least {k} of {n} pinned keys"),
                )
            }
        };
        page.toned("RESULT", tone, &result);
        page.into_text()
    }

    fn json(&self) -> Value {
        let signers = self.signers.iter();
        let signers = signers.map(|(key, pinned)| json!({"key": key, "pinned": pinned}));
        let verified = self.verified.as_ref().map(|(keys, time)| {
            json!({"keys": keys.keys(), "threshold": keys.threshold(), "time": time})
        });
        json!({
            "schemaVersion": SCHEMA_VERSION,
            "network": self.network,
            "digest": self.digest,
            "signers": signers.collect::<Vec<_>>(),
            "verified": verified,
        })
    }
}

fn shown_deployment(page: &mut Page, deployment: &NetworkDeployment) {
    let hash = |word: &B256| write_bytes32(word);
    page.line(
        "deployment",
        &format!("{} ({})", deployment.name, deployment.environment.as_str()),
    );
    page.line(
        "chain",
        &format!(
            "{}, genesis {}",
            deployment.chain_id,
            hash(&deployment.genesis)
        ),
    );
    page.line("since", &format!("block {}", deployment.block));
    page.line("ledger", &write_address(&deployment.ledger));
    page.line("", &format!("code {}", hash(&deployment.ledger_code_hash)));
    for rules in &deployment.rules {
        page.line("rules", &format!("code {}", hash(&rules.code_hash)));
        page.line("", &format!("logic {}", hash(&rules.logic_hash)));
    }
    for builder in &deployment.builders {
        let domains = builder.domains.join(", ");
        page.line(
            "builder",
            &format!("{} {} ({domains})", builder.name, builder.address),
        );
    }
}

fn pair<'a>(
    text: &'a str,
    what: &'static str,
    form: &'static str,
) -> Result<(&'a str, &'a str), Fault> {
    text.split_once('=')
        .ok_or_else(|| Fault::Argument(ParseError::new(what, form, text)))
}

impl super::arguments::NetworkKeyArguments {
    /// The pinned keys, and more than half of them where nobody says how many must sign.
    pub(super) fn parse(&self) -> Result<NetworkKeys, Fault> {
        let keys = self.network_keys.clone();
        let threshold = self.network_threshold.unwrap_or(keys.len() / 2 + 1);
        NetworkKeys::new(keys, threshold).map_err(|error| Fault::Usage(error.to_string()))
    }
}
