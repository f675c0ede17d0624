//! `seed-gov deploy` against a real chain: complete, repeatable, resumable, and refusing what it should.

mod deploy_scene;

use std::fs;

use alloy_primitives::{Address, U256};
use deploy_scene::{Scene, account, configuration, federation};
use seed_governance::deployment::Published;
use seed_primitives::{Environment, write_address};
use serde_json::{Value, json};

#[tokio::test]
async fn deploys_everything_and_is_idempotent() {
    let scene = Scene::new();
    let plan = scene.deploy(&["--dry-run", "--output", "json"]).succeeded();
    assert!(!scene.path("deployment.json").exists());
    assert_eq!(scene.transactions().await, 0);
    let plan: Value = serde_json::from_str(&plan.out).unwrap();

    scene.deploy(&[]).succeeded();
    let first = fs::read(scene.path("deployment.json")).unwrap();
    let deployment = scene.deployment();
    let planned = |what: &str| {
        let mut all = plan["contracts"].as_array().unwrap().iter();
        let step = all.find(|step| step["what"] == what).unwrap();
        step["address"].as_str().unwrap().to_owned()
    };
    assert_eq!(planned("ledger"), write_address(&deployment.ledger));
    assert_eq!(planned("timelock"), write_address(&deployment.timelock));
    assert_eq!(planned("rules"), write_address(&deployment.rules));
    assert_eq!(deployment.environment, Environment::Development);
    assert_eq!(deployment.timelock_delay, Some(60));

    // The rehearsal's gas is the chain's gas.
    let sent = scene.transactions().await;
    assert_eq!(sent, plan["contracts"].as_array().unwrap().len() as u64);
    let mut used = 0;
    for number in 1..=sent {
        let block = scene
            .ask(
                "eth_getBlockByNumber",
                json!([format!("{number:#x}"), false]),
            )
            .await;
        used += block["gasUsed"]
            .as_str()
            .unwrap()
            .parse::<U256>()
            .unwrap()
            .to::<u64>();
    }
    assert_eq!(plan["gasLeft"].as_u64(), Some(used));

    // Again: nothing is sent, and the file stays.
    scene.deploy(&[]).succeeded();
    assert_eq!(scene.transactions().await, sent);
    assert_eq!(fs::read(scene.path("deployment.json")).unwrap(), first);
    // Without the file: the same file.
    fs::remove_file(scene.path("deployment.json")).unwrap();
    scene.deploy(&[]).succeeded();
    assert_eq!(scene.transactions().await, sent);
    assert_eq!(fs::read(scene.path("deployment.json")).unwrap(), first);
}

#[tokio::test]
async fn resumes_after_a_stop_at_any_transaction() {
    let whole = Scene::new();
    whole.deploy(&[]).succeeded();
    let expected = whole.deployment();
    let all = whole.transactions().await;
    for stop in 0..all {
        let scene = Scene::new();
        let allowed = stop.to_string();
        scene
            .deploy(&["--at-most", &allowed])
            .refused(3, "deployment-incomplete");
        assert_eq!(scene.transactions().await, stop);
        assert!(!scene.path("deployment.json").exists());
        scene.deploy(&[]).succeeded();
        assert_eq!(scene.transactions().await, all);
        let mut resumed = scene.deployment();
        // Another chain: only its first block differs.
        resumed.genesis_hash = expected.genesis_hash;
        assert_eq!(resumed, expected, "stopped after {stop}");
    }
}

#[tokio::test]
async fn one_transaction_at_a_time_comes_to_the_same() {
    let (whole, slow) = (Scene::new(), Scene::new());
    whole.deploy(&[]).succeeded();
    while slow.deploy(&["--at-most", "1"]).code == 3 {
        assert!(slow.transactions().await < 20);
    }
    let mut slowly = slow.deployment();
    slowly.genesis_hash = whole.deployment().genesis_hash;
    assert_eq!(slowly, whole.deployment());
}

/// What a Safe is made of.
fn safe_contracts() -> [Published; 3] {
    [
        Published::safe(),
        Published::proxy_factory(),
        Published::fallback_handler(),
    ]
}

#[tokio::test]
async fn uses_the_canonical_safe_contracts_where_they_stand() {
    let scene = Scene::new();
    for contract in safe_contracts() {
        scene
            .set_code(contract.canonical(), &contract.runtime_code)
            .await;
    }
    scene.deploy(&[]).succeeded();
    assert_eq!(scene.transactions().await, 5);
    let contracts = scene.deployment().safe_contracts.unwrap();
    assert_eq!(contracts.singleton, Published::safe().canonical());
    scene.deploy(&[]).succeeded();

    // One byte different there: our own copy is used instead.
    let other = Scene::new();
    for contract in safe_contracts() {
        let mut code = contract.runtime_code.to_vec();
        code[100] ^= 1;
        other.set_code(contract.canonical(), &code).await;
    }
    other.deploy(&[]).succeeded();
    assert_eq!(other.transactions().await, 8);
}

