use jiff::civil::Date;

use super::{Fact, Provider, Providers};
use crate::federation::{Builder, Federation, Finding, blocs_of};

/// What builders do not say although it follows from the provider, the cloud or the key service they name. A missing
/// domain of the provider is an error: two builders would look independent that are not.
#[must_use]
pub fn inherited(federation: &Federation, providers: &Providers) -> Vec<Finding> {
    let mut findings = Vec::new();
    for builder in &federation.builders {
        let mut has = builder.domain_names();
        if let Some(name) = &builder.provider {
            match providers.get(name) {
                Some(provider) => {
                    let through = format!("provider {name}");
                    findings.extend(nowhere(builder, &has, provider));
                    findings.extend(unknown(builder, &has, provider));
                    findings.extend(missing(builder, &mut has, &through, provider, true));
                    for operator in operators(provider, providers) {
                        let through = format!("provider {name} on {}", operator.name);
                        findings.extend(missing(builder, &mut has, &through, operator, true));
                    }
                }
                None => findings.push(Finding::error(
                    "provider-unknown",
                    format!(
                        "builder {} builds with {name}, which the registry does not know; it knows {}",
                        builder.name,
                        names(providers)
                    ),
                )),
            }
        }
        let clouds = builder.infrastructure.iter();
        for operator in clouds.flat_map(|name| providers.operators(name)) {
            let through = format!("infrastructure {}", operator.name);
            findings.extend(missing(builder, &mut has, &through, operator, false));
        }
        if let Some(keeper) = builder
            .custody
            .as_deref()
            .and_then(|one| providers.keeper(one))
        {
            let through = format!("custody {}", builder.custody.as_deref().unwrap_or_default());
            findings.extend(missing(builder, &mut has, &through, keeper, false));
        }
    }
    findings.extend(together(federation, providers));
    findings
}

/// Facts that were read more than `days` before `today`, or after it, of every provider a federation names.
#[must_use]
pub fn outdated(
    federation: &Federation,
    providers: &Providers,
    today: Date,
    days: i32,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for builder in &federation.builders {
        let named = builder.provider.iter().chain(&builder.infrastructure);
        for provider in named.filter_map(|name| providers.get(name)) {
            for (name, fact) in provider.facts() {
                let age = (today - fact.date).get_days();
                let what = format!(
                    "{name} of {} was read on {} ({}): read it again",
                    provider.name, fact.date, fact.source
                );
                let finding = Finding::warning("fact-outdated", what);
                if (age < 0 || age > days) && !findings.contains(&finding) {
                    findings.push(finding);
                }
            }
        }
    }
    findings
}

/// Who runs the machines of a provider, where that is another provider.
fn operators<'a>(
    provider: &'a Provider,
    providers: &'a Providers,
) -> impl Iterator<Item = &'a Provider> {
    let fact = provider.infrastructure.iter();
    let clouds = fact.flat_map(|fact| &fact.values);
    clouds
        .flat_map(|name| providers.operators(name))
        .filter(|operator| operator.name != provider.name)
}

/// The domains of a provider that a builder does not have; from then on they count as had, so that each is reported
/// once. What a cloud or key service brings along is who owns it and whom it answers to.
fn missing(
    builder: &Builder,
    has: &mut Vec<String>,
    through: &str,
    provider: &Provider,
    forbidden: bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (kind, fact) in provider.domains() {
        let whole = builder.provider.as_deref() == Some(&provider.name);
        if !whole && !matches!(kind, "parent" | "jurisdiction") {
            continue;
        }
        for value in &fact.values {
            let mut wanted = vec![format!("{kind} {value}")];
            if kind == "jurisdiction" {
                wanted.extend(blocs_of(value).map(|bloc| format!("bloc {}", bloc.name)));
            }
            for domain in wanted {
                if !has.contains(&domain) {
                    findings.push(absent(builder, through, &domain, fact, forbidden));
                    has.push(domain);
                }
            }
        }
    }
    findings
}

fn absent(builder: &Builder, through: &str, domain: &str, fact: &Fact, forbidden: bool) -> Finding {
    let what = format!(
        "builder {} has {through}, so it is in domain `{domain}` too, and does not say so: add \"{domain}\" to its domains ({}, read {})",
        builder.name, fact.source, fact.date
    );
    match forbidden {
        true => Finding::error("provider-domain-missing", what),
        false => Finding::warning("operator-domain-missing", what),
    }
}

/// A machine stands somewhere.
fn nowhere(builder: &Builder, has: &[String], provider: &Provider) -> Option<Finding> {
    let fact = provider.locations.as_ref()?;
    let mut countries = fact.values.iter();
    if countries.any(|one| has.contains(&format!("jurisdiction {one}"))) {
        return None;
    }
    let what = format!(
        "builder {} does not say where its machines stand; {} has them in {} ({}, read {})",
        builder.name,
        provider.name,
        fact.values.join(", "),
        fact.source,
        fact.date
    );
    Some(Finding::warning("location-missing", what))
}

/// Somebody runs the machines.
fn unknown(builder: &Builder, has: &[String], provider: &Provider) -> Option<Finding> {
    let named = has.iter().any(|name| name.starts_with("infrastructure "));
    if named || provider.infrastructure.is_some() {
        return None;
    }
    let what = format!(
        "nobody knows who runs the machines of builder {}: it does not say, and the registry has no source for {}",
        builder.name, provider.name
    );
    Some(Finding::warning("infrastructure-unknown", what))
}

/// Builders whose providers run on one cloud, unless both say so: then the rules know.
fn together(federation: &Federation, providers: &Providers) -> Vec<Finding> {
    let clouds = |builder: &Builder| {
        let provider = builder.provider.as_deref();
        let provider = provider.and_then(|name| providers.get(name));
        let fact = provider.and_then(|one| one.infrastructure.as_ref());
        let implied = fact.map(|fact| fact.values.clone()).unwrap_or_default();
        [implied, builder.infrastructure.clone()].concat()
    };
    let mut findings = Vec::new();
    for (at, one) in federation.builders.iter().enumerate() {
        for other in federation.builders.iter().skip(at + 1) {
            let theirs = clouds(other);
            for cloud in clouds(one).iter().filter(|cloud| theirs.contains(cloud)) {
                let domain = format!("infrastructure {cloud}");
                let say = |builder: &Builder| builder.domain_names().contains(&domain);
                if say(one) && say(other) {
                    continue;
                }
                let what = format!(
                    "builders {} and {} both run on {cloud}: two companies on one cloud are one infrastructure, and they do not both name `{domain}`",
                    one.name, other.name
                );
                findings.push(Finding::error("one-infrastructure", what));
            }
        }
    }
    findings
}

fn names(providers: &Providers) -> String {
    let all: Vec<&str> = providers.iter().map(|one| one.name.as_str()).collect();
    all.join(", ")
}
