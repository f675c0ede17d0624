//! The pipeline: build → audit → rebuild check → pack → statement → evidence → sign → publish → read back →
//! write the attestation. Every finished step leaves a file, and a step whose file is there is not redone.

mod attest;
mod build;
mod record;
mod signing;

use std::{collections::BTreeMap, path::PathBuf};

use seed_image::{Layout, check_recipe};
use seed_primitives::{Digest, Recipe, ReleaseId, Source, System, Target};
use serde::Serialize;

use crate::{
    Error, Nix, NixVersion, Settings,
    git::{self, SourceTree},
    progress::say,
    provision::Sources,
    publish, state,
};
use signing::Signing;

/// How far the pipeline goes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// Build, audit and rebuild.
    Build,
    /// And pack.
    Pack,
    /// And sign and publish: everything.
    Attest,
}

/// What the pipeline gave; printed as JSON or text.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The release.
    pub release: ReleaseId,
    /// The source as attested.
    pub source: Source,
    /// What was made for each system.
    pub systems: Vec<SystemOutcome>,
    /// The evidence, once signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Digest>,
    /// The file with the attestation, once everything can be read back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attestation: Option<PathBuf>,
}

/// What was made for one system.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemOutcome {
    /// The system.
    pub system: System,
    /// The image digest, once packed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Digest>,
    /// The closure digest, once packed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closure: Option<Digest>,
    /// The directory with stores, reports and image.
    pub directory: PathBuf,
}

struct Pipeline<'a> {
    settings: &'a Settings,
    nix: Nix,
    sources: Sources,
    work: PathBuf,
    tree: SourceTree,
    source: Source,
    recipe: Recipe,
    target: Target,
    /// Layouts of the previous image by system, where the recipe names one.
    previous: Option<BTreeMap<System, Layout>>,
}

/// Runs the pipeline up to and including `stage`.
///
/// # Errors
/// The first [`Error`]; what was finished before stays and is not redone by the next run.
pub async fn run(settings: &Settings, stage: Stage) -> Result<Outcome, Error> {
    let systems = settings.systems()?;
    let (uri, commit, target, recipe) = (
        settings.uri()?,
        settings.commit()?,
        settings.target()?,
        settings.recipe()?,
    );
    let repository = settings.repository()?.to_owned();
    let signing = if stage == Stage::Attest {
        Some(Signing::prepare(settings)?)
    } else {
        None
    };
    let previous = match settings.previous()? {
        Some(previous) => Some(previous.layouts().await?),
        None => None,
    };
    if stage >= Stage::Pack {
        // A build may take hours; what cannot be packed is said before.
        check_recipe(&recipe, previous.is_some())?;
    }
    let work = settings.state_directory()?;
    let _lock = state::lock(&work.join("lock"))?;
    let sources = settings.sources(&work)?;
    let nix = Nix::find(settings.nix(), &work).await?;
    check_vulnerable(nix.version(), settings, signing.as_ref())?;
    nix.check_namespace().await?;

    say(&format!("source  {repository} {commit}"));
    let tree = git::export(&repository, &commit, &work).await?;
    let source = Source {
        uri,
        commit,
        nar_hash: tree.nar.digest,
        flake_lock: tree.flake_lock(target.directory())?,
        target: target.clone(),
        recipe: recipe.digest(),
    };
    let release = source.release();
    say(&format!("release {release}"));
    let pipeline = Pipeline {
        settings,
        nix,
        sources,
        work,
        tree,
        source,
        recipe,
        target,
        previous,
    };
    if let Some(signing) = &signing {
        // Before the long work: can every place be reached at all? A layout that is not there yet is made later.
        for place in &signing.places {
            match publish::open_existing(place) {
                Err(Error::Publish(error)) if error.is_not_found() => {}
                found => {
                    pipeline
                        .refuse_equivocation(&[found?], signing, &[])
                        .await?
                }
            }
        }
    }
    let mut images = BTreeMap::new();
    let mut outcomes = Vec::new();
    for system in systems {
        let directory = pipeline.directory(&system);
        state::create_directory(&directory)?;
        if let Some(signing) = &signing {
            pipeline.refuse_vulnerable_build(&system, signing)?;
        }
        pipeline.build(&system).await?;
        let mut outcome = SystemOutcome {
            system: system.clone(),
            image: None,
            closure: None,
            directory,
        };
        if stage >= Stage::Pack {
            let image = pipeline.pack(&system).await?;
            (outcome.image, outcome.closure) = (Some(image.digest()), Some(image.closure));
            images.insert(system, image);
        }
        outcomes.push(outcome);
    }
    let mut outcome = Outcome {
        release,
        source: pipeline.source.clone(),
        systems: outcomes,
        evidence: None,
        attestation: None,
    };
    if let Some(signing) = signing {
        let (evidence, file) = pipeline.attest(signing, images).await?;
        (outcome.evidence, outcome.attestation) = (Some(evidence), Some(file));
    }
    Ok(outcome)
}

/// A Nix with known holes may build, but a production key signs nothing that it built.
fn check_vulnerable(
    version: NixVersion,
    settings: &Settings,
    signing: Option<&Signing>,
) -> Result<(), Error> {
    let Some(refusal) = version.refusal() else {
        return Ok(());
    };
    if signing.is_some_and(|signing| signing.forbids(version, settings)) {
        return Err(refusal);
    }
    say(&format!("WARNING {refusal}; accepted for development only"));
    Ok(())
}
