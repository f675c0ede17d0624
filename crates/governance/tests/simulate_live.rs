//! What a simulation says against what a real chain does: the same operation, the same slots, the same words.

mod simulate_scene;

use alloy::sol_types::SolCall as _;
use alloy_primitives::{B256, U256};
use seed_governance::{
    decode::{Allowed, Call, SafeTransaction, Subject},
    simulate::State,
};
use seed_testkit::keys;
use simulate_scene::*;

#[tokio::test]
async fn a_change_of_rules_does_on_the_chain_what_was_simulated() {
    let scene = Scene::new().await;
    let (rules, set_rules) = scene.new_rules(2, false).await;
    let call = scene.schedule(&set_rules, DELAY);
    let subject = Subject::Safe(SafeTransaction::new(scene.proposer, call.clone(), None));
    let plan = scene.plan(subject);
    let (outcome, state) = scene.simulate(&plan).await;
    let outcome = outcome.unwrap();
    assert_eq!(outcome.refusal(Allowed::default()), None, "{outcome:#?}");
    assert_eq!(outcome.steps.len(), 2);
    assert_eq!(outcome.rules_after.as_ref().unwrap().address, rules);

    // The same from the file, with the network off.
    let json = serde_json::to_vec(&state.snapshot()).unwrap();
    assert_eq!(
        plan.run(&State::from_json(&json).unwrap()),
        Ok(outcome.clone())
    );

    let proposed = scene
        .really("proposer", scene.proposer, &call, outcome.steps[0].time)
        .await;
    assert_eq!(scene.changed(proposed).await, simulated(&outcome, 0));
    scene.at(outcome.steps[1].time).await;
    let execute = executeCall {
        target: set_rules.target,
        value: U256::ZERO,
        payload: set_rules.data.clone(),
        predecessor: B256::ZERO,
        salt: B256::repeat_byte(7),
    };
    let executed = scene
        .send(scene.timelock, execute.abi_encode().into())
        .await;
    assert_eq!(scene.changed(executed).await, simulated(&outcome, 1));
}

#[tokio::test]
async fn a_revocation_by_the_guardian_does_on_the_chain_what_was_simulated() {
    let scene = Scene::new().await;
    let subject = keys::signer("beta").address();
    let call = Call::to(scene.ledger, revokeCall { subject }.abi_encode().into());
    let transaction = SafeTransaction::new(scene.guardian, call.clone(), None);
    let mut plan = scene.plan(Subject::Safe(transaction));
    let (outcome, _) = scene.simulate(&plan).await;
    let outcome = outcome.unwrap();
    assert_eq!(outcome.refusal(Allowed::default()), None, "{outcome:#?}");

    // Real signatures give the same.
    plan.signatures = Some(scene.signed("guardian", scene.guardian, &call).await);
    let (signed, _) = scene.simulate(&plan).await;
    assert_eq!(signed.unwrap().steps[0].changes, outcome.steps[0].changes);

    let hash = scene
        .really("guardian", scene.guardian, &call, outcome.steps[0].time)
        .await;
    assert_eq!(scene.changed(hash).await, simulated(&outcome, 0));
}
