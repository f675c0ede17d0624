//! Rows of the threat model about endpoints that are a matter of how this crate is made.

use std::process::Command;

use seed_chain::{Endpoint, Options};

/// What a verifier is made of, one package a line.
fn packages() -> String {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "-p",
            "seed-verifier",
            "-e",
            "normal",
            "--prefix",
            "none",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The library's providers and transports can be stacked so that the first answer wins. None of them is in the verifier:
/// every question goes to one endpoint through `JsonRpc`, and who is asked stands in `crates/verifier/src/gather`.
#[test]
fn rpc_14_nothing_that_takes_the_first_answer_is_in_the_verifier() {
    let packages = packages();
    let names: Vec<_> = packages
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(
        names.contains(&"alloy") && names.contains(&"seed-chain"),
        "{packages}"
    );
    for name in [
        "alloy-provider",
        "alloy-rpc-client",
        "alloy-transport",
        "alloy-transport-http",
        "alloy-transport-ws",
        "alloy-transport-ipc",
        "alloy-pubsub",
    ] {
        assert!(!names.contains(&name), "{name} is in the verifier");
    }
}

/// Whoever adds the transport has its stacking type forbidden, and the lint is on.
#[test]
fn rpc_14_the_type_is_disallowed_and_the_lint_is_on() {
    let (clippy, workspace) = (
        include_str!("../../../clippy.toml"),
        include_str!("../../../Cargo.toml"),
    );
    assert!(clippy.contains("alloy::transports::layers::FallbackLayer"));
    assert!(workspace.contains("disallowed_types = \"warn\""));
    assert!(include_str!("../Cargo.toml").contains("[lints]\nworkspace = true"));
}

/// In the path of an endpoint's address people have the key of their account.
#[tokio::test]
async fn errors_name_the_host_of_an_endpoint_and_no_key() {
    let url = "http://127.0.0.1:1/v3/0123-key?token=4567-key";
    let endpoint = Endpoint::new(url, &Options::default()).unwrap();
    let error = endpoint.chain_id().await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("http://127.0.0.1:1") && !text.contains("key"),
        "{text}"
    );
}
