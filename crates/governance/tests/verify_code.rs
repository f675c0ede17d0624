//! `seed-gov verify-code` against a real chain: equal on a fresh deployment, and different wherever one byte is.

mod deploy_scene;

use std::{fs, path::Path, sync::LazyLock};

use alloy_primitives::{Address, B256, U256, keccak256};
use deploy_scene::{Scene, account, federation, text};
use seed_governance::{
    Fault,
    code::{CodeFault, Sources, expected, verify},
};
use seed_primitives::Deployment;
use serde_json::{Value, json};

fn sources() -> String {
    format!("{}/../../contracts", env!("CARGO_MANIFEST_DIR"))
}

/// The sources, compiled once for all tests.
fn compiled() -> &'static Sources {
    static COMPILED: LazyLock<Sources> = LazyLock::new(|| {
        Sources::compile(Path::new(&sources()), None).expect("sources that compile")
    });
    &COMPILED
}

async fn check(scene: &Scene, deployment: &Deployment, sources: &Sources) -> Result<(), Fault> {
    let urls = [scene.chain.url()];
    verify(&urls, deployment, sources, None).await.map(|_| ())
}

/// The one difference that is found.
async fn difference(
    scene: &Scene,
    deployment: &Deployment,
    sources: &Sources,
) -> (String, usize, String) {
    match check(scene, deployment, sources).await {
        Err(Fault::Code(CodeFault::Differs(all))) => {
            let first = all.first().expect("a difference");
            (first.what.clone(), first.offset, first.region.clone())
        }
        other => panic!("{other:?}"),
    }
}

/// The program itself, on a fresh deployment and with one byte changed; the compiler runs in both.
#[tokio::test]
async fn passes_on_a_fresh_deployment_and_fails_on_one_byte() {
    let scene = Scene::new();
    scene.deploy(&[]).succeeded();
    let sources = sources();
    let answer = scene
        .verify_code(&["--sources", &sources, "--output", "json"])
        .succeeded();
    let answer: Value = serde_json::from_str(&answer.out).unwrap();
    assert_eq!(answer["contracts"].as_array().unwrap().len(), 8);
    assert_eq!(answer["sameLogicAsThisProgram"], true);

    let ledger = scene.deployment().ledger;
    let mut code = scene.code(ledger).await;
    code[1000] ^= 1;
    scene.set_code(ledger, &code).await;
    let answer = scene
        .verify_code(&["--sources", &sources])
        .refused(1, "code-differs");
    assert!(answer.error.contains("byte 1000 (logic)"), "{answer:?}");
    assert!(answer.out.is_empty());
}

#[tokio::test]
async fn finds_one_byte_anywhere() {
    let scene = Scene::new();
    scene.deploy(&[]).succeeded();
    let deployment = scene.deployment();
    let sources = compiled();
    check(&scene, &deployment, sources)
        .await
        .expect("a fresh deployment");

    for contract in expected(sources, &deployment).unwrap() {
        let code = scene.code(contract.address).await;
        assert_eq!(code, contract.code.to_vec(), "{}", contract.what);
        // The first and last byte, some in between, and one in every region.
        let last = code.len() - 1;
        let mut offsets = vec![0, 1, last / 3, last / 2, last - 1, last];
        offsets.extend(contract.regions.iter().map(|(range, _)| range.start));
        offsets.extend(contract.regions.iter().map(|(range, _)| range.end - 1));
        for offset in offsets {
            let mut changed = code.clone();
            // Never 0xef first, which no chain accepts as code.
            changed[offset] ^= 0x01;
            scene.set_code(contract.address, &changed).await;
            let (what, found, region) = difference(&scene, &deployment, sources).await;
            assert_eq!(found, offset, "{}", contract.what);
            assert!(what.contains("Safe") || what == contract.what);
            let named = contract
                .regions
                .iter()
                .find(|(range, _)| range.contains(&offset));
            assert_eq!(region, named.map_or("logic", |(_, name)| name));
        }
        for changed in [
            [&code[..], &[0]].concat(),
            code[..last].to_vec(),
            Vec::new(),
        ] {
            scene.set_code(contract.address, &changed).await;
            difference(&scene, &deployment, sources).await;
        }
        scene.set_code(contract.address, &code).await;
    }
    check(&scene, &deployment, sources)
        .await
        .expect("as it was");
}

#[tokio::test]
async fn names_the_immutable_and_the_configuration_field() {
    let scene = Scene::new();
    scene.deploy(&[]).succeeded();
    let deployment = scene.deployment();
    let sources = compiled();
    let all = expected(sources, &deployment).unwrap();
    let names = |what: &str| {
        let contract = all.iter().find(|one| one.what == what).unwrap();
        contract
            .regions
            .iter()
            .map(|(_, name)| name.clone())
            .collect::<Vec<_>>()
    };
    let ledger = names("ledger");
    assert!(ledger.contains(&"immutable `timelock`".to_owned()));
    assert!(ledger.contains(&"immutable `guardian`".to_owned()));
    let rules = names("rules");
    for name in [
        "configuration, system aarch64-linux",
        "configuration, builder 1 (beta) address",
        "configuration, builder 2 (gamma) domains",
        "configuration, builder 0 (alpha) systems",
        "configuration, digest of the federation file",
        "configuration, threshold",
        "configuration, reserved flags",
    ] {
        assert!(rules.contains(&name.to_owned()), "{name} in {rules:?}");
    }

    // Slot 0 of a Safe decides which code it runs.
    let proposer = deployment.proposer.unwrap();
    let other: Address = account(0x66).parse().unwrap();
    scene
        .set_slot(
            proposer,
            &B256::ZERO.to_string(),
            &other.into_word().to_string(),
        )
        .await;
    let fault = check(&scene, &deployment, sources).await.unwrap_err();
    assert_eq!((fault.code(), fault.exit_code()), ("deployment-differs", 1));
    assert!(fault.to_string().contains("slot 0") && fault.to_string().contains(&account(0x66)));
}

