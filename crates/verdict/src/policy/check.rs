use std::{collections::BTreeSet, net::IpAddr};

use seed_attestation::NetworkKeys;

use super::{
    Anchor, Checkpoint, DEFAULT_MAXIMUM_HEAD_AGE, Endpoint, ExpectedSource, KnownBuilder,
    MAX_POLICY_BYTES, NetworkPin, Policy, PolicyError, Rollback, RulesPolicy, wire,
};
use crate::Grade;

const VERSION: u64 = 1;
/// A day: what is called fresh at the very most.
const MAX_HEAD_AGE: u64 = 24 * 3600;
const MAX_LIST: usize = 64;
const MAX_CHECKPOINTS: usize = 1024;

impl Policy {
    /// Reads a policy and refuses any that leaves open whom to trust.
    ///
    /// # Errors
    /// [`PolicyError`], which names the field and what it must be.
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        if text.len() > MAX_POLICY_BYTES {
            return Err(PolicyError::TooLarge(text.len()));
        }
        let wire: wire::Policy = toml::from_str(text)
            .map_err(|error| PolicyError::Toml(error.to_string().trim().replace('\n', " | ")))?;
        within("version", u64::from(wire.version), VERSION, VERSION)?;
        let (endpoints, agree) = endpoints(wire.endpoints)?;
        let maximum_head_age = wire
            .freshness
            .maximum_head_age
            .unwrap_or(DEFAULT_MAXIMUM_HEAD_AGE);
        within("maximum_head_age", maximum_head_age, 1, MAX_HEAD_AGE)?;
        // Nobody who said nothing about bundles finds an old one accepted.
        let maximum_bundle_age = wire
            .freshness
            .maximum_bundle_age
            .unwrap_or(maximum_head_age);
        within(
            "maximum_bundle_age",
            maximum_bundle_age,
            1,
            u64::from(u32::MAX),
        )?;
        count("recipe.packers", wire.recipe.packers.len(), 1)?;
        let require = require(wire.require.as_deref())?;
        if require == Grade::Signatures && wire.rules.minimum_known_signers.is_none() {
            return Err(PolicyError::SignaturesOfNobody);
        }
        Ok(Self {
            require,
            anchor: anchor(&wire.anchor)?,
            rules: rules(wire.rules)?,
            endpoints,
            agree,
            sources: sources(wire.sources)?,
            packers: wire.recipe.packers,
            maximum_reissue: wire.recipe.maximum_reissue,
            rollback: rollback(wire.rollback)?,
            maximum_head_age,
            maximum_bundle_age,
            checkpoints: checkpoints(wire.checkpoints)?,
            network: wire.network.map(network).transpose()?,
        })
    }
}

fn require(text: Option<&str>) -> Result<Grade, PolicyError> {
    text.map_or(Ok(Grade::Proof), |text| {
        text.parse()
            .map_err(|error: seed_primitives::ParseError| PolicyError::Toml(error.to_string()))
    })
}

fn anchor(wire: &wire::Anchor) -> Result<Anchor, PolicyError> {
    for (zero, field) in [
        (wire.chain_id == 0, "chain_id"),
        (wire.genesis.is_zero(), "genesis"),
        (wire.ledger.is_zero(), "ledger"),
        (wire.ledger_code_hash.is_zero(), "ledger_code_hash"),
    ] {
        if zero {
            return Err(PolicyError::ZeroAnchor(field));
        }
    }
    Ok(Anchor {
        chain_id: wire.chain_id,
        genesis: wire.genesis,
        ledger: wire.ledger,
        ledger_code_hash: wire.ledger_code_hash,
    })
}

