#![doc = include_str!("../README.md")]

mod chain;
mod documents;
mod images;
mod sources;

/// A parser with the promises that are held against it: whether it accepts the bytes. It panics when a promise is
/// broken.
pub type Target = fn(&[u8]) -> bool;

/// Every target by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("attestation", documents::attestation),
    ("bundle", documents::bundle),
    ("envelope", documents::envelope),
    ("event", documents::event),
    ("evidence", documents::evidence),
    ("genesis", documents::genesis),
    ("locator", documents::locator),
    ("policy", documents::policy),
    ("record", documents::record),
    ("statement", documents::statement),
    ("account-proof", chain::account_proof),
    ("header", chain::header),
    ("rules", chain::rules),
    ("slot-proof", chain::slot_proof),
    ("image-config", images::config),
    ("image-index", images::index),
    ("image-manifest", images::manifest),
    ("registration", images::registration),
    ("flake-lock", sources::lock),
    ("nar", sources::nar),
    ("texts", sources::texts),
];

/// The target called `name`.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    found.map(|(_, target)| *target)
}
