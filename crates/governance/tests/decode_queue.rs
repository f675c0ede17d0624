//! What waits in a real timelock, as the command lists it.

mod simulate_scene;

use alloy::sol_types::SolCall as _;
use alloy_primitives::{B256, U256, hex};
use seed_governance::decode::{Call, Operation, Role};
use seed_testkit::{
    keys,
    liar::{Liar, Lie},
};
use serde_json::Value;
use simulate_scene::*;
use tempfile::TempDir;

struct Files {
    folder: TempDir,
    deployment: String,
}

async fn files(scene: &Scene) -> Files {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deployment.json");
    std::fs::write(&path, scene.deployment().await.to_string()).unwrap();
    Files {
        deployment: path.to_str().unwrap().to_owned(),
        folder,
    }
}

async fn queue(files: &Files, urls: &[String], more: &[&str]) -> Ran {
    let mut arguments = vec!["decode", "--queue", "--deployment", &files.deployment];
    for url in urls {
        arguments.extend(["--rpc", url]);
    }
    arguments.extend(more);
    let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
    // The liar answers on this runtime.
    tokio::task::spawn_blocking(move || {
        gov(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    })
    .await
    .unwrap()
}

async fn propose(scene: &Scene, call: &Call) {
    let time = scene.now().await + 10;
    scene.really("proposer", scene.proposer, call, time).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_what_waits_with_one_sentence_each_and_the_federation_difference() {
    let scene = Scene::new().await;
    let files = files(&scene).await;
    let url = [scene.chain.url()];
    let empty = queue(&files, &url, &[]).await;
    assert_eq!((empty.code, empty.err.lines().count()), (0, 1), "{empty:?}");
    assert!(empty.out.starts_with("0 operations wait"), "{empty:?}");

    let (_, rules) = scene.new_rules(3, true).await;
    propose(&scene, &scene.schedule(&rules, DELAY)).await;
    let delay = updateDelayCall {
        newDelay: U256::from(3 * DELAY),
    };
    let delay = Call::to(scene.timelock, delay.abi_encode().into());
    let role = grantRoleCall {
        role: Role::Canceller.id(),
        account: scene.guardian,
    };
    let role = Call::to(scene.timelock, role.abi_encode().into());
    propose(
        &scene,
        &scene.schedule_batch(&[delay.clone(), role], 2 * DELAY),
    )
    .await;
    // One that is cancelled and one that is done are not listed.
    propose(&scene, &scene.schedule(&delay, DELAY)).await;
    let gone = Operation {
        calls: vec![delay],
        predecessor: B256::ZERO,
        salt: B256::repeat_byte(7),
        batch: false,
    };
    let cancel = cancelCall { id: gone.id() };
    let cancel = Call::to(scene.timelock, cancel.abi_encode().into());
    let time = scene.now().await + 10;
    scene
        .really("guardian", scene.guardian, &cancel, time)
        .await;

    let federation_file = files.folder.path().join("federation.toml");
    let (text, _) = federation(3, true);
    std::fs::write(&federation_file, text).unwrap();
    let named = ["--federation", federation_file.to_str().unwrap()];
    let listed = queue(&files, &url, &named).await;
    assert_eq!(listed.code, 0, "{listed:?}");
    let lines: Vec<_> = listed.out.lines().collect();
    assert!(lines[0].starts_with("2 operations wait"), "{listed:?}");
    assert!(lines[1].contains("may be executed from"), "{listed:?}");
    assert!(lines[2].contains("put the rules at"), "{listed:?}");
    assert!(listed.out.contains("threshold 2 -> 3"), "{listed:?}");
    let delta = hex::encode_prefixed(keys::signer("delta").address());
    assert!(
        listed
            .out
            .contains(&format!("builder added: delta {delta}")),
        "{listed:?}"
    );
    let last = lines.last().unwrap();
    assert!(
        last.contains("give the canceller role to guardian Safe"),
        "{listed:?}"
    );

    // JSON, and time that passes.
    scene.at(scene.now().await + DELAY).await;
    scene.chain.mine(1).await.unwrap();
    let json = queue(&files, &url, &["--output", "json"]).await;
    let value: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(value["operations"][0]["executable"], true);
    assert_eq!(value["operations"][1]["executable"], false);
    assert_eq!(value["refused"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn gov_15_a_hostile_operation_in_the_queue_is_a_refusal() {
    let scene = Scene::new().await;
    let files = files(&scene).await;
    let takeover = grantRoleCall {
        role: Role::Proposer.id(),
        account: keys::signer("attacker").address(),
    };
    let takeover = Call::to(scene.timelock, takeover.abi_encode().into());
    propose(&scene, &scene.schedule(&takeover, DELAY)).await;
    let listed = queue(&files, &[scene.chain.url()], &[]).await;
    assert_eq!(listed.code, 1, "{listed:?}");
    assert!(
        listed.err.contains("WARNING[weaker-refused] at 1.1:"),
        "{listed:?}"
    );
    assert!(
        listed.out.contains("WARNING, WEAKENS GOVERNANCE"),
        "{listed:?}"
    );
    let allowed = queue(&files, &[scene.chain.url()], &["--allow-weaker"]).await;
    assert_eq!(allowed.code, 0, "{allowed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_endpoint_hides_another_shows() {
    let scene = Scene::new().await;
    let files = files(&scene).await;
    let (_, rules) = scene.new_rules(2, false).await;
    propose(&scene, &scene.schedule(&rules, DELAY)).await;
    let liar = Liar::start(&scene.chain.url(), 1).await.unwrap();
    liar.tell(Lie::NoLogs);
    let alone = queue(&files, &[liar.url()], &[]).await;
    assert!(alone.err.contains("it could hide some"), "{alone:?}");
    let both = queue(&files, &[liar.url(), scene.chain.url()], &[]).await;
    assert_eq!(both.code, 0, "{both:?}");
    assert!(both.out.starts_with("1 operations wait"), "{both:?}");
    // A lie about the state is found out: nothing is listed at all.
    for lie in [Lie::Proof, Lie::ChainId(5), Lie::RpcError] {
        let liar = Liar::start(&scene.chain.url(), 1).await.unwrap();
        liar.tell(lie.clone());
        let lied = queue(&files, &[liar.url()], &[]).await;
        assert_eq!((lied.code, lied.out.as_str()), (3, ""), "{lie:?} {lied:?}");
    }
}
