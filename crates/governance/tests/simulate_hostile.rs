//! Changes that do something else than they say, chains that lie, and files that were changed.

mod simulate_scene;

use alloy::sol_types::SolCall as _;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use seed_governance::{
    decode::{Allowed, Call, SafeTransaction, Subject},
    simulate::{BlockChoice, Halt, Live, LiveError, Objection, Outcome, Plan, State},
};
use seed_testkit::{
    chain::CHAIN_ID,
    keys,
    liar::{Liar, Lie},
};
use simulate_scene::*;

const ALL: Allowed = Allowed {
    unknown: true,
    weaker: true,
};

/// Deploys exactly this runtime code.
async fn raw(scene: &Scene, code: &[u8]) -> Address {
    let [high, low] = u16::try_from(code.len()).unwrap().to_be_bytes();
    let copy = [0x61, high, low, 0x80, 0x60, 0x0a, 0x3d, 0x39, 0x3d, 0xf3];
    let creation = [&copy, code].concat();
    let mined = scene.wallet.send(None, creation.into()).await.unwrap();
    mined.contract.unwrap()
}

async fn outcome(scene: &Scene, plan: &Plan) -> Outcome {
    scene.simulate(plan).await.0.unwrap()
}

fn of_proposer(scene: &Scene, call: Call) -> Plan {
    scene.plan(Subject::Safe(SafeTransaction::new(
        scene.proposer,
        call,
        None,
    )))
}

fn set_rules(scene: &Scene, rules: Address, code_hash: B256) -> Call {
    let call = setRulesCall {
        rules,
        codeHash: code_hash,
    };
    Call::to(scene.ledger, call.abi_encode().into())
}

fn code(outcome: &Outcome, allowed: Allowed) -> Option<&'static str> {
    outcome.refusal(allowed).map(|fault| fault.code())
}

#[tokio::test]
async fn gov_04_a_delegatecall_that_takes_the_safe_over_is_refused_whatever_is_allowed() {
    let scene = Scene::new().await;
    // PUSH20 attacker, PUSH0, SSTORE: the Safe's own code is gone.
    let attacker = keys::signer("attacker").address();
    let thief = raw(
        &scene,
        &[&[0x73], attacker.as_slice(), &[0x5f, 0x55, 0x00]].concat(),
    )
    .await;
    let call = Call {
        operation: 1,
        ..Call::to(thief, Bytes::from_static(&[0xa9, 0x05, 0x9c, 0xbb]))
    };
    let outcome = outcome(&scene, &of_proposer(&scene, call)).await;
    assert_eq!(code(&outcome, ALL), Some("delegatecall-refused"));
    let unexpected = outcome
        .objections
        .iter()
        .any(|one| matches!(one, Objection::Unexpected { place, .. } if place == "singleton"));
    assert!(unexpected, "{:#?}", outcome.objections);
}

#[tokio::test]
async fn what_an_unknown_contract_changes_is_refused_even_where_unknown_calls_are_allowed() {
    let scene = Scene::new().await;
    // CALLER, PUSH0, SSTORE
    let unknown = raw(&scene, &[0x33, 0x5f, 0x55, 0x00]).await;
    let call = Call::to(unknown, Bytes::from_static(&[1, 2, 3, 4]));
    let outcome = outcome(&scene, &of_proposer(&scene, call)).await;
    assert_eq!(
        code(&outcome, Allowed::default()),
        Some("unknown-call-refused")
    );
    assert_eq!(code(&outcome, ALL), Some("unexpected-change"));
}