#[tokio::test]
async fn finds_a_deployment_file_that_lies() {
    let scene = Scene::new();
    scene.deploy(&[]).succeeded();
    let deployment = scene.deployment();
    let sources = compiled();
    let good = serde_json::to_value(&deployment).unwrap();
    let word = format!("0x{}", "ab".repeat(32));
    for (pointer, value) in [
        ("/ledgerCodeHash", json!(word)),
        ("/rulesCodeHash", json!(word)),
        ("/rulesLogicHash", json!(word)),
        ("/federation/sha256", json!(word)),
        ("/federation/threshold", json!(3)),
        ("/federation/builders/1/address", json!(account(9))),
        ("/federation/builders/1/domains/0", json!("parent:alpha")),
        ("/federation/systems/0", json!("riscv64-linux")),
        ("/timelock", json!(account(9))),
        ("/guardian", json!(account(9))),
        ("/ledger", json!(account(9))),
        ("/rules", json!(account(9))),
        ("/proposer", json!(account(9))),
        ("/timelockDelay", json!(61)),
        ("/safes/proposer/threshold", json!(1)),
        ("/safes/guardian/owners/0", json!(account(9))),
        ("/safeContracts/singleton", json!(account(9))),
        ("/safeContracts/fallbackHandler", json!(account(9))),
        ("/block", json!(1_000)),
    ] {
        let mut lie = good.clone();
        *lie.pointer_mut(pointer).unwrap() = value;
        let lie = Deployment::from_json(lie.to_string().as_bytes()).unwrap();
        let fault = check(&scene, &lie, sources).await.expect_err(pointer);
        let exit = if pointer == "/block" { 1..=3 } else { 1..=1 };
        assert!(exit.contains(&fault.exit_code()), "{pointer}: {fault:?}");
    }
}

#[tokio::test]
async fn rules_that_took_over_need_their_federation_file() {
    let scene = Scene::new();
    scene.deploy(&[]).succeeded();
    let deployment = scene.deployment();
    let sources = compiled();
    // The next rules, deployed by a second deployment with another federation, then in force.
    let next = federation(2).replace("cloud:gamma", "cloud:delta");
    scene.write("federation.toml", &next);
    scene.deploy_to("next.json", &[]).succeeded();
    let bytes = fs::read(scene.path("next.json")).unwrap();
    let rules = Deployment::from_json(&bytes).unwrap().rules;
    let control = U256::from_be_slice(rules.as_slice());
    let slot = format!("{:#066x}", U256::from(1));
    scene
        .set_slot(deployment.ledger, &slot, &format!("{control:#066x}"))
        .await;

    let urls = [scene.chain.url()];
    let fault = verify(&urls, &deployment, sources, None).await.unwrap_err();
    assert_eq!(fault.code(), "deployment-differs");
    let file = scene.path("federation.toml");
    let verified = verify(&urls, &deployment, sources, Some(&file))
        .await
        .expect("the next rules");
    assert_eq!(verified.contracts.len(), 9);

    // Another file than the one in force: its digest differs, if nothing else.
    scene.write(
        "federation.toml",
        &next.replace("cloud:delta", "cloud:omega"),
    );
    let fault = verify(&urls, &deployment, sources, Some(&file))
        .await
        .unwrap_err();
    assert_eq!(fault.code(), "code-differs");
    assert!(
        fault.to_string().contains("digest of the federation file"),
        "{fault}"
    );
}

#[test]
fn compiles_exactly_the_committed_bytecode() {
    let sources = compiled();
    assert_eq!(keccak256(&sources.logic), seed_chain::logic_hash());
    let (timelock, guardian) = (Address::repeat_byte(1), Address::repeat_byte(2));
    let mut ledger = sources.ledger.to_vec();
    for (places, value) in sources.immutables.iter().zip([timelock, guardian]) {
        for start in places {
            ledger[*start..start + 32].copy_from_slice(value.into_word().as_slice());
        }
    }
    assert_eq!(
        keccak256(ledger),
        seed_chain::ledger_code_hash(timelock, guardian)
    );
}

#[test]
fn says_what_is_wrong_with_the_sources() {
    let folder = tempfile::tempdir().unwrap();
    let code = |folder: &Path, solc: Option<&Path>| {
        let fault = Sources::compile(folder, solc).unwrap_err();
        (fault.code(), fault.exit_code())
    };
    assert_eq!(
        code(&folder.path().join("missing"), None),
        ("file-unusable", 2)
    );
    assert_eq!(code(folder.path(), None), ("file-unusable", 2));
    let toml = fs::read_to_string(format!("{}/foundry.toml", sources())).unwrap();
    fs::write(folder.path().join("foundry.toml"), toml).unwrap();
    assert_eq!(code(folder.path(), None), ("sources-unusable", 2));
    assert!(!text(folder.path()).is_empty());
}
