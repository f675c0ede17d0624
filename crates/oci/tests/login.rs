//! Logins as people keep them, at real registries: helpers, identity tokens, and a token service of its own.

mod common;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    http::{StatusCode, header::AUTHORIZATION},
    response::{IntoResponse as _, Response},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use common::{at_with, hasty, push_image};
use seed_oci::{Credentials, Fault, Options, Repository};
use seed_testkit::registry::{LocalRegistry, REGISTRY_PASSWORD, REGISTRY_USER, TOKEN_SERVICE};
use serde_json::{Value, json};

/// A folder with a Docker configuration and credential helpers, and what those wrote down.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new(config: &Value) -> Self {
        let home = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::write(home.path("config.json"), config.to_string()).unwrap();
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A helper that notes when it is asked, and for what, and then does as `script` says.
    fn helper(&self, name: &str, script: &str) -> &Self {
        let path = self.path(&format!("docker-credential-{name}"));
        let log = self.path("log");
        let text = format!(
            "#!/bin/sh\nserver=$(cat)\necho \"{name} $1 $server\" >>'{}'\n{script}\n",
            log.display()
        );
        write_program(&path, &text);
        self
    }

    fn log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn options(&self) -> Options {
        let credentials = Credentials::from_docker_config(&self.path("config.json")).unwrap();
        Options {
            credentials: credentials.with_helpers_in(vec![self.folder.path().to_owned()]),
            timeout: Duration::from_secs(20),
            ..hasty()
        }
    }

    fn at(&self, host: &str) -> Repository {
        at_with(host, "acme/app", &self.options())
    }
}

