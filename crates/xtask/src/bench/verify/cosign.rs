use std::{fs, path::Path};

use eyre::{ensure, eyre};
use seed_oci::{Options, Repository};
use seed_primitives::{Compression, Digest};
use seed_testkit::{liar::Liar, registry::LocalRegistry};
use serde::Serialize;

use crate::{
    closure::closure,
    measure::{Contestant, Row, bare, contest, time},
    world::{Closure, World},
};

const REPOSITORY: &str = "acme/app";
/// Of the image; neither tool reads its layers here.
const BYTES: u64 = 4_000_000;

#[derive(Serialize)]
struct Report {
    cosign: String,
    rounds: usize,
    online: Vec<Row>,
    offline: Vec<Row>,
    requests: Vec<Requests>,
}

/// What one run asked for.
#[derive(Serialize)]
struct Requests {
    name: &'static str,
    registry: usize,
    endpoints: usize,
}

/// One image in one registry, signed by cosign with a key and recorded by three builders, verified by both.
pub(crate) async fn run(
    verify: &Path,
    cosign: &Path,
    rounds: usize,
    json: bool,
) -> eyre::Result<()> {
    let cosign = cosign.canonicalize()?;
    let (world, registry) = (World::start(verify).await?, LocalRegistry::start()?);
    let url = world.chain.url();
    let urls = [url.clone(), format!("{url}/?two"), format!("{url}/?three")];
    world.write_policy("policy.toml", &urls)?;
    let place = format!("{}/{REPOSITORY}", registry.host()).parse()?;
    let repository = Repository::create(&place, &Options::default())?;
    let (paths, applications) = closure(8, BYTES)?;
    let closure = Closure {
        paths,
        applications,
    };
    let pushed = world
        .publish(&repository, &closure, Compression::TarZstd, 1)
        .await?;
    let digest = Digest::of(&pushed.manifest);
    let image = format!("{}/{REPOSITORY}@{digest}", registry.host());
    fs::write(world.path("manifest.json"), &pushed.manifest)?;
    let peer = Peer {
        world: &world,
        cosign: &cosign,
    };
    peer.sign(&image)?;
    world
        .capture(&image, "policy.toml", ["bundle.json", "pinned.toml"])
        .await?;

    let online = [peer.verify(&image), peer.chain("policy.toml", &image)];
    let digest = digest.to_string();
    let offline = [
        peer.verify_offline(),
        peer.ours(&[
            "--bundle",
            "bundle.json",
            "--policy",
            "pinned.toml",
            &digest,
        ]),
        Contestant::new("true", world.folder.path(), Path::new("/bin/true"), &[]),
    ];
    let report = Report {
        cosign: peer.version()?,
        rounds,
        online: contest(&online, rounds)?,
        offline: contest(&offline, rounds)?,
        requests: peer.requests(&registry, &digest).await?,
    };
    match json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => report.print(),
    }
    Ok(())
}

struct Peer<'a> {
    world: &'a World,
    cosign: &'a Path,
}

/// No transparency log, no timestamps, and a root of trust without anybody in it: cosign asks nobody but the registry.
const ALONE: [&str; 2] = ["--trusted-root=root.json", "--insecure-ignore-tlog=true"];
const SIGNING: [&str; 4] = [
    "--key=cosign.key",
    "--trusted-root=root.json",
    "--signing-config=signing.json",
    "--yes",
];

