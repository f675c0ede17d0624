use alloy::signers::Signer as _;
use alloy_primitives::{B256, Signature};
use alloy_signer_gcp::{
    GcpKeyRingRef, GcpSigner, GcpSignerError, KeySpecifier,
    gcloud_sdk::{GoogleApi, google::cloud::kms::v1::key_management_service_client as kms_client},
};
use seed_chain::{SignerFault, complete_signature};

use super::GcpKeyVersion;

const ENDPOINT: &str = "https://cloudkms.googleapis.com";

/// Asks Google Cloud KMS for the public key. The login is that of every Google Cloud program: the file that
/// `GOOGLE_APPLICATION_CREDENTIALS` names, the user's, or the machine's role.
pub(super) async fn open(name: &str, key: &GcpKeyVersion) -> Result<GcpSigner, SignerFault> {
    let client =
        GoogleApi::from_function(kms_client::KeyManagementServiceClient::new, ENDPOINT, None);
    let client = client.await.map_err(|error| SignerFault::Unavailable {
        signer: name.to_owned(),
        why: error.to_string(),
    })?;
    let ring = GcpKeyRingRef::new(&key.project, &key.location, &key.ring);
    let version = KeySpecifier::new(ring, &key.key, key.version);
    let opened = GcpSigner::new(client, version, None).await;
    opened.map_err(|error| fault(name, "public key", error))
}

/// Has a hash signed, and makes the one signature of the account that contracts accept from the answer.
pub(super) async fn sign(
    name: &str,
    gcp: &GcpSigner,
    hash: &B256,
) -> Result<Signature, SignerFault> {
    let signed = gcp.sign_digest(hash).await;
    let signed = signed.map_err(|error| fault(name, "signature", error))?;
    let signature = Signature::from_signature_and_parity(signed, false);
    complete_signature(name, &signature, hash, gcp.address())
}

fn fault(name: &str, what: &'static str, error: GcpSignerError) -> SignerFault {
    let signer = name.to_owned();
    match error {
        GcpSignerError::GoogleKmsError(error) => SignerFault::Unavailable {
            signer,
            why: error.to_string(),
        },
        GcpSignerError::RequestError(status) => SignerFault::Unavailable {
            signer,
            why: format!("{:?}: {}", status.code(), status.message()),
        },
        error => SignerFault::Malformed {
            signer,
            what,
            why: error.to_string(),
        },
    }
}
