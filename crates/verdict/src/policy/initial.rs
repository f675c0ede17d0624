use std::fmt::Write as _;

use alloy_primitives::B256;
use seed_primitives::{RecipeName, write_address, write_bytes32};

use super::{Anchor, Endpoint, ExpectedSource, KnownBuilder, Policy, PolicyError};

/// What `policy init` asks its user for; renders a commented policy.
///
/// Lists may be given empty as a starting point for editing only where a policy may leave them empty:
/// [`Self::render`] checks its own result and refuses to write a policy that would be refused.
#[derive(Clone, Debug)]
pub struct InitialPolicy {
    /// The one ledger that is believed.
    pub anchor: Anchor,
    /// Code hashes of rules that are accepted as they are.
    pub pinned: Vec<B256>,
    /// Hashes of logics that are accepted when known builders signed.
    pub logic: Vec<B256>,
    /// How many known builders must sign; `None` for no such demand.
    pub minimum_known_signers: Option<u8>,
    /// The known builders.
    pub builders: Vec<KnownBuilder>,
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
    /// How many operators must agree.
    pub agree: usize,
    /// The sources that are wanted.
    pub sources: Vec<ExpectedSource>,
    /// The packers that are trusted.
    pub packers: Vec<RecipeName>,
}

impl InitialPolicy {
    /// The TOML text, with a comment on every choice.
    ///
    /// # Errors
    /// When the result would not be a policy: [`PolicyError`] says which part is missing or inconsistent.
    pub fn render(&self) -> Result<String, PolicyError> {
        let mut text = String::from(HEAD);
        self.render_anchor(&mut text);
        self.render_rules(&mut text);
        self.render_endpoints(&mut text);
        self.render_sources(&mut text);
        text.push_str(TAIL);
        Policy::from_toml(&text)?;
        Ok(text)
    }

    fn render_anchor(&self, text: &mut String) {
        let anchor = &self.anchor;
        text.push_str("\n# The one ledger that is believed. Nothing found beside an image can change this.\n[anchor]\n");
        line(text, "chain_id", anchor.chain_id);
        line(text, "genesis", quoted(&write_bytes32(&anchor.genesis)));
        line(text, "ledger", quoted(&write_address(&anchor.ledger)));
        line(
            text,
            "ledger_code_hash",
            quoted(&write_bytes32(&anchor.ledger_code_hash)),
        );
    }

    fn render_rules(&self, text: &mut String) {
        text.push_str("\n# Which rules may have judged: whole codes by hash, or a logic together with builders known here.\n[rules]\n");
        line(text, "pinned", list(self.pinned.iter().map(write_bytes32)));
        line(text, "logic", list(self.logic.iter().map(write_bytes32)));
        line(text, "minimum_threshold", 2);
        if let Some(signers) = self.minimum_known_signers {
            line(text, "minimum_known_signers", signers);
        }
        for builder in &self.builders {
            text.push_str("\n[[rules.builders]]\n");
            line(text, "address", quoted(&builder.address.to_string()));
            line(text, "name", quoted(&builder.name));
            line(text, "domains", list(builder.domains.iter().cloned()));
        }
    }

    fn render_endpoints(&self, text: &mut String) {
        text.push_str("\n# Nodes of different operators. `agree` of them must name the same finalised block; it is never lowered.\n[endpoints]\n");
        line(text, "agree", self.agree);
        for endpoint in &self.endpoints {
            text.push_str("\n[[endpoints.nodes]]\n");
            line(text, "url", quoted(&endpoint.url));
            line(text, "operator", quoted(&endpoint.operator));
            line(text, "jurisdiction", quoted(&endpoint.jurisdiction));
        }
    }

    fn render_sources(&self, text: &mut String) {
        text.push_str("\n# What may run here. Without `targets`, any target of the repository.\n");
        for source in &self.sources {
            text.push_str("[[sources]]\n");
            line(text, "uri", quoted(source.uri.as_str()));
            if let Some(targets) = &source.targets {
                line(
                    text,
                    "targets",
                    list(targets.iter().map(ToString::to_string)),
                );
            }
            text.push('\n');
        }
        text.push_str("[recipe]\n");
        line(
            text,
            "packers",
            list(self.packers.iter().map(ToString::to_string)),
        );
        line(text, "maximum_reissue", 0);
    }
}

const HEAD: &str = "\
# Policy of seed-verify. A field it does not know stops it: a misspelt demand would be no demand.
version = 1

# The floor: \"proof\" (values proven against an agreed header) or \"quorum\" (values agreed on).
require = \"proof\"
";

const TAIL: &str = "
# Against the offer of an old release. A tag is undecidable while all of these are off.
[rollback]
# minimum_sequence = 1
# commit = \"<40 or 64 hex digits>\"
# maximum_age = 2592000
# high_water = true

# How old the finalised head may be, in seconds.
[freshness]
maximum_head_age = 3600
# How old the block of a bundle may be; without this, as old as the head.
# maximum_bundle_age = 604800
";

fn line(text: &mut String, key: &str, value: impl std::fmt::Display) {
    // Writing to a String does not fail.
    let _ = writeln!(text, "{key} = {value}");
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list(values: impl Iterator<Item = String>) -> String {
    let values: Vec<_> = values.map(|value| quoted(&value)).collect();
    format!("[{}]", values.join(", "))
}
