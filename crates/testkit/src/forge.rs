use alloy::signers::{SignerSync, local::PrivateKeySigner};
use alloy_primitives::B256;
use seed_attestation::{
    Attestation, Domain, Envelope, EvidenceLayer, EvidenceManifest, LayerKind, Signature,
    Statement, evidence_tag, media,
};
use seed_oci::{MAX_STATEMENT, Repository};
use seed_primitives::{BuilderId, Source};

use crate::push_artifact;

/// What a lying builder does: it built something else and says it is `claimed`.
///
/// Takes the liar's own, honest attestation `own` of what it really built, whose evidence is in `repository`;
/// signs every statement, the evidence and the attestation again over the source `claimed`, pushes them and
/// returns the forged attestation. Every signature is valid; only the content is a lie.
///
/// # Errors
/// When the evidence cannot be read or pushed, or the two sources differ in their recipe.
pub async fn forge(
    repository: &Repository,
    own: &Attestation,
    claimed: &Source,
    key: &PrivateKeySigner,
) -> Result<Attestation, Box<dyn std::error::Error>> {
    let domain = Domain {
        chain_id: own.chain_id,
        ledger: own.ledger,
    };
    let builder = BuilderId::from_address(key.address()).ok_or("the zero address")?;
    let evidence = repository.manifest(&own.evidence).await?;
    let mut layers = EvidenceManifest::from_json(evidence.bytes())?
        .layers()
        .to_vec();
    for layer in layers
        .iter_mut()
        .filter(|layer| layer.kind == LayerKind::Statement)
    {
        *layer = restate(repository, layer, claimed, &domain, key).await?;
    }
    let evidence = EvidenceManifest::new(layers)?.to_json()?;
    repository.push_blob(media::EMPTY_CONFIG).await?;
    let tag = evidence_tag(&claimed.release(), &builder).parse()?;
    let evidence = repository.push_manifest(evidence, &[tag]).await?;
    let root = own.leaves()?.root();
    let digest = domain.attestation_digest(&claimed.release(), &root, &evidence, own.rules);
    let forged = Attestation {
        source: claimed.clone(),
        evidence,
        builder,
        signature: sign(key, &digest)?,
        ..own.clone()
    };
    push(repository, &forged).await?;
    Ok(forged)
}

async fn restate(
    repository: &Repository,
    layer: &EvidenceLayer,
    claimed: &Source,
    domain: &Domain,
    key: &PrivateKeySigner,
) -> Result<EvidenceLayer, Box<dyn std::error::Error>> {
    let bytes = repository.blob(&layer.digest, MAX_STATEMENT).await?;
    let opened = Envelope::from_json(&bytes)?.open(domain)?;
    let honest = Statement::from_json(opened.payload())?;
    let payload = Statement {
        source: claimed.clone(),
        ..honest
    }
    .to_json()?;
    let signature = sign(key, &Envelope::digest(domain, &payload))?;
    let builder = BuilderId::from_address(key.address()).ok_or("the zero address")?;
    let envelope = Envelope::new(domain, payload, builder, signature).to_json()?;
    let size = envelope.len() as u64;
    let digest = repository.push_blob(envelope).await?;
    Ok(EvidenceLayer {
        digest,
        size,
        ..layer.clone()
    })
}

async fn push(
    repository: &Repository,
    attestation: &Attestation,
) -> Result<(), Box<dyn std::error::Error>> {
    let release = attestation.source.release();
    let tag = format!(
        "attestation-{}-{}",
        release.to_hex(),
        attestation.builder.to_hex()
    );
    let document = attestation.to_json()?;
    Ok(push_artifact(repository, media::ATTESTATION, document, &tag, None).await?)
}

fn sign(key: &PrivateKeySigner, digest: &B256) -> Result<Signature, alloy::signers::Error> {
    Ok(Signature::from_full(&key.sign_hash_sync(digest)?))
}
