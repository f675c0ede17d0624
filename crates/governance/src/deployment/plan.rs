use alloy::{
    sol,
    sol_types::{SolCall as _, SolValue as _},
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use seed_chain::{Bytecode, ledger_code_hash, logic_hash};
use seed_primitives::{DeployedSafes, Deployment, SafeContracts, SafeOwners};

use super::{
    FACTORY, Parameters, Published,
    bytecode::{made_at, make},
};

sol! {
    function setup(
        address[] owners, uint256 threshold, address to, bytes data, address fallbackHandler, address paymentToken,
        uint256 payment, address paymentReceiver
    );
    function createProxyWithNonce(address singleton, bytes initializer, uint256 saltNonce);
}

/// Which Safe contracts the two Safes use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SafeSource {
    /// Those that the Safe project deployed at their canonical addresses.
    Canonical,
    /// The same code at other addresses, deployed first.
    Own,
}

/// One transaction: it makes one contract.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// What it makes.
    pub what: &'static str,
    /// Where that stands afterwards.
    pub address: Address,
    /// Who is called.
    pub to: Address,
    /// With what.
    pub data: Bytes,
}

/// Every transaction of a deployment, in order, with every address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan {
    /// Where the Safe contracts come from.
    pub source: SafeSource,
    /// The Safe contracts.
    pub contracts: SafeContracts,
    /// The Safe that proposes.
    pub proposer: Address,
    /// The guardian Safe.
    pub guardian: Address,
    /// The timelock.
    pub timelock: Address,
    /// The first rules.
    pub rules: Address,
    /// Keccak-256 of their code.
    pub rules_code_hash: B256,
    /// The ledger.
    pub ledger: Address,
    /// The transactions.
    pub steps: Vec<Step>,
}

impl Plan {
    /// What `parameters` mean.
    #[must_use]
    pub fn new(parameters: &Parameters, source: SafeSource) -> Self {
        let mut steps = Vec::new();
        let contracts = safe_contracts(source, &mut steps);
        let proposer = safe(
            parameters,
            &parameters.proposer,
            contracts,
            "proposer Safe",
            &mut steps,
        );
        let guardian = safe(
            parameters,
            &parameters.guardian,
            contracts,
            "guardian Safe",
            &mut steps,
        );
        let mut contract = |what, salt: B256, code: &[u8]| {
            let address = made_at(salt, code);
            steps.push(Step {
                what,
                address,
                to: FACTORY,
                data: make(salt, code),
            });
            address
        };
        let deployer = creation(
            &Published::timelock_deployer().creation_code,
            &(U256::from(parameters.delay), proposer, guardian).abi_encode_params(),
        );
        // What stands afterwards is not the deployer but what it made first: nonce 1.
        let timelock = contract("timelock", parameters.salt, &deployer).create(1);
        let rules_code = creation(
            &Bytecode::rules().creation_code,
            &(Bytes::from(parameters.configuration.clone()),).abi_encode_params(),
        );
        // Salt zero, as `federation build` says it: the same rules are the same contract for everybody.
        let rules = contract("rules", B256::ZERO, &rules_code);
        let logic = Bytecode::rules().logic_code();
        let rules_code_hash = keccak256([logic.as_ref(), &parameters.configuration].concat());
        let ledger_code = creation(
            &Bytecode::ledger().creation_code,
            &(timelock, guardian, rules, rules_code_hash).abi_encode_params(),
        );
        let ledger = contract("ledger", parameters.salt, &ledger_code);
        for step in &mut steps {
            if step.what == "timelock" {
                step.address = timelock;
            }
        }
        Self {
            source,
            contracts,
            proposer,
            guardian,
            timelock,
            rules,
            rules_code_hash,
            ledger,
            steps,
        }
    }

    /// The deployment file of this plan on a chain whose first block is `genesis_hash`, begun after `block`.
    #[must_use]
    pub fn deployment(
        &self,
        parameters: &Parameters,
        genesis_hash: B256,
        block: u64,
    ) -> Deployment {
        Deployment {
            schema_version: 1,
            environment: parameters.environment,
            chain_id: parameters.chain_id,
            genesis_hash,
            block,
            ledger: self.ledger,
            ledger_code_hash: ledger_code_hash(self.timelock, self.guardian),
            rules: self.rules,
            rules_code_hash: self.rules_code_hash,
            rules_logic_hash: logic_hash(),
            timelock: self.timelock,
            timelock_delay: Some(parameters.delay),
            proposer: Some(self.proposer),
            guardian: self.guardian,
            safes: Some(DeployedSafes {
                proposer: parameters.proposer.clone(),
                guardian: parameters.guardian.clone(),
            }),
            safe_contracts: Some(self.contracts),
            federation: parameters.federation.clone(),
        }
    }
}

fn creation(code: &[u8], arguments: &[u8]) -> Vec<u8> {
    [code, arguments].concat()
}

fn safe_contracts(source: SafeSource, steps: &mut Vec<Step>) -> SafeContracts {
    let mut place = |what, contract: Published| {
        if source == SafeSource::Canonical {
            return contract.canonical();
        }
        // Salt zero: one copy serves every deployment on the chain.
        let address = made_at(B256::ZERO, &contract.creation_code);
        steps.push(Step {
            what,
            address,
            to: FACTORY,
            data: make(B256::ZERO, &contract.creation_code),
        });
        address
    };
    SafeContracts {
        singleton: place("Safe singleton", Published::safe()),
        proxy_factory: place("Safe proxy factory", Published::proxy_factory()),
        fallback_handler: place("Safe fallback handler", Published::fallback_handler()),
    }
}

fn safe(
    parameters: &Parameters,
    owners: &SafeOwners,
    contracts: SafeContracts,
    what: &'static str,
    steps: &mut Vec<Step>,
) -> Address {
    let initializer: Bytes = setupCall {
        owners: owners.owners.clone(),
        threshold: U256::from(owners.threshold),
        to: Address::ZERO,
        data: Bytes::new(),
        fallbackHandler: contracts.fallback_handler,
        paymentToken: Address::ZERO,
        payment: U256::ZERO,
        paymentReceiver: Address::ZERO,
    }
    .abi_encode()
    .into();
    // The two Safes may have the same owners in development, and must be two all the same.
    let nonce = keccak256([parameters.salt.as_slice(), what.as_bytes()].concat());
    let salt = keccak256([keccak256(&initializer), nonce].concat());
    let proxy = creation(
        &Published::proxy().creation_code,
        contracts.singleton.into_word().as_slice(),
    );
    let address = contracts.proxy_factory.create2(salt, keccak256(proxy));
    steps.push(Step {
        what,
        address,
        to: contracts.proxy_factory,
        data: createProxyWithNonceCall {
            singleton: contracts.singleton,
            initializer,
            saltNonce: nonce.into(),
        }
        .abi_encode()
        .into(),
    });
    address
}
