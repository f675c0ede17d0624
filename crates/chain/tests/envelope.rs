//! What an endpoint may not get away with: every answer that is not exactly the answer is an error.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    time::Duration,
};

use seed_chain::{ChainError, Endpoint, Options};

/// Serves `body` to every request on a port of its own, with the HTTP status 200.
fn serve(body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(body.as_bytes()));
        }
    });
    url
}

async fn chain_id(body: &str) -> Result<u64, ChainError> {
    let options = Options {
        max_answer: 4096,
        ..Options::default()
    };
    Endpoint::new(&serve(body.to_owned()), &options)?
        .chain_id()
        .await
}

#[tokio::test]
async fn takes_an_exact_answer() {
    assert_eq!(
        chain_id(r#"{"jsonrpc":"2.0","id":1,"result":"0x7a69"}"#).await,
        Ok(31337)
    );
}

#[tokio::test]
async fn refuses_every_other_envelope() {
    let huge = format!(
        r#"{{"jsonrpc":"2.0","id":1,"result":"0x1","x":"{}"}}"#,
        "x".repeat(5000)
    );
    for body in [
        r#"{"jsonrpc":"2.0","id":2,"result":"0x1"}"#,
        r#"{"jsonrpc":"1.0","id":1,"result":"0x1"}"#,
        r#"{"jsonrpc":"2.0","id":"1","result":"0x1"}"#,
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":"0x1","error":{"code":1,"message":"x"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":null}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":"0xzz"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":"0x1ffffffffffffffff"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":"0x1","result":"0x2"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":"0x1"} {}"#,
        r#"[{"jsonrpc":"2.0","id":1,"result":"0x1"}]"#,
        "",
        "<html>",
        &huge,
    ] {
        let error = chain_id(body).await.unwrap_err();
        assert_eq!(error.code(), "endpoint-malformed", "{body:.80}: {error}");
    }
}

#[tokio::test]
async fn an_error_is_an_error_and_its_words_are_escaped() {
    let body = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no\u001b[31m"}}"#;
    let error = chain_id(body).await.unwrap_err();
    assert_eq!(error.code(), "endpoint-refused");
    assert!(!error.to_string().contains('\u{1b}'));
}

#[tokio::test]
async fn a_stalled_endpoint_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let options = Options {
        timeout: Duration::from_millis(300),
        ..Options::default()
    };
    let error = Endpoint::new(&url, &options)
        .unwrap()
        .chain_id()
        .await
        .unwrap_err();
    assert_eq!(error.code(), "endpoint-unreachable");
    drop(listener);
}

#[tokio::test]
async fn refuses_a_header_that_does_not_hash_to_its_hash() {
    let chain = seed_testkit::chain::LocalChain::start().unwrap();
    chain.mine(1).await.unwrap();
    let mut answer = chain
        .ask("eth_getBlockByNumber", serde_json::json!(["0x1", false]))
        .await
        .unwrap();
    answer["id"] = 1.into();
    answer["result"]["gasUsed"] = "0x5".into();
    let endpoint = Endpoint::new(&serve(answer.to_string()), &Options::default()).unwrap();
    let error = endpoint.header_at(1).await.unwrap_err();
    assert!(matches!(error, ChainError::HeaderHash { .. }), "{error}");
}

#[test]
fn of_an_url_that_cannot_be_used_no_login_and_no_key_is_shown() {
    for (url, shown) in [
        (
            "http://ada:secret@rpc.example/v3/secret?key=secret",
            "rpc.example",
        ),
        ("http://rpc.example/v3/secret", "http://rpc.example"),
        (
            "wss://rpc.example:8546?key=secret",
            "wss://rpc.example:8546",
        ),
        ("rpc.example/v3/secret", "rpc.example"),
        ("https://ada:secret@/#secret", ""),
        ("https://:99999/secret", "https://:99999"),
    ] {
        let error = Endpoint::new(url, &Options::default()).unwrap_err();
        let ChainError::Url { url: told, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(told, shown);
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    let endpoint = Endpoint::new("https://ada:secret@rpc.example/secret", &Options::default());
    assert_eq!(endpoint.unwrap().place(), "https://rpc.example");
}
