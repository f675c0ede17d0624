use std::{fs::File, io::Read as _, path::Path};

use seed_attestation::{MAX_NETWORK_BYTES, NetworkDeployment, NetworkFile, VerifiedNetwork};
use seed_verdict::{Anchor, KnownBuilder};

use crate::Fault;

/// Reads a network file. What it says counts for nothing until it is held against pinned keys.
///
/// # Errors
/// [`Fault::File`] when it cannot be read, [`Fault::Network`] when it is none.
pub(crate) fn load(path: &Path) -> Result<NetworkFile, Fault> {
    let unreadable = |why: String| Fault::file("the network file", path, why);
    // Looked at before it is opened: opening a pipe would wait for its writer.
    let metadata = path
        .metadata()
        .map_err(|error| unreadable(error.to_string()))?;
    if !metadata.is_file() {
        return Err(unreadable("not a file".to_owned()));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| {
            file.take(MAX_NETWORK_BYTES as u64 + 1)
                .read_to_end(&mut bytes)
        })
        .map_err(|error| unreadable(error.to_string()))?;
    NetworkFile::from_json(&bytes).map_err(|error| Fault::network(path, error))
}

/// The deployment with this name, or the only one.
pub(crate) fn deployment<'a>(
    network: &'a VerifiedNetwork,
    name: Option<&str>,
) -> Result<&'a NetworkDeployment, Fault> {
    network.network().deployment(name).ok_or_else(|| {
        let names: Vec<&str> = network
            .network()
            .deployments
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        Fault::Usage(format!(
            "the network file has the deployments {}: name one of them with --network-deployment",
            names.join(", ")
        ))
    })
}

/// The anchor of a policy.
pub(crate) const fn anchor(deployment: &NetworkDeployment) -> Anchor {
    Anchor {
        chain_id: deployment.chain_id,
        genesis: deployment.genesis,
        ledger: deployment.ledger,
        ledger_code_hash: deployment.ledger_code_hash,
    }
}

/// Its builders as a policy knows them.
pub(crate) fn builders(deployment: &NetworkDeployment) -> Vec<KnownBuilder> {
    let builders = deployment.builders.iter();
    builders
        .map(|builder| KnownBuilder {
            address: builder.address,
            name: builder.name.clone(),
            domains: builder.domains.clone(),
        })
        .collect()
}
