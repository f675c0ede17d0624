use std::collections::{BTreeMap, HashMap};

use alloy_primitives::{Address, B256, Bytes, Log, U256, keccak256};
use revm::{
    Context, Database as _, DatabaseCommit as _, InspectEvm as _, MainBuilder as _,
    MainContext as _,
    context::{
        BlockEnv, ContextTr, TxEnv,
        result::{EVMError, ExecutionResult},
    },
    database::CacheDB,
    inspector::Inspector,
    interpreter::{
        Interpreter,
        interpreter::EthInterpreter,
        interpreter_types::{Jumps as _, MemoryTr as _},
    },
    primitives::{TxKind, hardfork::SpecId},
    state::EvmState,
};

use super::{Need, State};

/// Gas for one transaction: as much as a block of most chains has.
const GAS: u64 = 30_000_000;
const KECCAK256: u8 = 0x20;

/// Why a transaction did not end well.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Stop {
    /// State that is not here yet.
    Missing(Need),
    /// A contract refused, with these bytes.
    Reverted(Bytes),
    /// The machine refused, or the transaction is none.
    Halted(String),
}

/// What one transaction changed, in the order of addresses and slots.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Done {
    /// What the call returned.
    pub(crate) output: Bytes,
    /// Gas used.
    pub(crate) gas: u64,
    /// (contract, slot) to its values before and after.
    pub(crate) storage: BTreeMap<(Address, U256), (U256, U256)>,
    /// Balances before and after.
    pub(crate) balances: BTreeMap<Address, (U256, U256)>,
    /// Code hashes before and after.
    pub(crate) codes: BTreeMap<Address, (B256, B256)>,
    /// Accounts whose nonce changed, the sender aside: they created contracts.
    pub(crate) creators: Vec<Address>,
    /// Contracts that destroyed themselves, or tried to.
    pub(crate) destroyed: Vec<Address>,
    /// Events in order.
    pub(crate) logs: Vec<Log>,
}

/// A local EVM over proven state, whose transactions build on one another.
#[derive(Clone, Debug)]
pub(crate) struct Machine<'a> {
    db: CacheDB<&'a State>,
    chain_id: u64,
    number: u64,
    sender: Address,
    preimages: HashMap<U256, (B256, B256)>,
}

impl<'a> Machine<'a> {
    /// A machine over `state`; transactions come from an account that nobody has the key of.
    pub(crate) fn new(state: &'a State) -> Self {
        Self {
            chain_id: state.chain_id(),
            number: state.header().number(),
            sender: Address::from_word(keccak256("nix-seed: the sender of a simulation")),
            db: CacheDB::new(state),
            preimages: HashMap::new(),
        }
    }

    /// The sender of transactions without another one.
    pub(crate) const fn sender(&self) -> Address {
        self.sender
    }

    /// Runs a transaction at `time` (Unix seconds) and keeps what it changed.
    pub(crate) fn transact(
        &mut self,
        from: Address,
        to: Address,
        value: U256,
        data: Bytes,
        time: u64,
    ) -> Result<Done, Stop> {
        let (done, state) = self.run(from, to, value, data, time)?;
        self.db.commit(state);
        Ok(done)
    }

    /// Asks a contract at `time` and keeps nothing.
    pub(crate) fn ask(&mut self, to: Address, data: Bytes, time: u64) -> Result<Bytes, Stop> {
        let (done, _) = self.run(self.sender, to, U256::ZERO, data, time)?;
        Ok(done.output)
    }

    /// The value of a slot now.
    pub(crate) fn slot(&mut self, contract: Address, slot: U256) -> Result<U256, Stop> {
        // An account that is not loaded yet would read as empty.
        self.code(contract)?;
        self.db.storage(contract, slot).map_err(Stop::Missing)
    }

    /// The code of an account now.
    pub(crate) fn code(&mut self, address: Address) -> Result<Bytes, Stop> {
        let Some(info) = self.db.basic(address).map_err(Stop::Missing)? else {
            return Ok(Bytes::new());
        };
        let code = match info.code {
            Some(code) => code,
            None => self
                .db
                .code_by_hash(info.code_hash)
                .map_err(Stop::Missing)?,
        };
        Ok(code.original_bytes())
    }

    /// Pretends that a slot has another value. What is pretended is no change.
    pub(crate) fn pretend(
        &mut self,
        contract: Address,
        slot: U256,
        value: U256,
    ) -> Result<(), Stop> {
        self.db
            .insert_account_storage(contract, slot, value)
            .map_err(Stop::Missing)
    }