#[tokio::test]
async fn a_contract_that_is_created_or_money_that_moves_is_refused() {
    let scene = Scene::new().await;
    // PUSH0 PUSH0 PUSH0 CREATE
    let maker = raw(&scene, &[0x5f, 0x5f, 0x5f, 0xf0, 0x00]).await;
    let call = Call::to(maker, Bytes::from_static(&[1]));
    let made = outcome(&scene, &of_proposer(&scene, call)).await;
    assert_eq!(code(&made, ALL), Some("code-changed"));

    let money = serde_json::json!([scene.proposer, "0x64"]);
    scene.chain.ask("anvil_setBalance", money).await.unwrap();
    scene.chain.mine(1).await.unwrap();
    let call = Call {
        value: U256::from(100),
        ..Call::to(keys::signer("attacker").address(), Bytes::new())
    };
    let paid = outcome(&scene, &of_proposer(&scene, call)).await;
    assert_eq!(
        code(&paid, Allowed::default()),
        Some("unknown-call-refused")
    );
    assert!(
        paid.objections
            .iter()
            .any(|one| one.code() == "balance-changed")
    );
    // PUSH0 SELFDESTRUCT
    let dying = raw(&scene, &[0x5f, 0xff]).await;
    let call = Call::to(dying, Bytes::from_static(&[1]));
    let died = outcome(&scene, &of_proposer(&scene, call)).await;
    assert_eq!(code(&died, ALL), Some("code-changed"));
}

#[tokio::test]
async fn the_contracts_reasons_are_named() {
    let scene = Scene::new().await;
    let reason = async |plan: Plan| match scene.simulate(&plan).await.0 {
        Err(Halt::Reverted { step, reason }) => format!("{step}: {reason}"),
        other => panic!("{other:?}"),
    };
    let (rules, change) = scene.new_rules(2, false).await;
    let early = reason(of_proposer(&scene, scene.schedule(&change, DELAY - 1))).await;
    assert!(early.contains("TimelockInsufficientDelay"), "{early}");
    let wrong = set_rules(&scene, rules, B256::repeat_byte(1));
    let wrong = reason(of_proposer(&scene, scene.schedule(&wrong, DELAY))).await;
    assert!(
        wrong.starts_with("the execution of operation 0x"),
        "{wrong}"
    );
    assert!(wrong.contains("LedgerRulesCodeMismatch"), "{wrong}");
    let direct = reason(of_proposer(&scene, change)).await;
    assert!(direct.contains("LedgerNotTimelock"), "{direct}");
    let guardian = SafeTransaction::new(
        scene.guardian,
        Call::to(
            scene.guardian,
            changeThresholdCall {
                threshold: U256::from(9),
            }
            .abi_encode()
            .into(),
        ),
        None,
    );
    let many = reason(scene.plan(Subject::Safe(guardian))).await;
    assert!(
        many.contains("GS201: the threshold would be more"),
        "{many}"
    );
}

#[tokio::test]
async fn rules_that_no_constructor_made_are_refused() {
    let scene = Scene::new().await;
    let head = scene.endpoint.latest_header().await.unwrap();
    let good = scene.endpoint.code(scene.rules, head.hash).await.unwrap();

    // A threshold of one, by hand: the fourth byte of the last word.
    let mut bad = good.to_vec();
    let place = bad.len() - 32 + 3;
    assert_eq!(bad[place], 2);
    bad[place] = 1;
    let rules = raw(&scene, &bad).await;
    let change = set_rules(&scene, rules, keccak256(&bad));
    let plan = of_proposer(&scene, scene.schedule(&change, DELAY));
    assert_eq!(
        code(&outcome(&scene, &plan).await, ALL),
        Some("rules-refused")
    );

    // Other logic before a good configuration: one byte that is never run.
    let length = u32::from_be_bytes(good[good.len() - 4..].try_into().unwrap()) as usize;
    let (logic, configuration) = good.split_at(good.len() - length);
    let other = [logic, &[0xfe], configuration].concat();
    let rules = raw(&scene, &other).await;
    let change = set_rules(&scene, rules, keccak256(&other));
    let plan = of_proposer(&scene, scene.schedule(&change, DELAY));
    let outcome = outcome(&scene, &plan).await;
    assert_eq!(
        code(&outcome, Allowed::default()),
        Some("unknown-rules-refused")
    );
    assert_eq!(code(&outcome, ALL), None);
}

