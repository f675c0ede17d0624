//! What registries, token services and credential helpers answer.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use seed_oci::{Credentials, Host, Login, Options, Place, Repository};
use seed_primitives::Digest;
use serde_json::Value;

use crate::{
    json,
    loopback::{self, Reply, Request},
};

const SECRET: &str = "hunter2";
const KIND: &str = "application/vnd.example";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &[u8] = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.example"},"layers":[]}"#;

fn repository(credentials: Credentials) -> Repository {
    let place = Place::Registry {
        host: loopback::address().parse().expect("a host"),
        repository: "acme/app".parse().expect("a repository"),
    };
    let options = Options {
        credentials,
        attempts: 1,
        ..Options::default()
    };
    Repository::open(&place, &options).expect("a client")
}

fn login() -> Credentials {
    let host: Host = loopback::address().parse().expect("a host");
    let login = Login {
        user: "u".to_owned(),
        password: SECRET.to_owned(),
    };
    Credentials::default().with(&host, login)
}

/// A registry that wants to see `challenge` answered, with a token service that says `token`.
fn guarded(challenge: Vec<u8>, token: Vec<u8>) -> impl Fn(&Request) -> Reply {
    move |request| match (&request.authorization, request.target.starts_with("/v2/")) {
        (Some(_), true) => Reply::of("application/vnd.oci.image.manifest.v1+json", MANIFEST),
        (None, true) => Reply {
            status: 401,
            headers: vec![("www-authenticate", challenge.clone())],
            body: Vec::new(),
        },
        (_, false) => Reply::of("application/json", &token),
    }
}

