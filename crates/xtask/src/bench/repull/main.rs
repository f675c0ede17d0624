//! How much of an image is pulled again after a change: layouts side by side, each image packed by the real
//! packer, pushed to a real registry on loopback, and pulled from it by a client that counts. Nothing is
//! simulated but the closure itself.

mod closure;
mod layouts;
mod pull;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufWriter, Write as _},
};

use clap::Parser;
use closure::{Blueprint, Hashes};
use eyre::ensure;
use layouts::Rule;
use pull::{Client, Cost};
use seed_image::{Layer, Layout};
use seed_nix::StorePath;
use seed_oci::{Options, Place, Repository};
use seed_primitives::Digest;
use seed_testkit::registry::LocalRegistry;
use serde::Serialize;

/// The most of a closure that a change of the application alone may cost.
const MOST_OF_AN_APPLICATION: f64 = 0.01;
const REPOSITORY: &str = "bench/seed";

#[derive(Debug, Parser)]
#[command(
    name = "bench-repull",
    about = "Bytes and requests of pulls after a change",
    version
)]
struct Arguments {
    /// Store paths of the closure.
    #[arg(long, default_value_t = 180)]
    paths: usize,
    /// Megabytes of the closure.
    #[arg(long, default_value_t = 1100)]
    megabytes: u64,
    /// How many different changes of recipes are pulled, and averaged.
    #[arg(long, default_value_t = 4)]
    rounds: u64,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    paths: usize,
    closure_bytes: u64,
    rounds: u64,
    rows: Vec<Row>,
}

/// One layout: what pulls cost, averaged over the rounds.
#[derive(Serialize)]
struct Row {
    rule: String,
    layers: usize,
    first: Cost,
    application: Cost,
    one_recipe: Cost,
    five_recipes: Cost,
}

#[tokio::main]
async fn main() -> eyre::Result<()> {
    let arguments = Arguments::parse();
    let blueprint = Blueprint::new(arguments.paths, arguments.megabytes * 1_000_000);
    let mut hashes = Hashes::new();
    let (closure, _) = blueprint.build(&mut hashes)?;
    let closure_bytes: u64 = closure.iter().map(|path| path.entry.nar.size).sum();
    let mut rows = Vec::new();
    for rule in [
        Rule::Repull(40),
        Rule::RepullAfter(40),
        Rule::Popularity(40),
        Rule::Repull(100),
        Rule::RepullAfter(100),
        Rule::Popularity(100),
        Rule::Single,
    ] {
        eprintln!("pulling: {rule}");
        rows.push(Row::measure(rule, &blueprint, &mut hashes, arguments.rounds).await?);
    }
    let report = Report {
        paths: arguments.paths,
        closure_bytes,
        rounds: arguments.rounds,
        rows,
    };
    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        report.print();
    }
    report.check()
}

impl Row {
    async fn measure(
        rule: Rule,
        blueprint: &Blueprint,
        hashes: &mut Hashes,
        rounds: u64,
    ) -> eyre::Result<Self> {
        let mut shop = Shop::open(rule)?;
        let (image, layout) = shop.stock(blueprint, None, hashes).await?;
        let mut client = Client::default();
        let first = client.pull(&shop.registry.host(), REPOSITORY, &image)?;
        let mut again = async |changed: Blueprint| -> eyre::Result<Cost> {
            let (image, _) = shop.stock(&changed, Some(&layout), hashes).await?;
            client
                .clone()
                .pull(&shop.registry.host(), REPOSITORY, &image)
        };
        let application = again(blueprint.new_application()).await?;
        let (mut one, mut five) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            one.push(again(blueprint.new_recipes(1, round)).await?);
            five.push(again(blueprint.new_recipes(5, round)).await?);
        }
        Ok(Self {
            rule: rule.to_string(),
            layers: layout.layers().len(),
            first,
            application,
            one_recipe: mean(&one),
            five_recipes: mean(&five),
        })
    }
}

