//! Rows of the threat model about files, variables and the process itself, each against the real program.

mod common;
#[path = "common/tls.rs"]
mod tls;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use common::World;
use seed_testkit::{
    liar::{Liar, Lie},
    registry::LocalRegistry,
};
use serde_json::{Value, json};
use tls::{Proxy, write};

/// The answer in JSON without what changes from second to second.
fn answer(output: &Output) -> Value {
    let mut value: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    fn forget(value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.retain(|name, _| !matches!(name.as_str(), "time" | "age" | "asOf"));
                members.values_mut().for_each(forget);
            }
            Value::Array(items) => items.iter_mut().for_each(forget),
            _ => {}
        }
    }
    forget(&mut value);
    value
}

fn wait(mut command: Command) -> Output {
    tokio::task::block_in_place(|| command.output().unwrap())
}

/// `seed-verify`, started by another program that becomes it.
fn started_by(world: &World, starter: &[&str], arguments: &[&str]) -> Command {
    let mut command = Command::new(starter[0]);
    command
        .args(&starter[1..])
        .arg(world.command(&[]).get_program())
        .args(arguments)
        .current_dir(world.folder.path())
        .env_clear()
        .env("HOME", world.folder.path());
    command
}

/// Under limits of the shell: `ulimit FLAG VALUE`.
fn limited(world: &World, limit: &str, arguments: &[&str]) -> Command {
    let script = format!("ulimit {limit} || exit 99; exec \"$0\" \"$@\"");
    started_by(world, &["/bin/sh", "-c", &script], arguments)
}

/// Ending on INT and QUIT, even where these tests run behind a shell's back, which has both ignored.
fn heeding_signals(world: &World, arguments: &[&str]) -> Command {
    let starter = ["/usr/bin/env", "--default-signal=INT,QUIT"];
    started_by(world, &starter, arguments)
}

/// Ended from outside at any moment, or out of memory, files, processor or disk: the exit code is 0 only beside a whole
/// answer that says so.
#[tokio::test(flavor = "multi_thread")]
async fn par_09_whatever_ends_the_program_early_it_is_not_exit_0() {
    let world = World::start().await;
    let image = world.image("images");
    let arguments = [
        "--chain",
        "--policy",
        "policy.toml",
        "--deep",
        "--output",
        "json",
        &image,
    ];
    let whole = |output: &Output, case: &str| {
        let said = answer(output);
        let code = output.status.code();
        if code == Some(0) {
            assert_eq!(said["result"], "verified", "{case}");
            assert_eq!(
                said["images"][0]["release"]["digest"],
                world.second.images.manifest(1).to_string()
            );
        } else {
            assert_ne!(said["result"], "verified", "{case}: {code:?}");
        }
        code == Some(0)
    };
    // In the order of what they take: from far too little to enough.
    for (limit, values) in [
        (
            "-v",
            &[
                1_000, 8_000, 16_000, 32_000, 64_000, 100_000, 150_000, 200_000, 400_000, 4_000_000,
            ][..],
        ),
        ("-n", &[3, 5, 7, 8, 9, 10, 12, 16, 20, 64, 1024]),
        ("-s", &[64, 256, 8_192]),
        ("-t", &[60]),
    ] {
        let fine: Vec<bool> = values
            .iter()
            .map(|value| {
                let limit = format!("{limit} {value}");
                whole(&wait(limited(&world, &limit, &arguments)), &limit)
            })
            .collect();
        assert_eq!(fine.last(), Some(&true), "{limit}: nothing is enough");
        if fine.len() > 3 {
            assert_eq!(
                fine.first(),
                Some(&false),
                "{limit}: nothing was too little"
            );
        }
    }

    // Killed, at moments all along a run; on a stall it would otherwise wait.
    world.liars[0].tell(Lie::Stall);
    world.liars[1].tell(Lie::Stall);
    for moment in [0, 5, 10, 20, 40, 80, 160, 320] {
        for signal in ["KILL", "TERM", "INT", "ABRT", "QUIT"] {
            let mut command = heeding_signals(&world, &arguments);
            command.stdout(Stdio::piped()).stderr(Stdio::null());
            let child = command.spawn().unwrap();
            tokio::time::sleep(Duration::from_millis(moment)).await;
            let sent = Command::new("kill")
                .arg(format!("-{signal}"))
                .arg(child.id().to_string())
                .status();
            assert!(sent.unwrap().success());
            let output = tokio::task::block_in_place(|| child.wait_with_output().unwrap());
            assert!(!whole(&output, signal), "{signal} after {moment} ms");
            assert_eq!(output.status.code(), None, "{signal} after {moment} ms");
        }
    }
}

