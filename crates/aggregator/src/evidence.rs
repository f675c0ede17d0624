use seed_attestation::{Domain, Envelope, EvidenceManifest, LayerKind, Statement};
use seed_oci::{MAX_MANIFEST, MAX_STATEMENT};
use seed_primitives::{Digest, System};

use crate::{Places, Refusal, Vote, places::Absent};

/// Checks that the evidence behind a vote can be had and says the same as the vote: the manifest by digest,
/// well formed; for every system the image's manifest and a statement by this builder over this source and image.
///
/// Verifiers drop a signer whose evidence is missing or bad, so such a vote would carry a release that does not
/// stand.
///
/// # Errors
/// The refusal of the vote; `unknown` where a place that may have it could not be asked.
pub async fn check_evidence(vote: &Vote, domain: &Domain, places: &Places) -> Result<(), Refusal> {
    let digest = vote.attestation.attestation().evidence;
    let bytes = places.manifest(&digest).await.map_err(absent)?;
    let manifest = EvidenceManifest::from_json(bytes.bytes())
        .map_err(|error| Refusal::new("evidence-malformed", error.to_string()))?;
    for (system, image) in vote.images() {
        check_image(&manifest, system, image, places).await?;
        check_statement(vote, domain, places, &manifest, system, image).await?;
    }
    Ok(())
}

async fn check_image(
    manifest: &EvidenceManifest,
    system: &System,
    image: &Digest,
    places: &Places,
) -> Result<(), Refusal> {
    let shown = manifest.layer(system, LayerKind::ImageManifest);
    match shown.map(|layer| layer.digest) {
        Some(digest) if digest == *image => {
            let copy = places.blob(image, MAX_MANIFEST).await;
            copy.map(|_| ()).map_err(absent)
        }
        Some(digest) => Err(Refusal::new(
            "evidence-mismatch",
            format!("the evidence shows {digest} for {system}, the vote is for {image}"),
        )),
        None => Err(Refusal::new(
            "evidence-mismatch",
            format!("the evidence shows nothing for {system}"),
        )),
    }
}

async fn check_statement(
    vote: &Vote,
    domain: &Domain,
    places: &Places,
    manifest: &EvidenceManifest,
    system: &System,
    image: &Digest,
) -> Result<(), Refusal> {
    let malformed = |why: String| Refusal::new("statement-malformed", format!("{system}: {why}"));
    let Some(layer) = manifest.layer(system, LayerKind::Statement) else {
        return Err(malformed("there is none".to_owned()));
    };
    let bytes = places
        .blob(&layer.digest, MAX_STATEMENT)
        .await
        .map_err(absent)?;
    let envelope = Envelope::from_json(&bytes).map_err(|error| malformed(error.to_string()))?;
    let opened = envelope
        .open_as(domain, vote.builder())
        .map_err(|error| malformed(error.to_string()))?;
    let statement =
        Statement::from_json(opened.payload()).map_err(|error| malformed(error.to_string()))?;
    let differs = [
        (
            "source",
            statement.source != vote.attestation.attestation().source,
        ),
        ("system", statement.system != *system),
        ("image", statement.image != *image),
        ("builder", statement.builder != vote.builder()),
        ("chain", statement.chain_id != domain.chain_id),
    ];
    match differs.iter().find(|(_, differs)| *differs) {
        None => Ok(()),
        Some((what, _)) => Err(Refusal::new(
            "statement-mismatch",
            format!("the statement for {system} is about another {what} than the vote"),
        )),
    }
}

fn absent(absent: Absent) -> Refusal {
    match absent {
        Absent::Missing(why) => Refusal::new("evidence-missing", why),
        Absent::Unknown(why) => Refusal::unknown("evidence-unreachable", why),
    }
}
