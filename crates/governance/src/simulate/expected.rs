use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use seed_proof::ControlWord;

use super::place::{Place, SENTINEL};
use crate::decode::{Action, Decoded};

/// What an operation says a slot will hold afterwards.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Becomes {
    /// Exactly this word.
    Word(U256),
    /// Anything: a link or a count that follows from what was there.
    Whatever,
    /// One more than before.
    Next,
    /// A revocation with these flags added, made at this time, from this sequence on.
    Revocation(Revoked),
    /// The ledger's control word with these fields.
    Control(Control),
}

/// The revocation that an operation makes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Revoked {
    /// At once, from the next release on.
    Now,
    /// And disputed from this release on.
    From(u32),
    /// Confirmed.
    Confirmed,
}

/// What may change in the control word. The sequence number never may.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Control {
    /// The new rules; `None` for the same.
    pub(crate) rules: Option<Address>,
    /// The new end of a pause; `None` for the same.
    pub(crate) paused_until: Option<u32>,
    /// Whether bits may be added to the revoked builders.
    pub(crate) revokes: bool,
}

/// Every slot that may change, with what it may change to.
pub(crate) type Expected = BTreeMap<(Address, Place), Becomes>;

/// What the calls of a decoded tree say they change when they run at `time`, the calls that are only scheduled
/// aside: those have not happened yet.
pub(crate) fn expected(decoded: &Decoded, time: u64) -> Expected {
    let mut all = Expected::new();
    gather(decoded, time, &mut all);
    all
}

fn gather(decoded: &Decoded, time: u64, all: &mut Expected) {
    let Some(action) = &decoded.action else {
        return;
    };
    let target = decoded.call.target;
    for (place, becomes) in changes(action, decoded.caller, time) {
        match (all.get_mut(&(target, place)), becomes) {
            (Some(Becomes::Control(old)), Becomes::Control(new)) => {
                old.rules = new.rules.or(old.rules);
                old.paused_until = new.paused_until.or(old.paused_until);
                old.revokes |= new.revokes;
            }
            // Two changes of one place: the later one stands, but what a link becomes depends on both.
            (Some(old), new) if *old != new => *old = Becomes::Whatever,
            (Some(_), _) => {}
            (None, new) => {
                all.insert((target, place), new);
            }
        }
    }
    if matches!(action, Action::Schedule { .. }) {
        return;
    }
    for inner in &decoded.inner {
        gather(inner, time, all);
    }
}

fn changes(action: &Action, caller: Option<Address>, time: u64) -> Vec<(Place, Becomes)> {
    use Becomes::{Next, Whatever, Word};
    let word = |address: &Address| Word(address.into_word().into());
    match action {
        Action::SetRules { rules, .. } => vec![(
            Place::Control,
            Becomes::Control(Control {
                rules: Some(*rules),
                ..Control::default()
            }),
        )],
        Action::Revoke { subject } => revocation(*subject, Revoked::Now),
        Action::RevokeRetroactively {
            subject,
            from_sequence,
        } => revocation(*subject, Revoked::From(*from_sequence)),
        Action::ConfirmRevocation { subject } => revocation(*subject, Revoked::Confirmed),
        Action::Pause { duration } => vec![(
            Place::Control,
            Becomes::Control(Control {
                paused_until: u32::try_from(time.saturating_add(u64::from(*duration))).ok(),
                ..Control::default()
            }),
        )],
        Action::Schedule { operation, delay } => vec![(
            Place::Timestamp(operation.id()),
            Word(U256::from(time).saturating_add(*delay)),
        )],
        Action::Execute { operation } => {
            vec![(Place::Timestamp(operation.id()), Word(U256::from(1)))]
        }
        Action::Cancel { id } => vec![(Place::Timestamp(*id), Word(U256::ZERO))],
        Action::UpdateDelay { delay } => vec![(Place::MinDelay, Word(*delay))],
        Action::GrantRole { role, account } => vec![(
            Place::RoleMember {
                role: role.id(),
                account: *account,
            },
            Word(U256::from(1)),
        )],
        Action::RevokeRole { role, account } | Action::RenounceRole { role, account } => vec![(
            Place::RoleMember {
                role: role.id(),
                account: *account,
            },
            Word(U256::ZERO),
        )],
        Action::SafeTransaction { .. } => vec![(Place::Nonce, Next)],
        Action::AddOwner { owner, threshold } => vec![
            (Place::Owner(*owner), Whatever),
            (Place::Owner(SENTINEL), word(owner)),
            (Place::OwnerCount, Next),
            (Place::Threshold, Word(*threshold)),
        ],
        Action::RemoveOwner {
            previous,
            owner,
            threshold,
        } => vec![
            (Place::Owner(*previous), Whatever),
            (Place::Owner(*owner), Word(U256::ZERO)),
            (Place::OwnerCount, Whatever),
            (Place::Threshold, Word(*threshold)),
        ],
        Action::SwapOwner { previous, old, new } => vec![
            (Place::Owner(*previous), word(new)),
            (Place::Owner(*old), Word(U256::ZERO)),
            (Place::Owner(*new), Whatever),
        ],
        Action::ChangeThreshold { threshold } => vec![(Place::Threshold, Word(*threshold))],
        Action::SetGuard { guard } => vec![(Place::Guard, word(guard))],
        Action::SetModuleGuard { guard } => vec![(Place::ModuleGuard, word(guard))],
        Action::EnableModule { module } => vec![
            (Place::Module(*module), Whatever),
            (Place::Module(SENTINEL), word(module)),
        ],
        Action::DisableModule { previous, module } => vec![
            (Place::Module(*previous), Whatever),
            (Place::Module(*module), Word(U256::ZERO)),
        ],
        Action::SetFallbackHandler { handler } => vec![(Place::FallbackHandler, word(handler))],
        Action::ApproveHash { hash } => caller
            .map(|owner| {
                let place = Place::ApprovedHash { owner, hash: *hash };
                (place, Word(U256::from(1)))
            })
            .into_iter()
            .collect(),
        // Releases are recorded by builders' signatures, never by governance; and what an unknown call changes
        // is unknown.
        Action::Finalise { .. }
        | Action::FinaliseBatch { .. }
        | Action::Genesis { .. }
        | Action::Post { .. }
        | Action::ProveEquivocation { .. }
        | Action::MultiSend { .. }
        | Action::Empty
        | Action::Unknown { .. } => Vec::new(),
    }
}

