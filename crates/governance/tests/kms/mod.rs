//! A small key management service: the two questions of AWS KMS that a signer asks, over real HTTP on loopback, answered
//! with a real key, in the manner asked for.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use k256::ecdsa::{Signature, SigningKey, signature::hazmat::PrehashSigner as _};
use serde_json::{Value, json};
use tokio::{net::TcpListener, runtime::Runtime};

/// SubjectPublicKeyInfo (RFC 5480) of an uncompressed point on secp256k1, before the point.
const SPKI: [u8; 23] = [
    0x30, 0x56, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x0a, 0x03, 0x42, 0x00,
];

/// How the service answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Manner {
    /// As it should, with `s` in the lower half.
    Honest,
    /// As it may: with `s` in the upper half.
    HighS,
    /// It names this account's key and signs with another.
    OtherKey,
    /// It signs another digest than was asked for.
    OtherDigest,
    /// It names another key.
    OtherAccount,
    /// Signatures are not DER.
    BadSignature,
    /// Signatures are DER, of zeros.
    ZeroSignature,
    /// Signatures have bytes after their end.
    LongSignature,
    /// There is no signature in the answer.
    NoSignature,
    /// Public keys are cut short.
    BadPublicKey,
    /// Whoever asks may not sign.
    Denied,
    /// It fails.
    Broken,
    /// It answers with something else.
    NotJson,
    /// It never answers.
    Stalled,
    /// Its answers never end.
    Endless,
}

/// The running service; it ends with the value.
pub(crate) struct Kms {
    pub(crate) url: String,
    runtime: Option<Runtime>,
}

struct Service {
    key: SigningKey,
    other: SigningKey,
    manner: Manner,
}

impl Kms {
    /// Starts the service with this private key.
    pub(crate) fn start(key: &[u8], manner: Manner) -> Self {
        let service = Arc::new(Service {
            key: SigningKey::from_slice(key).unwrap(),
            other: SigningKey::from_slice(&[0x5e; 32]).unwrap(),
            manner,
        });
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/", post(answer)).with_state(service);
        runtime.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            runtime: Some(runtime),
        }
    }
}

impl Drop for Kms {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn answer(State(service): State<Arc<Service>>, headers: HeaderMap, body: Bytes) -> Response {
    let asked = |name| headers.get(name).map(|value| value.to_str().unwrap());
    assert_eq!(asked("content-type"), Some("application/x-amz-json-1.1"));
    let signed = asked("authorization").unwrap_or_default();
    assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"));
    assert!(
        signed.contains("/eu-central-1/kms/aws4_request"),
        "{signed}"
    );
    let question: Value = serde_json::from_slice(&body).unwrap();
    match asked("x-amz-target") {
        Some("TrentService.GetPublicKey") => public_key(&service, &question),
        Some("TrentService.Sign") => sign(&service, &question).await,
        other => panic!("asked for {other:?}"),
    }
}

fn public_key(service: &Service, question: &Value) -> Response {
    let key = match service.manner {
        Manner::OtherAccount => &service.other,
        _ => &service.key,
    };
    let point = key.verifying_key().to_encoded_point(false);
    let mut info = [&SPKI[..], point.as_bytes()].concat();
    if service.manner == Manner::BadPublicKey {
        info.truncate(60);
    }
    said(json!({
        "KeyId": question["KeyId"],
        "PublicKey": STANDARD.encode(info),
        "KeySpec": "ECC_SECG_P256K1",
        "KeyUsage": "SIGN_VERIFY",
        "SigningAlgorithms": ["ECDSA_SHA_256"],
    }))
}

async fn sign(service: &Service, question: &Value) -> Response {
    assert_eq!(question["MessageType"], "DIGEST");
    assert_eq!(question["SigningAlgorithm"], "ECDSA_SHA_256");
    let mut digest = STANDARD
        .decode(question["Message"].as_str().unwrap())
        .unwrap();
    assert_eq!(digest.len(), 32);
    if service.manner == Manner::OtherDigest {
        digest[31] ^= 1;
    }
    let key = match service.manner {
        Manner::OtherKey => &service.other,
        _ => &service.key,
    };
    let signature: Signature = key.sign_prehash(&digest).unwrap();
    let low = signature.normalize_s().unwrap_or(signature);
    let der = match service.manner {
        Manner::HighS => {
            let (r, s) = low.split_scalars();
            let high = Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap();
            assert!(high.normalize_s().is_some());
            high.to_der().as_bytes().to_vec()
        }
        Manner::BadSignature => low.to_bytes().to_vec(),
        Manner::ZeroSignature => vec![0x30, 6, 2, 1, 0, 2, 1, 0],
        Manner::LongSignature => [low.to_der().as_bytes(), &[0]].concat(),
        Manner::NoSignature => return said(json!({ "KeyId": question["KeyId"] })),
        Manner::Denied => {
            let why = json!({ "__type": "AccessDeniedException", "message": "not\u{1b}[2J you" });
            return (StatusCode::BAD_REQUEST, why.to_string()).into_response();
        }
        Manner::Broken => {
            return (StatusCode::INTERNAL_SERVER_ERROR, "{}").into_response();
        }
        Manner::NotJson => return "<html>".into_response(),
        Manner::Stalled => std::future::pending().await,
        Manner::Endless => {
            let more = Bytes::from_static(&[b' '; 65_536]);
            let stream =
                futures_util::stream::repeat_with(move || Ok::<_, Infallible>(more.clone()));
            return Body::from_stream(stream).into_response();
        }
        _ => low.to_der().as_bytes().to_vec(),
    };
    said(json!({
        "KeyId": question["KeyId"],
        "Signature": STANDARD.encode(der),
        "SigningAlgorithm": "ECDSA_SHA_256",
    }))
}

fn said(answer: Value) -> Response {
    let kind = [("content-type", "application/x-amz-json-1.1")];
    (kind, answer.to_string()).into_response()
}