#[tokio::test]
async fn keeps_to_what_was_begun_when_canonical_contracts_appear() {
    let scene = Scene::new();
    scene
        .deploy(&["--at-most", "5"])
        .refused(3, "deployment-incomplete");
    for contract in safe_contracts() {
        scene
            .set_code(contract.canonical(), &contract.runtime_code)
            .await;
    }
    scene.deploy(&[]).succeeded();
    let contracts = scene.deployment().safe_contracts.unwrap();
    assert_ne!(contracts.singleton, Published::safe().canonical());
}

#[tokio::test]
async fn refuses_other_code_at_an_address() {
    let scene = Scene::new();
    let plan = scene.deploy(&["--dry-run", "--output", "json"]).succeeded();
    let plan: Value = serde_json::from_str(&plan.out).unwrap();
    for step in plan["contracts"].as_array().unwrap() {
        let address: Address = step["address"].as_str().unwrap().parse().unwrap();
        scene.set_code(address, &[0x60, 0x00]).await;
        let sent = scene.transactions().await;
        let answer = scene.deploy(&[]).refused(1, "address-occupied");
        assert!(
            answer.error.contains(&write_address(&address)),
            "{answer:?}"
        );
        assert_eq!(scene.transactions().await, sent);
        scene.set_code(address, &[]).await;
    }
}

#[tokio::test]
async fn says_how_to_get_the_factory_where_it_is_missing() {
    let scene = Scene::new();
    scene
        .set_code(seed_governance::deployment::FACTORY, &[])
        .await;
    let answer = scene.deploy(&[]).refused(3, "factory-missing");
    assert!(
        answer
            .error
            .contains("0x4e59b44847b379578588920ca78fbf26c0b4956c")
    );
    scene
        .set_code(seed_governance::deployment::FACTORY, &[0xfe])
        .await;
    scene.deploy(&[]).refused(1, "address-occupied");
    assert_eq!(scene.transactions().await, 0);
}

#[tokio::test]
async fn refuses_roles_owners_and_delays_that_were_changed() {
    let scene = Scene::new();
    scene.deploy(&[]).succeeded();
    let made = scene.deployment();
    let (proposer, timelock) = (made.proposer.unwrap(), made.timelock);
    let word = |number: u64| format!("{:#066x}", U256::from(number));
    let mapping = |key: alloy_primitives::B256, place: alloy_primitives::B256| {
        alloy_primitives::keccak256([key, place].concat())
    };
    let role = alloy_primitives::keccak256("PROPOSER_ROLE");
    let held = |role, who: Address| mapping(who.into_word(), mapping(role, Default::default()));
    let cases = [
        (timelock, word(2), word(1), "delay is 1, expected 60"),
        (
            timelock,
            held(role, proposer).to_string(),
            word(0),
            "proposer role",
        ),
        (
            timelock,
            held(alloy_primitives::keccak256("CANCELLER_ROLE"), made.guardian).to_string(),
            word(0),
            "canceller role",
        ),
        (
            timelock,
            held(alloy_primitives::keccak256("EXECUTOR_ROLE"), Address::ZERO).to_string(),
            word(0),
            "executor role",
        ),
        (
            timelock,
            held(Default::default(), timelock).to_string(),
            word(0),
            "administrator role",
        ),
        (proposer, word(4), word(1), "proposer Safe's threshold is 1"),
        (
            proposer,
            word(3),
            word(9),
            "number of the proposer Safe's owners",
        ),
        (made.guardian, word(4), word(2), "guardian Safe's threshold"),
        (
            proposer,
            alloy_primitives::keccak256("guard_manager.guard.address").to_string(),
            word(7),
            "proposer Safe's guard",
        ),
        (
            made.guardian,
            alloy_primitives::keccak256("fallback_manager.handler.address").to_string(),
            word(7),
            "fallback handler",
        ),
        (
            proposer,
            mapping(word(1).parse().unwrap(), word(1).parse().unwrap()).to_string(),
            word(7),
            "proposer Safe's modules",
        ),
        (
            made.guardian,
            mapping(word(1).parse().unwrap(), word(2).parse().unwrap()).to_string(),
            word(7),
            "guardian Safe's owners",
        ),
        (proposer, word(0), word(7), "singleton"),
        (made.ledger, word(1), word(7), "rules in force"),
    ];
    for (contract, slot, value, expected) in cases {
        let before = scene
            .ask("eth_getStorageAt", json!([contract, slot, "latest"]))
            .await;
        scene.set_slot(contract, &slot, &value).await;
        let answer = scene.deploy(&[]).refused(1, "deployment-differs");
        assert!(answer.error.contains(expected), "{expected}: {answer:?}");
        scene
            .set_slot(contract, &slot, before.as_str().unwrap())
            .await;
    }
    scene.deploy(&[]).succeeded();
}

