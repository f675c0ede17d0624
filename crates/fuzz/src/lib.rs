#![doc = include_str!("../README.md")]

mod answers;
mod builds;
mod chain;
mod documents;
mod governance;
mod images;
mod json;
mod loopback;
mod registries;
mod rpc;
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
    ("network", documents::network),
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
    ("challenge", answers::challenge),
    ("credential-helper", answers::helper),
    ("docker-config", answers::docker_config),
    ("referrers", answers::referrers),
    ("registry-error", answers::refusal),
    ("tag-list", answers::tags),
    ("token", answers::token),
    ("json-rpc", rpc::answer),
    ("layout", registries::layout),
    ("oci-archive", registries::archive),
    ("oci-manifest", registries::manifest),
    ("reference", registries::reference),
    ("allow-list", builds::allow_list),
    ("audit-report", builds::audit_report),
    ("census", builds::census),
    ("derivation", builds::derivation),
    ("layer", builds::layer),
    ("source", builds::source),
    ("federation", governance::federation),
    ("gov-document", governance::document),
    ("operation", governance::operation),
    ("owner-signature", governance::signature),
    ("snapshot", governance::snapshot),
    ("deployment", sources::deployment),
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