/// Fetches the manifest: whether it came, and what was asked for it. No secret is in an address or an error.
fn fetch(credentials: Credentials, challenge: Vec<u8>, token: Vec<u8>) -> (bool, Vec<Request>) {
    let repository = repository(credentials);
    let digest = Digest::of(MANIFEST);
    let (got, asked) = loopback::ask(guarded(challenge, token), repository.manifest(&digest));
    if let Err(error) = &got {
        let text = format!("{error} {error:?}");
        assert!(!text.contains(SECRET), "{text}");
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
    for one in &asked {
        assert!(!one.target.contains(SECRET), "{}", one.target);
        // Identity tokens are in the bodies of questions to token services, and in no others.
        assert!(one.body.is_empty() || !one.target.starts_with("/v2/acme/app/manifests"));
    }
    assert!(asked.len() <= 4, "{} requests", asked.len());
    (got.is_ok(), asked)
}

/// The input with `HOME` for the address of the server.
fn at_home(bytes: &[u8]) -> Vec<u8> {
    let home = loopback::address();
    let mut text = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(4).position(|word| word == b"HOME") {
        text.extend_from_slice(&rest[..at]);
        text.extend_from_slice(home.as_bytes());
        rest = &rest[at + 4..];
    }
    text.extend_from_slice(rest);
    text
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// `WWW-Authenticate`: a login is shown to the registry only where it asks for one, and to a token service only at the
/// address that the challenge names.
pub(crate) fn challenge(bytes: &[u8]) -> bool {
    let mut header = at_home(bytes);
    // What no header can have is not sent.
    header.retain(|byte| !b"\r\n\0".contains(byte));
    let (got, asked) = fetch(login(), header.clone(), br#"{"token":"t"}"#.to_vec());
    let text = String::from_utf8_lossy(&header).to_ascii_lowercase();
    let says = |word: &str| text.trim_start().starts_with(word);
    for request in asked {
        let Some(shown) = request.authorization else {
            continue;
        };
        let registry = request.target.starts_with("/v2/acme/app/");
        if shown == basic("u", SECRET) && registry {
            // A token service may be a path of the registry, but is asked for a token.
            let token = request.target.contains("scope=");
            assert!(token || says("basic"), "{text}");
        } else if shown == basic("u", SECRET) {
            assert!(
                says("bearer") && text.contains(&loopback::address()),
                "{text}"
            );
        } else {
            assert_eq!(shown, "Bearer t");
            assert!(says("bearer"), "{text}");
        }
    }
    got
}

/// What a token service says: what is shown to the registry is a token that is in it, and nothing that ends a header.
pub(crate) fn token(bytes: &[u8]) -> bool {
    let header = at_home(b"Bearer realm=\"http://HOME/token\",service=\"s\"");
    let (got, asked) = fetch(login(), header, bytes.to_vec());
    let shown = |one: &&Request| one.target.starts_with("/v2/") && one.authorization.is_some();
    for request in asked.iter().filter(shown) {
        let shown = request.authorization.as_deref().unwrap_or_default();
        let token = shown.strip_prefix("Bearer ").expect("a token");
        let Some(said) = json::whole(bytes) else {
            return true;
        };
        assert!(said["token"] == token || said["access_token"] == token);
        assert!(token.bytes().all(|byte| byte.is_ascii_graphic()));
    }
    got
}

/// `config.json` of Docker: a login is shown only to a host that it is listed for, and never printed. No helper is run.
pub(crate) fn docker_config(bytes: &[u8]) -> bool {
    let text = at_home(bytes);
    let Ok(credentials) = from_file(&text) else {
        return false;
    };
    let nowhere = loopback::folder(Path::to_path_buf).join("nowhere");
    let said = json::whole(&text);
    let credentials = credentials.with_helpers_in(vec![nowhere]);
    let (got, asked) = fetch(credentials, b"Basic".to_vec(), Vec::new());
    let shown = asked.iter().any(|request| request.authorization.is_some());
    if let Some(said) = said.filter(|_| shown) {
        let home = loopback::address();
        let host = |key: &String| {
            let bare = key.rsplit("://").next().unwrap_or_default();
            bare.split('/').next() == Some(home.as_str())
        };
        let listed = said["auths"].as_object().expect("logins");
        assert!(listed.keys().any(host), "{listed:?}");
    }
    got
}

fn from_file(text: &[u8]) -> Result<Credentials, seed_oci::Error> {
    loopback::folder(|folder| {
        let file = folder.join("config.json");
        fs::write(&file, text).expect("a file");
        let read = Credentials::from_docker_config(&file);
        let shown = format!("{read:?}");
        assert!(!shown.contains(SECRET), "{shown}");
        read
    })
}

/// What a credential helper prints: what is shown to the registry is what it said, and never an identity token.
pub(crate) fn helper(bytes: &[u8]) -> bool {
    let folder = loopback::folder(|folder| {
        let program = folder.join("docker-credential-fuzz");
        if !program.exists() {
            let text = format!("#!/bin/sh\nexec cat '{}/answer'\n", folder.display());
            fs::write(&program, text).expect("a file");
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(&program, mode).expect("a program");
        }
        fs::write(folder.join("answer"), bytes).expect("a file");
        folder.to_owned()
    });
    let credentials = from_file(br#"{"credsStore":"fuzz"}"#).expect("a configuration");
    let credentials = credentials.with_helpers_in(vec![folder]);
    let (got, asked) = fetch(credentials, b"Basic".to_vec(), Vec::new());
    for shown in asked.iter().filter_map(|one| one.authorization.as_ref()) {
        let Some(said) = json::whole(bytes) else {
            return true;
        };
        let part = |name: &str| said[name].as_str().expect("a text").to_owned();
        assert_ne!(part("Username"), "<token>");
        assert_eq!(*shown, basic(&part("Username"), &part("Secret")));
    }
    got
}

/// A list of referrers: what is taken from it is in it, of the type that was asked for, and not more than that.
pub(crate) fn referrers(bytes: &[u8]) -> bool {
    let body = bytes.to_vec();
    let answer = move |_: &Request| Reply::of(INDEX, &body);
    let (repository, subject) = (repository(Credentials::default()), Digest::of(b"subject"));
    let (found, _) = loopback::ask(answer, repository.referrers(&subject, Some(KIND), 3));
    let Ok(found) = found else {
        return false;
    };
    let Some(said) = json::whole(bytes) else {
        return true;
    };
    let listed = said["manifests"].as_array().expect("a list");
    assert!(found.descriptors.len() <= 3);
    for one in &found.descriptors {
        let same = |other: &Value| {
            other["digest"] == one.digest.to_string()
                && other["size"] == one.size
                && other["artifactType"] == KIND
        };
        assert!(listed.iter().any(same), "{one:?}");
    }
    let wanted = listed.iter().filter(|one| one["artifactType"] == KIND);
    let wanted = wanted.count();
    assert!(found.descriptors.len() == wanted || (found.truncated && wanted > 3));
    true
}

/// A list of tags: what is taken from it is in it, begins as it was asked for, and is not more than that.
pub(crate) fn tags(bytes: &[u8]) -> bool {
    let body = bytes.to_vec();
    let answer = move |_: &Request| Reply::of("application/json", &body);
    let repository = repository(Credentials::default());
    let (found, _) = loopback::ask(answer, repository.tags("v", 3));
    let Ok(found) = found else {
        return false;
    };
    let Some(said) = json::whole(bytes) else {
        return true;
    };
    assert!(found.tags.len() <= 3);
    for tag in &found.tags {
        let text = tag.to_string();
        assert!(text.starts_with('v'));
        let listed = said["tags"].as_array().expect("a list");
        assert!(listed.iter().any(|one| *one == text), "{text}");
    }
    true
}

/// The error of a registry: it is passed on as one line without control characters, and never taken for an answer. The
/// first byte chooses the status.
pub(crate) fn refusal(bytes: &[u8]) -> bool {
    let Some((first, body)) = bytes.split_first() else {
        return false;
    };
    let status = [400, 403, 404, 405, 410, 418, 429, 500, 503][usize::from(*first) % 9];
    let body = body.to_vec();
    let answer = move |_: &Request| Reply {
        status,
        ..Reply::of("application/json", &body)
    };
    let (repository, digest) = (repository(Credentials::default()), Digest::of(MANIFEST));
    let (got, _) = loopback::ask(answer, repository.manifest(&digest));
    let error = got.expect_err("no error is an answer");
    let text = error.to_string();
    assert!(!text.chars().any(char::is_control), "{text:?}");
    assert!(text.len() < 4096, "{} bytes", text.len());
    error.is_not_found()
}