#[tokio::test]
async fn gov_09_a_lower_threshold_and_a_federation_without_a_quorum_are_refused() {
    let scene = Scene::new().await;
    // From 3 of 4 to 2 of 3.
    let (_, three) = scene.new_rules(3, true).await;
    let schedule = scene.schedule(&three, DELAY);
    scene
        .really("proposer", scene.proposer, &schedule, scene.now().await + 1)
        .await;
    scene.at(scene.now().await + DELAY).await;
    let execute = executeCall {
        target: three.target,
        value: U256::ZERO,
        payload: three.data,
        predecessor: B256::ZERO,
        salt: B256::repeat_byte(7),
    };
    scene
        .send(scene.timelock, execute.abi_encode().into())
        .await;
    let (_, two) = scene.new_rules(2, false).await;
    let lower = outcome(&scene, &of_proposer(&scene, scene.schedule(&two, DELAY))).await;
    assert_eq!(code(&lower, Allowed::default()), Some("weaker-refused"));
    let said = lower.refusal(Allowed::default()).unwrap().to_string();
    assert!(
        said.contains("2 independent builders would suffice instead of 3"),
        "{said}"
    );

    // 3 of 3, one of whom is revoked.
    let subject = keys::signer("beta").address();
    let revoke = Call::to(scene.ledger, revokeCall { subject }.abi_encode().into());
    let time = scene.now().await + 1;
    scene
        .really("guardian", scene.guardian, &revoke, time)
        .await;
    let (_, all) = scene.new_rules(3, false).await;
    let stuck = outcome(&scene, &of_proposer(&scene, scene.schedule(&all, DELAY))).await;
    let said = stuck.refusal(Allowed::default()).unwrap().to_string();
    assert!(
        said.contains("nothing could be released any more"),
        "{said}"
    );
}

#[tokio::test]
async fn another_nonce_another_ledger_and_a_name_without_code_are_refused() {
    let scene = Scene::new().await;
    let (_, change) = scene.new_rules(2, false).await;
    let call = scene.schedule(&change, DELAY);
    let late = SafeTransaction::new(scene.proposer, call.clone(), Some(U256::from(1)));
    let halt = scene.simulate(&scene.plan(Subject::Safe(late))).await.0;
    assert!(matches!(halt, Err(Halt::Nonce { .. })), "{halt:?}");

    let mut plan = of_proposer(&scene, call.clone());
    plan.ledger_code_hash = Some(B256::repeat_byte(1));
    let halt = scene.simulate(&plan).await.0;
    assert!(matches!(halt, Err(Halt::Contract { .. })), "{halt:?}");
    let mut plan = of_proposer(&scene, call);
    plan.singleton = Some(scene.ledger);
    let halt = scene.simulate(&plan).await.0;
    assert!(matches!(halt, Err(Halt::Contract { .. })), "{halt:?}");

    // A second ledger that was never deployed: the call would succeed and do nothing.
    let nothing = keys::signer("nothing").address();
    let mut plan = of_proposer(&scene, Call::to(nothing, Bytes::from_static(&[1, 2, 3, 4])));
    plan.names.name(nothing, "somebody");
    assert_eq!(code(&outcome(&scene, &plan).await, ALL), Some("no-code"));
}

#[tokio::test]
async fn gov_08_a_release_that_changes_is_named_and_refused() {
    let scene = Scene::new().await;
    // No ledger of ours can do this, so one is put in its place that stores 1 at releases[its second word].
    let rewrites = [
        0x60, 0x04, 0x35, 0x5f, 0x52, 0x5f, 0x60, 0x20, 0x52, 0x60, 0x01, 0x60, 0x40, 0x5f, 0x20,
        0x55, 0x00,
    ];
    let question = serde_json::json!([scene.ledger, Bytes::copy_from_slice(&rewrites)]);
    scene.chain.ask("anvil_setCode", question).await.unwrap();
    scene.chain.mine(1).await.unwrap();
    let subject = Address::repeat_byte(0x42);
    let revoke = Call::to(scene.ledger, revokeCall { subject }.abi_encode().into());
    let mut plan = scene.plan(Subject::Safe(SafeTransaction::new(
        scene.guardian,
        revoke,
        None,
    )));
    let halt = scene.simulate(&plan).await.0;
    assert!(matches!(halt, Err(Halt::Contract { .. })), "{halt:?}");
    plan.ledger_code_hash = None;
    let outcome = outcome(&scene, &plan).await;
    assert_eq!(code(&outcome, ALL), Some("release-changed"));
    let release = subject.into_word();
    assert!(outcome.objections.contains(&Objection::Release { release }));
}

