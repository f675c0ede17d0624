use eyre::Result;
use seed_testkit::keys;
use seed_verdict::{Anchor, Endpoint, ExpectedSource, InitialPolicy, KnownBuilder};

use crate::{
    Subject, World,
    release::{PACKER, URI},
    subject::Fault,
    world::BUILDERS,
};

/// Who operates the endpoints.
const OPERATORS: [&str; 3] = ["one", "two", "three"];

/// The policy under which `subject` is asked about, as TOML; it need not be a good one.
///
/// # Errors
/// When the plain policy cannot be written, which would be a fault of this program.
pub(crate) fn write(world: &World, subject: &Subject, urls: &[String]) -> Result<String> {
    let deployment = &world.deployment;
    let builders = BUILDERS.iter().map(|name| KnownBuilder {
        address: keys::builder(name),
        name: (*name).to_owned(),
        domains: vec![format!("{name} Ltd")],
    });
    let endpoints = urls.iter().zip(OPERATORS).map(|(url, operator)| Endpoint {
        url: url.clone(),
        operator: operator.to_owned(),
        jurisdiction: "EE".to_owned(),
    });
    let plain = InitialPolicy {
        anchor: Anchor {
            chain_id: deployment.chain_id,
            genesis: deployment.genesis_hash,
            ledger: deployment.ledger,
            ledger_code_hash: deployment.ledger_code_hash,
        },
        pinned: vec![deployment.rules_code_hash],
        logic: vec![],
        minimum_known_signers: Some(2),
        builders: builders.collect(),
        endpoints: endpoints.collect(),
        agree: 2,
        sources: vec![ExpectedSource {
            uri: URI.parse()?,
            targets: None,
        }],
        packers: vec![PACKER.parse()?],
    };
    // The chain stands still for as long as the runs last.
    let text = plain
        .render()?
        .replace("maximum_head_age = 3600", "maximum_head_age = 86400");
    Ok(change(&text, subject, urls))
}

fn change(text: &str, subject: &Subject, urls: &[String]) -> String {
    let swap = |old: &str, new: &str| text.replacen(old, new, 1);
    match subject {
        Subject::Tag(_) | Subject::Old => swap("# minimum_sequence = 1", "minimum_sequence = 2"),
        Subject::BelowMark | Subject::NoMark => swap("# high_water = true", "high_water = true"),
        Subject::Agreed(_) => swap("require = \"proof\"", "require = \"quorum\""),
        Subject::Stale => swap("maximum_head_age = 86400", "maximum_head_age = 1"),
        Subject::OtherSource => swap("example.org/acme/app", "example.org/acme/other"),
        Subject::OtherLedger => {
            let (before, after) = text
                .split_once("ledger_code_hash = \"0x")
                .unwrap_or_default();
            let rest = after.get(2..).unwrap_or_default();
            let digits = if after.starts_with("00") { "01" } else { "00" };
            format!("{before}ledger_code_hash = \"0x{digits}{rest}")
        }
        Subject::NoTls(number) => urls
            .iter()
            .take(*number)
            .fold(text.to_owned(), |text, url| {
                text.replace(url, &url.replacen("http:", "https:", 1))
            }),
        Subject::Policy(fault) => break_it(text, *fault, urls),
        _ => text.to_owned(),
    }
}

fn break_it(text: &str, fault: Fault, urls: &[String]) -> String {
    let swap = |old: &str, new: &str| text.replacen(old, new, 1);
    match fault {
        Fault::UnknownField => swap("[rollback]", "[rollback]\nminimum_block = 9"),
        Fault::Misspelt => swap("maximum_head_age", "maximun_head_age"),
        Fault::SameOperator => swap("\"two\"", "\"one\""),
        Fault::TooFewAgree => swap("agree = 2", "agree = 1"),
        Fault::PlainHttp => text.replacen(&urls[0], "http://192.0.2.1:8545", 1),
        Fault::NoSources => swap("example.org/acme/app", ""),
        Fault::DuplicateKey => swap("agree = 2", "agree = 2\nagree = 1"),
    }
}
