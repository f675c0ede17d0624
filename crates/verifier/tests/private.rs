//! `seed-verify --chain` on an image in a private registry, with the login where people have it.

mod common;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Output},
};

use common::World;
use seed_testkit::{
    liar::{Liar, Lie, Told},
    registry::LocalRegistry,
};
use serde_json::json;

impl World {
    /// Verifies with the Docker configuration of this folder, and helpers in it.
    fn verify_at_home(&self, image: &str) -> Output {
        let arguments = ["--chain", "--deep", "--policy", "policy.toml", image];
        let mut command = self.command(&arguments);
        command.env("DOCKER_CONFIG", self.folder.path());
        command.env(
            "PATH",
            format!("{}:/usr/bin:/bin", self.folder.path().display()),
        );
        tokio::task::block_in_place(|| command.output().unwrap())
    }

    /// Puts a credential helper there. Written by another process, so that no descriptor of ours keeps it from being run.
    fn helper(&self, name: &str, script: &str) {
        let (draft, program) = (self.path("draft"), self.path(name));
        fs::write(&draft, format!("#!/bin/sh\n{script}\n")).unwrap();
        let copied = Command::new("cp")
            .arg(&draft)
            .arg(&program)
            .status()
            .unwrap();
        assert!(copied.success());
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_helper_opens_a_private_registry_and_its_failure_is_no_verdict() {
    let registry = LocalRegistry::start().unwrap();
    let world = World::start_at(&format!("{}/acme/app", registry.host())).await;
    let liar = Liar::start(&registry.url(), 1).await.unwrap();
    liar.tell(Lie::WantsToken);
    let image = format!(
        "{}/acme/app@{}",
        liar.host(),
        world.second.images.manifest(1)
    );
    let config = json!({"credHelpers": {liar.host(): "test"}});
    fs::write(world.path("config.json"), config.to_string()).unwrap();

    let absent = world.verify_at_home(&image);
    let errors = String::from_utf8_lossy(&absent.stderr).into_owned();
    assert_eq!(absent.status.code(), Some(3), "{errors}");
    assert!(
        errors.contains("error[image-missing]")
            && errors.contains("docker-credential-test is not installed")
    );

    world.helper(
        "docker-credential-test",
        "echo hunter2; echo hunter2 >&2; exit 1",
    );
    let failing = world.verify_at_home(&image);
    let errors = String::from_utf8_lossy(&failing.stderr).into_owned();
    assert_eq!(failing.status.code(), Some(3), "{errors}");
    assert!(
        errors.contains("docker-credential-test failed") && !errors.contains("hunter2"),
        "{errors}"
    );
    assert!(!String::from_utf8_lossy(&failing.stdout).contains("hunter2"));

    let says = r#"printf '{"ServerURL":"%s","Username":"u","Secret":"p"}' "$(cat)""#;
    world.helper("docker-credential-test", says);
    let good = world.verify_at_home(&image);
    assert_eq!(good.status.code(), Some(0), "{good:?}");
    let logins = liar.seen().into_iter().filter(|seen| {
        let login = seen.authorization.as_deref();
        login.is_some_and(|login| login.starts_with("Basic "))
    });
    let targets: Vec<_> = logins.map(|seen| seen.target).collect();
    assert!(!targets.is_empty());
    assert!(
        targets.iter().all(|target| target.starts_with("/token?")),
        "{targets:?}"
    );
}

/// Where podman keeps logins, and where an operator says that one more host may see them.
#[tokio::test(flavor = "multi_thread")]
async fn podman_s_login_opens_a_private_registry_and_its_token_service_has_to_be_named() {
    let registry = LocalRegistry::start().unwrap();
    let world = World::start_at(&format!("{}/acme/app", registry.host())).await;
    let (front, service) = (
        Liar::start(&registry.url(), 1).await.unwrap(),
        Liar::start(&registry.url(), 2).await.unwrap(),
    );
    service.tell(Lie::WantsToken);
    let image = format!(
        "{}/acme/app@{}",
        front.host(),
        world.second.images.manifest(1)
    );
    // `u:p`, as `podman login` writes it.
    let login = json!({"auths": {front.host(): {"auth": "dTpw"}}}).to_string();
    fs::create_dir_all(world.path("run/containers")).unwrap();
    fs::create_dir_all(world.path(".config/containers")).unwrap();
    let (running, kept) = ("run/containers/auth.json", ".config/containers/auth.json");
    let verify = |services: &[&str]| {
        let mut arguments = vec!["--chain", "--policy", "policy.toml"];
        arguments.extend(services.iter().flat_map(|one| ["--token-service", one]));
        arguments.push(&image);
        let mut command = world.command(&arguments);
        command.env("XDG_RUNTIME_DIR", world.path("run"));
        tokio::task::block_in_place(|| command.output().unwrap())
    };
    let shown = |liar: &Liar| {
        let seen = liar.seen().into_iter();
        seen.filter(|seen| seen.authorization.as_deref() == Some("Basic dTpw"))
            .count()
    };
    for file in [running, kept] {
        front.start_over(1);
        front.tell(Lie::WantsToken);
        fs::write(world.path(file), &login).unwrap();
        let output = verify(&[]);
        assert_eq!(output.status.code(), Some(0), "{file}: {output:?}");
        assert!(shown(&front) > 0, "{file}");
        fs::remove_file(world.path(file)).unwrap();
    }

    // A token service on another port is a stranger until it is named for this registry.
    fs::write(world.path(running), &login).unwrap();
    let other = format!("{}={}", registry.host(), service.host());
    let named = format!("{}={}", front.host(), service.host());
    for (services, exit) in [(&[][..], 3), (&[&other[..]], 3), (&[&named[..]], 0)] {
        front.start_over(1);
        front.tell(Told::from(Lie::Challenge(format!("{}/token", service.url()))).to_request(1));
        let before = shown(&service);
        let output = verify(services);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "{services:?}: {errors}");
        assert_eq!(shown(&service) > before, exit == 0, "{services:?}");
        assert_eq!(errors.contains("configured for it"), exit != 0, "{errors}");
    }
    for bad in ["registry.example", "registry.example=https://a.example"] {
        assert_eq!(verify(&[bad]).status.code(), Some(2), "{bad}");
    }
    // A file that cannot be read as one is a wrong question, and never "no login".
    fs::write(world.path(running), "{\"auths\":").unwrap();
    assert_eq!(verify(&[]).status.code(), Some(2));
}
