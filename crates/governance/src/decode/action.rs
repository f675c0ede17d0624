use alloy_primitives::{Address, B256, Selector, U256};

use super::{Call, Operation, Role};

/// What a call means.
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(missing_docs)]
pub enum Action {
    // The ledger, by anybody.
    Finalise {
        release: B256,
    },
    FinaliseBatch {
        releases: Vec<B256>,
    },
    Genesis {
        release: B256,
    },
    Post {
        release: B256,
        rules: Address,
    },
    ProveEquivocation {
        release: B256,
    },
    // The ledger, by the timelock.
    SetRules {
        rules: Address,
        code_hash: B256,
    },
    ConfirmRevocation {
        subject: Address,
    },
    // The ledger, by the guardian.
    Revoke {
        subject: Address,
    },
    RevokeRetroactively {
        subject: Address,
        from_sequence: u32,
    },
    Pause {
        duration: u32,
    },
    // The timelock.
    Schedule {
        operation: Operation,
        delay: U256,
    },
    Execute {
        operation: Operation,
    },
    Cancel {
        id: B256,
    },
    UpdateDelay {
        delay: U256,
    },
    GrantRole {
        role: Role,
        account: Address,
    },
    RevokeRole {
        role: Role,
        account: Address,
    },
    RenounceRole {
        role: Role,
        account: Address,
    },
    // A Safe.
    SafeTransaction {
        call: Call,
        /// Gas price, gas token and refund receiver are all zero.
        unpaid: bool,
    },
    AddOwner {
        owner: Address,
        threshold: U256,
    },
    RemoveOwner {
        previous: Address,
        owner: Address,
        threshold: U256,
    },
    SwapOwner {
        previous: Address,
        old: Address,
        new: Address,
    },
    ChangeThreshold {
        threshold: U256,
    },
    SetGuard {
        guard: Address,
    },
    SetModuleGuard {
        guard: Address,
    },
    EnableModule {
        module: Address,
    },
    DisableModule {
        previous: Address,
        module: Address,
    },
    SetFallbackHandler {
        handler: Address,
    },
    ApproveHash {
        hash: B256,
    },
    /// Several calls in one; it works only as a delegatecall.
    MultiSend {
        calls: Vec<Call>,
    },
    /// No data: money or nothing.
    Empty,
    /// A function that nobody wrote a meaning for.
    Unknown {
        selector: Option<Selector>,
    },
}
