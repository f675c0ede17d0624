use std::path::Path;

use alloy_primitives::Address;
use seed_chain::logic_hash;
use seed_primitives::Deployment;
use seed_proof::Rules;

use super::{CodeFault, Expected, Sources, expected, first_difference};
use crate::{
    Fault,
    deployment::{DeployFault, Sight, federation_file, in_force, inspect},
};

/// One contract that was compared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifiedContract {
    /// The contract.
    pub what: String,
    /// Where it stands.
    pub address: Address,
    /// How many bytes were compared.
    pub bytes: usize,
}

/// What was found equal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verified {
    /// The block whose state was compared.
    pub block: u64,
    /// The contracts.
    pub contracts: Vec<VerifiedContract>,
    /// Whether the sources give the rules' logic that this program was built with.
    pub same_logic: bool,
}

/// Compares every contract of `deployment` on the chain with the sources, byte for byte, then owners, roles, delay and
/// the rules in force. `federation` names the federation file of the rules in force, where these are no longer the first.
///
/// # Errors
/// [`CodeFault`] for every contract that differs, [`DeployFault::Differs`] for what is not code, and the endpoints'.
pub async fn verify(
    urls: &[String],
    deployment: &Deployment,
    sources: &Sources,
    federation: Option<&Path>,
) -> Result<Verified, Fault> {
    let all = expected(sources, deployment)?;
    let mut sight = Sight::newest(urls, deployment.chain_id, Some(deployment.genesis_hash)).await?;
    if !sight.proven() {
        return Err(DeployFault::Unproven.into());
    }
    let rules = in_force(&mut sight, deployment.ledger).await?;
    let mut contracts = Vec::new();
    let mut different = Vec::new();
    for one in &all {
        let code = sight.code(one.address).await?;
        different.extend(first_difference(one, &code));
        contracts.push(contract(one));
    }
    let mut differences = inspect(&mut sight, deployment).await?;
    if let Some(path) = federation {
        let federation = federation_file(path)?;
        let current = Expected::rules("rules in force", rules, &sources.logic, &federation)?;
        let code = sight.code(rules).await?;
        different.extend(first_difference(&current, &code));
        contracts.push(contract(&current));
    } else if rules != deployment.rules {
        differences.push(crate::deployment::Difference {
            what: "the ledger's rules in force".to_owned(),
            expected: seed_primitives::write_address(&deployment.rules),
            found: seed_primitives::write_address(&rules),
        });
    }
    if !different.is_empty() {
        return Err(CodeFault::Differs(different).into());
    }
    for (what, address) in [("rules", deployment.rules), ("rules in force", rules)] {
        let code = sight.code(address).await?;
        Rules::parse(&code).map_err(|error| CodeFault::Configuration {
            what: what.to_owned(),
            why: error.to_string(),
        })?;
    }
    if !differences.is_empty() {
        return Err(DeployFault::Differs(differences).into());
    }
    Ok(Verified {
        block: sight.block(),
        contracts,
        same_logic: alloy_primitives::keccak256(&sources.logic) == logic_hash(),
    })
}

fn contract(expected: &Expected) -> VerifiedContract {
    VerifiedContract {
        what: expected.what.clone(),
        address: expected.address,
        bytes: expected.code.len(),
    }
}
