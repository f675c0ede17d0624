use alloy_primitives::U256;
use serde_json::{Value, json};

use super::{Scene, hex0x};
use crate::keys;

/// The parts of a rules configuration, to be broken one at a time.
#[derive(Clone)]
pub(super) struct Configuration {
    pub(super) systems: Vec<[u8; 32]>,
    pub(super) builders: Vec<(Vec<u8>, U256, u64)>,
    pub(super) threshold: u8,
    pub(super) version: u8,
    pub(super) flags: [u8; 24],
    pub(super) length_error: i64,
}

/// `u8 len ‖ name`, zero-padded to 32 bytes.
pub(super) fn system_word(name: &[u8]) -> [u8; 32] {
    let mut word = [0; 32];
    word[0] = u8::try_from(name.len()).expect("short");
    word[1..=name.len()].copy_from_slice(name);
    word
}

impl Configuration {
    /// Two systems, three builders of distinct domains, threshold 2.
    pub(super) fn good() -> Self {
        let systems = Scene::images()
            .iter()
            .map(|(s, _)| system_word(s.as_str().as_bytes()))
            .collect();
        let builders = Scene::BUILDERS.iter().zip(0usize..).map(|(name, index)| {
            let domains = U256::from(1) << index | U256::from(0b11) << (32 + 2 * index);
            (keys::builder(name).address().to_vec(), domains, 0b11)
        });
        Self {
            systems,
            builders: builders.collect(),
            threshold: 2,
            version: 1,
            flags: [0; 24],
            length_error: 0,
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.systems.concat();
        for (address, domains, systems) in &self.builders {
            bytes.extend_from_slice(address);
            bytes.extend_from_slice(&domains.to_be_bytes::<32>());
            bytes.extend_from_slice(&systems.to_be_bytes());
        }
        bytes.extend_from_slice(federation().as_slice());
        let counts =
            [self.systems.len(), self.builders.len()].map(|n| u8::try_from(n).unwrap_or(u8::MAX));
        bytes.extend_from_slice(&[self.version, counts[0], counts[1], self.threshold]);
        bytes.extend_from_slice(&self.flags);
        let length = i64::try_from(bytes.len() + 4).expect("short") + self.length_error;
        bytes.extend_from_slice(&u32::try_from(length).expect("short").to_be_bytes());
        bytes
    }
}

fn federation() -> [u8; 32] {
    *seed_primitives::Digest::of(b"federation file").as_bytes()
}

pub(super) fn golden() -> Value {
    let good = Configuration::good();
    json!({
        "systems": Scene::images().iter().map(|(system, _)| system).collect::<Vec<_>>(),
        "builders": good.builders.iter().map(|(address, domains, systems)| json!({
            "address": hex0x(address),
            "domains": hex0x(domains.to_be_bytes::<32>()),
            "systems": systems,
        })).collect::<Vec<_>>(),
        "federation": hex0x(federation()),
        "threshold": good.threshold,
        "configuration": hex0x(good.to_bytes()),
    })
}
