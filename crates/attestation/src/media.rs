//! Media types of everything the project publishes, in one table (`docs/protocol.md`, "Media types").

/// An evidence manifest (`artifactType`).
pub const EVIDENCE: &str = "application/vnd.nix-seed.evidence.v1";
/// The attested image manifest's bytes, kept as a plain blob of the evidence.
pub const IMAGE_MANIFEST_COPY: &str = "application/vnd.nix-seed.image-manifest.v1+json";
/// An audit report.
pub const AUDIT: &str = "application/vnd.nix-seed.audit.v1+json";
/// An attestation.
pub const ATTESTATION: &str = "application/vnd.nix-seed.attestation.v1+json";
/// A genesis signature.
pub const GENESIS: &str = "application/vnd.nix-seed.genesis.v1+json";
/// A locator.
pub const LOCATOR: &str = "application/vnd.nix-seed.locator.v1+json";
/// A bundle: everything a verdict needs besides policy, image and time.
pub const BUNDLE: &str = "application/vnd.nix-seed.bundle.v1+json";
/// A network file: which deployments a project published.
pub const NETWORK: &str = "application/vnd.nix-seed.network.v1+json";
/// A DSSE envelope.
pub const DSSE: &str = "application/vnd.dsse.envelope.v1+json";
/// The payload type inside our DSSE envelopes, and the artifact type of statements as referrers.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";
/// A CycloneDX bill of materials.
pub const CYCLONEDX: &str = "application/vnd.cyclonedx+json";
/// An OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An OCI image config.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// A plain tar layer.
pub const OCI_LAYER_TAR: &str = "application/vnd.oci.image.layer.v1.tar";
/// A zstd-compressed tar layer.
pub const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// The OCI empty descriptor's type; its content is [`EMPTY_CONFIG`].
pub const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The two bytes of the OCI empty blob.
pub const EMPTY_CONFIG: &[u8] = b"{}";
