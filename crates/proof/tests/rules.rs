//! Rules code: the deployed logic with configurations built here, one test per check of the constructor.

use alloy_primitives::{B256, U256, keccak256};
use proptest::prelude::*;
use seed_primitives::BuilderId;
use seed_proof::{Rules, RulesError, logic_of, slots};
use serde_json::Value;

/// A configuration with every part open to corruption.
#[derive(Clone)]
struct Configuration {
    systems: Vec<Vec<u8>>,
    builders: Vec<(Vec<u8>, U256, u64)>,
    version: u8,
    counts: Option<(u8, u8)>,
    threshold: u8,
    flags: [u8; 24],
    length: Option<u32>,
    logic: Vec<u8>,
}

fn good() -> Configuration {
    Configuration {
        systems: vec![name("aarch64-linux"), name("x86_64-linux")],
        builders: (0..3)
            .map(|at| {
                (
                    vec![at + 1; 20],
                    U256::from(1) << at | U256::from(1) << (40 + at),
                    3,
                )
            })
            .collect(),
        version: 1,
        counts: None,
        threshold: 2,
        flags: [0; 24],
        length: None,
        logic: b"logic".to_vec(),
    }
}

fn name(text: &str) -> Vec<u8> {
    let mut word = vec![text.len() as u8];
    word.extend_from_slice(text.as_bytes());
    word.resize(32, 0);
    word
}

impl Configuration {
    fn code(&self) -> Vec<u8> {
        let mut code = self.logic.clone();
        code.extend(self.systems.concat());
        for (address, domains, systems) in &self.builders {
            code.extend(address);
            code.extend(domains.to_be_bytes::<32>());
            code.extend(systems.to_be_bytes());
        }
        code.extend([0xfe; 32]);
        let (systems, builders) = self
            .counts
            .unwrap_or((self.systems.len() as u8, self.builders.len() as u8));
        code.extend([self.version, systems, builders, self.threshold]);
        code.extend(self.flags);
        let length = (32 * self.systems.len() + 60 * self.builders.len() + 64) as u32;
        code.extend(self.length.unwrap_or(length).to_be_bytes());
        code
    }

    fn parse(&self) -> Result<Rules, RulesError> {
        Rules::parse(&self.code())
    }
}

fn with(change: impl FnOnce(&mut Configuration)) -> Result<Rules, RulesError> {
    let mut configuration = good();
    change(&mut configuration);
    configuration.parse()
}

