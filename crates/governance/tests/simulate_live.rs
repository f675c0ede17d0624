//! What a simulation says against what a real chain does: the same operation, the same slots, the same words.

mod simulate_scene;

use alloy::sol_types::SolCall as _;
use alloy_primitives::{Address, B256, U256};
use seed_governance::{
    decode::{Action, Allowed, Call, Operation, Role, SafeTransaction, Subject},
    simulate::{Outcome, Place, State},
};
use seed_testkit::keys;
use serde_json::json;
use simulate_scene::*;

const ALL: Allowed = Allowed {
    unknown: true,
    weaker: true,
};

/// Simulates a Safe transaction, then really does it and all that it schedules, and compares every slot that changed.
async fn same(scene: &Scene, name: &str, call: Call) -> Outcome {
    let safe = match name {
        "proposer" => scene.proposer,
        _ => scene.guardian,
    };
    let subject = Subject::Safe(SafeTransaction::new(safe, call.clone(), None));
    let (outcome, _) = scene.simulate(&scene.plan(subject)).await;
    let outcome = outcome.unwrap();
    assert_eq!(outcome.refusal(ALL), None, "{outcome:#?}");
    let first = scene.really(name, safe, &call, outcome.steps[0].time).await;
    compare(scene, first, &outcome, 0).await;
    for (index, (timelock, operation)) in scheduled(&outcome).into_iter().enumerate() {
        scene.at(outcome.steps[index + 1].time).await;
        let hash = scene.send(timelock, operation.execution()).await;
        compare(scene, hash, &outcome, index + 1).await;
    }
    assert!(
        outcome
            .steps
            .iter()
            .flat_map(|step| &step.changes)
            .all(|change| !matches!(change.place, Place::Release(_) | Place::Unknown(_)))
    );
    outcome
}

async fn compare(scene: &Scene, transaction: B256, outcome: &Outcome, step: usize) {
    let real = scene.changed(transaction).await;
    assert!(!real.is_empty());
    assert_eq!(real, simulated(outcome, step));
}

fn scheduled(outcome: &Outcome) -> Vec<(Address, Operation)> {
    let all = outcome.decoded.walk("1").into_iter();
    all.filter_map(|(_, one)| match &one.action {
        Some(Action::Schedule { operation, .. }) => Some((one.call.target, operation.clone())),
        _ => None,
    })
    .collect()
}

fn fields(outcome: &Outcome, step: usize) -> Vec<String> {
    let changes = outcome.steps[step].changes.iter();
    changes
        .flat_map(|change| &change.fields)
        .map(|field| field.name.clone())
        .collect()
}

/// Puts the ledger past its genesis, as far as governance can tell.
async fn past_genesis(scene: &Scene, sequence: u32) {
    let word = U256::from_be_slice(scene.rules.as_slice()) | U256::from(sequence) << 192;
    let slot = format!("{:#066x}", U256::from(1));
    let word = format!("{word:#066x}");
    let question = json!([scene.ledger, slot, word]);
    scene
        .chain
        .ask("anvil_setStorageAt", question)
        .await
        .unwrap();
    scene.chain.mine(1).await.unwrap();
}

#[tokio::test]
async fn a_change_of_rules_and_its_replay_without_a_network() {
    let scene = Scene::new().await;
    let (rules, set_rules) = scene.new_rules(2, false).await;
    let call = scene.schedule(&set_rules, DELAY);
    let transaction = SafeTransaction::new(scene.proposer, call.clone(), Some(U256::ZERO));
    let plan = scene.plan(Subject::Safe(transaction));
    let (outcome, state) = scene.simulate(&plan).await;
    let outcome = outcome.unwrap();
    assert_eq!(outcome.refusal(Allowed::default()), None, "{outcome:#?}");
    assert_eq!(outcome.rules_after.as_ref().unwrap().address, rules);
    assert_eq!(outcome.steps[1].time, outcome.steps[0].time + DELAY);
    let json = serde_json::to_vec(&state.snapshot()).unwrap();
    let replayed = plan.run(&State::from_json(&json).unwrap());
    assert_eq!(replayed, Ok(outcome));

    let outcome = same(&scene, "proposer", call).await;
    assert!(fields(&outcome, 1).contains(&"control.rules".to_owned()));
}

