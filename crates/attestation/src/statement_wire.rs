//! The JSON form of a statement: in-toto Statement v1, SLSA provenance v1.

use std::collections::BTreeMap;

use seed_primitives::{BuilderId, Digest, Recipe, ReleaseId, Source, System, write_address};
use serde::{Deserialize, Serialize};

use crate::{FormatError, statement};

const WHAT: &str = "a statement";
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";
const BUILD_TYPE: &str = "https://nix-seed.dev/build-types/seed/v1";

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Resource>,
    predicate_type: String,
    predicate: Predicate,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Resource {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uri: Option<String>,
    digest: BTreeMap<String, String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Predicate {
    build_definition: BuildDefinition,
    run_details: RunDetails,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct BuildDefinition {
    build_type: String,
    external_parameters: ExternalParameters,
    internal_parameters: InternalParameters,
    resolved_dependencies: Vec<Resource>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ExternalParameters {
    release: ReleaseId,
    source: Source,
    recipe: Recipe,
    system: System,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct InternalParameters {
    nix: Nix,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Nix {
    version: String,
    settings: BTreeMap<String, String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RunDetails {
    builder: Builder,
    metadata: Metadata,
    byproducts: Vec<Resource>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Builder {
    id: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Metadata {
    invocation_id: String,
    started_on: String,
    finished_on: String,
}

impl Statement {
    /// The form of `claims`.
    pub(crate) fn of(claims: &statement::Statement) -> Self {
        let source = &claims.source;
        Self {
            kind: STATEMENT_TYPE.to_owned(),
            subject: vec![named("image", &claims.image)],
            predicate_type: PREDICATE_TYPE.to_owned(),
            predicate: Predicate {
                build_definition: BuildDefinition {
                    build_type: BUILD_TYPE.to_owned(),
                    external_parameters: ExternalParameters {
                        release: source.release(),
                        source: source.clone(),
                        recipe: claims.recipe.clone(),
                        system: claims.system.clone(),
                    },
                    internal_parameters: InternalParameters {
                        nix: Nix {
                            version: claims.nix.version.clone(),
                            settings: claims.nix.settings.clone(),
                        },
                    },
                    resolved_dependencies: vec![repository(source)],
                },
                run_details: RunDetails {
                    builder: Builder {
                        id: account(claims.chain_id, claims.builder),
                    },
                    metadata: Metadata {
                        invocation_id: claims.run.id.clone(),
                        started_on: claims.run.started.clone(),
                        finished_on: claims.run.finished.clone(),
                    },
                    byproducts: vec![
                        named("closure", &claims.closure),
                        named("audit", &claims.audit),
                        named("sbom", &claims.sbom),
                    ],
                },
            },
        }
    }

    /// The claims in the form; what it repeats is not yet compared.
    pub(crate) fn claims(&self) -> Result<statement::Statement, FormatError> {
        let build = &self.predicate.build_definition;
        let run = &self.predicate.run_details;
        let [image] = self.subject.as_slice() else {
            return Err(field(format!(
                "has {} subjects, exactly one is allowed",
                self.subject.len()
            )));
        };
        let [closure, audit, sbom] = run.byproducts.as_slice() else {
            return Err(field("byproducts must be closure, audit and sbom"));
        };
        let (chain_id, builder) = parse_account(&run.builder.id)?;
        let external = &build.external_parameters;
        if external.recipe.digest() != external.source.recipe {
            return Err(field(
                "the recipe does not hash to the recipe of the source",
            ));
        }
        Ok(statement::Statement {
            image: sha256(image)?,
            source: external.source.clone(),
            recipe: external.recipe.clone(),
            system: external.system.clone(),
            closure: sha256(closure)?,
            audit: sha256(audit)?,
            sbom: sha256(sbom)?,
            chain_id,
            builder,
            nix: statement::NixDriver {
                version: build.internal_parameters.nix.version.clone(),
                settings: build.internal_parameters.nix.settings.clone(),
            },
            run: statement::Run {
                id: run.metadata.invocation_id.clone(),
                started: run.metadata.started_on.clone(),
                finished: run.metadata.finished_on.clone(),
            },
        })
    }
}

fn field(why: impl Into<String>) -> FormatError {
    FormatError::field(WHAT, why)
}

fn named(name: &str, digest: &Digest) -> Resource {
    Resource {
        name: Some(name.to_owned()),
        uri: None,
        digest: BTreeMap::from([("sha256".to_owned(), digest.to_hex())]),
    }
}

fn repository(source: &Source) -> Resource {
    Resource {
        name: None,
        uri: Some(format!("git+{}", source.uri)),
        digest: BTreeMap::from([
            ("gitCommit".to_owned(), source.commit.to_string()),
            ("nixNarSha256".to_owned(), source.nar_hash.to_hex()),
        ]),
    }
}

fn sha256(resource: &Resource) -> Result<Digest, FormatError> {
    let text = resource
        .digest
        .get("sha256")
        .ok_or_else(|| field("a digest set lacks sha256"))?;
    Ok(Digest::from_hex(text)?)
}

fn account(chain_id: u64, builder: BuilderId) -> String {
    format!("eip155:{chain_id}:{}", write_address(&builder.address()))
}

fn parse_account(text: &str) -> Result<(u64, BuilderId), FormatError> {
    let parts = text
        .strip_prefix("eip155:")
        .and_then(|rest| rest.split_once(':'));
    let (chain_id, builder) =
        parts.ok_or_else(|| field(format!("builder id {text:?} is not eip155:<chain id>:0x…")))?;
    let chain_id = chain_id
        .parse()
        .map_err(|_| field(format!("chain id in {text:?}")))?;
    Ok((chain_id, builder.parse()?))
}
