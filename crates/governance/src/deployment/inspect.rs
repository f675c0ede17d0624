use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use alloy::{sol, sol_types::SolEvent as _};
use alloy_primitives::{Address, B256, Log, U256, address, b256, keccak256};
use seed_primitives::{Deployment, SafeContracts, SafeOwners, write_address};

use super::Sight;
use crate::Fault;

sol! {
    event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);
    event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);
    event RoleAdminChanged(bytes32 indexed role, bytes32 indexed previous, bytes32 indexed next);
}

/// Storage slots of OpenZeppelin's TimelockController 5.7.
const ROLES: u64 = 0;
const MIN_DELAY: u64 = 2;
/// Storage slots of Safe 1.5.0.
const SINGLETON: u64 = 0;
const MODULES: u64 = 1;
const OWNERS: u64 = 2;
const OWNER_COUNT: u64 = 3;
const THRESHOLD: u64 = 4;
/// What a Safe's lists begin and end with.
const SENTINEL: Address = address!("0000000000000000000000000000000000000001");
/// The most owners that are followed.
const MOST_OWNERS: usize = 256;
/// The ledger's slot with the rules in force in its low 160 bits.
const CONTROL: u64 = 1;

const ADMIN: B256 = b256!("0000000000000000000000000000000000000000000000000000000000000000");

/// Something that is not as the deployment file says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Difference {
    /// The contract, and what of it.
    pub what: String,
    /// What the deployment file says.
    pub expected: String,
    /// What the chain says.
    pub found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            expected,
            found,
        } = self;
        write!(f, "{what} is {found}, expected {expected}")
    }
}

/// The roles of a timelock by name, with who is to hold them.
#[derive(Clone, Debug)]
pub(crate) struct Roles {
    timelock: Address,
    expected: Vec<(&'static str, B256, BTreeSet<Address>)>,
}

impl Roles {
    /// Who is to hold what.
    pub(crate) fn of(timelock: Address, proposer: Address, guardian: Address) -> Self {
        let role = |name: &str| keccak256(name);
        Self {
            timelock,
            expected: vec![
                ("administrator", ADMIN, BTreeSet::from([timelock])),
                (
                    "proposer",
                    role("PROPOSER_ROLE"),
                    BTreeSet::from([proposer]),
                ),
                (
                    "canceller",
                    role("CANCELLER_ROLE"),
                    BTreeSet::from([proposer, guardian]),
                ),
                (
                    "executor",
                    role("EXECUTOR_ROLE"),
                    BTreeSet::from([Address::ZERO]),
                ),
            ],
        }
    }

    /// The slot that says whether `account` holds `role`.
    fn slot(role: B256, account: Address) -> B256 {
        mapping(
            account.into_word(),
            mapping(role, B256::from(U256::from(ROLES))),
        )
    }

