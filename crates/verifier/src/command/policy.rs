use alloy_primitives::B256;
use seed_primitives::{ParseError, shown};
use seed_verdict::{
    Anchor, Endpoint, ExpectedSource, InitialPolicy, KnownBuilder, NetworkPin, Policy, PolicyError,
};
use serde_json::json;

use super::{
    arguments::{
        CheckArguments, FileArguments, InitArguments, Output, PolicyArguments, PolicyCommand,
    },
    colour, complain,
    new_file::write_new,
    policy_update,
    record::json_text,
    say,
};
use crate::{
    Fault, PolicyFile,
    deployment::{anchor, builders},
    load_deployment,
    moment::{age, date, now},
    network_file,
    report::{Page, PolicyLine, SCHEMA_VERSION, Tone},
};

/// Written where nobody says under whose law an endpoint's operator is.
const UNSTATED: &str = "unstated";

pub(super) fn run(arguments: &PolicyArguments) -> Result<(), Fault> {
    match &arguments.command {
        PolicyCommand::Init(arguments) => init(arguments),
        PolicyCommand::Check(arguments) => check(arguments),
        PolicyCommand::Explain(arguments) => explain(arguments),
        PolicyCommand::Update(arguments) => policy_update::run(arguments),
    }
}

fn init(arguments: &InitArguments) -> Result<(), Fault> {
    let start = start(arguments)?;
    let endpoints = arguments
        .endpoints
        .iter()
        .map(|text| endpoint(text))
        .collect::<Result<Vec<_>, _>>()?;
    let initial = InitialPolicy {
        anchor: start.anchor,
        pinned: start.pinned,
        logic: vec![],
        minimum_known_signers: None,
        builders: start.builders,
        agree: arguments.agree.unwrap_or(endpoints.len() / 2 + 1),
        endpoints,
        sources: arguments
            .sources
            .iter()
            .map(|uri| ExpectedSource {
                uri: uri.clone(),
                targets: None,
            })
            .collect(),
        packers: vec![seed_image::PACKER.parse().map_err(Fault::Argument)?],
    };
    let incomplete = |error: PolicyError| Fault::PolicyIncomplete(error.to_string());
    let mut text = initial.render().map_err(incomplete)?;
    if let Some(pin) = &start.network {
        text.push_str(&pin.to_toml());
        Policy::from_toml(&text).map_err(incomplete)?;
    }
    match &arguments.out {
        None => say(&text),
        Some(file) => {
            write_new(file, text.as_bytes())?;
            complain(&format!("wrote {}", shown(&file.to_string_lossy())));
            Ok(())
        }
    }
}

/// What a policy begins with.
struct Start {
    anchor: Anchor,
    pinned: Vec<B256>,
    builders: Vec<KnownBuilder>,
    network: Option<NetworkPin>,
}

/// From a deployment file, which is believed because it is named, or from a network file, which is believed because the
/// named keys signed it.
fn start(arguments: &InitArguments) -> Result<Start, Fault> {
    let Some(path) = &arguments.network else {
        let nothing = || Fault::Usage("name --deployment or --network".to_owned());
        let deployment = load_deployment(arguments.deployment.as_ref().ok_or_else(nothing)?)?;
        return Ok(Start {
            anchor: anchor(&deployment),
            pinned: vec![deployment.rules_code_hash],
            builders: builders(&deployment),
            network: None,
        });
    };
    let keys = arguments.keys.parse()?;
    let verified = network_file::load(path)?.verify(&keys, now());
    let verified = verified.map_err(|error| Fault::network(path, error))?;
    let deployment = network_file::deployment(&verified, arguments.network_deployment.as_deref())?;
    Ok(Start {
        anchor: network_file::anchor(deployment),
        pinned: deployment.rules.iter().map(|one| one.code_hash).collect(),
        builders: network_file::builders(deployment),
        network: Some(NetworkPin::of(&verified, deployment, keys)),
    })
}

/// Reads `OPERATOR[,JURISDICTION]=URL`.
fn endpoint(text: &str) -> Result<Endpoint, Fault> {
    let refused = || {
        Fault::Argument(ParseError::new(
            "an endpoint",
            "OPERATOR[,JURISDICTION]=URL",
            text,
        ))
    };
    let (who, url) = text.split_once('=').ok_or_else(refused)?;
    let (operator, jurisdiction) = who.split_once(',').unwrap_or((who, UNSTATED));
    if operator.is_empty() || jurisdiction.is_empty() || url.is_empty() {
        return Err(refused());
    }
    Ok(Endpoint {
        url: url.to_owned(),
        operator: operator.to_owned(),
        jurisdiction: jurisdiction.to_owned(),
    })
}

