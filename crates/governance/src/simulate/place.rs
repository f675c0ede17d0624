use std::fmt;

use alloy_primitives::{Address, B256, U256, b256, keccak256};
use seed_primitives::write_address;

use crate::decode::{Kind, Role};

/// What a storage slot holds, by the layout of the contract it is in.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[allow(missing_docs)]
pub enum Place {
    // The ledger: `contracts/snapshots/storage-layout/ReleaseLedger.json`.
    Release(B256),
    Control,
    Revocation(Address),
    // OpenZeppelin's TimelockController over AccessControl.
    RoleMember {
        role: B256,
        account: Address,
    },
    RoleAdmin(B256),
    Timestamp(B256),
    MinDelay,
    // Safe 1.5.
    Singleton,
    Module(Address),
    Owner(Address),
    OwnerCount,
    Threshold,
    Nonce,
    SignedMessage(B256),
    ApprovedHash {
        owner: Address,
        hash: B256,
    },
    Guard,
    ModuleGuard,
    FallbackHandler,
    /// None of these.
    Unknown(U256),
}

/// Where Safes keep their guard: `keccak("guard_manager.guard.address")`.
const GUARD: B256 = b256!("4a204f620c8c5ccdca3fd54d003badd85ba500436a431f0cbda4f558c93c34c8");
/// Where Safes keep their module guard: `keccak("module_manager.module_guard.address")`.
const MODULE_GUARD: B256 =
    b256!("b104e0b93118902c651344349b610029d694cfdec91c589c91ebafbcd0289947");
/// Where Safes keep their fallback handler: `keccak("fallback_manager.handler.address")`.
const HANDLER: B256 = b256!("6c9a6c4a39284e37ed1cf53d337577d14212a4870fb976a4366c693b939918d5");

/// The head of a Safe's linked lists of owners and modules.
pub(crate) const SENTINEL: Address = Address::with_last_byte(1);

impl Place {
    /// What `slot` of a contract of this kind holds. `preimage` tells from what a contract computed a slot: the key
    /// and the mapping's own slot; without it the members of mappings stay unknown.
    pub(crate) fn of(
        kind: Option<Kind>,
        slot: U256,
        preimage: impl Fn(U256) -> Option<(B256, B256)>,
    ) -> Self {
        let found = match kind {
            Some(Kind::Ledger) => ledger(slot, preimage),
            Some(Kind::Timelock) => timelock(slot, preimage),
            Some(Kind::Safe) => safe(slot, preimage),
            None => None,
        };
        found.unwrap_or(Self::Unknown(slot))
    }
}

fn ledger(slot: U256, preimage: impl Fn(U256) -> Option<(B256, B256)>) -> Option<Place> {
    if slot == U256::from(1) {
        return Some(Place::Control);
    }
    let (key, place) = preimage(slot)?;
    match small(place)? {
        0 => Some(Place::Release(key)),
        2 => address(key).map(Place::Revocation),
        _ => None,
    }
}

fn timelock(slot: U256, preimage: impl Fn(U256) -> Option<(B256, B256)>) -> Option<Place> {
    if slot == U256::from(2) {
        return Some(Place::MinDelay);
    }
    if let Some((role, place)) = preimage(slot.wrapping_sub(U256::from(1)))
        && small(place) == Some(0)
    {
        return Some(Place::RoleAdmin(role));
    }
    let (key, place) = preimage(slot)?;
    if small(place) == Some(1) {
        return Some(Place::Timestamp(key));
    }
    let (role, place) = preimage(place.into())?;
    if small(place) != Some(0) {
        return None;
    }
    address(key).map(|account| Place::RoleMember { role, account })
}

fn safe(slot: U256, preimage: impl Fn(U256) -> Option<(B256, B256)>) -> Option<Place> {
    match small(slot.into()) {
        Some(0) => return Some(Place::Singleton),
        Some(3) => return Some(Place::OwnerCount),
        Some(4) => return Some(Place::Threshold),
        Some(5) => return Some(Place::Nonce),
        Some(_) => return None,
        None => {}
    }
    match B256::from(slot) {
        GUARD => return Some(Place::Guard),
        MODULE_GUARD => return Some(Place::ModuleGuard),
        HANDLER => return Some(Place::FallbackHandler),
        _ => {}
    }
    let (key, place) = preimage(slot)?;
    match small(place) {
        Some(1) => return address(key).map(Place::Module),
        Some(2) => return address(key).map(Place::Owner),
        Some(7) => return Some(Place::SignedMessage(key)),
        Some(_) => return None,
        None => {}
    }
    let (owner, place) = preimage(place.into())?;
    if small(place) != Some(8) {
        return None;
    }
    address(owner).map(|owner| Place::ApprovedHash { owner, hash: key })
}

/// The slot of a Safe's note that `owner` approved `hash`.
pub(crate) fn approved_hash(owner: Address, hash: B256) -> U256 {
    let outer = mapping(owner.into_word(), U256::from(8));
    mapping(hash, outer)
}

/// The slot of an operation's time in the timelock.
pub(crate) fn timestamp(id: B256) -> U256 {
    mapping(id, U256::from(1))
}

pub(crate) fn mapping(key: B256, place: U256) -> U256 {
    keccak256([key, B256::from(place)].concat()).into()
}

fn small(word: B256) -> Option<u8> {
    let number = U256::from_be_bytes(word.0);
    u8::try_from(number).ok().filter(|number| *number < 16)
}

fn address(word: B256) -> Option<Address> {
    let address = Address::from_word(word);
    (address.into_word() == word).then_some(address)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = write_address;
        match self {
            Self::Release(release) => write!(f, "releases[{release}]"),
            Self::Control => f.write_str("control"),
            Self::Revocation(subject) => write!(f, "revocations[{}]", hex(subject)),
            Self::RoleMember { role, account } => {
                write!(f, "roles[{}].has[{}]", Role::of(*role), hex(account))
            }
            Self::RoleAdmin(role) => write!(f, "roles[{}].admin", Role::of(*role)),
            Self::Timestamp(id) => write!(f, "timestamps[{id}]"),
            Self::MinDelay => f.write_str("minDelay"),
            Self::Singleton => f.write_str("singleton"),
            Self::Module(module) => write!(f, "modules[{}]", hex(module)),
            Self::Owner(owner) => write!(f, "owners[{}]", hex(owner)),
            Self::OwnerCount => f.write_str("ownerCount"),
            Self::Threshold => f.write_str("threshold"),
            Self::Nonce => f.write_str("nonce"),
            Self::SignedMessage(hash) => write!(f, "signedMessages[{hash}]"),
            Self::ApprovedHash { owner, hash } => {
                write!(f, "approvedHashes[{}][{hash}]", hex(owner))
            }
            Self::Guard => f.write_str("guard"),
            Self::ModuleGuard => f.write_str("moduleGuard"),
            Self::FallbackHandler => f.write_str("fallbackHandler"),
            Self::Unknown(slot) => write!(f, "UNKNOWN SLOT {slot:#066x}"),
        }
    }
}
