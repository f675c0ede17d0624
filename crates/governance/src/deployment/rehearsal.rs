use alloy_primitives::{Address, Bytes, U256, address, keccak256};
use revm::{
    Context, Database as _, DatabaseCommit as _, ExecuteEvm as _, MainBuilder as _,
    MainContext as _,
    bytecode::Bytecode,
    context::{BlockEnv, TxEnv, result::ExecutionResult},
    database::{CacheDB, EmptyDB},
    primitives::{TxKind, hardfork::SpecId},
    state::AccountInfo,
};

use super::{DeployFault, FACTORY, Plan, Published, SafeSource, Step, bytecode::FACTORY_CODE};

/// Gas for one step: what the least of today's blocks have.
const GAS: u64 = 16_000_000;
const SENDER: Address = address!("00000000000000000000000000000000000d0e5a");

/// What a step did on the local machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rehearsed {
    /// Gas of the whole transaction.
    pub gas: u64,
    /// The code that stands at the step's address afterwards.
    pub code: Bytes,
}

/// A plan carried out on an empty chain in memory: proof that every address is right, the exact gas, and the code that
/// must stand at each address afterwards.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    steps: Vec<Rehearsed>,
    db: CacheDB<EmptyDB>,
}

impl Rehearsal {
    /// Carries out every step.
    ///
    /// # Errors
    /// [`DeployFault::Rehearsal`] when a contract refuses its parameters, or something stands elsewhere than planned.
    pub fn of(plan: &Plan, chain_id: u64) -> Result<Self, DeployFault> {
        let mut rehearsal = Self {
            steps: Vec::new(),
            db: CacheDB::new(EmptyDB::default()),
        };
        rehearsal.place(FACTORY, &FACTORY_CODE);
        if plan.source == SafeSource::Canonical {
            rehearsal.place(plan.contracts.singleton, &Published::safe().runtime_code);
            let factory = Published::proxy_factory().runtime_code;
            rehearsal.place(plan.contracts.proxy_factory, &factory);
            let handler = Published::fallback_handler().runtime_code;
            rehearsal.place(plan.contracts.fallback_handler, &handler);
        }
        for step in &plan.steps {
            let gas = rehearsal.run(step, chain_id)?;
            let code = rehearsal.code(step.address);
            if code.is_empty() {
                return Err(refused(step, "nothing stands at its address".to_owned()));
            }
            rehearsal.steps.push(Rehearsed { gas, code });
        }
        Ok(rehearsal)
    }

    /// Each step's outcome, in the plan's order.
    #[must_use]
    pub fn steps(&self) -> &[Rehearsed] {
        &self.steps
    }

    fn place(&mut self, address: Address, code: &[u8]) {
        let info = AccountInfo {
            nonce: 1,
            code_hash: keccak256(code),
            code: Some(Bytecode::new_raw(Bytes::copy_from_slice(code))),
            ..AccountInfo::default()
        };
        self.db.insert_account_info(address, info);
    }

    fn run(&mut self, step: &Step, chain_id: u64) -> Result<u64, DeployFault> {
        let transaction = TxEnv::builder()
            .caller(SENDER)
            .kind(TxKind::Call(step.to))
            .value(U256::ZERO)
            .data(step.data.clone())
            .gas_limit(GAS)
            .gas_price(0)
            .chain_id(Some(chain_id))
            .build()
            .map_err(|error| refused(step, format!("{error:?}")))?;
        let block = BlockEnv {
            number: U256::from(1),
            timestamp: U256::from(1),
            gas_limit: GAS,
            basefee: 0,
            ..BlockEnv::default()
        };
        let ran = Context::mainnet()
            .modify_cfg_chained(|cfg| {
                cfg.set_spec_and_mainnet_gas_params(SpecId::PRAGUE);
                cfg.chain_id = chain_id;
                cfg.disable_nonce_check = true;
            })
            .with_db(&mut self.db)
            .with_block(block)
            .build_mainnet()
            .transact(transaction)
            .map_err(|error| refused(step, error.to_string()))?;
        self.db.commit(ran.state);
        match ran.result {
            ExecutionResult::Success { gas, .. } => Ok(gas.tx_gas_used()),
            ExecutionResult::Revert { output, .. } => {
                // The factory keeps no reason; what the parameters violate has been said before by their check.
                Err(refused(step, format!("reverted with {output}")))
            }
            ExecutionResult::Halt { reason, .. } => Err(refused(step, format!("{reason:?}"))),
        }
    }

    fn code(&mut self, address: Address) -> Bytes {
        let info = self.db.basic(address).ok().flatten().unwrap_or_default();
        let code = info
            .code
            .or_else(|| self.db.code_by_hash(info.code_hash).ok());
        code.map(|code| code.original_bytes()).unwrap_or_default()
    }
}

fn refused(step: &Step, why: String) -> DeployFault {
    DeployFault::Rehearsal {
        what: step.what,
        why,
    }
}
