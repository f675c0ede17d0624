#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod bundle;
mod code;
mod count;
mod decide;
mod evidence;
mod grade;
mod head;
mod image;
mod original;
mod policy;
mod record;
mod rejection;
mod release;
mod revocation;
mod rollback;
mod rules;
mod served;
mod signatures;
mod state;
mod statement;
mod trust;
mod votes;

pub use bundle::{Bundle, BundleError, CaptureError, MAX_BUNDLE_BYTES};
pub use code::{ExitClass, RejectionCode};
pub use decide::decide;
pub use evidence::{
    Blobs, ChainEvidence, Context, Document, EndpointEvidence, Evidence, HighWater, ImageEvidence,
    LayerEvidence, MAX_LOCATORS, ManifestEvidence, Observation, Requested, StateProof, StateValues,
};
pub use grade::Grade;
pub use policy::{
    Anchor, Checkpoint, DEFAULT_MAXIMUM_HEAD_AGE, Endpoint, ExpectedSource, InitialPolicy,
    KnownBuilder, MAX_POLICY_BYTES, NetworkPin, Policy, PolicyError, Rollback, RulesPolicy,
};
pub use record::required_slots;
pub use rejection::Rejection;
pub use release::{
    CountedBuilder, CountedEvidence, Currency, DroppedBuilder, Inclusion, JudgedBy, Release,
    Supersession, Verified, VerifiedImage, Vouched,
};
pub use served::ServedManifest;