    /// The slot with the role that administers `role`.
    fn admin_slot(role: B256) -> B256 {
        let base: U256 = mapping(role, B256::from(U256::from(ROLES))).into();
        (base + U256::from(1)).into()
    }
}

/// Everything about roles, owners, thresholds, modules, guards and delay that is not as `deployment`
/// says. Storage is read with proofs, and who holds roles besides those expected from the events since its `block`.
///
/// # Errors
/// When the chain cannot be read, or the deployment has no Safes.
pub(crate) async fn inspect(
    sight: &mut Sight,
    deployment: &Deployment,
) -> Result<Vec<Difference>, Fault> {
    let (Some(proposer), Some(safes), Some(contracts), Some(delay)) = (
        deployment.proposer,
        &deployment.safes,
        deployment.safe_contracts,
        deployment.timelock_delay,
    ) else {
        return Err(super::DeployFault::NoSafes.into());
    };
    let mut found = Vec::new();
    let timelock = deployment.timelock;
    let actual = sight.slot(timelock, slot(MIN_DELAY)).await?;
    compare(&mut found, "the timelock's delay", delay, actual);
    let roles = Roles::of(timelock, proposer, deployment.guardian);
    held_roles(sight, &roles, &mut found).await?;
    role_events(sight, &roles, deployment.block, &mut found).await?;
    safe(
        sight,
        "proposer Safe",
        proposer,
        &safes.proposer,
        contracts,
        &mut found,
    )
    .await?;
    let guardian = deployment.guardian;
    safe(
        sight,
        "guardian Safe",
        guardian,
        &safes.guardian,
        contracts,
        &mut found,
    )
    .await?;
    Ok(found)
}

/// The rules that a ledger asks now.
///
/// # Errors
/// When the chain cannot be read.
pub(crate) async fn in_force(sight: &mut Sight, ledger: Address) -> Result<Address, Fault> {
    Ok(account(sight.slot(ledger, slot(CONTROL)).await?))
}

/// Every expected holder holds its role, and every role is administered by the administrator.
async fn held_roles(
    sight: &mut Sight,
    roles: &Roles,
    found: &mut Vec<Difference>,
) -> Result<(), Fault> {
    for (name, role, holders) in &roles.expected {
        for holder in holders {
            let held = sight
                .slot(roles.timelock, Roles::slot(*role, *holder))
                .await?;
            let what = format!("the timelock's {name} role of {}", write_address(holder));
            compare(
                found,
                what,
                "held",
                if held.is_zero() { "missing" } else { "held" },
            );
        }
        let admin = sight.slot(roles.timelock, Roles::admin_slot(*role)).await?;
        let what = format!("the role that administers the timelock's {name} role");
        compare(found, what, ADMIN, B256::from(admin));
    }
    Ok(())
}

/// Nobody else was ever given a role and still has it.
async fn role_events(
    sight: &mut Sight,
    roles: &Roles,
    block: u64,
    found: &mut Vec<Difference>,
) -> Result<(), Fault> {
    let kinds = [
        RoleGranted::SIGNATURE_HASH,
        RoleRevoked::SIGNATURE_HASH,
        RoleAdminChanged::SIGNATURE_HASH,
    ];
    let events = sight.events(roles.timelock, &kinds, block).await?;
    let holders = replay(&events);
    for (name, role, expected) in &roles.expected {
        let shown = holders.get(role).cloned().unwrap_or_default();
        for extra in shown.difference(expected) {
            let what = format!("the timelock's {name} role of {}", write_address(extra));
            compare(found, what, "not granted", "granted");
        }
        // The first grants are part of the deployment: a file that begins later hides what came between.
        for missing in expected.difference(&shown) {
            let what = format!(
                "the event that gave {} the {name} role",
                write_address(missing)
            );
            compare(
                found,
                what,
                format!("after block {block}"),
                "not to be seen",
            );
        }
    }
    for (role, accounts) in &holders {
        let known = roles.expected.iter().any(|(_, one, _)| one == role);
        for account in accounts.iter().filter(|_| !known) {
            let what = format!("the timelock's role {role} of {}", write_address(account));
            compare(found, what, "not granted", "granted");
        }
    }
    Ok(())
}

/// Who holds which role after these events.
fn replay(events: &[Log]) -> BTreeMap<B256, BTreeSet<Address>> {
    let mut holders: BTreeMap<B256, BTreeSet<Address>> = BTreeMap::new();
    for event in events {
        if let Ok(granted) = RoleGranted::decode_log(event) {
            holders
                .entry(granted.role)
                .or_default()
                .insert(granted.account);
        } else if let Ok(revoked) = RoleRevoked::decode_log(event) {
            holders
                .entry(revoked.role)
                .or_default()
                .remove(&revoked.account);
        } else if let Ok(changed) = RoleAdminChanged::decode_log(event) {
            // Whoever holds the new administrating role would be found under it; that it exists is wrong already.
            holders
                .entry(changed.role)
                .or_default()
                .insert(account(changed.next.into()));
        }
    }
    holders
}

async fn safe(
    sight: &mut Sight,
    name: &str,
    at: Address,
    expected: &SafeOwners,
    contracts: SafeContracts,
    found: &mut Vec<Difference>,
) -> Result<(), Fault> {
    let singleton = account(sight.slot(at, slot(SINGLETON)).await?);
    compare(
        found,
        format!("the {name}'s singleton (slot 0)"),
        write_address(&contracts.singleton),
        write_address(&singleton),
    );
    let owners = list(sight, at, OWNERS).await?;
    compare(
        found,
        format!("the list of the {name}'s owners"),
        texts(&expected.owners),
        texts(&owners),
    );
    let count = sight.slot(at, slot(OWNER_COUNT)).await?;
    compare(
        found,
        format!("the number of the {name}'s owners"),
        expected.owners.len(),
        count,
    );
    let threshold = sight.slot(at, slot(THRESHOLD)).await?;
    compare(
        found,
        format!("the {name}'s threshold"),
        expected.threshold,
        threshold,
    );
    let modules = list(sight, at, MODULES).await?;
    compare(
        found,
        format!("the list of the {name}'s modules"),
        texts(&[]),
        texts(&modules),
    );
    for (what, place, expected) in [
        ("guard", "guard_manager.guard.address", Address::ZERO),
        (
            "module guard",
            "module_manager.module_guard.address",
            Address::ZERO,
        ),
        (
            "fallback handler",
            "fallback_manager.handler.address",
            contracts.fallback_handler,
        ),
    ] {
        let actual = account(sight.slot(at, keccak256(place)).await?);
        compare(
            found,
            format!("the {name}'s {what}"),
            write_address(&expected),
            write_address(&actual),
        );
    }
    Ok(())
}

/// The members of a Safe's linked list, which is a mapping at `place`.
async fn list(sight: &mut Sight, safe: Address, place: u64) -> Result<Vec<Address>, Fault> {
    let mut members = Vec::new();
    let mut at = SENTINEL;
    while members.len() < MOST_OWNERS {
        let next = account(
            sight
                .slot(safe, mapping(at.into_word(), slot(place)))
                .await?,
        );
        if next == SENTINEL || next.is_zero() {
            break;
        }
        members.push(next);
        at = next;
    }
    Ok(members)
}

/// The owners as text, in one order: the list's own order means nothing.
fn texts(owners: &[Address]) -> String {
    let mut texts: Vec<_> = owners.iter().map(write_address).collect();
    texts.sort_unstable();
    match texts.is_empty() {
        true => "empty".to_owned(),
        false => texts.join(" "),
    }
}

fn compare(
    found: &mut Vec<Difference>,
    what: impl Into<String>,
    expected: impl ToString,
    actual: impl ToString,
) {
    let (expected, actual) = (expected.to_string(), actual.to_string());
    if expected != actual {
        found.push(Difference {
            what: what.into(),
            expected,
            found: actual,
        });
    }
}

/// The slot of `key` in the mapping at `place`.
fn mapping(key: B256, place: B256) -> B256 {
    keccak256([key, place].concat())
}

fn slot(number: u64) -> B256 {
    U256::from(number).into()
}

/// The low 160 bits of a word.
fn account(word: U256) -> Address {
    Address::from_word(word.into())
}