fn rules(wire: wire::Rules) -> Result<RulesPolicy, PolicyError> {
    if wire.pinned.is_empty() && wire.logic.is_empty() {
        return Err(PolicyError::NoRules);
    }
    if !wire.logic.is_empty() && wire.builders.is_empty() {
        return Err(PolicyError::LogicWithoutBuilders);
    }
    if !wire.logic.is_empty() && wire.minimum_known_signers.is_none() {
        return Err(PolicyError::NoMinimumKnownSigners);
    }
    let builders = wire.builders.len();
    count("rules.builders", builders, 0)?;
    let minimum_threshold = wire.minimum_threshold.unwrap_or(2);
    within("minimum_threshold", u64::from(minimum_threshold), 2, 32)?;
    if let Some(signers) = wire.minimum_known_signers {
        // One known signer would be one authority again.
        within(
            "minimum_known_signers",
            u64::from(signers),
            2,
            builders as u64,
        )?;
    }
    let builders = wire
        .builders
        .into_iter()
        .map(builder)
        .collect::<Result<Vec<_>, _>>()?;
    unique(
        "rules.builders",
        builders.iter().map(|one| one.address.to_string()),
    )?;
    unique(
        "rules.builders",
        builders.iter().map(|one| one.name.to_lowercase()),
    )?;
    Ok(RulesPolicy {
        pinned: wire.pinned,
        logic: wire.logic,
        minimum_threshold,
        minimum_known_signers: wire.minimum_known_signers.unwrap_or(0),
        builders,
    })
}

fn builder(wire: wire::Builder) -> Result<KnownBuilder, PolicyError> {
    name("rules.builders.name", &wire.name)?;
    // A builder without a named domain would count as independent of everybody.
    count("rules.builders.domains", wire.domains.len(), 1)?;
    for domain in &wire.domains {
        name("rules.builders.domains", domain)?;
    }
    unique("rules.builders.domains", wire.domains.iter().cloned())?;
    Ok(KnownBuilder {
        address: wire.address,
        name: wire.name,
        domains: wire.domains,
    })
}

fn endpoints(wire: wire::Endpoints) -> Result<(Vec<Endpoint>, usize), PolicyError> {
    let n = wire.nodes.len();
    count("endpoints.nodes", n, 2)?;
    for node in &wire.nodes {
        if !is_endpoint_url(&node.url) {
            return Err(PolicyError::EndpointUrl(
                node.url.escape_debug().to_string(),
            ));
        }
        name("endpoints.nodes.operator", &node.operator)?;
        name("endpoints.nodes.jurisdiction", &node.jurisdiction)?;
    }
    unique(
        "endpoints.nodes.url",
        wire.nodes.iter().map(|node| node.url.clone()),
    )?;
    different_hosts(wire.nodes.iter().map(|node| node.url.as_str()))?;
    // Two endpoints of one operator are one voice; counting both would let it reach `agree` alone.
    let operators = wire.nodes.iter().map(|node| node.operator.to_lowercase());
    unique("endpoints.nodes.operator", operators)?;
    within(
        "endpoints.agree",
        wire.agree as u64,
        (n as u64 / 2 + 1).max(2),
        n as u64,
    )?;
    let endpoints = wire.nodes.into_iter().map(|node| Endpoint {
        url: node.url,
        operator: node.operator,
        jurisdiction: node.jurisdiction,
    });
    Ok((endpoints.collect(), wire.agree))
}

/// Whoever runs a host runs every address on it and every name below it, whatever the operators are called. On this machine
/// ports tell them apart.
fn different_hosts<'a>(urls: impl Iterator<Item = &'a str>) -> Result<(), PolicyError> {
    let mut seen: Vec<String> = Vec::new();
    for url in urls {
        let authority = url.split('/').nth(2).unwrap_or_default();
        let authority = authority.split(['?', '#']).next().unwrap_or_default();
        let host = host(authority).to_ascii_lowercase();
        let host = host.trim_end_matches('.');
        if is_loopback(host) {
            continue;
        }
        let below = |one: &str, other: &str| {
            one.strip_suffix(other)
                .is_some_and(|rest| rest.ends_with('.'))
        };
        if seen
            .iter()
            .any(|one| one == host || below(one, host) || below(host, one))
        {
            return Err(PolicyError::Duplicate {
                field: "endpoints.nodes.url, the host",
                value: host.escape_debug().to_string(),
            });
        }
        seen.push(host.to_owned());
    }
    Ok(())
}

fn is_endpoint_url(url: &str) -> bool {
    let printable = url.bytes().all(|byte| byte.is_ascii_graphic());
    let (rest, secure) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (rest, true),
        (_, Some(rest)) => (rest, false),
        _ => return false,
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    printable
        && url.len() <= 512
        && !authority.contains('@')
        && !host(authority).is_empty()
        && (secure || is_loopback(host(authority)))
}