fn revocation(subject: Address, how: Revoked) -> Vec<(Place, Becomes)> {
    let control = Control {
        revokes: true,
        ..Control::default()
    };
    vec![
        (Place::Revocation(subject), Becomes::Revocation(how)),
        (Place::Control, Becomes::Control(control)),
    ]
}

impl Becomes {
    /// Whether the operation itself says what the word will be.
    pub(crate) const fn is_definite(&self) -> bool {
        match self {
            Self::Whatever => false,
            Self::Control(control) => control.rules.is_some() || control.paused_until.is_some(),
            Self::Word(_) | Self::Next | Self::Revocation(_) => true,
        }
    }

    /// Whether a word that was `before` may now be `after`; `time` and `sequence` are those of the change.
    pub(crate) fn admits(&self, before: U256, after: U256, time: u64, sequence: u32) -> bool {
        match self {
            Self::Word(word) => after == *word,
            Self::Whatever => true,
            Self::Next => before.checked_add(U256::from(1)) == Some(after),
            Self::Revocation(how) => how.admits(before, after, time, sequence),
            Self::Control(control) => control.admits(
                ControlWord::from_word(before),
                ControlWord::from_word(after),
            ),
        }
    }
}

impl Control {
    fn admits(&self, before: ControlWord, after: ControlWord) -> bool {
        after.sequence == before.sequence
            && after.rules == self.rules.unwrap_or(before.rules)
            && after.paused_until == self.paused_until.unwrap_or(before.paused_until)
            // Under other rules the bits stand for other builders: they are judged with the rules.
            && (self.rules.is_some()
                || after.revoked == before.revoked
                || (self.revokes && after.revoked & before.revoked == before.revoked))
    }
}

impl Revoked {
    /// `u64 since ‖ u32 fromSequence ‖ u8 flags`, low-aligned; flags 1 retroactive, 2 confirmed, 4 equivocation.
    fn admits(self, before: U256, after: U256, time: u64, sequence: u32) -> bool {
        let word = |since: u64, from: u32, flags: u8| {
            U256::from(since) << 40 | U256::from(from) << 8 | U256::from(flags)
        };
        match self {
            Self::Now => before.is_zero() && after == word(time, sequence.saturating_add(1), 0),
            Self::From(from) => {
                // An earlier proof of equivocation stays on record.
                let kept = before.byte(0) & 4;
                after == word(time, from, kept | 1)
            }
            Self::Confirmed => !before.is_zero() && after == before | U256::from(2),
        }
    }
}