#[tokio::test]
async fn a_batch_of_new_rules_a_longer_delay_and_a_role() {
    let scene = Scene::new().await;
    let (_, set_rules) = scene.new_rules(3, false).await;
    let delay = updateDelayCall {
        newDelay: U256::from(2 * DELAY),
    };
    let role = grantRoleCall {
        role: Role::Canceller.id(),
        account: keys::signer("watcher").address(),
    };
    let batch = [
        set_rules,
        Call::to(scene.timelock, delay.abi_encode().into()),
        Call::to(scene.timelock, role.abi_encode().into()),
    ];
    let outcome = same(&scene, "proposer", scene.schedule_batch(&batch, DELAY)).await;
    let after = outcome.rules_after.as_ref().unwrap();
    let difference = after.difference(outcome.rules_before.as_ref().unwrap());
    assert_eq!(difference, ["threshold 2 -> 3"]);
}

#[tokio::test]
async fn what_is_so_already_is_said_and_changes_nothing() {
    let scene = Scene::new().await;
    let role = grantRoleCall {
        role: Role::Canceller.id(),
        account: scene.guardian,
    };
    let role = Call::to(scene.timelock, role.abi_encode().into());
    let outcome = same(&scene, "proposer", scene.schedule(&role, DELAY)).await;
    assert_eq!(outcome.steps[0].unchanged, [""; 0]);
    assert_eq!(outcome.steps[1].changes.len(), 1);
    assert!(outcome.steps[1].unchanged[0].starts_with("roles[canceller role].has[0x"));
}

#[tokio::test]
async fn owners_and_threshold_of_a_safe() {
    let scene = Scene::new().await;
    let old: Vec<Address> = owners("guardian").iter().map(|key| key.address()).collect();
    let new = keys::signer("new owner").address();
    let third = keys::signer("third owner").address();
    let to_itself = |data: Vec<u8>| Call::to(scene.guardian, data.into());
    let add = addOwnerWithThresholdCall {
        owner: new,
        threshold: U256::from(2),
    };
    same(&scene, "guardian", to_itself(add.abi_encode())).await;
    // The owner added last is the first of the list.
    let swap = swapOwnerCall {
        previous: Address::with_last_byte(1),
        oldOwner: new,
        newOwner: third,
    };
    same(&scene, "guardian", to_itself(swap.abi_encode())).await;
    let remove = removeOwnerCall {
        previous: Address::with_last_byte(1),
        owner: third,
        threshold: U256::from(2),
    };
    same(&scene, "guardian", to_itself(remove.abi_encode())).await;
    let three = changeThresholdCall {
        threshold: U256::from(3),
    };
    let outcome = same(&scene, "guardian", to_itself(three.abi_encode())).await;
    assert_eq!(fields(&outcome, 0), ["threshold", "nonce"]);
    assert_eq!(old.len(), 3);
}

#[tokio::test]
async fn a_guard_and_a_module_are_refused_and_shown() {
    let scene = Scene::new().await;
    let module = enableModuleCall {
        module: keys::signer("module").address(),
    };
    let call = Call::to(scene.guardian, module.abi_encode().into());
    let outcome = same(&scene, "guardian", call).await;
    let refusal = outcome.refusal(Allowed::default()).unwrap();
    assert_eq!(refusal.code(), "weaker-refused");
}

