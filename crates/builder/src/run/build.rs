//! The steps before a key is needed.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use seed_image::{Facts, Layout};
use seed_nix::{FixedSource, StorePath, locked_inputs};
use seed_primitives::{Digest, System};
use serde::Deserialize;

use super::{
    Pipeline,
    record::{BuildRecord, PackRecord, now, read_record, seconds, write_record},
};
use crate::{
    AuditPolicy, AuditReport, AuditSubject, BuildOrder, Built, Census, Error, Explanation,
    audit::{self, audit},
    census::read_sightings,
    closure::project_inputs,
    closure_of, compare_builds,
    condition::{TwoBuilds, summary},
    driver_files, judge,
    pack::{self, StoredImage},
    progress::say,
    provision::{Provision, Provisioned},
    sbom::Bill,
    state,
};

/// The longest lock file.
const MAX_LOCK_BYTES: u64 = 64 << 20;

/// The inputs that the lock file of `flake` names; a flake without one has none.
fn locked(flake: &Path) -> Result<Vec<FixedSource>, Error> {
    match state::read_if_there(&flake.join("flake.lock"), MAX_LOCK_BYTES)? {
        Some(lock) => Ok(locked_inputs(&lock)?),
        None => Ok(Vec::new()),
    }
}

impl Pipeline<'_> {
    pub(super) fn directory(&self, system: &System) -> PathBuf {
        self.work
            .join("releases")
            .join(self.source.release().to_hex())
            .join(system.as_str())
    }

    fn limit(&self) -> std::time::Duration {
        self.settings.build_limit()
    }

    /// Build, audit, rebuild: each once.
    pub(super) async fn build(&self, system: &System) -> Result<(), Error> {
        let directory = self.directory(system);
        let record = match self.build_record(system)? {
            Some(record) => record,
            None => self.first_build(system, &directory).await?,
        };
        self.audit_once(system, &record.built, &directory).await?;
        if self.settings.census {
            self.judge_census(system, &record.built)?;
        }
        let done = directory.join("rebuild.json");
        if !done.exists() {
            self.rebuild(system, &record, &directory, &done).await?;
        }
        Ok(())
    }

    /// An earlier report counts only under the policy it was made with.
    async fn audit_once(
        &self,
        system: &System,
        built: &Built,
        directory: &Path,
    ) -> Result<(), Error> {
        let policy = self.settings.audit_policy()?;
        let (report, done) = (directory.join("audit.json"), directory.join("audited.json"));
        if report.exists() && read_record::<AuditPolicy>(&done)?.as_ref() == Some(&policy) {
            return Ok(());
        }
        self.audit(system, built, &policy, &report).await?;
        write_record(&done, &policy)
    }

    pub(super) fn build_record(&self, system: &System) -> Result<Option<BuildRecord>, Error> {
        read_record(&self.directory(system).join("build.json"))
    }

    async fn first_build(&self, system: &System, directory: &Path) -> Result<BuildRecord, Error> {
        say(&format!(
            "build   {} for {system}, Nix {}",
            self.target,
            self.nix.version()
        ));
        let started = now();
        let settings = self.nix.configure(system, 0).await?;
        let sightings = directory.join("sightings.json");
        let watched = self.settings.census.then_some(sightings.as_path());
        let store = directory.join("store");
        let built = self.nix_build(system, &store, directory, watched).await?;
        if let Some(sightings) = watched {
            let census = read_sightings(sightings, &built.derivation)?;
            state::write(&directory.join("census.json"), &census.to_json())?;
        }
        let run_id = self
            .settings
            .run_id
            .clone()
            .unwrap_or_else(|| format!("local/{}", seconds()));
        let record = BuildRecord {
            built,
            nix_version: self.nix.version().to_string(),
            settings,
            run_id,
            started,
        };
        write_record(&directory.join("build.json"), &record)?;
        Ok(record)
    }

    /// The directory of the flake.
    fn flake(&self) -> PathBuf {
        let tree = &self.tree.path;
        let inside = self.target.directory();
        inside.map_or_else(|| tree.clone(), |inside| tree.join(inside))
    }

    async fn nix_build(
        &self,
        system: &System,
        store: &Path,
        directory: &Path,
        sightings: Option<&Path>,
    ) -> Result<Built, Error> {
        let name = store.file_name().unwrap_or_default().to_string_lossy();
        let log = directory.join(format!("{name}.log"));
        state::remove_tree(store)?;
        let flake = self.flake();
        let nar = self.tree.flake_nar(self.target.directory())?;
        let order = BuildOrder {
            flake: &flake,
            nar: &nar,
            target: &self.target,
            system,
            store,
            log: &log,
            limit: self.limit(),
            sightings,
        };
        let (derivation, provisioned) = self.provision(&order, &flake).await?;
        write_record(&directory.join("sources.json"), &provisioned)?;
        let built = self.nix.build(&order).await?;
        if built.derivation()? != derivation {
            return Err(Error::Audit(
                "the second evaluation gave another derivation".to_owned(),
            ));
        }
        Ok(built)
    }

    /// Puts every source that evaluation and build need into the store; returns what is to be built.
    async fn provision(
        &self,
        order: &BuildOrder<'_>,
        flake: &Path,
    ) -> Result<(StorePath, Vec<Provisioned>), Error> {
        let mut provision = Provision::new(&self.nix, order.store, &self.sources);
        provision.inputs(&locked(flake)?).await?;
        let derivation = self.nix.evaluate(order).await?;
        provision
            .graph(&audit::load_graph(order.store, &derivation)?)
            .await?;
        Ok((derivation, provision.done()))
    }

    async fn audit(
        &self,
        system: &System,
        built: &Built,
        policy: &AuditPolicy,
        report: &Path,
    ) -> Result<(), Error> {
        say(&format!("audit   {}", built.derivation));
        let store = self.directory(system).join("store");
        let infos = self.nix.path_info(&store).await?;
        let subject = AuditSubject {
            store: &store,
            derivation: built.derivation()?,
            roots: self.roots(&store, built)?,
            infos: &infos,
            system: system.clone(),
            version: self.nix.version(),
            driver: driver_files(&self.nix, &store).await?,
        };
        let result = audit(subject, policy)?;
        say(&format!(
            "audit   {} derivations, {} outputs built here, {} leaves, {} seed bytes, {} unexplained, {} opaque",
            result.derivations,
            result.built_outputs,
            result.leaves.len(),
            result.seed_binary_bytes,
            result.unexplained_binary_bytes,
            result.opaque_bytes
        ));
        if let Some(why) = result.refusal() {
            return Err(Error::Audit(why));
        }
        state::write(report, &result.evidence()?)
    }

    /// Holds the census of the first build against the audit's report.
    fn judge_census(&self, system: &System, built: &Built) -> Result<(), Error> {
        let directory = self.directory(system);
        let file = directory.join("census.json");
        if !file.exists() {
            return Err(Error::Census(format!(
                "{} was built without one before: remove that folder",
                directory.display()
            )));
        }
        let report = state::read(&directory.join("audit.json"), AuditReport::MAX_BYTES)?;
        let mut report = AuditReport::from_json(&report)?;
        let store = directory.join("store");
        let steps = audit::load_graph(&store, &built.derivation()?)?;
        let verdict = judge(&Census::read(&file)?, &report, &steps, &store)?;
        say(&format!(
            "census  {} programs were started, {} of them unexplained; {} more drove the build",
            verdict.programs.len() - verdict.count(Explanation::Driver),
            verdict.violations.len(),
            verdict.count(Explanation::Driver)
        ));
        report.census = Some(verdict);
        match report.refusal() {
            Some(why) => Err(Error::Audit(why)),
            None => Ok(()),
        }
    }

    /// What the image holds, closed under references.
    fn roots(&self, store: &Path, built: &Built) -> Result<BTreeSet<StorePath>, Error> {
        let flake = self.flake();
        let steps = audit::load_graph(store, &built.derivation()?)?;
        let mut roots = built.paths()?;
        if let Some(inputs) = project_inputs(&steps, &flake)? {
            roots.extend(inputs);
            roots.extend(locked(&flake)?.into_iter().map(|input| input.path));
        }
        Ok(roots)
    }

    /// A second store, another number of cores, another time.
    async fn rebuild(
        &self,
        system: &System,
        record: &BuildRecord,
        directory: &Path,
        done: &Path,
    ) -> Result<(), Error> {
        say("rebuild in a second fresh store");
        let settings = self.nix.configure(system, 1).await?;
        // A folder of its own, for others may build there too.
        let elsewhere = self.settings.rebuild_in.as_ref().map(|place| {
            let release = self.source.release().to_hex();
            place.join(format!("seed-rebuild-{release}-{system}"))
        });
        let second = elsewhere.as_deref().unwrap_or(directory).join("rebuild");
        state::create_directory(state::parent(&second))?;
        let began = now();
        let built = self.nix_build(system, &second, directory, None).await?;
        if built != record.built || settings != record.settings {
            return Err(Error::Audit(
                "the second evaluation gave another derivation".to_owned(),
            ));
        }
        let first = directory.join("store");
        let outputs = compare_builds(&first, &second, &built.derivation()?)?;
        let two = TwoBuilds {
            began: [&record.started, &began],
            stores: [&first, &second],
        };
        let conditions = two.conditions()?;
        state::remove_tree(&second)?;
        if let Some(elsewhere) = elsewhere {
            state::remove_tree(&elsewhere)?;
        }
        say(&format!(
            "rebuild {outputs} outputs are the same, byte for byte"
        ));
        summary(&conditions).iter().for_each(|line| say(line));
        let record = serde_json::json!({ "outputs": outputs, "conditions": conditions });
        write_record(done, &record)
    }

    pub(super) async fn pack(&self, system: &System) -> Result<StoredImage, Error> {
        let directory = self.directory(system);
        let (image, done) = (directory.join("image"), directory.join("packed.json"));
        if done.exists()
            && let Some(image) = StoredImage::load(&image)?
        {
            return Ok(image);
        }
        let record = self
            .build_record(system)?
            .ok_or(Error::Missing("the build"))?;
        let store = directory.join("store");
        let infos = self.nix.path_info(&store).await?;
        let applications = record.built.paths()?;
        let closure = closure_of(&store, &self.roots(&store, &record.built)?, &infos)?;
        // An index that lacks this system keeps nothing for it: every builder sees the same index.
        let none = Layout::default();
        let previous = self
            .previous
            .as_ref()
            .map(|layouts| layouts.get(system).unwrap_or(&none));
        let image = pack::pack(
            &closure,
            &applications,
            &self.recipe,
            system,
            previous,
            &image,
        )?;
        say(&format!(
            "pack    {} ({} layers, {} store paths)",
            image.digest(),
            image.layers.len(),
            closure.len()
        ));
        let audited: Audited =
            read_record(&directory.join("audit.json"))?.ok_or(Error::Missing("the audit"))?;
        if audited.closure != image.closure {
            let why = format!(
                "the packed closure {} is not the audited one, {}",
                image.closure, audited.closure
            );
            return Err(Error::Audit(why));
        }
        let steps = audit::load_graph(&store, &record.built.derivation()?)?;
        let listed: Vec<_> = closure.iter().collect();
        let bill = Bill::new(
            &closure,
            &steps,
            &Facts::read(&listed, &applications)?,
            &applications,
            &image.closure,
            (&self.target, system),
        );
        let spdx = bill.spdx();
        let bom = bill.cyclonedx(&Digest::of(&spdx));
        state::write(&directory.join("sbom.spdx.json"), &spdx)?;
        state::write(&directory.join("sbom.json"), &bom)?;
        write_record(&done, &PackRecord { finished: now() })?;
        Ok(image)
    }
}

/// What of an audit report ties the image to it.
#[derive(Deserialize)]
struct Audited {
    closure: Digest,
}