    /// The key and the place of the mapping that a slot was computed from by a contract, if it was.
    pub(crate) fn preimage(&self, slot: U256) -> Option<(B256, B256)> {
        self.preimages.get(&slot).copied()
    }

    fn run(
        &mut self,
        from: Address,
        to: Address,
        value: U256,
        data: Bytes,
        time: u64,
    ) -> Result<(Done, EvmState), Stop> {
        let block = BlockEnv {
            number: U256::from(self.number.saturating_add(1)),
            timestamp: U256::from(time),
            gas_limit: GAS,
            basefee: 0,
            prevrandao: Some(B256::ZERO),
            ..BlockEnv::default()
        };
        let transaction = TxEnv::builder()
            .caller(from)
            .kind(TxKind::Call(to))
            .value(value)
            .data(data)
            .gas_limit(GAS)
            .gas_price(0)
            .chain_id(Some(self.chain_id))
            .build()
            .map_err(|error| Stop::Halted(format!("{error:?}")))?;
        let mut watch = Watch::default();
        let ran = Context::mainnet()
            .modify_cfg_chained(|cfg| {
                cfg.set_spec_and_mainnet_gas_params(SpecId::PRAGUE);
                cfg.chain_id = self.chain_id;
                cfg.disable_nonce_check = true;
            })
            .with_db(&mut self.db)
            .with_block(block)
            .build_mainnet_with_inspector(&mut watch)
            .inspect_tx(transaction);
        let ran = ran.map_err(|error| match error {
            EVMError::Database(need) => Stop::Missing(need),
            other => Stop::Halted(other.to_string()),
        })?;
        let (output, logs, gas) = match ran.result {
            ExecutionResult::Success {
                output, logs, gas, ..
            } => (output.into_data(), logs, gas.tx_gas_used()),
            ExecutionResult::Revert { output, .. } => return Err(Stop::Reverted(output)),
            ExecutionResult::Halt { reason, .. } => {
                return Err(Stop::Halted(format!("{reason:?}")));
            }
        };
        let mut done = self.changes(from, &ran.state)?;
        (done.output, done.logs, done.gas, done.destroyed) = (output, logs, gas, watch.destroyed);
        self.preimages.extend(watch.preimages);
        Ok((done, ran.state))
    }

    fn changes(&mut self, sender: Address, state: &EvmState) -> Result<Done, Stop> {
        let mut done = Done::default();
        for (address, account) in state {
            let before = self
                .db
                .basic(*address)
                .map_err(Stop::Missing)?
                .unwrap_or_default();
            let after = &account.info;
            if before.balance != after.balance {
                done.balances
                    .insert(*address, (before.balance, after.balance));
            }
            if before.code_hash != after.code_hash {
                done.codes
                    .insert(*address, (before.code_hash, after.code_hash));
            }
            if before.nonce != after.nonce && *address != sender {
                done.creators.push(*address);
            }
            for (slot, value) in account.changed_storage_slots() {
                done.storage.insert(
                    (*address, *slot),
                    (value.original_value, value.present_value),
                );
            }
        }
        done.creators.sort_unstable();
        Ok(done)
    }
}

/// Notes what the difference alone does not show.
#[derive(Debug, Default)]
struct Watch {
    preimages: HashMap<U256, (B256, B256)>,
    destroyed: Vec<Address>,
}

/// The most preimages that are kept of one transaction.
const MAX_PREIMAGES: usize = 100_000;

impl<C: ContextTr> Inspector<C, EthInterpreter> for Watch {
    fn step(&mut self, interpreter: &mut Interpreter<EthInterpreter>, _: &mut C) {
        if interpreter.bytecode.opcode() != KECCAK256 || self.preimages.len() >= MAX_PREIMAGES {
            return;
        }
        let (Ok(offset), Ok(length)) = (interpreter.stack.peek(0), interpreter.stack.peek(1))
        else {
            return;
        };
        let Ok(offset) = usize::try_from(offset) else {
            return;
        };
        // A mapping's slot is the hash of two words; Solidity has just written both.
        let written = interpreter.memory.size();
        if length != U256::from(64) || offset.checked_add(64).is_none_or(|end| end > written) {
            return;
        }
        let words = interpreter.memory.slice_len(offset, 64).to_vec();
        let (key, place) = words.split_at(32);
        let slot = U256::from_be_bytes(keccak256(&words).0);
        self.preimages
            .insert(slot, (B256::from_slice(key), B256::from_slice(place)));
    }

    fn selfdestruct(&mut self, contract: Address, _: Address, _: U256) {
        self.destroyed.push(contract);
    }
}
