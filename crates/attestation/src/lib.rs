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

mod artifact;
mod attestation;
mod descriptor;
mod domain;
mod dsse;
mod error;
mod evidence;
mod genesis;
mod locator;
pub mod media;
mod network;
mod network_keys;
mod record;
mod recovery;
mod release_data;
mod signature;
mod statement;
mod statement_wire;

pub use artifact::artifact_manifest;
pub use attestation::{Attestation, AttestationError, SystemDigest, VerifiedAttestation};
pub use descriptor::Descriptor;
pub use domain::{ATTESTATION_TYPE, DOMAIN_TYPE, DSSE_TYPE, Domain, GENESIS_TYPE};
pub use dsse::{Envelope, OpenedEnvelope, pae};
pub use error::{FormatError, SignatureError};
pub use evidence::{EvidenceLayer, EvidenceManifest, LayerKind, evidence_tag};
pub use genesis::{GenesisSignature, VerifiedGenesis};
pub use locator::{Locator, locator_tag};
pub use network::{
    MAX_NETWORK_BYTES, NETWORK_DOMAIN_TYPE, NETWORK_TYPE, Network, NetworkBuilder,
    NetworkDeployment, NetworkFile, NetworkRules, NetworkSignature, VerifiedNetwork,
};
pub use network_keys::{NetworkError, NetworkKeys};
pub use record::{Entry, MAX_RECORD_BYTES, Record};
pub use release_data::ReleaseData;
pub use signature::Signature;
pub use statement::{NixDriver, Run, Statement};
