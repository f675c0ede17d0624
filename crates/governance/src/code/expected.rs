use std::ops::Range;

use alloy_primitives::{Address, B256, Bytes, keccak256};
use seed_primitives::Deployment;

use super::{CodeFault, Sources};
use crate::deployment::{DeployFault, Published, configuration, regions};

/// The code that must stand at an address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Expected {
    /// The contract.
    pub what: String,
    /// Where.
    pub address: Address,
    /// The code.
    pub code: Bytes,
    /// What lies where in it; what is in no region is logic.
    pub regions: Vec<(Range<usize>, String)>,
}

impl Expected {
    fn plain(what: &str, address: Address, code: Bytes) -> Self {
        Self {
            what: what.to_owned(),
            address,
            code,
            regions: Vec::new(),
        }
    }

    /// Rules: logic, then the configuration of `federation`.
    pub(super) fn rules(
        what: &str,
        address: Address,
        logic: &[u8],
        federation: &seed_primitives::DeployedFederation,
    ) -> Result<Self, CodeFault> {
        let bytes = configuration(federation).map_err(|why| CodeFault::Configuration {
            what: what.to_owned(),
            why,
        })?;
        let shifted = regions(federation).into_iter();
        let shifted =
            shifted.map(|(range, name)| (range.start + logic.len()..range.end + logic.len(), name));
        Ok(Self {
            what: what.to_owned(),
            address,
            code: [logic, &bytes].concat().into(),
            regions: shifted.collect(),
        })
    }
}

/// The code of every contract of `deployment`, from the sources and from what the Safe project publishes.
///
/// # Errors
/// When the deployment file names no Safes, contradicts itself, or was written for other sources.
pub fn expected(sources: &Sources, deployment: &Deployment) -> Result<Vec<Expected>, crate::Fault> {
    let (Some(proposer), Some(contracts)) = (deployment.proposer, deployment.safe_contracts) else {
        return Err(DeployFault::NoSafes.into());
    };
    let ledger = ledger(sources, deployment);
    let rules = Expected::rules(
        "rules",
        deployment.rules,
        &sources.logic,
        &deployment.federation,
    )?;
    let stated = [
        ("ledgerCodeHash", deployment.ledger_code_hash, &ledger.code),
        (
            "rulesLogicHash",
            deployment.rules_logic_hash,
            &sources.logic,
        ),
        ("rulesCodeHash", deployment.rules_code_hash, &rules.code),
    ];
    for (field, found, code) in stated {
        same(field, found, keccak256(code))?;
    }
    let proxy = Published::proxy().runtime_code;
    let timelock = sources.timelock.clone();
    Ok(vec![
        ledger,
        rules,
        Expected::plain("timelock", deployment.timelock, timelock),
        Expected::plain("proposer Safe", proposer, proxy.clone()),
        Expected::plain("guardian Safe", deployment.guardian, proxy),
        Expected::plain(
            "Safe singleton",
            contracts.singleton,
            Published::safe().runtime_code,
        ),
        Expected::plain(
            "Safe proxy factory",
            contracts.proxy_factory,
            Published::proxy_factory().runtime_code,
        ),
        Expected::plain(
            "Safe fallback handler",
            contracts.fallback_handler,
            Published::fallback_handler().runtime_code,
        ),
    ])
}

fn ledger(sources: &Sources, deployment: &Deployment) -> Expected {
    let mut code = sources.ledger.to_vec();
    let mut regions = Vec::new();
    let values = [
        ("timelock", deployment.timelock),
        ("guardian", deployment.guardian),
    ];
    for (places, (name, value)) in sources.immutables.iter().zip(values) {
        for start in places {
            let range = *start..start.saturating_add(32);
            if let Some(hole) = code.get_mut(range.clone()) {
                hole.copy_from_slice(value.into_word().as_slice());
            }
            regions.push((range, format!("immutable `{name}`")));
        }
    }
    Expected {
        what: "ledger".to_owned(),
        address: deployment.ledger,
        code: code.into(),
        regions,
    }
}

fn same(field: &'static str, found: B256, expected: B256) -> Result<(), CodeFault> {
    if found == expected {
        return Ok(());
    }
    Err(CodeFault::File {
        field,
        found: found.to_string(),
        expected: expected.to_string(),
    })
}
