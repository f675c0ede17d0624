use eyre::{Result, ensure};
use seed_primitives::{Digest, write_bytes32};
use seed_testkit::keys;
use seed_verdict::{Anchor, Endpoint, ExpectedSource, InitialPolicy, KnownBuilder};

use crate::{
    Subject, World,
    bundle_case::Terms,
    flaw::STRICT,
    release::{PACKER, URI},
    subject::{Fault, Values},
    world::BUILDERS,
};

/// Who operates the endpoints.
const OPERATORS: [&str; 3] = ["one", "two", "three"];

/// The policy under which `subject` is asked about, as TOML; it need not be a good one.
///
/// # Errors
/// When the plain policy cannot be written, which would be a fault of this program.
pub(crate) fn write(world: &World, subject: &Subject, urls: &[String]) -> Result<String> {
    let plain = match subject.is_strict() {
        true => known(world, urls, true)?,
        false => plain(world, urls)?,
    };
    Ok(change(&plain, subject, urls))
}

/// The policy that wants what is good.
///
/// # Errors
/// When it cannot be written, which would be a fault of this program.
pub(crate) fn plain(world: &World, urls: &[String]) -> Result<String> {
    known(world, urls, false)
}

/// The same; where it is `strict`, it knows the stricter rules and all of their builders as well.
fn known(world: &World, urls: &[String], strict: bool) -> Result<String> {
    let deployment = &world.deployment;
    let builders: &[&str] = if strict { &STRICT } else { &BUILDERS };
    let builders = builders.iter().map(|name| KnownBuilder {
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
        pinned: std::iter::once(deployment.rules_code_hash)
            .chain(world.strict.code_hashes().filter(|_| strict))
            .collect(),
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
    Ok(plain
        .render()?
        .replace("maximum_head_age = 3600", "maximum_head_age = 86400"))
}

/// The policy under which a bundle is read, on these terms.
///
/// # Errors
/// As [`plain`].
pub(crate) fn on_terms(world: &World, terms: Terms, urls: &[String]) -> Result<String> {
    let plain = plain(world, urls)?.replacen(
        "# maximum_bundle_age = 604800",
        "maximum_bundle_age = 86400",
        1,
    );
    let swap = |old: &str, new: &str| plain.replacen(old, new, 1);
    let rule = |rule: &str| swap("[rollback]\n", &format!("[rollback]\n{rule}\n"));
    let digits = |start: &str| {
        let (before, after) = plain.split_once(start).unwrap_or_default();
        let other = if after.starts_with("11") { "22" } else { "11" };
        format!(
            "{before}{start}{other}{}",
            after.get(2..).unwrap_or_default()
        )
    };
    let signatures =
        |text: String| text.replacen("require = \"proof\"", "require = \"signatures\"", 1);
    let one = || swap("[\"bo Ltd\"]", "[\"bo Ltd\", \"ada Ltd\"]");
    let three = || swap("minimum_known_signers = 2", "minimum_known_signers = 3");
    let text = match terms {
        Terms::Newer => rule("minimum_sequence = 2"),
        Terms::Signatures => signatures(plain.clone()),
        Terms::Odd(_) => plain.clone(),
        Terms::Networked => network(&plain, u64::from(u32::MAX)),
        Terms::NetworkExpired => network(&plain, 1_700_000_000),
        Terms::Stale => swap("maximum_bundle_age = 86400", "maximum_bundle_age = 1"),
        Terms::OtherCode => digits("ledger_code_hash = \"0x"),
        Terms::OtherLedger => digits("ledger = \"0x"),
        Terms::OtherChain => swap("chain_id = ", "chain_id = 9"),
        Terms::OtherSource => swap("example.org/acme/app", "example.org/acme/other"),
        Terms::OtherCommit => rule(&format!("commit = \"{}\"", "f".repeat(40))),
        Terms::TooOld => rule("maximum_age = 1"),
        Terms::BelowMark | Terms::NoMark => rule("high_water = true"),
        Terms::OtherPacker => swap("packers = [\"nix-seed/1\"]", "packers = [\"other/1\"]"),
        Terms::OtherRules => digits("pinned = [\"0x"),
        Terms::Three => swap("minimum_threshold = 2", "minimum_threshold = 3"),
        Terms::TwoAreOne => one(),
        Terms::SignaturesOfTwoAreOne => signatures(one()),
        Terms::ThreeKnown => three(),
        Terms::SignaturesOfThree => signatures(three()),
        Terms::SignaturesNewer => signatures(rule("minimum_sequence = 2")),
        Terms::SignaturesOtherSource => {
            signatures(swap("example.org/acme/app", "example.org/acme/other"))
        }
        Terms::SignaturesOtherCommit => {
            signatures(rule(&format!("commit = \"{}\"", "f".repeat(40))))
        }
        Terms::SignaturesOtherPacker => signatures(swap(
            "packers = [\"nix-seed/1\"]",
            "packers = [\"other/1\"]",
        )),
        Terms::SignaturesOtherCode => signatures(digits("ledger_code_hash = \"0x")),
        Terms::Pinned | Terms::Unpinned | Terms::OtherHash | Terms::OtherHeight => plain.clone(),
    };
    let wanted = [Terms::Pinned, Terms::Unpinned, Terms::Signatures];
    ensure!(
        text != plain || wanted.contains(&terms) || pins(terms),
        "{terms:?} wants nothing else"
    );
    let (block, hash) = world.bundles.pin;
    let (block, hash) = match terms {
        Terms::Unpinned => return Ok(text),
        Terms::SignaturesOtherCode => (block, hash),
        terms if terms.is_about_signatures() => return Ok(text),
        Terms::OtherHash => (block, !hash),
        Terms::Odd(odd) => (block, world.bundles.hash_of(odd)),
        Terms::OtherHeight => (block + 1, hash),
        _ => (block, hash),
    };
    let hash = write_bytes32(&hash);
    Ok(format!(
        "{text}\n[[checkpoints]]\nblock = {block}\nhash = \"{hash}\"\n"
    ))
}

/// The policy with an anchor from a network file that counts until `expires`.
fn network(text: &str, expires: u64) -> String {
    format!(
        "{text}\n[network]\nname = \"acme\"\ndeployment = \"main\"\nkeys = [\"{}\"]\nthreshold = 1\nsequence = 1\n\
         digest = \"{}\"\nexpires = {expires}\n",
        keys::builder("network"),
        Digest::of(b"network file"),
    )
}

const fn pins(terms: Terms) -> bool {
    matches!(terms, Terms::OtherHash | Terms::OtherHeight | Terms::Odd(_))
}

fn change(text: &str, subject: &Subject, urls: &[String]) -> String {
    let swap = |old: &str, new: &str| text.replacen(old, new, 1);
    match subject {
        Subject::Tag(_) | Subject::Old => swap("# minimum_sequence = 1", "minimum_sequence = 2"),
        Subject::BelowMark | Subject::NoMark => swap("# high_water = true", "high_water = true"),
        Subject::Agreed(_) | Subject::Values(_) => {
            let text = match subject {
                Subject::Values(Values::OtherCode) => other_code(text),
                _ => text.to_owned(),
            };
            text.replacen("require = \"proof\"", "require = \"quorum\"", 1)
        }
        Subject::Stale => swap("maximum_head_age = 86400", "maximum_head_age = 1"),
        Subject::OtherSource => swap("example.org/acme/app", "example.org/acme/other"),
        Subject::OtherLedger => other_code(text),
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

/// A policy for a ledger with other code.
fn other_code(text: &str) -> String {
    let (before, after) = text
        .split_once("ledger_code_hash = \"0x")
        .unwrap_or_default();
    let rest = after.get(2..).unwrap_or_default();
    let digits = if after.starts_with("00") { "01" } else { "00" };
    format!("{before}ledger_code_hash = \"0x{digits}{rest}")
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