impl Peer<'_> {
    fn say(&self, arguments: &[&str]) -> eyre::Result<String> {
        let output = bare(self.cosign.as_os_str(), self.world.folder.path())
            .args(arguments)
            .output()?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "cosign {arguments:?}: {words}");
        Ok(String::from_utf8(output.stdout)?)
    }

    fn version(&self) -> eyre::Result<String> {
        let text = self.say(&["version"])?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("GitVersion:"));
        line.map(|version| version.trim().to_owned())
            .ok_or_else(|| eyre!("cosign has no version"))
    }

    /// Signs the image where it is, and its manifest as a file.
    fn sign(&self, image: &str) -> eyre::Result<()> {
        self.say(&["trusted-root", "create", "--out=root.json"])?;
        self.say(&["signing-config", "create", "--out=signing.json"])?;
        self.say(&["generate-key-pair"])?;
        let registry = ["sign", "--allow-http-registry", image];
        self.say(&[&registry[..], &SIGNING].concat())?;
        let file = ["sign-blob", "--bundle=cosign.json", "manifest.json"];
        self.say(&[&file[..], &SIGNING].concat())?;
        Ok(())
    }

    fn theirs(&self, name: &str, arguments: &[&str]) -> Contestant {
        let all = [arguments, &["--key=cosign.pub"], &ALONE].concat();
        Contestant::new(name, self.world.folder.path(), self.cosign, &all)
    }

    fn verify(&self, image: &str) -> Contestant {
        self.theirs(
            "cosign verify --key",
            &["verify", "--allow-http-registry", image],
        )
    }

    fn verify_offline(&self) -> Contestant {
        let arguments = ["verify-blob", "--bundle=cosign.json", "manifest.json"];
        self.theirs("cosign verify-blob --bundle", &arguments)
    }

    fn ours(&self, arguments: &[&str]) -> Contestant {
        let name = format!("seed-verify {}", arguments[0]);
        Contestant::new(
            &name,
            self.world.folder.path(),
            self.world.verifier(),
            arguments,
        )
    }

    fn chain(&self, policy: &str, image: &str) -> Contestant {
        self.ours(&["--chain", "--policy", policy, image])
    }

    /// Runs each once more with a proxy that counts before the registry and before every endpoint.
    async fn requests(
        &self,
        registry: &LocalRegistry,
        digest: &str,
    ) -> eyre::Result<Vec<Requests>> {
        let before = Liar::start(&registry.url(), 0).await?;
        let mut endpoints = Vec::new();
        for seed in 0..3 {
            endpoints.push(Liar::start(&self.world.chain.url(), seed).await?);
        }
        let urls = [0, 1, 2].map(|at: usize| endpoints[at].url());
        self.world.write_policy("counted.toml", &urls)?;
        let image = format!("{}/{REPOSITORY}@{digest}", before.host());
        let mut counted = Vec::new();
        for (name, contestant) in [
            ("cosign verify --key", self.verify(&image)),
            ("seed-verify --chain", self.chain("counted.toml", &image)),
        ] {
            let seen = || endpoints.iter().map(|one| one.seen().len()).sum::<usize>();
            let (registry, chain) = (before.seen().len(), seen());
            contestant.run()?;
            counted.push(Requests {
                name,
                registry: before.seen().len() - registry,
                endpoints: seen() - chain,
            });
        }
        Ok(counted)
    }
}

impl Report {
    fn print(&self) {
        println!(
            "cosign {}, {} rounds, whole processes\n",
            self.cosign, self.rounds
        );
        for (what, rows) in [
            ("with registry", &self.online),
            ("network off", &self.offline),
        ] {
            println!(
                "{what:<28} {:>9} {:>9} {:>6} {:>9} {:>9} {:>6} {:>10} {:>6}",
                "wall min", "median", "ratio", "CPU min", "median", "ratio", "peak", "ratio"
            );
            for row in rows {
                println!(
                    "{:<28} {:>9} {:>9} {:>6.2} {:>9} {:>9} {:>6.2} {:>6.1} MiB {:>6.2}",
                    row.name,
                    time(row.wall_us.least),
                    time(row.wall_us.median),
                    row.wall_ratio,
                    time(row.cpu_us.least),
                    time(row.cpu_us.median),
                    row.cpu_ratio,
                    row.peak_kib.median / 1024.0,
                    row.peak_ratio
                );
            }
            println!();
        }
        for one in &self.requests {
            println!(
                "{:<28} {:>3} requests to the registry, {:>3} to the endpoints",
                one.name, one.registry, one.endpoints
            );
        }
        println!(
            "\nratios: medians of the rounds' ratios over cosign; peak is the median of resident memory."
        );
    }
}