/// A role given to somebody by the timelock itself, and never taken back.
#[tokio::test]
async fn refuses_a_role_that_only_events_show() {
    let scene = Scene::new();
    scene.deploy(&[]).succeeded();
    let timelock = scene.deployment().timelock;
    scene
        .ask("anvil_impersonateAccount", json!([timelock]))
        .await;
    scene
        .ask("anvil_setBalance", json!([timelock, "0xde0b6b3a7640000"]))
        .await;
    let role = alloy_primitives::keccak256("PROPOSER_ROLE");
    for (function, expected) in [("grantRole", 1), ("revokeRole", 0)] {
        let selector = alloy_primitives::keccak256(format!("{function}(bytes32,address)"));
        let stranger: Address = account(0x77).parse().unwrap();
        let data = [
            &selector[..4],
            role.as_slice(),
            stranger.into_word().as_slice(),
        ]
        .concat();
        let data = alloy_primitives::Bytes::from(data);
        scene
            .ask(
                "eth_sendTransaction",
                json!([{"from": timelock, "to": timelock, "data": data}]),
            )
            .await;
        let answer = scene.deploy(&[]);
        assert_eq!(answer.code, expected, "{answer:?}");
        if expected == 1 {
            assert!(answer.error.contains(&account(0x77)), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn refuses_a_file_of_another_deployment() {
    let scene = Scene::new();
    scene.deploy(&[]).succeeded();
    scene.write("deploy.toml", &configuration("development", 61));
    let sent = scene.transactions().await;
    let answer = scene.deploy(&[]).refused(1, "deployment-file-differs");
    assert!(answer.error.contains("differs"), "{answer:?}");
    assert_eq!(scene.transactions().await, sent);
    scene.deploy_to("other.json", &[]).succeeded();
}

#[tokio::test]
async fn refuses_the_wrong_chain() {
    let scene = Scene::new();
    let text = configuration("development", 60).replace("31337", "1337");
    scene.write("deploy.toml", &text);
    let answer = scene.deploy(&[]);
    assert!(
        answer.code != 0 && answer.error.contains("error[other-chain]"),
        "{answer:?}"
    );
    assert_eq!(scene.transactions().await, 0);
}

#[tokio::test]
async fn refuses_unsafe_parameters_by_name_and_value() {
    let scene = Scene::new();
    let production = configuration("production", 604_800);
    let cases = [
        (configuration("production", 604_799), "delay-too-short"),
        (configuration("staging", 3599), "delay-too-short"),
        (configuration("development", 0), "delay-too-short"),
        (configuration("production", 40_000_000), "delay-too-long"),
        (
            production.replace("threshold = 2", "threshold = 1"),
            "threshold-too-low",
        ),
        (
            production.replace("threshold = 2", "threshold = 3"),
            "threshold-too-high",
        ),
        (
            production.replace("threshold = 2", "threshold = 4"),
            "threshold-too-high",
        ),
        (
            production.replace(&format!("{}, ", quoted(0x11)), ""),
            "too-few-owners",
        ),
        (
            production.replace(&format!(", {}", quoted(0x22)), ""),
            "too-few-owners",
        ),
        (
            production.replace(&account(0x11), &account(0x12)),
            "owner-twice",
        ),
        (
            production.replace(&account(0x21), &account(0x12)),
            "owner-of-both-safes",
        ),
        (
            production.replace(&account(0x11), &account(1)),
            "builder-governs",
        ),
        (
            production.replace(&account(0x22), &account(3)),
            "builder-governs",
        ),
        (
            configuration("development", 60).replace(&account(0x22), &account(3)),
            "builder-governs",
        ),
        (
            production.replace(&account(0x11), &format!("0x{}", "0".repeat(40))),
            "owner-nobody",
        ),
        (
            production.replace(&account(0x11), &format!("0x{}1", "0".repeat(39))),
            "owner-nobody",
        ),
        (
            configuration("development", 60).replace("31337", "8453"),
            "development-in-public",
        ),
    ];
    for (file, code) in cases {
        scene.write("deploy.toml", &file);
        let answer = scene.deploy(&["--dry-run"]).refused(1, code);
        assert!(answer.out.is_empty());
    }
    assert_eq!(scene.transactions().await, 0);
    scene.write("deploy.toml", &production);
    scene.deploy(&["--dry-run"]).succeeded();
    // A key in plain text pays for nothing in production.
    scene.deploy(&[]).refused(2, "usage");
}

fn quoted(number: u8) -> String {
    format!("\"{}\"", account(number))
}

#[tokio::test]
async fn refuses_malformed_configurations_and_federations() {
    let scene = Scene::new();
    let good = configuration("development", 60);
    for bad in [
        good.replace("delay", "delays"),
        good.replace("environment = \"development\"\n", ""),
        good.replace("\"development\"", "\"test\""),
        good.replace("federation.toml", "missing.toml"),
        good.replace("threshold = 2", "threshold = 2\nmore = 1"),
        good.replace("0x5eed", "0x5EED"),
        good.replace(&account(0x11), "0x00"),
        String::new(),
    ] {
        scene.write("deploy.toml", &bad);
        scene.deploy(&["--dry-run"]).refused(2, "file-unusable");
    }
    scene.write("deploy.toml", &good);
    // One builder of three suffices: the rules' constructor would refuse that, and so does the file's reader.
    scene.write("federation.toml", &federation(1));
    assert_ne!(scene.deploy(&["--dry-run"]).code, 0);
}
