use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    num::NonZero,
    path::Path,
    process::Command,
    thread::available_parallelism,
};

use seed_oci::{Options, Place, Repository};
use seed_primitives::{Compression, Digest};
use serde::Serialize;

use crate::{
    closure::closure,
    measure::{Contestant, Row, contest, time},
    world::{Closure, Pushed, World},
};

/// Stored bytes are cut into files of this size for the programs beside, so that no core is left with a long one.
const PIECE: u64 = 8 << 20;
const PATHS: usize = 60;
/// The form whose layers are stored as they are unpacked; it is measured first.
const PLAIN: &str = "tar";

#[derive(Serialize)]
struct Report {
    cores: usize,
    forms: Vec<Form>,
}

#[derive(Serialize)]
struct Form {
    form: &'static str,
    layers: usize,
    stored_bytes: u64,
    rows: Vec<Row>,
}

/// Verifies an image with every layer from a bundle and a layout, beside programs that hash the same bytes on all
/// cores and do nothing else.
pub(crate) async fn run(
    verify: &Path,
    megabytes: u64,
    rounds: usize,
    json: bool,
) -> eyre::Result<()> {
    let cores = available_parallelism().map_or(1, NonZero::get);
    let world = World::start(verify).await?;
    let url = world.chain.url();
    world.write_policy(
        "policy.toml",
        &[url.clone(), format!("{url}/?two"), format!("{url}/?three")],
    )?;
    let (paths, applications) = closure(PATHS, megabytes * 1_000_000)?;
    let closure = Closure {
        paths,
        applications,
    };
    let mut forms = Vec::new();
    for (number, form, compression) in [
        (1, PLAIN, Compression::Tar),
        (2, "tar+zstd", Compression::TarZstd),
    ] {
        eprintln!("packing as {form}");
        let layout = Place::Layout(world.path(form));
        let repository = Repository::create(&layout, &Options::default())?;
        let pushed = world
            .publish(&repository, &closure, compression, number)
            .await?;
        eprintln!("measuring {form}");
        let rows = measure(&world, form, &pushed, (cores, rounds)).await?;
        fs::remove_dir_all(world.path(form))?;
        forms.push(Form {
            form,
            layers: pushed.layers.len(),
            stored_bytes: pushed.stored_bytes,
            rows,
        });
    }
    let report = Report { cores, forms };
    match json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => report.print(rounds),
    }
    Ok(())
}

async fn measure(
    world: &World,
    form: &str,
    pushed: &Pushed,
    (cores, rounds): (usize, usize),
) -> eyre::Result<Vec<Row>> {
    let image = format!("oci:{form}@{}", Digest::of(&pushed.manifest));
    let (bundle, pinned) = (format!("{form}.json"), format!("{form}.toml"));
    world
        .capture(&image, "policy.toml", [&bundle, &pinned])
        .await?;
    cut(world, form, pushed)?;
    let (verify, folder) = (world.verifier(), world.folder.path());
    let shell = |name: &str, pieces: &str, program: &str| {
        let line = format!("find {pieces} -type f -print0 | xargs -0 -n 2 -P {cores} {program}");
        Contestant::new(name, folder, Path::new("/bin/sh"), &["-c", &line])
    };
    let pieces = format!("{form}.pieces");
    let mut contestants = vec![
        shell("sha256sum", &pieces, "sha256sum"),
        Contestant::new(
            "seed-verify --bundle --deep",
            folder,
            verify,
            &["--bundle", &bundle, "--policy", &pinned, "--deep", &image],
        ),
    ];
    let openssl = Command::new("openssl").arg("version").output().is_ok();
    let hardware = "openssl dgst -sha256";
    if openssl {
        contestants.push(shell(hardware, &pieces, hardware));
    }
    if form != PLAIN {
        // Unpacking comes for nothing here: the plain tars are still there, and are what these layers unpack to.
        let both = format!("{pieces} {PLAIN}.pieces");
        contestants.push(shell("sha256sum, unpacked as well", &both, "sha256sum"));
        if openssl {
            contestants.push(shell("openssl, unpacked as well", &both, hardware));
        }
    }
    contest(&contestants, rounds)
}

/// The stored bytes of all layers, in pieces.
fn cut(world: &World, form: &str, pushed: &Pushed) -> io::Result<()> {
    fs::create_dir(world.path(&format!("{form}.pieces")))?;
    let mut piece = 0;
    for layer in &pushed.layers {
        let blob = world.path(form).join("blobs/sha256").join(layer.to_hex());
        let mut blob = File::open(blob)?;
        loop {
            let mut bytes = Vec::new();
            (&mut blob).take(PIECE).read_to_end(&mut bytes)?;
            if bytes.is_empty() {
                break;
            }
            piece += 1;
            File::create(world.path(&format!("{form}.pieces/{piece}")))?.write_all(&bytes)?;
        }
    }
    Ok(())
}

impl Report {
    fn print(&self, rounds: usize) {
        println!(
            "{} cores, {rounds} rounds, everything in the page cache\n",
            self.cores
        );
        for form in &self.forms {
            let megabytes = form.stored_bytes as f64 / 1e6;
            println!(
                "{}: {} layers, {megabytes:.0} MB as stored",
                form.form, form.layers
            );
            println!(
                "  {:<28} {:>9} {:>9} {:>6} {:>10} {:>9} {:>9} {:>6}",
                "", "min", "median", "ratio", "MB/s", "CPU", "ratio", "peak"
            );
            for row in &form.rows {
                println!(
                    "  {:<28} {:>9} {:>9} {:>6.2} {:>10.0} {:>9} {:>9.2} {:>3.0} MiB",
                    row.name,
                    time(row.wall_us.least),
                    time(row.wall_us.median),
                    row.wall_ratio,
                    form.stored_bytes as f64 / row.wall_us.median,
                    time(row.cpu_us.median),
                    row.cpu_ratio,
                    row.peak_kib.median / 1024.0
                );
            }
            println!();
        }
        println!("ratios: medians of the rounds' ratios over sha256sum, run on all cores at once.");
    }
}
