use alloy_primitives::{Address, B256, U256};

use crate::WordError;

/// How long a dispute stays open, in seconds: 30 days.
pub const DISPUTE_PERIOD: u64 = 30 * 24 * 3600;

/// The ledger's slot 1, from the least significant bit: rules u160, revoked u32, sequence u32, pausedUntil u32.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ControlWord {
    /// The rules in force.
    pub rules: Address,
    /// Bit i: builder i of those rules is revoked.
    pub revoked: u32,
    /// Releases recorded so far; 0 before genesis.
    pub sequence: u32,
    /// The end of the last pause, Unix seconds; 0 for never.
    pub paused_until: u32,
}

impl ControlWord {
    /// Takes the word apart; every bit has a meaning, so every word is one.
    #[must_use]
    pub fn from_word(word: U256) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, rules @ ..] = word.to_be_bytes::<32>();
        Self {
            rules: Address::new(rules),
            revoked: u32::from_be_bytes([i, j, k, l]),
            sequence: u32::from_be_bytes([e, f, g, h]),
            paused_until: u32::from_be_bytes([a, b, c, d]),
        }
    }
}

/// A revocation, from the least significant bit: flags u8, fromSequence u32, since u64, zeros.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RevocationWord {
    /// When it was made, Unix seconds.
    pub since: u64,
    /// The first sequence number it concerns.
    pub from_sequence: u32,
    /// Bits: 1 retroactive, 2 confirmed by the timelock, 4 by proof of equivocation.
    pub flags: u8,
}

/// What a revocation means for one release.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effect {
    /// It does not concern the release, or it lapsed.
    None,
    /// It is retroactive and not confirmed: the signer is dropped until it lapses.
    Disputed,
    /// The signer is dropped for ever.
    Tainted,
}

impl RevocationWord {
    const RETROACTIVE: u8 = 1;
    const CONFIRMED: u8 = 2;

    /// Takes the word apart; `None` for zero, which means never revoked.
    ///
    /// # Errors
    /// When a bit above `since` is set.
    pub fn from_word(word: U256) -> Result<Option<Self>, WordError> {
        if word.is_zero() {
            return Ok(None);
        }
        let [high @ .., a, b, c, d, e, f, g, h, i, j, k, l, flags] = word.to_be_bytes::<32>();
        if high != [0; 19] {
            return Err(WordError::Bits {
                what: "revocation",
                word: B256::new(word.to_be_bytes()),
            });
        }
        Ok(Some(Self {
            since: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            from_sequence: u32::from_be_bytes([i, j, k, l]),
            flags,
        }))
    }

    /// What it means at `time` (Unix seconds) for the release with this sequence number.
    #[must_use]
    pub fn effect(&self, sequence: u64, time: u64) -> Effect {
        if sequence < u64::from(self.from_sequence) {
            return Effect::None;
        }
        let lapses = self.flags & (Self::RETROACTIVE | Self::CONFIRMED) == Self::RETROACTIVE;
        if !lapses {
            return Effect::Tainted;
        }
        if time < self.since.saturating_add(DISPUTE_PERIOD) {
            Effect::Disputed
        } else {
            Effect::None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_fields_of_the_control_word_from_the_low_end() {
        let word = U256::from(5_u64) << 224
            | U256::from(9_u64) << 192
            | U256::from(3_u64) << 160
            | U256::from_be_slice(Address::repeat_byte(0xab).as_slice());
        assert_eq!(
            ControlWord::from_word(word),
            ControlWord {
                rules: Address::repeat_byte(0xab),
                revoked: 3,
                sequence: 9,
                paused_until: 5
            }
        );
    }

    fn revocation(since: u64, from: u32, flags: u8) -> RevocationWord {
        let word = U256::from(since) << 40 | U256::from(from) << 8 | U256::from(flags);
        RevocationWord::from_word(word).unwrap().unwrap()
    }

    #[test]
    fn zero_is_never_revoked_and_high_bits_are_refused() {
        assert_eq!(RevocationWord::from_word(U256::ZERO), Ok(None));
        for bit in 104..256 {
            let word = U256::from(1) << bit;
            assert!(RevocationWord::from_word(word).is_err(), "bit {bit}");
        }
        assert_eq!(
            revocation(u64::MAX, u32::MAX, u8::MAX),
            RevocationWord {
                since: u64::MAX,
                from_sequence: u32::MAX,
                flags: u8::MAX
            }
        );
    }

    #[test]
    fn concerns_only_releases_from_its_sequence_on() {
        for flags in [0, 1, 2, 3, 4] {
            assert_eq!(revocation(100, 7, flags).effect(6, 100), Effect::None);
            assert_ne!(revocation(100, 7, flags).effect(7, 100), Effect::None);
        }
    }

    #[test]
    fn a_dispute_is_open_for_thirty_days() {
        assert_eq!(DISPUTE_PERIOD, 2_592_000);
    }

    #[test]
    fn only_an_unconfirmed_retroactive_one_lapses_after_thirty_days() {
        let last = 100 + DISPUTE_PERIOD - 1;
        assert_eq!(revocation(100, 1, 1).effect(1, last), Effect::Disputed);
        assert_eq!(revocation(100, 1, 1).effect(1, last + 1), Effect::None);
        for flags in [0, 2, 3, 4, 7] {
            assert_eq!(
                revocation(100, 1, flags).effect(1, last + 1),
                Effect::Tainted
            );
        }
        let late = revocation(u64::MAX, 1, 1);
        assert_eq!(late.effect(1, u64::MAX - 1), Effect::Disputed);
    }
}
