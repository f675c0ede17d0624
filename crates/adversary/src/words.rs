use std::fmt;

/// The five things a verifier can say, by their exit codes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "as in the protocol")]
pub enum Word {
    Verified,
    Rejected,
    Usage,
    Undecidable,
    Revoked,
}

impl Word {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Verified, "verified"),
        (Self::Rejected, "rejected"),
        (Self::Usage, "usage"),
        (Self::Undecidable, "undecidable"),
        (Self::Revoked, "revoked"),
    ];

    /// The word as the verifier writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The word of an exit code.
    #[must_use]
    pub fn of_exit(code: u8) -> Option<Self> {
        Some(Self::ALL.get(usize::from(code))?.0)
    }
}

/// Words that would all be right.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Words(u8);

impl Words {
    /// Exactly one.
    #[must_use]
    pub const fn only(word: Word) -> Self {
        Self(1 << word as u8)
    }

    /// All of these.
    #[must_use]
    pub fn of(words: &[Word]) -> Self {
        words
            .iter()
            .fold(Self(0), |all, word| all.or(Self::only(*word)))
    }

    /// Those of either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of this without `word`.
    #[must_use]
    pub const fn without(self, word: Word) -> Self {
        Self(self.0 & !(1 << word as u8))
    }

    /// Whether `word` is among them.
    #[must_use]
    pub const fn has(self, word: Word) -> bool {
        self.0 >> word as u8 & 1 == 1
    }

    /// What remains where two things are both needed for a yes: a yes only where both allow it, and every other word
    /// that either allows.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let all = self.or(other);
        if self.has(Word::Verified) && other.has(Word::Verified) {
            return all;
        }
        all.without(Word::Verified)
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = Word::ALL
            .iter()
            .filter(|(word, _)| self.has(*word))
            .collect();
        let words: Vec<_> = words.iter().map(|(_, text)| *text).collect();
        f.write_str(&words.join("|"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_yes_needs_every_part() {
        let yes = Words::only(Word::Verified);
        let maybe = Words::of(&[Word::Verified, Word::Undecidable]);
        let no = Words::only(Word::Undecidable);
        assert_eq!(yes.and(yes).to_string(), "verified");
        assert_eq!(yes.and(maybe).to_string(), "verified|undecidable");
        assert_eq!(maybe.and(no).to_string(), "undecidable");
        assert_eq!(Word::of_exit(4), Some(Word::Revoked));
        assert_eq!(Word::of_exit(5), None);
        for (at, (word, text)) in Word::ALL.iter().enumerate() {
            assert_eq!((*word as usize, word.as_str()), (at, *text));
        }
    }
}