/// The host of `host[:port]`, without the brackets of an IPv6 address.
fn host(authority: &str) -> &str {
    if let Some(inner) = authority.strip_prefix('[') {
        return inner.split(']').next().unwrap_or_default();
    }
    authority.split(':').next().unwrap_or_default()
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn sources(wire: Vec<wire::Source>) -> Result<Vec<ExpectedSource>, PolicyError> {
    count("sources", wire.len(), 1)?;
    for source in &wire {
        if let Some(targets) = &source.targets {
            count("sources.targets", targets.len(), 1)?;
        }
    }
    unique(
        "sources.uri",
        wire.iter().map(|source| source.uri.to_string()),
    )?;
    Ok(wire
        .into_iter()
        .map(|source| ExpectedSource {
            uri: source.uri,
            targets: source.targets,
        })
        .collect())
}

fn rollback(wire: wire::Rollback) -> Result<Rollback, PolicyError> {
    if let Some(sequence) = wire.minimum_sequence {
        within(
            "rollback.minimum_sequence",
            sequence,
            1,
            u64::from(u32::MAX),
        )?;
    }
    if let Some(age) = wire.maximum_age {
        within("rollback.maximum_age", age, 1, u64::from(u32::MAX))?;
    }
    Ok(Rollback {
        minimum_sequence: wire.minimum_sequence,
        commit: wire.commit,
        maximum_age: wire.maximum_age,
        high_water: wire.high_water,
    })
}

fn checkpoints(wire: Vec<wire::Checkpoint>) -> Result<Vec<Checkpoint>, PolicyError> {
    let found = wire.len();
    if found > MAX_CHECKPOINTS {
        return Err(PolicyError::Count {
            field: "checkpoints",
            count: found,
            expected: "at most 1024",
        });
    }
    // Of two blocks of one height at most one can be final.
    unique(
        "checkpoints.block",
        wire.iter().map(|one| one.block.to_string()),
    )?;
    let checkpoints = wire.into_iter().map(|one| {
        within("checkpoints.block", one.block, 1, u64::MAX)?;
        if one.hash.is_zero() {
            return Err(PolicyError::ZeroCheckpoint(one.block));
        }
        Ok(Checkpoint {
            block: one.block,
            hash: one.hash,
        })
    });
    checkpoints.collect()
}

fn network(wire: wire::Network) -> Result<NetworkPin, PolicyError> {
    name("network.name", &wire.name)?;
    name("network.deployment", &wire.deployment)?;
    within("network.sequence", wire.sequence, 1, u64::MAX)?;
    let keys = NetworkKeys::new(wire.keys, wire.threshold)
        .map_err(|error| PolicyError::NetworkKeys(error.to_string()))?;
    Ok(NetworkPin {
        name: wire.name,
        deployment: wire.deployment,
        keys,
        sequence: wire.sequence,
        digest: wire.digest,
        expires: wire.expires,
    })
}

fn within(field: &'static str, value: u64, low: u64, high: u64) -> Result<(), PolicyError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(PolicyError::OutOfRange {
        field,
        value,
        expected: format!("{low} to {high}"),
    })
}

fn count(field: &'static str, count: usize, least: usize) -> Result<(), PolicyError> {
    if (least..=MAX_LIST).contains(&count) {
        return Ok(());
    }
    let expected = match least {
        0 => "at most 64",
        1 => "1 to 64",
        _ => "2 to 64",
    };
    Err(PolicyError::Count {
        field,
        count,
        expected,
    })
}

fn name(field: &'static str, value: &str) -> Result<(), PolicyError> {
    let printable = value.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if (1..=64).contains(&value.len()) && printable && value.trim() == value {
        return Ok(());
    }
    Err(PolicyError::Name {
        field,
        value: value.to_owned(),
    })
}

fn unique(field: &'static str, values: impl Iterator<Item = String>) -> Result<(), PolicyError> {
    let mut seen = BTreeSet::new();
    for value in values {
        if let Some(value) = seen.replace(value) {
            return Err(PolicyError::Duplicate { field, value });
        }
    }
    Ok(())
}