fn snapshot(path: &str) -> Value {
    let path = format!(
        "{}/../../contracts/snapshots/{path}",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn reads_what_was_configured() {
    let rules = good().parse().unwrap();
    let systems: Vec<_> = rules.systems().iter().map(|one| one.as_str()).collect();
    assert_eq!(systems, ["aarch64-linux", "x86_64-linux"]);
    assert_eq!(rules.threshold(), 2);
    assert_eq!(rules.federation(), B256::repeat_byte(0xfe));
    assert_eq!(rules.logic_hash(), keccak256("logic"));
    assert_eq!(rules.code_hash(), keccak256(good().code()));
    assert_eq!(rules.all_systems(), 3);
    let second: BuilderId = format!("0x{}", "02".repeat(20)).parse().unwrap();
    assert_eq!(rules.index_of(&second), Some(1));
    assert_eq!(
        rules.builders()[1].domains,
        U256::from(1) << 1 | U256::from(1) << 41
    );
    assert_eq!(rules.position_of(&"x86_64-linux".parse().unwrap()), Some(1));
    assert_eq!(rules.position_of(&"x86_64-darwin".parse().unwrap()), None);
}

#[test]
fn finds_each_builder_and_system_at_its_own_place() {
    let rules = good().parse().unwrap();
    for at in 0..3 {
        let builder: BuilderId = format!("0x{}", format!("{:02x}", at + 1).repeat(20))
            .parse()
            .unwrap();
        assert_eq!(rules.index_of(&builder), Some(at));
    }
    let stranger: BuilderId = format!("0x{}", "09".repeat(20)).parse().unwrap();
    assert_eq!(rules.index_of(&stranger), None);
    assert_eq!(
        rules.position_of(&"aarch64-linux".parse().unwrap()),
        Some(0)
    );
}

#[test]
fn sixty_four_systems_fill_the_mask() {
    let rules = with(|one| {
        one.systems = (10..74).map(|at| name(&format!("a{at}-linux"))).collect();
        for builder in &mut one.builders {
            builder.2 = u64::MAX;
        }
    });
    assert_eq!(rules.unwrap().all_systems(), u64::MAX);
}

#[test]
fn three_of_five_is_a_majority() {
    let of = |count: u8| {
        with(|one| {
            one.threshold = 3;
            one.builders = (0..count)
                .map(|at| (vec![at + 1; 20], U256::from(1) << at, 3))
                .collect();
        })
    };
    assert_eq!(of(5).unwrap().threshold(), 3);
    assert!(matches!(of(6), Err(RulesError::Majority { .. })));
}

#[test]
fn reads_code_of_the_most_bytes_and_none_of_one_more() {
    let rest = good().code().len() - good().logic.len();
    let of = |length: usize| with(|one| one.logic = vec![1; length - rest]);
    assert!(of(65_536).is_ok());
    assert_eq!(of(65_537).map(drop), Err(RulesError::TooLong(65_537)));
}

#[test]
fn recognises_the_committed_logic_by_its_hash() {
    let bytecode = snapshot("bytecode/QuorumRules.json");
    let logic = hex::decode(
        bytecode["logicCode"]
            .as_str()
            .unwrap()
            .trim_start_matches("0x"),
    )
    .unwrap();
    let rules = with(|configuration| configuration.logic = logic).unwrap();
    assert_eq!(
        rules.logic_hash().to_string(),
        bytecode["logicHash"].as_str().unwrap()
    );
}

fn vector(path: &str) -> Value {
    let path = format!("{}/../../tests/vectors/{path}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap().trim_start_matches("0x")).unwrap()
}

#[test]
fn reads_the_golden_configuration() {
    let golden = vector("configuration.json");
    let code = [b"logic".as_slice(), &bytes(&golden["configuration"])].concat();
    let rules = Rules::parse(&code).unwrap();
    let systems: Vec<_> = rules.systems().iter().map(|one| one.as_str()).collect();
    assert_eq!(serde_json::json!(systems), golden["systems"]);
    assert_eq!(rules.federation().as_slice(), bytes(&golden["federation"]));
    assert_eq!(
        u64::from(rules.threshold()),
        golden["threshold"].as_u64().unwrap()
    );
    let builders = golden["builders"].as_array().unwrap();
    assert_eq!(rules.builders().len(), builders.len());
    for (read, given) in rules.builders().iter().zip(builders) {
        assert_eq!(read.builder.to_string(), given["address"].as_str().unwrap());
        assert_eq!(read.domains.to_be_bytes_vec(), bytes(&given["domains"]));
        assert_eq!(read.systems, given["systems"].as_u64().unwrap());
    }
}

#[test]
fn refuses_every_negative_configuration() {
    let directory = format!(
        "{}/../../tests/vectors/negative/configuration",
        env!("CARGO_MANIFEST_DIR")
    );
    let mut count = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let negative = vector(&format!("negative/configuration/{name}"));
        let code = [b"logic".as_slice(), &bytes(&negative["input"])].concat();
        // A byte in front of a configuration is, in code, a byte of the logic, which is then another one.
        if let Ok(rules) = Rules::parse(&code) {
            assert_eq!(name, "leading-byte.json");
            assert_ne!(rules.logic_hash(), keccak256("logic"));
        }
        count += 1;
    }
    assert!(count >= 20, "only {count} negative vectors were found");
}

#[test]
fn reads_slots_where_the_committed_layout_has_them() {
    let layout = snapshot("storage-layout/ReleaseLedger.json");
    let place = |label: &str| {
        let entry = layout
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["label"] == label)
            .unwrap();
        assert_eq!(entry["offset"], 0);
        B256::new(U256::from(entry["slot"].as_u64().unwrap()).to_be_bytes())
    };
    assert_eq!(slots::CONTROL, place("control"));
    let release: seed_primitives::ReleaseId = format!("0x{}", "ab".repeat(32)).parse().unwrap();
    assert_eq!(
        slots::release(&release),
        keccak256([release.word(), place("releases")].concat())
    );
    let builder = alloy_primitives::Address::repeat_byte(7);
    assert_eq!(
        slots::revocation(builder),
        keccak256([builder.into_word(), place("revocations")].concat())
    );
}

#[test]
fn rejects_code_that_is_too_long_or_starts_with_ef() {
    let long = with(|one| one.logic = vec![0; 65536]);
    assert!(matches!(long, Err(RulesError::TooLong(_))));
    assert_eq!(with(|one| one.logic = vec![0xef]), Err(RulesError::Prefix));
}

#[test]
fn rejects_a_configuration_without_logic() {
    // The first system's length byte would otherwise be read as an opcode.
    assert_eq!(with(|one| one.logic.clear()), Err(RulesError::NoLogic));
}

#[test]
fn rejects_another_version_and_reserved_flags() {
    for version in [0, 2, 255] {
        assert_eq!(
            with(|one| one.version = version),
            Err(RulesError::Version(version))
        );
    }
    for byte in 0..24 {
        assert_eq!(with(|one| one.flags[byte] = 1), Err(RulesError::Flags));
    }
}

#[test]
fn rejects_counts_of_zero_or_past_the_limits() {
    for systems in [0, 65, 255] {
        assert_eq!(
            with(|one| one.counts = Some((systems, 3))),
            Err(RulesError::SystemCount(usize::from(systems)))
        );
    }
    for builders in [0, 33, 255] {
        assert_eq!(
            with(|one| one.counts = Some((2, builders))),
            Err(RulesError::BuilderCount(usize::from(builders)))
        );
    }
}

#[test]
fn rejects_any_other_length() {
    let exact = 2 * 32 + 3 * 60 + 64;
    for length in [0, exact - 1, exact + 1, u32::MAX] {
        assert_eq!(
            with(|one| one.length = Some(length)),
            Err(RulesError::Length {
                found: length as usize,
                expected: exact as usize
            })
        );
    }
    for short in [0, 31] {
        assert!(matches!(
            Rules::parse(&good().code()[..short]),
            Err(RulesError::Length { .. })
        ));
    }
    let code = good().code();
    let tail = &code[code.len() - 40..];
    assert!(matches!(Rules::parse(tail), Err(RulesError::Length { .. })));
}

#[test]
fn rejects_a_threshold_below_two() {
    for threshold in [0, 1] {
        assert_eq!(
            with(|one| one.threshold = threshold),
            Err(RulesError::Threshold(threshold))
        );
    }
}

#[test]
fn rejects_names_that_are_not_systems_or_not_padded_with_zeros() {
    let mut padded = name("x86_64-linux");
    padded[31] = 1;
    for word in [
        name("x86_64"),
        name("X86_64-linux"),
        vec![0; 32],
        vec![0xff; 32],
        padded,
    ] {
        assert!(matches!(
            with(|one| one.systems[1] = word),
            Err(RulesError::SystemName { index: 1, .. })
        ));
    }
}

#[test]
fn rejects_systems_that_are_equal_or_descend() {
    for first in ["x86_64-linux", "x86_64-linuy"] {
        assert_eq!(
            with(|one| one.systems[0] = name(first)),
            Err(RulesError::SystemOrder { index: 1 })
        );
    }
}

#[test]
fn rejects_zero_and_duplicate_builders() {
    assert_eq!(
        with(|one| one.builders[2].0 = vec![0; 20]),
        Err(RulesError::ZeroBuilder { index: 2 })
    );
    assert_eq!(
        with(|one| one.builders[2].0 = one.builders[0].0.clone()),
        Err(RulesError::DuplicateBuilder {
            first: 0,
            second: 2
        })
    );
}

#[test]
fn rejects_low_domain_bits_that_are_not_exactly_the_own_index() {
    for low in [0_u32, 1, 3, 6, 1 << 31, u32::MAX] {
        let domains = U256::from(low) | U256::from(1) << 50;
        let result = with(|one| one.builders[1].1 = domains);
        assert_eq!(
            result,
            Err(RulesError::Domains { index: 1, domains }),
            "{low:#x}"
        );
    }
    assert!(with(|one| one.builders[1].1 = U256::from(2)).is_ok());
}

#[test]
fn rejects_eligibility_for_nothing_or_beyond_the_systems() {
    for mask in [0, 4, 7, u64::MAX] {
        assert_eq!(
            with(|one| one.builders[0].2 = mask),
            Err(RulesError::Eligibility {
                index: 0,
                mask,
                count: 2
            })
        );
    }
}

#[test]
fn rejects_a_threshold_that_is_no_majority_of_one_system() {
    // Two of four.
    let four = with(|one| {
        one.builders.push((vec![9; 20], U256::from(8), 2));
    });
    assert_eq!(
        four,
        Err(RulesError::Majority {
            index: 1,
            threshold: 2,
            eligible: 4
        })
    );
    // Two of one: nobody could ever reach it.
    let one = with(|one| {
        one.builders[1].2 = 1;
        one.builders[2].2 = 1;
    });
    assert_eq!(
        one,
        Err(RulesError::Majority {
            index: 1,
            threshold: 2,
            eligible: 1
        })
    );
    assert!(with(|one| one.builders[1].2 = 1).is_ok());
}

#[test]
fn names_the_logic_of_a_bad_configuration_and_of_no_other_code() {
    let mut bad = good();
    bad.threshold = 1;
    assert_eq!(logic_of(&bad.code()), Some(b"logic".as_slice()));
    assert_eq!(logic_of(&[0xff; 40]), None);
    assert_eq!(logic_of(&[1, 2, 3]), None);
}

proptest! {
    #[test]
    fn junk_is_refused_without_a_panic(code in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(Rules::parse(&code).is_err());
    }

    #[test]
    fn what_a_changed_bit_leaves_acceptable_has_another_code_hash(bit in 0_usize..(5 + 308) * 8) {
        let mut code = good().code();
        let before = Rules::parse(&code).unwrap();
        code[bit / 8] ^= 1 << (bit % 8);
        if let Ok(after) = Rules::parse(&code) {
            prop_assert_ne!(after.code_hash(), before.code_hash());
        }
    }
}