fn mean(costs: &[Cost]) -> Cost {
    let count = costs.len().max(1) as u64;
    Cost {
        bytes: costs.iter().map(|cost| cost.bytes).sum::<u64>() / count,
        requests: costs.iter().map(|cost| cost.requests).sum::<u64>() / count,
    }
}

/// A registry of its own, and the layers that are in it.
struct Shop {
    rule: Rule,
    registry: LocalRegistry,
    repository: Repository,
    folder: tempfile::TempDir,
    /// A path says all about its contents, so a set of paths says all about a layer.
    shelved: BTreeMap<BTreeSet<StorePath>, Layer>,
}

impl Shop {
    fn open(rule: Rule) -> eyre::Result<Self> {
        let registry = LocalRegistry::start()?;
        let place: Place = format!("{}/{REPOSITORY}", registry.host()).parse()?;
        Ok(Self {
            rule,
            repository: Repository::create(&place, &Options::default())?,
            registry,
            folder: tempfile::tempdir()?,
            shelved: BTreeMap::new(),
        })
    }

    /// Packs and pushes the image of `blueprint`; returns its digest and layout.
    async fn stock(
        &mut self,
        blueprint: &Blueprint,
        last: Option<&Layout>,
        hashes: &mut Hashes,
    ) -> eyre::Result<(Digest, Layout)> {
        let (closure, applications) = blueprint.build(hashes)?;
        let packer = self.rule.packer(&closure, &applications, last)?;
        let layout = packer.layout();
        let mut layers = Vec::new();
        for (index, paths) in layout.layers().iter().enumerate() {
            if let Some(layer) = self.shelved.get(paths) {
                layers.push(layer.clone());
                continue;
            }
            let path = self.folder.path().join("layer");
            let mut out = BufWriter::new(File::create(&path)?);
            let layer = packer.write_layer(index, &mut out)?;
            out.flush()?;
            let blob = &layer.descriptor;
            self.repository
                .push_file(&path, &blob.digest, blob.size)
                .await?;
            // The layer without paths is the database, another one in every image.
            if !paths.is_empty() {
                self.shelved.insert(paths.clone(), layer.clone());
            }
            layers.push(layer);
        }
        let image = packer.finish(layers);
        self.repository.push_blob(image.config).await?;
        self.repository.push_manifest(image.manifest, &[]).await?;
        Ok((image.digest, layout))
    }
}

impl Report {
    fn print(&self) {
        println!(
            "closure of {} paths, {:.0} MB; plain tar; means of {} changes\n",
            self.paths,
            self.closure_bytes as f64 / 1e6,
            self.rounds
        );
        println!(
            "{:<22} {:>6} {:>9}  {:>24}  {:>24}  {:>24}",
            "layout", "layers", "at first", "application only", "one recipe", "five recipes"
        );
        for row in &self.rows {
            println!(
                "{:<22} {:>6} {:>5} req  {:>24}  {:>24}  {:>24}",
                row.rule,
                row.layers,
                row.first.requests,
                self.cell(row.application),
                self.cell(row.one_recipe),
                self.cell(row.five_recipes)
            );
        }
        println!("\nMB pulled, part of the closure, requests; the application changes every time.");
    }

    fn cell(&self, cost: Cost) -> String {
        format!(
            "{:.1} MB {:>5.1} % {:>3} req",
            cost.bytes as f64 / 1e6,
            cost.bytes as f64 * 100.0 / self.closure_bytes as f64,
            cost.requests
        )
    }

    fn check(&self) -> eyre::Result<()> {
        for row in self
            .rows
            .iter()
            .filter(|row| row.rule.starts_with("repull"))
        {
            let part = row.application.bytes as f64 / self.closure_bytes as f64;
            ensure!(
                part <= MOST_OF_AN_APPLICATION,
                "{}: a change of the application costs {:.2} % of the closure, more than 1 %",
                row.rule,
                part * 100.0
            );
        }
        Ok(())
    }
}