fn says(user: &str, secret: &str) -> String {
    format!(r#"echo '{{"ServerURL":"x","Username":"{user}","Secret":"{secret}"}}'"#)
}

/// Written by another process: a descriptor of ours that a child of another test inherits would keep the program from
/// being run.
fn write_program(path: &Path, text: &str) {
    let draft = path.with_extension("draft");
    fs::write(&draft, text).unwrap();
    let copied = Command::new("cp").arg(&draft).arg(path).status().unwrap();
    assert!(copied.success());
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

const NONE: &str = "echo credentials not found in native keychain; exit 1";

fn auth() -> String {
    STANDARD.encode(format!("{REGISTRY_USER}:{REGISTRY_PASSWORD}"))
}

#[tokio::test]
async fn a_helper_opens_a_private_registry_and_is_asked_once() {
    let registry = LocalRegistry::start_with_login().unwrap();
    let host = registry.host();
    let home = Home::new(&json!({"credHelpers": {&host: "one"}}));
    home.helper("one", &says(REGISTRY_USER, REGISTRY_PASSWORD));
    let images = home.at(&host);
    let (image, _) = push_image(&images, "a", &["v1"]).await;
    assert_eq!(images.manifest(&image).await.unwrap().digest(), image);
    assert_eq!(home.log(), [format!("one get {host}")]);
}

#[tokio::test]
async fn a_registry_that_wants_no_login_is_shown_none_and_no_helper_is_run() {
    let registry = LocalRegistry::start().unwrap();
    let home = Home::new(&json!({"credsStore": "one"}));
    home.helper("one", &says("u", "p"));
    push_image(&home.at(&registry.host()), "a", &["v1"]).await;
    assert!(home.log().is_empty());
}

#[tokio::test]
async fn the_helper_of_the_host_comes_before_the_general_one_and_both_before_the_file() {
    let registry = LocalRegistry::start_with_login().unwrap();
    let host = registry.host();
    let good = says(REGISTRY_USER, REGISTRY_PASSWORD);
    let bad = says("x", "y");
    let config = json!({
        "auths": {&host: {"auth": auth()}},
        "credsStore": "two",
        "credHelpers": {&host: "one", "other.example": "three"},
    });
    let try_with = async |one: &str, two: &str| {
        let home = Home::new(&config);
        home.helper("one", one)
            .helper("two", two)
            .helper("three", "exit 9");
        let result = home.at(&host).push_blob("x").await;
        let asked: Vec<_> = home.log().iter().map(|line| line[..3].to_owned()).collect();
        (result.map_err(|error| error.code()).err(), asked.join(" "))
    };
    let denied = Some("registry-denied");
    assert_eq!(try_with(&good, &bad).await, (None, "one".into()));
    assert_eq!(try_with(&bad, &good).await, (denied, "one".into()));
    assert_eq!(try_with(NONE, &good).await, (None, "one two".into()));
    assert_eq!(try_with(NONE, &bad).await, (denied, "one two".into()));
    assert_eq!(try_with(NONE, NONE).await, (None, "one two".into()));
    // One that fails is not passed over: what it would have said is not known.
    let failed = Some("credential-helper");
    assert_eq!(try_with("exit 1", &good).await, (failed, "one".into()));
}

#[tokio::test]
async fn a_helper_that_hangs_is_ended_with_the_request() {
    let registry = LocalRegistry::start_with_login().unwrap();
    let home = Home::new(&json!({"credsStore": "slow"}));
    let pid = home.path("pid");
    home.helper(
        "slow",
        &format!("echo $$ >'{}'; exec sleep 1000", pid.display()),
    );
    let options = Options {
        timeout: Duration::from_secs(2),
        ..home.options()
    };
    let images = at_with(&registry.host(), "acme/app", &options);
    let error = images.push_blob("x").await.unwrap_err();
    assert_eq!(error.fault(), Fault::Unavailable, "{error}");
    let process = Path::new("/proc").join(fs::read_to_string(pid).unwrap().trim());
    let deadline = Instant::now() + Duration::from_secs(20);
    while process.join("exe").exists() && Instant::now() < deadline {
        tokio::task::yield_now().await;
    }
    assert!(!process.join("exe").exists(), "the helper is still running");
}

/// A token service beside a registry: gives tokens that the registry accepts, for the login or the identity token.
struct TokenService {
    folder: tempfile::TempDir,
    host: String,
    seen: Seen,
}

type Seen = Arc<Mutex<Vec<(String, String)>>>;

const IDENTITY: &str = "an identity token";

impl TokenService {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = openssl(
            folder.path(),
            &[
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-days", "2",
                "-keyout", "key.pem", "-out", "cert.pem",
            ],
        );
        assert!(made.is_some());
        let seen = Seen::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let state = (folder.path().to_owned(), Arc::clone(&seen));
        let app = Router::new().fallback(answer).with_state(state);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { folder, host, seen }
    }

    fn registry(&self) -> LocalRegistry {
        let realm = format!("http://{}/token", self.host);
        LocalRegistry::start_with_token_service(&realm, &self.folder.path().join("cert.pem"))
            .unwrap()
    }

    fn seen(&self) -> Vec<(String, String)> {
        self.seen.lock().unwrap().clone()
    }
}

fn openssl(folder: &Path, arguments: &[&str]) -> Option<Vec<u8>> {
    let output = Command::new("openssl")
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap();
    output.status.success().then_some(output.stdout)
}

async fn answer(State((folder, seen)): State<(PathBuf, Seen)>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 16).await.unwrap();
    let login = parts
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let form = String::from_utf8(body.to_vec()).unwrap();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let shown = if form.is_empty() {
        login.to_owned()
    } else {
        form.clone()
    };
    seen.lock()
        .unwrap()
        .push((format!("{} {}", parts.method, parts.uri), shown));
    let allowed = match parts.method.as_str() {
        "GET" => login == format!("Basic {}", auth()),
        "POST" => form.contains("grant_type=refresh_token&refresh_token=an+identity+token&"),
        _ => false,
    };
    if !allowed {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let actions = match format!("{query}{form}").contains("pull%2Cpush") {
        true => json!(["pull", "push"]),
        false => json!(["pull"]),
    };
    json!({"access_token": token(&folder, &actions)})
        .to_string()
        .into_response()
}

/// A token as the registry's own documentation has it, signed with the service's key.
fn token(folder: &Path, actions: &Value) -> String {
    let der = openssl(folder, &["x509", "-in", "cert.pem", "-outform", "DER"]).unwrap();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let head = json!({"typ": "JWT", "alg": "RS256", "x5c": [STANDARD.encode(der)]});
    let claims = json!({
        "iss": TOKEN_SERVICE, "aud": TOKEN_SERVICE, "sub": "tester", "jti": "1", "nbf": now - 60, "iat": now - 60, "exp": now + 600,
        "access": [{"type": "repository", "name": "acme/app", "actions": actions}],
    });
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encoded(&head), encoded(&claims));
    let file = tempfile::NamedTempFile::new_in(folder).unwrap();
    fs::write(file.path(), &signed).unwrap();
    let name = file.path().to_string_lossy();
    let signature = openssl(folder, &["dgst", "-sha256", "-sign", "key.pem", &name]).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn with_tokens_of(service: &TokenService, registry: &LocalRegistry, options: Options) -> Options {
    Options {
        token_hosts: [(registry.host(), service.host.clone())].into(),
        ..options
    }
}

#[tokio::test]
async fn a_real_registry_takes_the_tokens_of_its_service_for_logins_and_identity_tokens() {
    let service = TokenService::start().await;
    let registry = service.registry();
    let host = registry.host();
    let identity = says("<token>", IDENTITY);
    let configs = [
        json!({"auths": {&host: {"auth": auth()}}}),
        json!({"auths": {&host: {"auth": "dTo=", "identitytoken": IDENTITY}}}),
        json!({"credHelpers": {&host: "one"}}),
    ];
    for config in configs {
        let home = Home::new(&config);
        home.helper("one", &identity);
        let options = with_tokens_of(&service, &registry, home.options());
        let images = at_with(&host, "acme/app", &options);
        let (image, _) = push_image(&images, "a", &["v1"]).await;
        // Another client, which only pulls, asks for a token to pull.
        let images = at_with(&host, "acme/app", &options);
        assert_eq!(images.manifest(&image).await.unwrap().digest(), image);
    }
    let seen = service.seen();
    // To look, to push and to pull, for each.
    assert_eq!(seen.len(), 9, "{seen:?}");
    for (target, shown) in &seen[3..] {
        assert_eq!(target, "POST /token", "an identity token is in no address");
        assert!(
            shown.contains("service=tokens.test")
                && shown.contains("scope=repository%3Aacme%2Fapp%3Apull")
        );
    }
    assert!(!seen[8].1.contains("push"), "{:?}", seen[8]);
}

#[tokio::test]
async fn a_wrong_identity_token_is_denied_and_never_tried_as_a_password() {
    let service = TokenService::start().await;
    let registry = service.registry();
    let home = Home::new(&json!({"auths": {registry.host(): {"identitytoken": "another"}}}));
    let options = with_tokens_of(&service, &registry, home.options());
    let error = at_with(&registry.host(), "acme/app", &options)
        .push_blob("x")
        .await
        .unwrap_err();
    assert_eq!(error.code(), "registry-denied", "{error}");
    let plain = LocalRegistry::start_with_login().unwrap();
    let home = Home::new(&json!({"auths": {plain.host(): {"identitytoken": REGISTRY_PASSWORD}}}));
    let error = home.at(&plain.host()).push_blob("x").await.unwrap_err();
    assert_eq!(error.code(), "registry-denied", "{error}");
}

#[tokio::test]
async fn a_token_service_on_another_port_is_asked_only_if_it_is_configured() {
    let service = TokenService::start().await;
    let registry = service.registry();
    let host = registry.host();
    let home = Home::new(&json!({"auths": {&host: {"auth": auth()}}}));
    let elsewhere = Options {
        token_hosts: [
            (host.clone(), "127.0.0.1".to_owned()),
            ("127.0.0.1".to_owned(), service.host.clone()),
        ]
        .into(),
        ..home.options()
    };
    for options in [home.options(), elsewhere] {
        let error = at_with(&host, "acme/app", &options)
            .push_blob("x")
            .await
            .unwrap_err();
        assert_eq!(error.code(), "registry-led-astray", "{error}");
    }
    assert!(service.seen().is_empty());
    let options = with_tokens_of(&service, &registry, home.options());
    at_with(&host, "acme/app", &options)
        .push_blob("x")
        .await
        .unwrap();
}
