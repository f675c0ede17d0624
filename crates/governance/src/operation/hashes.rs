use alloy_primitives::B256;

use super::{Operation, OperationError};
use crate::safe::SafeHashes;

/// Every hash of an operation, computed from its file alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hashes {
    /// What the owners of the Safe sign.
    pub safe: SafeHashes,
    /// The timelock's identifier, as `hashOperation` or `hashOperationBatch` computes it.
    pub operation_id: Option<B256>,
}

/// What somebody was told over another channel, or reads from a device's screen.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Expected {
    /// The domain hash.
    pub domain: Option<B256>,
    /// The message hash.
    pub message: Option<B256>,
    /// The Safe transaction hash.
    pub safe_tx: Option<B256>,
    /// The timelock's identifier.
    pub operation_id: Option<B256>,
}

impl Operation {
    /// Its hashes.
    #[must_use]
    pub fn hashes(&self) -> Hashes {
        Hashes {
            safe: SafeHashes::new(self.chain_id, &self.safe_transaction(), self.nonce),
            operation_id: self.timelocked().map(|one| one.id()),
        }
    }
}

impl Hashes {
    /// Compares with what was expected.
    ///
    /// # Errors
    /// [`OperationError::Mismatch`] for the first that differs.
    pub fn expect(&self, expected: &Expected) -> Result<(), OperationError> {
        let pairs = [
            ("domain hash", Some(self.safe.domain), expected.domain),
            ("message hash", Some(self.safe.message), expected.message),
            (
                "Safe transaction hash",
                Some(self.safe.safe_tx),
                expected.safe_tx,
            ),
            ("operation id", self.operation_id, expected.operation_id),
        ];
        for (what, found, expected) in pairs {
            match expected {
                Some(expected) if found != Some(expected) => {
                    return Err(OperationError::Mismatch {
                        what,
                        found: found.map_or("none".to_owned(), |found| found.to_string()),
                        expected: expected.to_string(),
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, Bytes, U256};

    use super::*;
    use crate::{decode::Call, operation::Timelocked};

    fn operation() -> Operation {
        Operation {
            chain_id: 31337,
            safe: Address::repeat_byte(1),
            nonce: 3,
            timelock: Some(Timelocked {
                timelock: Address::repeat_byte(2),
                delay: 604_800,
                predecessor: B256::ZERO,
                salt: B256::repeat_byte(9),
            }),
            calls: vec![Call::to(
                Address::repeat_byte(3),
                Bytes::from((0_u8..68).collect::<Vec<_>>()),
            )],
            description: "why".to_owned(),
        }
    }

    /// Every single-byte change of anything that means something, as another operation.
    fn altered() -> Vec<Operation> {
        let honest = operation();
        let mut all = Vec::new();
        let mut push = |change: &dyn Fn(&mut Operation)| {
            let mut other = honest.clone();
            change(&mut other);
            all.push(other);
        };
        for place in 0..68 {
            push(&|one| {
                let mut data = one.calls[0].data.to_vec();
                data[place] ^= 1;
                one.calls[0].data = data.into();
            });
        }
        for place in 0..20 {
            push(&|one| one.safe.0[place] ^= 1);
            push(&|one| one.calls[0].target.0[place] ^= 1);
            push(&|one| one.timelock.as_mut().unwrap().timelock.0[place] ^= 1);
        }
        for place in 0..32 {
            push(&|one| one.timelock.as_mut().unwrap().salt.0[place] ^= 1);
            push(&|one| one.timelock.as_mut().unwrap().predecessor.0[place] ^= 1);
            push(&|one| one.calls[0].value ^= U256::ONE << (8 * place));
        }
        for place in 0..8 {
            push(&|one| one.chain_id ^= 1 << (8 * place));
            push(&|one| one.nonce ^= 1 << (8 * place));
            push(&|one| one.timelock.as_mut().unwrap().delay ^= 1 << (8 * place));
        }
        push(&|one| one.calls.push(one.calls[0].clone()));
        push(&|one| one.timelock = None);
        push(&|one| one.calls[0].data = one.calls[0].data.slice(..67));
        all
    }

    #[test]
    fn each_altered_byte_gives_another_hash_and_is_refused() {
        let honest = operation().hashes();
        let told = Expected {
            safe_tx: Some(honest.safe.safe_tx),
            ..Expected::default()
        };
        assert_eq!(honest.expect(&told), Ok(()));
        let altered = altered();
        assert_eq!(altered.len(), 251);
        for other in altered {
            let hashes = other.hashes();
            assert_ne!(hashes.safe.safe_tx, honest.safe.safe_tx, "{other:?}");
            assert!(matches!(
                hashes.expect(&told),
                Err(OperationError::Mismatch {
                    what: "Safe transaction hash",
                    ..
                })
            ));
        }
    }

    #[test]
    fn each_expectation_is_compared() {
        let honest = operation().hashes();
        let wrong = Some(B256::repeat_byte(0xee));
        for expected in [
            Expected {
                domain: wrong,
                ..Expected::default()
            },
            Expected {
                message: wrong,
                ..Expected::default()
            },
            Expected {
                safe_tx: wrong,
                ..Expected::default()
            },
            Expected {
                operation_id: wrong,
                ..Expected::default()
            },
        ] {
            assert!(honest.expect(&expected).is_err());
        }
        let whole = Expected {
            domain: Some(honest.safe.domain),
            message: Some(honest.safe.message),
            safe_tx: Some(honest.safe.safe_tx),
            operation_id: honest.operation_id,
        };
        assert_eq!(honest.expect(&whole), Ok(()));
    }

    #[test]
    fn the_file_says_everything_once() {
        let honest = operation();
        let text = honest.to_json();
        assert_eq!(Operation::from_json(text.as_bytes()), Ok(honest.clone()));
        for (from, to) in [
            ("\"schemaVersion\": 1", "\"schemaVersion\": 2"),
            ("\"delay\": 604800", "\"delay\": null"),
            ("\"nonce\": 3", "\"nonce\": 3, \"nonce\": 4"),
            ("\"nonce\": 3", "\"nonce\": -1"),
            ("\"value\": \"0\"", "\"value\": \"0x0\""),
            ("\"value\": \"0\"", "\"value\": \"00\""),
            ("\"value\": \"0\"", "\"operation\": 1, \"value\": \"0\""),
            ("\"chainId\": 31337", "\"chainId\": \"31337\""),
        ] {
            let other = text.replacen(from, to, 1);
            assert_ne!(other, text, "{from}");
            assert!(Operation::from_json(other.as_bytes()).is_err(), "{to}");
        }
        let trailing = text + "{}";
        assert!(Operation::from_json(trailing.as_bytes()).is_err());
        let none = Operation {
            calls: vec![],
            ..honest
        };
        assert!(Operation::from_json(none.to_json().as_bytes()).is_err());
    }
}
