//! What one builder published for one system, against what it signed.

use seed_attestation::{Domain, Envelope, EvidenceManifest, LayerKind, Statement};
use seed_primitives::{BuilderId, Digest, Recipe, Source};

use crate::{Blobs, CountedEvidence, RejectionCode as Code, image::CheckedImage, votes::Fault};

/// Settings that must hold what they are shown with: a build under any other proves nothing.
const SETTINGS: [(&str, &str); 16] = [
    ("allowed-impure-host-deps", ""),
    ("builders", ""),
    ("extra-sandbox-paths", ""),
    ("extra-substituters", ""),
    ("fallback", "false"),
    ("hashed-mirrors", ""),
    ("plugin-files", ""),
    ("post-build-hook", ""),
    ("pre-build-hook", ""),
    ("require-sigs", "true"),
    ("sandbox", "true"),
    ("sandbox-fallback", "false"),
    ("sandbox-paths", ""),
    ("substitute", "false"),
    ("substituters", ""),
    ("trusted-substituters", ""),
];
/// Of those, the ones that a statement may not leave out.
const STATED: [&str; 2] = ["sandbox", "substituters"];

/// What a vote that counts rests on.
pub(crate) struct Backing {
    /// How the image was packed, in clear.
    pub(crate) recipe: Recipe,
    pub(crate) evidence: CountedEvidence,
}

/// Checks that `builder` published, under the `evidence` digest it signed, a statement that says exactly what its
/// vote says about `image`.
pub(crate) fn check(
    blobs: &Blobs,
    domain: &Domain,
    source: &Source,
    builder: BuilderId,
    evidence: &Digest,
    image: &CheckedImage,
) -> Result<Backing, Fault> {
    let manifest = manifest(blobs, evidence)?;
    let copy = layer(&manifest, image, LayerKind::ImageManifest)?;
    if copy.digest != image.digest || copy.size != image.size {
        return Err(Fault::new(
            Code::EvidenceBad,
            format!("its evidence attests {} for {}", copy.digest, image.system),
        ));
    }
    let statement = statement(blobs, domain, &manifest, builder, image)?;
    bound(&statement, domain, source, builder, image)?;
    for (kind, said) in [
        (LayerKind::Audit, statement.audit),
        (LayerKind::Sbom, statement.sbom),
    ] {
        if layer(&manifest, image, kind)?.digest != said {
            return Err(bad(format!(
                "it names another {} than the evidence has",
                kind.media_type()
            )));
        }
    }
    for (name, expected) in SETTINGS {
        let found = statement.setting(name);
        let fine = match found {
            Some(value) => value == expected,
            None => !STATED.contains(&name),
        };
        if !fine {
            return Err(bad(format!(
                "it was built with {name} = {found:?}, not {expected:?}"
            )));
        }
    }
    let named = layer(&manifest, image, LayerKind::Statement)?;
    Ok(Backing {
        recipe: statement.recipe,
        evidence: CountedEvidence {
            system: image.system.clone(),
            manifest: *evidence,
            statement: named.digest,
        },
    })
}

fn bad(why: impl std::fmt::Display) -> Fault {
    Fault::new(Code::StatementBad, format!("its statement: {why}"))
}

fn manifest(blobs: &Blobs, evidence: &Digest) -> Result<EvidenceManifest, Fault> {
    let bytes = blobs.get(evidence).ok_or_else(|| {
        Fault::new(
            Code::EvidenceMissing,
            format!("its evidence manifest {evidence} was not found"),
        )
    })?;
    EvidenceManifest::from_json(bytes)
        .map_err(|error| Fault::new(Code::EvidenceBad, format!("its evidence: {error}")))
}

fn layer<'a>(
    manifest: &'a EvidenceManifest,
    image: &CheckedImage,
    kind: LayerKind,
) -> Result<&'a seed_attestation::EvidenceLayer, Fault> {
    manifest.layer(&image.system, kind).ok_or_else(|| {
        Fault::new(
            Code::EvidenceBad,
            format!(
                "its evidence has no {} for {}",
                kind.media_type(),
                image.system
            ),
        )
    })
}

fn statement(
    blobs: &Blobs,
    domain: &Domain,
    manifest: &EvidenceManifest,
    builder: BuilderId,
    image: &CheckedImage,
) -> Result<Statement, Fault> {
    let named = layer(manifest, image, LayerKind::Statement)?;
    let bytes = blobs.get(&named.digest).ok_or_else(|| {
        Fault::new(
            Code::StatementMissing,
            format!("its statement {} was not found", named.digest),
        )
    })?;
    if bytes.len() as u64 != named.size {
        return Err(Fault::new(
            Code::EvidenceBad,
            format!(
                "its evidence gives the statement {} bytes, not {}",
                named.size,
                bytes.len()
            ),
        ));
    }
    let opened = Envelope::from_json(bytes)
        .map_err(bad)?
        .open_as(domain, builder)
        .map_err(bad)?;
    Statement::from_json(opened.payload()).map_err(bad)
}

/// Every fact of the statement that the vote also fixes.
fn bound(
    statement: &Statement,
    domain: &Domain,
    source: &Source,
    builder: BuilderId,
    image: &CheckedImage,
) -> Result<(), Fault> {
    let Some(closure) = image.closure else {
        return Err(bad("the image names no closure to compare with"));
    };
    let differs = [
        (statement.image != image.digest, "image"),
        (statement.source != *source, "source"),
        (statement.recipe.digest() != source.recipe, "recipe"),
        (statement.system != image.system, "system"),
        (statement.closure != closure, "closure"),
        (statement.chain_id != domain.chain_id, "chain"),
        (statement.builder != builder, "builder"),
    ];
    match differs.into_iter().find(|(differs, _)| *differs) {
        Some((_, what)) => Err(bad(format!("it is about another {what}"))),
        None => Ok(()),
    }
}