#[tokio::test]
async fn the_guardian_revokes_disputes_pauses_and_cancels() {
    let scene = Scene::new().await;
    past_genesis(&scene, 5).await;
    let subject = keys::signer("beta").address();
    let revoke = Call::to(scene.ledger, revokeCall { subject }.abi_encode().into());
    let outcome = same(&scene, "guardian", revoke).await;
    assert!(outcome.steps[0].changes.iter().any(|change| {
        change
            .fields
            .iter()
            .any(|field| field.name == "control.revoked" && field.after.contains("builder beta"))
    }));
    let disputed = keys::signer("gamma").address();
    let dispute = revokeRetroactivelyCall {
        subject: disputed,
        fromSequence: 2,
    };
    let dispute = Call::to(scene.ledger, dispute.abi_encode().into());
    same(&scene, "guardian", dispute).await;
    let pause = pauseCall { duration: 3600 };
    let pause = Call::to(scene.ledger, pause.abi_encode().into());
    let outcome = same(&scene, "guardian", pause).await;
    assert_eq!(fields(&outcome, 0)[0], "control.pausedUntil");

    // The timelock confirms the dispute; another operation is cancelled before its time.
    let confirm = confirmRevocationCall { subject: disputed };
    let confirm = Call::to(scene.ledger, confirm.abi_encode().into());
    same(&scene, "proposer", scene.schedule(&confirm, DELAY)).await;
    let (_, set_rules) = scene.new_rules(3, true).await;
    let schedule = scene.schedule(&set_rules, DELAY);
    scene
        .really("proposer", scene.proposer, &schedule, scene.now().await + 1)
        .await;
    let id = Operation {
        calls: vec![set_rules],
        predecessor: B256::ZERO,
        salt: B256::repeat_byte(7),
        batch: false,
    }
    .id();
    let cancel = Call::to(scene.timelock, cancelCall { id }.abi_encode().into());
    let outcome = same(&scene, "guardian", cancel).await;
    assert!(fields(&outcome, 0).contains(&format!("timestamps[{id}]")));
}

#[tokio::test]
async fn real_signatures_are_checked_and_give_the_same() {
    let scene = Scene::new().await;
    let call = Call::to(scene.ledger, pauseCall { duration: 60 }.abi_encode().into());
    let transaction = SafeTransaction::new(scene.guardian, call.clone(), None);
    let mut plan = scene.plan(Subject::Safe(transaction));
    let pretended = scene.simulate(&plan).await.0.unwrap();
    let signatures = scene.signed("guardian", scene.guardian, &call).await;
    plan.signatures = Some(signatures.clone());
    let signed = scene.simulate(&plan).await.0.unwrap();
    assert_eq!(signed.steps[0].changes, pretended.steps[0].changes);
    assert!(pretended.pretended && !signed.pretended);

    // One signature too few, and signatures of other owners.
    plan.signatures = Some(signatures.slice(..65));
    let few = scene.simulate(&plan).await.0.unwrap_err().to_string();
    assert!(few.contains("GS020: too few signatures"), "{few}");
    plan.signatures = Some(scene.signed("proposer", scene.guardian, &call).await);
    let others = scene.simulate(&plan).await.0.unwrap_err().to_string();
    assert!(others.contains("GS026"), "{others}");
}

#[tokio::test]
async fn an_operation_that_waits_is_executed_when_its_time_has_come() {
    let scene = Scene::new().await;
    let (_, set_rules) = scene.new_rules(3, true).await;
    let schedule = scene.schedule(&set_rules, DELAY);
    scene
        .really("proposer", scene.proposer, &schedule, scene.now().await + 1)
        .await;
    let operation = Operation {
        calls: vec![set_rules],
        predecessor: B256::ZERO,
        salt: B256::repeat_byte(7),
        batch: false,
    };
    let call = Call::to(scene.timelock, operation.execution());
    let subject = Subject::Direct {
        from: None,
        call: call.clone(),
    };
    let outcome = scene.simulate(&scene.plan(subject)).await.0.unwrap();
    scene.at(outcome.steps[0].time).await;
    let hash = scene.send(call.target, call.data).await;
    compare(&scene, hash, &outcome, 0).await;
}
