use alloy_primitives::U256;
use seed_primitives::{Deployment, SafeOwners};

use super::{Names, SafeFacts};

impl Names {
    /// The names in a deployment file.
    #[must_use]
    pub fn of_deployment(deployment: &Deployment) -> Self {
        let safes = deployment.safes.as_ref();
        let mut names = Self::none();
        names.set_chain_id(deployment.chain_id);
        names.set_ledger(deployment.ledger);
        names.set_timelock(
            deployment.timelock,
            deployment.timelock_delay.map(U256::from),
        );
        if let Some(proposer) = deployment.proposer {
            names.set_proposer(proposer, facts(safes.map(|safes| &safes.proposer)));
        }
        names.set_guardian(
            deployment.guardian,
            facts(safes.map(|safes| &safes.guardian)),
        );
        names.name(deployment.rules, "first rules");
        if let Some(contracts) = &deployment.safe_contracts {
            names.name(contracts.singleton, "Safe singleton");
            names.name(contracts.proxy_factory, "Safe proxy factory");
            names.set_handler(contracts.fallback_handler);
        }
        for builder in &deployment.federation.builders {
            names.builder(builder.address.address(), &builder.name);
        }
        names
    }
}

fn facts(safe: Option<&SafeOwners>) -> SafeFacts {
    safe.map_or_else(SafeFacts::default, |safe| SafeFacts {
        owners: safe.owners.clone(),
        threshold: Some(safe.threshold),
    })
}
