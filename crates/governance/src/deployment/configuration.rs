use std::{ops::Range, path::Path};

use alloy_primitives::U256;
use seed_chain::{BuilderEntry, RulesConfiguration};
use seed_primitives::{DeployedBuilder, DeployedFederation, System};

use super::DeployFault;
use crate::{
    Fault,
    federation::{Federation, Severity, check},
};

/// The first bit of `domains` that stands for a named failure domain.
const FIRST_DOMAIN: usize = 32;

/// The federation file `text` as a deployment has it, with the configuration bytes of its rules.
///
/// # Errors
/// When it is not in its form, cannot be written as rules, or its own check finds an error.
pub(super) fn federation(
    path: &Path,
    text: &str,
) -> Result<(Federation, DeployedFederation, Vec<u8>), Fault> {
    let read =
        Federation::read(text).map_err(|error| Fault::file("the federation", path, error))?;
    let compiled = read
        .compile()
        .map_err(|error| Fault::file("the federation", path, error))?;
    let errors: Vec<_> = check(&read)
        .into_iter()
        .filter(|one| one.severity == Severity::Error)
        .map(|one| format!("{} ({})", one.what, one.code))
        .collect();
    if !errors.is_empty() {
        return Err(DeployFault::Federation(errors.join(" | ")).into());
    }
    let builders = read.builders.iter();
    let federation = DeployedFederation {
        sha256: Some(read.digest()),
        threshold: read.threshold,
        systems: read.systems.clone(),
        builders: builders
            .map(|one| DeployedBuilder {
                name: one.name.clone(),
                address: one.address,
                domains: one.domain_names(),
                systems: one.systems.clone(),
            })
            .collect(),
    };
    Ok((read, federation, compiled.configuration.to_bytes()))
}

/// The federation of a file, as a deployment has it.
///
/// # Errors
/// As [`federation`].
pub(crate) fn federation_file(path: &Path) -> Result<DeployedFederation, Fault> {
    let text = super::text("the federation", path)?;
    federation(path, &text).map(|(_, federation, _)| federation)
}

/// The configuration bytes of the rules of `federation`: each named domain has a bit in the order of first appearance.
///
/// # Errors
/// What does not fit into rules, or that the digest of the federation file is missing.
pub fn configuration(federation: &DeployedFederation) -> Result<Vec<u8>, String> {
    let Some(sha256) = federation.sha256 else {
        return Err("`federation.sha256` is missing".to_owned());
    };
    if federation.systems.len() > 64 || federation.builders.len() > 32 {
        return Err(format!(
            "{} systems and {} builders; 64 and 32 fit",
            federation.systems.len(),
            federation.builders.len()
        ));
    }
    let mut names: Vec<&str> = Vec::new();
    let mut builders = Vec::new();
    for (index, builder) in federation.builders.iter().enumerate() {
        let mut domains = U256::from(1) << index;
        for name in &builder.domains {
            let known = names.iter().position(|known| known == name);
            let bit = known.unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            });
            if FIRST_DOMAIN + bit >= 256 {
                return Err("more than 224 failure domains are named".to_owned());
            }
            domains |= U256::from(1) << (FIRST_DOMAIN + bit);
        }
        builders.push(BuilderEntry {
            address: builder.address.address(),
            domains,
            systems: mask(&federation.systems, builder)?,
        });
    }
    let configuration = RulesConfiguration {
        systems: federation.systems.clone(),
        builders,
        federation: sha256,
        threshold: federation.threshold,
    };
    Ok(configuration.to_bytes())
}

fn mask(systems: &[System], builder: &DeployedBuilder) -> Result<u64, String> {
    let mut mask = 0;
    for system in builder.systems.as_deref().unwrap_or(systems) {
        let bit = systems.iter().position(|known| known == system);
        let bit = bit.ok_or_else(|| {
            format!(
                "builder {} is for {system}, which the federation does not list",
                builder.name
            )
        })?;
        mask |= 1u64 << bit;
    }
    Ok(mask)
}

/// What lies where in the configuration bytes of `federation`, from offset 0 on, without gaps.
#[must_use]
pub fn regions(federation: &DeployedFederation) -> Vec<(Range<usize>, String)> {
    let mut regions = Vec::new();
    let mut at = 0;
    let mut region = |length: usize, what: String| {
        regions.push((at..at + length, format!("configuration, {what}")));
        at += length;
    };
    for system in &federation.systems {
        region(32, format!("system {system}"));
    }
    for (index, builder) in federation.builders.iter().enumerate() {
        for (length, what) in [(20, "address"), (32, "domains"), (8, "systems")] {
            region(length, format!("builder {index} ({}) {what}", builder.name));
        }
    }
    region(32, "digest of the federation file".to_owned());
    for (length, what) in [
        (1, "version"),
        (1, "number of systems"),
        (1, "number of builders"),
        (1, "threshold"),
        (24, "reserved flags"),
        (4, "length"),
    ] {
        region(length, what.to_owned());
    }
    regions
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILDER_BYTES: usize = 20 + 32 + 8;
    const FILE: &str = r#"
        threshold = 2
        systems = ["aarch64-linux", "x86_64-linux"]
        [[builders]]
        name = "one"
        address = "0x1111111111111111111111111111111111111111"
        domains = ["a", "b"]
        [[builders]]
        name = "two"
        address = "0x2222222222222222222222222222222222222222"
        domains = ["c", "a"]
        systems = ["x86_64-linux"]
        [[builders]]
        name = "three"
        address = "0x3333333333333333333333333333333333333333"
        domains = ["d"]
    "#;

    #[test]
    fn gives_domains_bits_in_the_order_of_first_appearance() {
        let (_, federation, bytes) = federation(Path::new("f"), FILE).unwrap();
        assert_eq!(bytes.len(), 2 * 32 + 3 * BUILDER_BYTES + 64);
        let second = &bytes[64 + BUILDER_BYTES..];
        let domains = U256::from_be_slice(&second[20..52]);
        assert_eq!(domains, U256::from(0b10u64 | 0b101 << 32));
        assert_eq!(&second[52..60], [0, 0, 0, 0, 0, 0, 0, 2]);
        assert_eq!(configuration(&federation).unwrap(), bytes);
    }

    #[test]
    fn names_every_byte_once() {
        let (_, federation, bytes) = federation(Path::new("f"), FILE).unwrap();
        let mut next = 0;
        for (range, _) in regions(&federation) {
            assert_eq!(range.start, next);
            next = range.end;
        }
        assert_eq!(next, bytes.len());
    }

    #[test]
    fn refuses_a_builder_of_an_unknown_system() {
        let text = FILE.replace(
            "systems = [\"x86_64-linux\"]",
            "systems = [\"riscv64-linux\"]",
        );
        assert!(federation(Path::new("f"), &text).is_err());
    }
}
