use std::{collections::BTreeMap, fmt};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use revm::{
    DatabaseRef, bytecode::Bytecode, database_interface::DBErrorMarker, primitives::KECCAK_EMPTY,
    state::AccountInfo,
};
use seed_proof::{Account, RawHeader, prove_account, prove_slot};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The most accounts in one snapshot.
const MAX_ACCOUNTS: usize = 256;
/// The most storage slots of all accounts together.
const MAX_SLOTS: usize = 2048;
/// The most bytes of one contract's code; EIP-170 allows 24 KiB, some chains a little more.
const MAX_CODE: usize = 64 * 1024;

/// A piece of state that a run asked for and that is not here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Need {
    /// An account with its code.
    Account(Address),
    /// One slot of an account's storage.
    Slot(Address, B256),
    /// The hash of an earlier block, which no proof covers.
    BlockHash(u64),
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(address) => write!(f, "account {address}"),
            Self::Slot(address, slot) => write!(f, "slot {slot} of {address}"),
            Self::BlockHash(number) => write!(f, "the hash of block {number}"),
        }
    }
}
impl std::error::Error for Need {}
impl DBErrorMarker for Need {}

/// Why a piece of state is not part of the block it is said to be from.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum StateError {
    /// The header is no header.
    #[error("the block header: {0}")]
    Header(String),
    /// The trie nodes prove nothing about this account.
    #[error("the proof of account {account} does not hold: {why}")]
    Account {
        /// The account.
        account: Address,
        /// Where it fails.
        why: String,
    },
    /// The trie nodes prove nothing about this slot.
    #[error("the proof of slot {slot} of {account} does not hold: {why}")]
    Slot {
        /// The account.
        account: Address,
        /// The slot.
        slot: B256,
        /// Where it fails.
        why: String,
    },
    /// The code is not the code of the proven account.
    #[error("the code of {account} hashes to {found}, the state says {expected}")]
    Code {
        /// The account.
        account: Address,
        /// The hash of the bytes.
        found: B256,
        /// The hash in the proven account.
        expected: B256,
    },
    /// More than a governance operation can need.
    #[error("more than {0}")]
    TooMuch(&'static str),
    /// The file has another form.
    #[error("{0}")]
    Form(String),
}

/// A snapshot as a file: the header of one block, and of every account and slot that a run touched the proof that
/// leads from the header to it. Nothing in it is believed but the block's hash, which is printed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Snapshot {
    /// 1.
    pub schema_version: u8,
    /// The chain id, which no header states.
    pub chain_id: u64,
    /// The RLP bytes of the block header.
    pub header: Bytes,
    /// What was touched.
    pub accounts: BTreeMap<Address, AccountProof>,
}

/// The proofs of one account.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountProof {
    /// Trie nodes from the state root to the account, or to where it would be.
    pub proof: Vec<Bytes>,
    /// Its code; its hash is proven.
    pub code: Bytes,
    /// Per slot, trie nodes from the account's storage root.
    pub slots: BTreeMap<B256, Vec<Bytes>>,
}

/// State of one block, every piece of it proven against the block's header.
#[derive(Clone, Debug)]
pub struct State {
    header: RawHeader,
    root: B256,
    chain_id: u64,
    accounts: BTreeMap<Address, Known>,
    slots: usize,
}

#[derive(Clone, Debug)]
struct Known {
    account: Option<Account>,
    code: Bytecode,
    slots: BTreeMap<B256, U256>,
    proof: AccountProof,
}

impl State {
    /// The state after the block with this header (RLP bytes); nothing of it is known yet.
    ///
    /// # Errors
    /// [`StateError::Header`].
    pub fn new(chain_id: u64, header: &[u8]) -> Result<Self, StateError> {
        let header =
            RawHeader::parse(header).map_err(|error| StateError::Header(error.to_string()))?;
        let root = header
            .state_root()
            .map_err(|error| StateError::Header(error.to_string()))?;
        Ok(Self {
            header,
            root,
            chain_id,
            accounts: BTreeMap::new(),
            slots: 0,
        })
    }

    /// Reads a snapshot file and checks every proof in it.
    ///
    /// # Errors
    /// [`StateError`] at the first that does not hold.
    pub fn from_json(json: &[u8]) -> Result<Self, StateError> {
        let snapshot: Snapshot =
            serde_json::from_slice(json).map_err(|error| StateError::Form(error.to_string()))?;
        if snapshot.schema_version != 1 {
            return Err(StateError::Form(format!(
                "schemaVersion {}, expected 1",
                snapshot.schema_version
            )));
        }
        let mut state = Self::new(snapshot.chain_id, &snapshot.header)?;
        for (address, proof) in snapshot.accounts {
            state.add_account(address, proof.proof, proof.code)?;
            for (slot, nodes) in proof.slots {
                state.add_slot(address, slot, nodes)?;
            }
        }
        Ok(state)
    }

