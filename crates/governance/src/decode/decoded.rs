use alloy_primitives::{Address, Selector};

use super::{
    Action, Allowed, Call, Names, Warning, judge,
    read::{Unread, read, read_library},
    sentence,
};

/// The most calls in one tree.
const MAX_CALLS: usize = 128;
/// The deepest nesting: a Safe transaction that schedules a batch is three deep.
const MAX_DEPTH: usize = 6;
/// The most bytes of data of one call.
pub(crate) const MAX_DATA: usize = 64 * 1024;

/// A call with its meaning, what must not be overlooked, and the calls inside it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Decoded {
    /// The call.
    pub call: Call,
    /// Who makes it, where that is known.
    pub caller: Option<Address>,
    /// What it means; `None` where its bytes are not the encoding of anything.
    pub action: Option<Action>,
    /// One sentence.
    pub sentence: String,
    /// What must not be overlooked about this call itself.
    pub warnings: Vec<Warning>,
    /// The calls it makes or will make.
    pub inner: Vec<Self>,
}

impl Decoded {
    /// Understands `call`, made by `caller` (`None` where it is not known), down to the last call inside it.
    ///
    /// Never fails: what cannot be understood is a warning. `names` alone says who is who.
    #[must_use]
    pub fn new(call: Call, caller: Option<Address>, names: &Names) -> Self {
        let mut budget = MAX_CALLS;
        Decoder { names }.decode(call, caller, 0, &mut budget)
    }

    /// The first four bytes of the data.
    #[must_use]
    pub fn selector(&self) -> Option<Selector> {
        let four = self.call.data.first_chunk::<4>()?;
        Some(Selector::new(*four))
    }

    /// This call and all inside it with their places (`1`, `1.2`, …), from the outside in.
    #[must_use]
    pub fn walk(&self, place: &str) -> Vec<(String, &Self)> {
        let mut all = vec![(place.to_owned(), self)];
        for (index, inner) in self.inner.iter().enumerate() {
            all.extend(inner.walk(&format!("{place}.{}", index + 1)));
        }
        all
    }

    /// The worst warning that stays a refusal with these things let through.
    #[must_use]
    pub fn refusal(&self, allowed: Allowed) -> Option<&Warning> {
        let all = self.walk("1").into_iter();
        all.flat_map(|(_, one)| &one.warnings)
            .filter(|warning| warning.refuses(allowed))
            .min_by_key(|warning| warning.rank())
    }
}

struct Decoder<'a> {
    names: &'a Names,
}

impl Decoder<'_> {
    fn decode(
        &self,
        call: Call,
        caller: Option<Address>,
        depth: usize,
        budget: &mut usize,
    ) -> Decoded {
        *budget = budget.saturating_sub(1);
        let kind = self.names.kind(call.target);
        let (action, mut warnings) = match bounded(&call).and_then(|()| match call.operation {
            1 => read_library(&call.data),
            _ => read(kind, &call.data),
        }) {
            Ok(action) => (Some(action), Vec::new()),
            Err(Unread::Malformed(why)) => (None, vec![Warning::Malformed { why }]),
            Err(Unread::TooComplex(bound)) => (None, vec![Warning::TooComplex { bound }]),
        };
        warnings.extend(judge::judge(&call, action.as_ref(), caller, self.names));
        let mut inner = Vec::new();
        for (next, by) in action
            .as_ref()
            .map(|one| made(one, &call, caller))
            .unwrap_or_default()
        {
            if depth + 1 >= MAX_DEPTH {
                warnings.push(Warning::TooComplex {
                    bound: "6 calls inside one another",
                });
                break;
            }
            if *budget == 0 {
                warnings.push(Warning::TooComplex {
                    bound: "128 calls in all",
                });
                break;
            }
            inner.push(self.decode(next, by, depth + 1, budget));
        }
        warnings.sort_by_key(Warning::rank);
        Decoded {
            sentence: sentence::sentence(&call, action.as_ref(), &warnings, self.names),
            call,
            caller,
            action,
            warnings,
            inner,
        }
    }
}

fn bounded(call: &Call) -> Result<(), Unread> {
    if call.operation > 1 {
        return Err(Unread::Malformed(format!(
            "operation {} is neither call nor delegatecall",
            call.operation
        )));
    }
    if call.data.len() > MAX_DATA {
        return Err(Unread::TooComplex("64 KiB of data in one call"));
    }
    Ok(())
}

/// The calls that an action makes, each with who makes it.
fn made(action: &Action, call: &Call, caller: Option<Address>) -> Vec<(Call, Option<Address>)> {
    match action {
        Action::Schedule { operation, .. } | Action::Execute { operation } => operation
            .calls
            .iter()
            .map(|one| (one.clone(), Some(call.target)))
            .collect(),
        Action::SafeTransaction { call: inner, .. } => vec![(inner.clone(), Some(call.target))],
        // Run by delegatecall, so that the calls are the caller's own; target zero means the caller.
        Action::MultiSend { calls } => calls
            .iter()
            .map(|one| {
                let mut one = one.clone();
                if one.target.is_zero() {
                    one.target = caller.unwrap_or_default();
                }
                (one, caller)
            })
            .collect(),
        _ => Vec::new(),
    }
}
