use std::{fs::File, io::Read as _, path::Path};

use seed_primitives::{Deployment, MAX_DEPLOYMENT_BYTES};
use seed_verdict::{Anchor, KnownBuilder};

use crate::Fault;

/// Reads a deployment file: where a first policy gets its values from.
///
/// It is believed because the caller names it, once, when the policy is written, and never again.
///
/// # Errors
/// [`Fault::File`].
pub fn load_deployment(path: &Path) -> Result<Deployment, Fault> {
    let fault = |why: String| Fault::file("the deployment", path, why);
    let mut bytes = Vec::new();
    if !path
        .metadata()
        .map_err(|error| fault(error.to_string()))?
        .is_file()
    {
        return Err(fault("not a file".to_owned()));
    }
    File::open(path)
        .and_then(|file| file.take(MAX_DEPLOYMENT_BYTES).read_to_end(&mut bytes))
        .map_err(|error| fault(error.to_string()))?;
    Deployment::from_json(&bytes).map_err(|error| fault(error.to_string()))
}

/// The anchor of a policy.
pub(crate) const fn anchor(deployment: &Deployment) -> Anchor {
    Anchor {
        chain_id: deployment.chain_id,
        genesis: deployment.genesis_hash,
        ledger: deployment.ledger,
        ledger_code_hash: deployment.ledger_code_hash,
    }
}

/// The builders, by name. One without a domain is a domain of its own.
pub(crate) fn builders(deployment: &Deployment) -> Vec<KnownBuilder> {
    let builders = deployment.federation.builders.iter();
    builders
        .map(|builder| KnownBuilder {
            address: builder.address,
            name: builder.name.clone(),
            domains: match builder.domains.is_empty() {
                true => vec![builder.name.clone()],
                false => builder.domains.clone(),
            },
        })
        .collect()
}