    /// The snapshot file of everything known.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let accounts = self.accounts.iter();
        Snapshot {
            schema_version: 1,
            chain_id: self.chain_id,
            header: Bytes::copy_from_slice(self.header.rlp()),
            accounts: accounts
                .map(|(address, known)| (*address, known.proof.clone()))
                .collect(),
        }
    }

    /// Adds an account, or that there is none, if the nodes prove it and the code is its code.
    ///
    /// # Errors
    /// [`StateError`] otherwise.
    pub fn add_account(
        &mut self,
        address: Address,
        nodes: Vec<Bytes>,
        code: Bytes,
    ) -> Result<(), StateError> {
        if self.accounts.len() >= MAX_ACCOUNTS {
            return Err(StateError::TooMuch("256 accounts"));
        }
        if code.len() > MAX_CODE {
            return Err(StateError::TooMuch("64 KiB of code"));
        }
        let account =
            prove_account(self.root, address, &nodes).map_err(|error| StateError::Account {
                account: address,
                why: error.to_string(),
            })?;
        let expected = account.map_or(KECCAK_EMPTY, |account| account.code_hash);
        let found = keccak256(&code);
        if found != expected {
            return Err(StateError::Code {
                account: address,
                found,
                expected,
            });
        }
        let runnable = Bytecode::new_raw_checked(code.clone())
            .map_err(|error| StateError::Form(format!("the code of {address}: {error}")))?;
        let proof = AccountProof {
            proof: nodes,
            code,
            slots: BTreeMap::new(),
        };
        self.accounts.insert(
            address,
            Known {
                account,
                code: runnable,
                slots: BTreeMap::new(),
                proof,
            },
        );
        Ok(())
    }

    /// Adds one slot of an account that is known, if the nodes prove its value or its absence.
    ///
    /// # Errors
    /// [`StateError`] otherwise.
    pub fn add_slot(
        &mut self,
        address: Address,
        slot: B256,
        nodes: Vec<Bytes>,
    ) -> Result<(), StateError> {
        let refuse = |why: String| StateError::Slot {
            account: address,
            slot,
            why,
        };
        if self.slots >= MAX_SLOTS {
            return Err(StateError::TooMuch("2048 storage slots"));
        }
        let known = self
            .accounts
            .get_mut(&address)
            .ok_or_else(|| refuse("the account itself is not proven".to_owned()))?;
        let Some(account) = known.account else {
            return Err(refuse("there is no such account".to_owned()));
        };
        let value = prove_slot(account.storage_root, slot, &nodes)
            .map_err(|error| refuse(error.to_string()))?;
        known.slots.insert(slot, value);
        known.proof.slots.insert(slot, nodes);
        self.slots += 1;
        Ok(())
    }

    /// The header of the block.
    #[must_use]
    pub const fn header(&self) -> &RawHeader {
        &self.header
    }

    /// The chain id.
    #[must_use]
    pub const fn chain_id(&self) -> u64 {
        self.chain_id
    }
}

impl DatabaseRef for State {
    type Error = Need;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Need> {
        let known = self.accounts.get(&address).ok_or(Need::Account(address))?;
        Ok(known.account.map(|account| AccountInfo {
            balance: account.balance,
            nonce: account.nonce,
            code_hash: account.code_hash,
            code: Some(known.code.clone()),
            ..AccountInfo::default()
        }))
    }

    fn code_by_hash_ref(&self, hash: B256) -> Result<Bytecode, Need> {
        // Code always comes with its account, so that this is asked only for what is known.
        let mut accounts = self.accounts.values();
        let found = accounts.find(|known| known.account.is_some_and(|one| one.code_hash == hash));
        Ok(found.map_or_else(Bytecode::default, |known| known.code.clone()))
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Need> {
        let slot = B256::from(slot);
        let known = self.accounts.get(&address).ok_or(Need::Account(address))?;
        if known.account.is_none() {
            return Ok(U256::ZERO);
        }
        let value = known.slots.get(&slot);
        value.copied().ok_or(Need::Slot(address, slot))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Need> {
        if number == self.header.number() {
            return Ok(self.header.hash());
        }
        Err(Need::BlockHash(number))
    }
}
