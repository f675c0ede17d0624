//! `seed-verify --chain` on an image in a private registry, with the login where people have it.

mod common;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Output},
};

use common::World;
use seed_testkit::{
    liar::{Liar, Lie},
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