/// Everything that some tool reads from where it is started, each with something bad in it.
fn hostile(folder: &Path, canary: &str, registry: &str) {
    let policy = fs::read_to_string(folder.parent().unwrap().join("policy.toml")).unwrap();
    // A policy that would be content with less, and asks the attacker.
    let evil = policy
        .replace("agree = 2", "agree = 3")
        .replace("require = \"proof\"", "require = \"quorum\"");
    let docker = json!({
        "auths": {registry: {"auth": "dXNlcjpmcm9tLWN3ZA=="}},
        "credsStore": "evil",
        "credHelpers": {registry: "evil"},
        "proxies": {"default": {"httpProxy": canary, "httpsProxy": canary}},
    });
    let curl = format!("proxy = {canary}\ninsecure\n");
    for (name, text) in [
        ("policy.toml", evil.as_str()),
        ("nix-seed/policy.toml", &evil),
        ("etc/nix-seed/policy.toml", &evil),
        (".config/nix-seed/policy.toml", &evil),
        (".seedrc", &evil),
        ("seed-verify.toml", &evil),
        (
            ".env",
            &format!("HTTPS_PROXY={canary}\nSEED_POLICY=policy.toml\nSSL_CERT_FILE=ca.pem\n"),
        ),
        (".netrc", "default login user password from-cwd\n"),
        ("_netrc", "default login user password from-cwd\n"),
        (".curlrc", &curl),
        ("nix.conf", "substituters = http://127.0.0.1:1\n"),
        (".docker/config.json", &docker.to_string()),
        ("config.json", &docker.to_string()),
        (".dockercfg", &docker["auths"].to_string()),
        ("auth.json", &docker.to_string()),
        ("containers/auth.json", &docker.to_string()),
        (".config/containers/auth.json", &docker.to_string()),
        ("registries.conf", "[[registry]]\ninsecure = true\n"),
        (
            "containers/registries.conf",
            "[[registry]]\ninsecure = true\n",
        ),
        ("ca.pem", "not a certificate"),
        ("etc/hosts", "127.0.0.1 registry.example\n"),
        ("resolv.conf", "nameserver 127.0.0.1\n"),
        ("locator.json", "{}"),
        ("app.bundle.json", "{}"),
        ("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}"),
        ("index.json", "{\"schemaVersion\":2,\"manifests\":[]}"),
        ("high-water/x.json", "{}"),
    ] {
        write(folder, name, text);
    }
    for name in ["docker-credential-evil", "docker-credential-desktop"] {
        write(
            folder,
            name,
            "#!/bin/sh\ntouch helper-was-run\necho '{\"Username\":\"user\",\"Secret\":\"from-cwd\"}'\n",
        );
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// Started in a folder full of files that other tools would read, nothing of them is used: not a login, not a helper, not
/// a proxy, not a policy; the answer is the one from anywhere else.
#[tokio::test(flavor = "multi_thread")]
async fn par_16_nothing_in_the_working_directory_is_read() {
    let registry = LocalRegistry::start().unwrap();
    let world = World::start_at(&format!("{}/acme/app", registry.host())).await;
    let front = Liar::start(&registry.url(), 1).await.unwrap();
    let canary = Proxy::to(&[]).await;
    let image = format!(
        "{}/acme/app@{}",
        front.host(),
        world.second.images.manifest(1)
    );
    let folder = world.path("hostile");
    fs::create_dir(&folder).unwrap();
    hostile(&folder, &canary.url(), &front.host());
    let before = names(&folder);
    let policy = world.path("policy.toml").display().to_string();
    let run = |place: &Path, policy: &str| {
        let mut command =
            world.command(&["--chain", "--policy", policy, "--output", "json", &image]);
        command.current_dir(place);
        // As for a person who has no configuration; of PATH the folders that are no absolute ones are hostile too.
        command
            .env("HOME", world.path("nobody"))
            .env("PATH", ".::/usr/bin:/bin");
        wait(command)
    };
    let (elsewhere, here) = (run(&world.path("."), &policy), run(&folder, &policy));
    assert_eq!(here.status.code(), Some(0), "{here:?}");
    assert_eq!(answer(&here), answer(&elsewhere));

    // Where the registry wants a login there is none to be had, and none of these files' is shown to it.
    front.tell(Lie::WantsToken);
    let seen = front.seen().len();
    assert_eq!(
        answer(&run(&folder, &policy)),
        answer(&run(&world.path("."), &policy))
    );
    let shown: Vec<_> = front.seen()[seen..]
        .iter()
        .filter_map(|seen| seen.authorization.clone())
        .collect();
    assert!(
        shown.iter().all(|shown| shown.starts_with("Bearer ")),
        "{shown:?}"
    );
    front.be_honest();
    front.tell(Lie::Status(401));
    let denied = run(&folder, &policy);
    assert_eq!(denied.status.code(), Some(3));
    assert_eq!(
        answer(&denied)["images"][0]["error"]["code"],
        "image-missing"
    );

    // Without a policy named, none of those here is taken.
    let mut command = world.command(&["--chain", "--output", "json", &image]);
    command.current_dir(&folder);
    assert_eq!(wait(command).status.code(), Some(2));
    assert_eq!(canary.seen(), [""; 0]);
    assert_eq!(names(&folder), before, "something was run or written");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Variables that this program or anything it is made of reads, and those that other tools of the kind do. Proxies,
/// authorities, logins and the terminal may come from there; a different answer about an image may not.
#[tokio::test(flavor = "multi_thread")]
async fn par_17_no_variable_changes_what_is_believed() {
    let registry = LocalRegistry::start().unwrap();
    let world = World::start_at(&format!("{}/acme/app", registry.host())).await;
    let canary = Proxy::to(&[]).await;
    let image = format!(
        "{}/acme/app@{}",
        registry.host(),
        world.second.images.manifest(1)
    );
    let strange = format!("oci:nowhere@{}", world.second.images.manifest(1));
    let policy = world.path("policy.toml").display().to_string();
    let folder = world.path("hostile");
    fs::create_dir(&folder).unwrap();
    hostile(&folder, &canary.url(), &registry.host());
    let place = folder.display().to_string();
    let (evil, proxy, url) = (
        format!("{place}/policy.toml"),
        canary.url(),
        world.liars[0].url(),
    );
    let variables: Vec<(&str, &str)> = [
        ("HTTP_PROXY", proxy.as_str()),
        ("http_proxy", &proxy),
        ("HTTPS_PROXY", &proxy),
        ("https_proxy", &proxy),
        ("ALL_PROXY", &proxy),
        ("all_proxy", &proxy),
        ("NO_PROXY", ""),
        ("no_proxy", ""),
        ("REQUEST_METHOD", "GET"),
        ("SSL_CERT_FILE", "/dev/null"),
        ("SSL_CERT_DIR", &place),
        ("SSLKEYLOGFILE", "keys"),
        ("TMPDIR", "/nowhere"),
        ("XDG_CONFIG_HOME", &place),
        ("XDG_DATA_HOME", &place),
        ("XDG_STATE_HOME", &place),
        ("NETRC", ".netrc"),
        ("CURL_HOME", &place),
        ("NIX_CONF_DIR", &place),
        ("NIX_CONFIG", "substituters = http://127.0.0.1:1"),
        ("SEED_POLICY", &evil),
        ("SEED_VERIFY_POLICY", &evil),
        ("NIX_SEED_POLICY", &evil),
        ("NIX_SEED_STATE", &place),
        ("ETH_RPC_URL", &url),
        ("RPC_URL", &url),
        ("FOUNDRY_ETH_RPC_URL", &url),
        ("CHAIN", "1"),
        ("SEED_LEDGER", "0x0000000000000000000000000000000000000001"),
        ("COSIGN_EXPERIMENTAL", "1"),
        ("DOCKER_HOST", &proxy),
        ("CONTAINERS_REGISTRIES_CONF", &evil),
        ("CONTAINERS_POLICY", &evil),
        ("SOURCE_DATE_EPOCH", "0"),
        ("FAKETIME", "-1d"),
        ("TZ", "America/Los_Angeles"),
        ("LANG", "tr_TR.UTF-8"),
        ("LC_ALL", "tr_TR.UTF-8"),
        ("RUST_LOG", "trace"),
        ("RUST_BACKTRACE", "full"),
        ("RUST_MIN_STACK", "1000000"),
        ("TOKIO_WORKER_THREADS", "1"),
        ("CLICOLOR_FORCE", "1"),
        ("NO_COLOR", "1"),
        ("TERM", "xterm"),
        ("COLUMNS", "1"),
        ("MALLOC_PERTURB_", "165"),
    ]
    .into();
    let run = |image: &str, set: &[(&str, &str)]| {
        let mut command =
            world.command(&["--chain", "--policy", &policy, "--output", "json", image]);
        command.envs(set.iter().copied());
        wait(command)
    };
    let (good, bad) = (run(&image, &[]), run(&strange, &[]));
    assert_eq!((good.status.code(), bad.status.code()), (Some(0), Some(3)));
    for one in &variables {
        let (name, _) = one;
        let (now, never) = (run(&image, &[*one]), run(&strange, &[*one]));
        assert_eq!(answer(&now), answer(&good), "{name}");
        assert_eq!(answer(&never), answer(&bad), "{name}");
        // Nor does any add a word: what a registry or an endpoint is told stays off the terminal.
        assert_eq!(now.stderr, good.stderr, "{name}");
    }
    let all = run(&image, &variables);
    assert_eq!(answer(&all), answer(&good));
    assert_eq!(run(&strange, &variables).status.code(), Some(3));
    // A proxy has no part in what is on this machine.
    assert_eq!(canary.seen(), [""; 0]);
    // Without a policy named, no variable names one.
    let mut command = world.command(&["--chain", &image]);
    command.envs(variables.iter().copied());
    assert_eq!(wait(command).status.code(), Some(2));
    // Those that name logins are read and, where they are wrong, are a usage error and not "no login".
    for name in ["DOCKER_CONFIG", "REGISTRY_AUTH_FILE"] {
        let file = if name == "DOCKER_CONFIG" {
            "broken"
        } else {
            "broken/config.json"
        };
        write(world.folder.path(), "broken/config.json", "{\"auths\":");
        let broken = world.path(file).display().to_string();
        let output = run(&image, &[(name, &broken)]);
        assert_eq!(output.status.code(), Some(2), "{name}: {output:?}");
    }
}