#[tokio::test]
async fn rpc_a_lying_endpoint_can_only_refuse() {
    let scene = Scene::new().await;
    let (_, change) = scene.new_rules(2, false).await;
    let plan = of_proposer(&scene, scene.schedule(&change, DELAY));
    let honest = outcome(&scene, &plan).await;
    for lie in [
        Lie::ChainId(1),
        Lie::BlockHash,
        Lie::Header("stateRoot".to_owned()),
        Lie::Proof,
        Lie::Storage,
        Lie::Code,
        Lie::RpcError,
        Lie::RpcNull,
    ] {
        let liar = Liar::start(&scene.chain.url(), 7).await.unwrap();
        liar.tell(lie.clone());
        // Where people keep the keys of their accounts: never in what is said.
        let lying = format!("{}/?key=secret", liar.url());
        let connected = Live::connect(&[lying], CHAIN_ID, None, BlockChoice::Latest).await;
        let live = match connected {
            Ok(live) => live,
            Err(error) => {
                let said = error.to_string();
                assert!(
                    said.contains("127.0.0.1") && !said.contains("secret"),
                    "{said}"
                );
                continue;
            }
        };
        let mut state = live.state().unwrap();
        let ran = live.run(&plan, &mut state).await;
        // What is claimed beside a proof is not looked at, so that a lie there changes nothing.
        match ran {
            Err(error @ (LiveError::Unproven { .. } | LiveError::Chain(_))) => {
                assert!(!error.to_string().contains("secret"), "{error}");
            }
            Ok(outcome) => assert_eq!(outcome, Ok(honest.clone()), "{lie:?}"),
            Err(error) => panic!("{lie:?}: {error}"),
        }
        // Beside an honest one it does not matter who is asked first.
        let both = [liar.url(), scene.chain.url()];
        if let Ok(live) = Live::connect(&both, CHAIN_ID, None, BlockChoice::Latest).await {
            let mut state = live.state().unwrap();
            assert_eq!(
                live.run(&plan, &mut state).await.unwrap(),
                Ok(honest.clone())
            );
        }
    }
}

#[tokio::test]
async fn a_changed_snapshot_never_gives_another_outcome_for_the_same_block() {
    let scene = Scene::new().await;
    let subject = keys::signer("beta").address();
    let call = Call::to(scene.ledger, revokeCall { subject }.abi_encode().into());
    let plan = scene.plan(Subject::Safe(SafeTransaction::new(
        scene.guardian,
        call,
        None,
    )));
    let (honest, state) = scene.simulate(&plan).await;
    let honest = honest.unwrap();
    let json = serde_json::to_vec(&state.snapshot()).unwrap();
    let step = (json.len() / 1_500).max(1);
    let mut refused = 0;
    for place in (0..json.len()).step_by(step) {
        for change in [1, 0x20] {
            let mut bytes = json.clone();
            bytes[place] ^= change;
            let Ok(state) = State::from_json(&bytes) else {
                refused += 1;
                continue;
            };
            match plan.run(&state) {
                Ok(outcome) if outcome.block_hash == honest.block_hash => {
                    assert_eq!(outcome.steps, honest.steps, "byte {place}");
                }
                _ => refused += 1,
            }
        }
    }
    assert!(refused > 2_000, "{refused}");
    for length in (0..json.len()).step_by(step * 7) {
        assert!(State::from_json(&json[..length]).is_err());
    }
    // A piece left out is missed, not guessed.
    let mut snapshot = state.snapshot();
    snapshot.accounts.remove(&scene.ledger);
    let json = serde_json::to_vec(&snapshot).unwrap();
    let halt = plan.run(&State::from_json(&json).unwrap());
    assert!(matches!(halt, Err(Halt::Missing(_))), "{halt:?}");
}