fn check(arguments: &CheckArguments) -> Result<(), Fault> {
    let file = PolicyFile::load(arguments.file.file.as_deref())?;
    if matches!(arguments.output, Output::Json) {
        return say(&json_text(&json!({
            "schemaVersion": SCHEMA_VERSION,
            "policy": PolicyLine::of(&file),
            "warnings": warnings(&file.policy),
        }))?);
    }
    let mut page = Page::new(colour());
    page.line("policy", &file.path.to_string_lossy());
    page.line("", &file.digest.to_string());
    for warning in warnings(&file.policy) {
        page.toned("note", Tone::Doubtful, &warning);
    }
    page.toned("RESULT", Tone::Good, "it would be used");
    say(&page.into_text())
}

/// What is allowed and worth a second thought.
fn warnings(policy: &Policy) -> Vec<String> {
    let mut warnings = Vec::new();
    if policy.rollback().is_empty() {
        warnings.push(
            "no rule under [rollback]: tags are undecidable, and an old release passes by digest"
                .to_owned(),
        );
    }
    let endpoints = policy.endpoints();
    let mut places: Vec<_> = endpoints
        .iter()
        .map(|one| one.jurisdiction.as_str())
        .collect();
    places.sort_unstable();
    for group in places.chunk_by(|a, b| a == b) {
        if group.len() >= policy.agree() && group[0] != UNSTATED {
            let (count, place) = (group.len(), group[0]);
            warnings.push(format!(
                "{count} endpoints under one jurisdiction ({place}) reach `agree` alone"
            ));
        }
    }
    if places.contains(&UNSTATED) {
        warnings.push("an endpoint's jurisdiction is unstated".to_owned());
    }
    if let Some(network) = policy.network() {
        if network.keys.threshold() == 1 {
            warnings.push("one key alone says which deployment is the right one".to_owned());
        }
        if network.expires <= now() {
            warnings.push(format!(
                "its network file expired at {}: nothing is verified until it is updated",
                date(network.expires)
            ));
        }
    }
    if policy.rules().builders.is_empty() {
        warnings.push("no [[rules.builders]]: builders are reported without names".to_owned());
    }
    warnings
}

/// A URL without what is behind its host, which is where operators put their customers' keys.
fn without_key(url: &str) -> String {
    let host = url.find("://").map_or(0, |at| at + 3);
    let parts = url.split_at_checked(host).unwrap_or_default();
    match parts.1.find(['/', '?', '#']) {
        Some(at) if parts.1.len() > at + 1 => {
            format!("{}{}/…", parts.0, parts.1.get(..at).unwrap_or_default())
        }
        _ => url.to_owned(),
    }
}

fn explain(arguments: &FileArguments) -> Result<(), Fault> {
    let file = PolicyFile::load(arguments.file.as_deref())?;
    let (policy, mut page) = (&file.policy, Page::new(colour()));
    let anchor = policy.anchor();
    page.line(
        "anchor",
        &format!("chain {}, genesis {:#x}", anchor.chain_id, anchor.genesis),
    );
    page.line(
        "",
        &format!(
            "ledger {} with code {:#x}",
            seed_primitives::write_address(&anchor.ledger),
            anchor.ledger_code_hash
        ),
    );
    if let Some(network) = policy.network() {
        page.line(
            "network",
            &format!(
                "deployment {} of {}, file {}",
                network.deployment, network.name, network.sequence
            ),
        );
        page.line("", &network.digest.to_string());
        page.line("", &format!("used until {}", date(network.expires)));
        let (k, n) = (network.keys.threshold(), network.keys.keys().len());
        page.line("", &format!("a newer one if {k} of these {n} sign it:"));
        for key in network.keys.keys() {
            page.line("", &key.to_string());
        }
    }
    page.line("grade", &format!("{} or better", policy.require()));
    page.line(
        "endpoints",
        &format!("{} of these must agree:", policy.agree()),
    );
    for endpoint in policy.endpoints() {
        page.line(
            "",
            &format!(
                "{} ({}) {}",
                endpoint.operator,
                endpoint.jurisdiction,
                without_key(&endpoint.url)
            ),
        );
    }
    let rules = policy.rules();
    for hash in &rules.pinned {
        page.line("rules", &format!("code {hash:#x}"));
    }
    for hash in &rules.logic {
        page.line(
            "rules",
            &format!(
                "logic {hash:#x}, if {} known builders signed",
                rules.minimum_known_signers
            ),
        );
    }
    for builder in &rules.builders {
        page.line(
            "builder",
            &format!(
                "{} {} ({})",
                builder.name,
                builder.address,
                builder.domains.join(", ")
            ),
        );
    }
    for source in policy.sources() {
        page.line("source", source.uri.as_str());
    }
    for packer in policy.packers() {
        page.line("packer", packer.as_str());
    }
    page.line(
        "fresh",
        &format!(
            "the finalised head is at most {} old",
            age(policy.maximum_head_age())
        ),
    );
    page.line(
        "",
        &format!(
            "a bundle is at most {} old",
            age(policy.maximum_bundle_age())
        ),
    );
    for checkpoint in policy.checkpoints() {
        page.line(
            "final",
            &format!("block {}, {:#x}", checkpoint.block, checkpoint.hash),
        );
    }
    for warning in warnings(policy) {
        page.toned("note", Tone::Doubtful, &warning);
    }
    say(&page.into_text())
}
