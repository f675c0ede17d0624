use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256, keccak256};
use seed_primitives::write_address;

use crate::output::shown;

/// What a contract is, as far as it decides what its functions are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// The `ReleaseLedger`.
    Ledger,
    /// OpenZeppelin's `TimelockController`.
    Timelock,
    /// A Safe.
    Safe,
}

/// A Safe as the deployment has it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SafeFacts {
    /// Its owners.
    pub owners: Vec<Address>,
    /// How many of them must sign; `None` where the deployment does not say.
    pub threshold: Option<u64>,
}

/// Who is who: the only source of names. An address that is not in here is shown whole and called unknown.
#[derive(Clone, Debug, Default)]
pub struct Names {
    names: BTreeMap<Address, Vec<String>>,
    kinds: BTreeMap<Address, Kind>,
    safes: BTreeMap<Address, SafeFacts>,
    builders: Vec<Address>,
    owners: Vec<Address>,
    ledger: Option<Address>,
    timelock: Option<Address>,
    proposer: Option<Address>,
    guardian: Option<Address>,
    handler: Option<Address>,
    delay: Option<U256>,
    chain_id: Option<u64>,
}

impl Names {
    /// No names at all: every target is unknown.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Gives `address` a name; it may have several.
    pub fn name(&mut self, address: Address, name: &str) {
        let names = self.names.entry(address).or_default();
        let name = shown(name);
        if !names.contains(&name) {
            names.push(name);
        }
    }

    /// The chain that all of them are on.
    pub fn set_chain_id(&mut self, chain_id: u64) {
        self.chain_id = Some(chain_id);
    }

    /// The ledger.
    pub fn set_ledger(&mut self, address: Address) {
        self.ledger = Some(address);
        self.kinds.insert(address, Kind::Ledger);
        self.name(address, "ledger");
    }

    /// The timelock and the least delay it keeps, in seconds, where that is known.
    pub fn set_timelock(&mut self, address: Address, delay: Option<U256>) {
        self.timelock = Some(address);
        self.delay = delay;
        self.kinds.insert(address, Kind::Timelock);
        self.name(address, "timelock");
    }

    /// The Safe that proposes to the timelock.
    pub fn set_proposer(&mut self, address: Address, facts: SafeFacts) {
        self.proposer = Some(address);
        self.safe(address, "proposer Safe", facts);
    }

    /// The Safe that is the guardian.
    pub fn set_guardian(&mut self, address: Address, facts: SafeFacts) {
        self.guardian = Some(address);
        self.safe(address, "guardian Safe", facts);
    }

    /// The fallback handler that Safes are deployed with.
    pub fn set_handler(&mut self, address: Address) {
        self.handler = Some(address);
        self.name(address, "Safe fallback handler");
    }

    /// A builder of the federation.
    pub fn builder(&mut self, address: Address, name: &str) {
        self.builders.push(address);
        self.name(address, &format!("builder {name}"));
    }

    fn safe(&mut self, address: Address, name: &str, facts: SafeFacts) {
        self.kinds.insert(address, Kind::Safe);
        self.name(address, name);
        for owner in &facts.owners {
            self.owners.push(*owner);
            self.name(*owner, &format!("owner of the {name}"));
        }
        self.safes.insert(address, facts);
    }

    /// The names of an address and the address, or that it is unknown and the address; always whole.
    #[must_use]
    pub fn of(&self, address: Address) -> String {
        let whole = write_address(&address);
        if address == Address::ZERO {
            return format!("the zero address {whole}");
        }
        match self.names.get(&address) {
            Some(names) => format!("{} {whole}", names.join(", ")),
            None => format!("unknown address {whole}"),
        }
    }

    /// The names alone, joined, if there are any.
    #[must_use]
    pub fn known(&self, address: Address) -> Option<String> {
        self.names.get(&address).map(|names| names.join(", "))
    }

    pub(crate) fn kind(&self, address: Address) -> Option<Kind> {
        self.kinds.get(&address).copied()
    }

    pub(crate) fn safe_at(&self, address: Address) -> Option<&SafeFacts> {
        self.safes.get(&address)
    }

    pub(crate) fn is_builder(&self, address: Address) -> bool {
        self.builders.contains(&address)
    }

    pub(crate) fn is_owner(&self, address: Address) -> bool {
        self.owners.contains(&address)
    }

    /// The ledger of the deployment.
    #[must_use]
    pub const fn ledger(&self) -> Option<Address> {
        self.ledger
    }

    /// The timelock of the deployment.
    #[must_use]
    pub const fn timelock(&self) -> Option<Address> {
        self.timelock
    }

    /// The chain of the deployment.
    #[must_use]
    pub const fn chain_id(&self) -> Option<u64> {
        self.chain_id
    }

    pub(crate) const fn proposer(&self) -> Option<Address> {
        self.proposer
    }

    pub(crate) const fn guardian(&self) -> Option<Address> {
        self.guardian
    }

    pub(crate) const fn handler(&self) -> Option<Address> {
        self.handler
    }

    pub(crate) const fn delay(&self) -> Option<U256> {
        self.delay
    }
}

/// A role of the timelock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// May grant and revoke every role.
    Admin,
    /// May schedule operations.
    Proposer,
    /// May execute operations whose delay is over.
    Executor,
    /// May cancel operations.
    Canceller,
    /// None that this timelock asks for.
    Unknown(B256),
}

impl Role {
    /// The role with this identifier.
    #[must_use]
    pub fn of(id: B256) -> Self {
        [Self::Admin, Self::Proposer, Self::Executor, Self::Canceller]
            .into_iter()
            .find(|role| role.id() == id)
            .unwrap_or(Self::Unknown(id))
    }

    /// Its identifier: Keccak-256 of its name, zero for the admin.
    #[must_use]
    pub fn id(self) -> B256 {
        match self {
            Self::Admin => B256::ZERO,
            Self::Proposer => keccak256("PROPOSER_ROLE"),
            Self::Executor => keccak256("EXECUTOR_ROLE"),
            Self::Canceller => keccak256("CANCELLER_ROLE"),
            Self::Unknown(id) => id,
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Admin => f.write_str("admin role"),
            Self::Proposer => f.write_str("proposer role"),
            Self::Executor => f.write_str("executor role"),
            Self::Canceller => f.write_str("canceller role"),
            Self::Unknown(id) => write!(f, "unknown role {id}"),
        }
    }
}

/// Seconds, and how long that is.
pub(crate) fn duration(seconds: U256) -> String {
    let Ok(number) = u64::try_from(seconds) else {
        return format!("{seconds} s (for ever)");
    };
    let parts = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let mut rest = number;
    let mut words = Vec::new();
    for (unit, name) in parts {
        let count = rest / unit;
        rest %= unit;
        if count > 0 {
            words.push(format!(
                "{count} {name}{}",
                if count == 1 { "" } else { "s" }
            ));
        }
    }
    if words.is_empty() {
        return format!("{number} s");
    }
    if rest > 0 {
        words.push(format!("{rest} s"));
    }
    format!("{number} s ({})", words.join(" "))
}
