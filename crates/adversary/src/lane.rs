use std::{path::Path, sync::Arc, time::Duration};

use eyre::{Result, ensure};
use seed_oci::{Credentials, Login, Options, Place};
use seed_primitives::Digest;
use seed_testkit::liar::{Liar, Lie, Told, Upstream};
use seed_verdict::Policy;
use seed_verifier::{
    BundlePlace, Fault, Format, HighWaterMarks, Memory, Outcome, Question, Report, Unplugged,
    Verifier,
};
use tempfile::TempDir;

use crate::{
    Scenario, Subject, Word, World,
    archive_lie::{self, unpack},
    bundle_case::{BundleCase, From, Held, Terms},
    bundle_lie, policy,
    scenario::Mirror,
    subject::Values,
    world::REPOSITORY,
};

/// The most time of one verdict. Endpoints that stall are given up after 8 seconds each time.
const TIME: Duration = Duration::from_secs(60);

/// What the verifier said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Got {
    /// Its word, `panic`, or `leak` where a login went astray.
    pub word: String,
    /// Its stable code; empty for a yes.
    pub code: String,
}

/// Where the truth is, for as many lanes as are wanted.
#[derive(Clone, Debug)]
pub struct Truth {
    /// The releases.
    pub world: Arc<World>,
    chain: Upstream,
    registry: Upstream,
    nowhere: Upstream,
}

impl Truth {
    /// The truth of this world, which does not change any more: each question is put to it once.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(world: World) -> Result<Self> {
        Ok(Self {
            chain: Upstream::new(&world.chain.url())?.remembering(),
            registry: Upstream::new(&world.registry.url())?.remembering(),
            nowhere: Upstream::new("http://127.0.0.1:1")?,
            world: Arc::new(world),
        })
    }
}

/// Proxies before the truth, for one run at a time: three operators, a registry, a mirror, and a place to which
/// nobody should ever bring a login.
#[derive(Debug)]
pub struct Lane {
    truth: Truth,
    operators: Vec<Liar>,
    registry: Liar,
    mirror: Liar,
    canary: Liar,
}

impl Lane {
    /// Starts the proxies.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start(truth: Truth) -> Result<Self> {
        let mut operators = Vec::new();
        for _ in 0..3 {
            operators.push(Liar::before(&truth.chain, 0).await?);
        }
        Ok(Self {
            operators,
            registry: Liar::before(&truth.registry, 0).await?,
            mirror: Liar::before(&truth.registry, 0).await?,
            canary: Liar::before(&truth.nowhere, 0).await?,
            truth,
        })
    }

    /// Where nobody should bring a login.
    #[must_use]
    pub fn canary(&self) -> String {
        // Another host than the registry's: a token service on another port of its own host is believed to be its own.
        self.canary.url().replace("127.0.0.1", "localhost")
    }

    /// Plays one scenario. Must be called within a `LocalSet`, on which a panic ends one run only.
    ///
    /// # Errors
    /// When the scenario cannot be played, which is a fault of this program.
    pub async fn play(&self, scenario: &Scenario) -> Result<Got> {
        if let Subject::Bundle(case) = &scenario.subject {
            return self.play_bundle(scenario, case).await;
        }
        self.tell(scenario)?;
        let urls: Vec<_> = self.operators.iter().map(Liar::url).collect();
        let text = policy::write(&self.truth.world, &scenario.subject, &urls)?;
        let Ok(policy) = Policy::from_toml(&text) else {
            return Ok(Got {
                word: Word::Usage.as_str().to_owned(),
                code: "policy-malformed".to_owned(),
            });
        };
        let task = Task {
            policy,
            state: scenario
                .subject
                .remembers()
                .then(tempfile::tempdir)
                .transpose()?,
            options: self.options(scenario)?,
            mirrors: self.mirrors(scenario)?,
            image: scenario
                .subject
                .reference(&self.truth.world, &self.registry.host()),
            locator: scenario.subject.locator(&self.truth.world),
            subject: scenario.subject.clone(),
        };
        task.remember(&self.truth.world)?;
        let got = match tokio::task::spawn_local(task.ask()).await {
            Ok(outcome) => say(&outcome)?,
            Err(error) => panicked(&error),
        };
        self.and_no_leak(got)
    }

    fn and_no_leak(&self, got: Got) -> Result<Got> {
        if self
            .canary
            .seen()
            .iter()
            .any(|seen| seen.authorization.is_some())
        {
            return Ok(Got {
                word: "leak".to_owned(),
                code: got.code,
            });
        }
        Ok(got)
    }

    async fn play_bundle(&self, scenario: &Scenario, case: &BundleCase) -> Result<Got> {
        let world = &self.truth.world;
        if case.online {
            self.tell(scenario)?;
        }
        let urls: Vec<_> = self.operators.iter().map(Liar::url).collect();
        let hand = Hand::new(world, case, &self.registry.host())?;
        let memory = hand.memory();
        let text = policy::on_terms(world, case.terms, &urls)?;
        let policy = Policy::from_toml(&text)?;
        if case.terms == Terms::BelowMark {
            let marks = HighWaterMarks::new(hand.folder.path());
            let raised = marks.raise(&policy.domain(), &world.second.source, 2);
            ensure!(raised.is_ok(), "the mark cannot be written: {raised:?}");
        }
        let image = hand.image;
        let bundle = match hand.bundle {
            None => None,
            Some(place) => {
                let digest = case.digest(world);
                let loaded = tokio::task::spawn_blocking(move || place.load(Some(&digest)));
                match loaded.await {
                    Ok(Ok(bundle)) => Some(bundle),
                    Ok(Err(fault)) => return say_fault(&fault),
                    Err(error) => return Ok(panicked(&error)),
                }
            }
        };
        let options = self.options(scenario)?;
        let outcome = match bundle {
            // What is unplugged has a runtime of its own, and needs nothing of this one.
            Some(bundle) if !case.online => {
                let ask = move || Unplugged::new(&policy, memory, &bundle).ask(&named(&image));
                tokio::task::spawn_blocking(ask).await
            }
            bundle => {
                let ask = async move {
                    let mut verifier = Verifier::new(&policy, memory, options, &[]);
                    if let Some(bundle) = &bundle {
                        verifier = verifier.with_bundle(bundle);
                    }
                    verifier.ask(&named(&image), TIME).await
                };
                tokio::task::spawn_local(ask).await
            }
        };
        match outcome {
            Ok(outcome) => self.and_no_leak(say(&outcome)?),
            Err(error) => Ok(panicked(&error)),
        }
    }

    fn tell(&self, scenario: &Scenario) -> Result<()> {
        let world = &self.truth.world;
        for liar in self
            .operators
            .iter()
            .chain([&self.registry, &self.mirror, &self.canary])
        {
            liar.start_over(scenario.number);
        }
        for (at, liar) in self.operators.iter().enumerate() {
            for lie in scenario.operator_lies(at, world, &self.canary())? {
                liar.tell(lie);
            }
        }
        let served = match &scenario.subject {
            Subject::Document(fake) => Some(fake.document(world)),
            Subject::Copied { copy, at, .. } => Some(copy.document(world, *at)),
            _ => None,
        };
        if let Some((kind, bytes)) = served {
            let about = format!("/manifests/{}", Digest::of(&bytes));
            self.registry
                .tell(Told::from(Lie::Body(String::from_utf8(bytes)?)).about(&about));
            self.registry
                .tell(Told::from(Lie::ContentType(kind.to_owned())).about(&about));
        }
        self.stage(&scenario.subject)?;
        if let Subject::Tag(from @ 1..) = scenario.subject {
            let moved = Told::from(Lie::SwappedManifest("v1".to_owned()));
            self.registry
                .tell(moved.about("/manifests/v2").from_request(from));
        }
        for lie in &scenario.registry {
            lie.lies()?
                .into_iter()
                .for_each(|lie| self.registry.tell(lie));
        }
        match scenario.mirror {
            Mirror::None | Mirror::Honest => {}
            Mirror::Empty => self.mirror.tell(Lie::Status(404)),
            Mirror::Corrupt => self.mirror.tell(Lie::WrongBytes),
        }
        Ok(())
    }

    /// What belongs to the subject itself: what the registry withholds, and what operators say of values.
    fn stage(&self, subject: &Subject) -> Result<()> {
        let world = &self.truth.world;
        let withheld: Vec<String> = match subject {
            Subject::Withheld(at) => {
                let layer = Digest::of(&world.second.images.layers[*at]);
                vec![format!("/blobs/{layer}")]
            }
            Subject::Copied { copy, at, .. } => copy.withheld(world, *at),
            _ => Vec::new(),
        };
        for about in withheld {
            self.registry
                .tell(Told::from(Lie::Status(404)).about(&about));
        }
        let Subject::Values(values) = subject else {
            return Ok(());
        };
        for (at, operator) in self.operators.iter().enumerate() {
            operator.tell("rpc-error@eth_getProof".parse::<Told>()?);
            if at == 0 && matches!(values, Values::Conflict | Values::OneSays) {
                let forged = Lie::Forged(Box::new(world.forgery.clone()));
                operator.tell(Told::from(forged).about("eth_getStorageAt"));
            }
            if at > 0 && matches!(values, Values::OneSays | Values::OneKnows) {
                operator.tell("rpc-error@eth_getStorageAt".parse::<Told>()?);
            }
        }
        Ok(())
    }

    fn options(&self, scenario: &Scenario) -> Result<Options> {
        let login = Login {
            user: "tester".to_owned(),
            password: "a secret that goes nowhere else".to_owned(),
        };
        Ok(Options {
            timeout: scenario.registry_timeout(),
            attempts: scenario.attempts(),
            credentials: Credentials::default().with(&self.registry.host().parse()?, login),
            ..Options::default()
        })
    }

    fn mirrors(&self, scenario: &Scenario) -> Result<Vec<Place>> {
        if scenario.mirror == Mirror::None {
            return Ok(Vec::new());
        }
        Ok(vec![
            format!("{}/{REPOSITORY}", self.mirror.host()).parse()?,
        ])
    }
}

/// One question with everything it needs.
struct Task {
    policy: Policy,
    /// What is remembered; only some policies ask for it.
    state: Option<TempDir>,
    options: Options,
    mirrors: Vec<Place>,
    image: String,
    locator: Option<Vec<u8>>,
    subject: Subject,
}

impl Task {
    /// What the verifier accepted before.
    fn remember(&self, world: &World) -> Result<()> {
        if self.subject == Subject::BelowMark {
            let marks = HighWaterMarks::new(self.folder());
            let raised = marks.raise(&self.policy.domain(), &world.second.source, 2);
            ensure!(raised.is_ok(), "the mark cannot be written: {raised:?}");
        }
        Ok(())
    }

    fn folder(&self) -> &Path {
        self.state
            .as_ref()
            .map_or(Path::new("/nonexistent"), TempDir::path)
    }

    async fn ask(self) -> Outcome {
        let memory = Memory::new(self.folder(), false);
        let verifier = Verifier::new(&self.policy, memory, self.options, &self.mirrors);
        let question = Question {
            image: &self.image,
            locator: self.locator.as_deref(),
            deep: self.subject.is_deep(),
        };
        verifier.ask(&question, TIME).await
    }
}

/// A question about one image, and nothing else.
const fn named(image: &str) -> Question<'_> {
    Question {
        image,
        locator: None,
        deep: false,
    }
}

fn panicked(error: &tokio::task::JoinError) -> Got {
    Got {
        word: "panic".to_owned(),
        code: error.to_string(),
    }
}

/// What the one who asks has in hand: files, and how they are named.
struct Hand {
    folder: TempDir,
    image: String,
    bundle: Option<BundlePlace>,
}

impl Hand {
    fn new(world: &World, case: &BundleCase, host: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let digest = case.digest(world);
        let (mut layout, mut archive) = (world.bundles.layout(), world.bundles.archive());
        if let Some(lie) = case.archive {
            let stuff = archive_lie::Stuff {
                members: &world.bundles.members,
                image: digest,
            };
            layout = folder.path().join("layout");
            archive = folder.path().join("layout.tar");
            match case.from {
                From::Layout => unpack(&lie.files(&stuff, case.dice), &layout)?,
                _ => std::fs::write(&archive, lie.archive(&stuff, case.dice))?,
            }
        }
        let place = match case.from {
            From::Archive => format!("oci-archive:{}", archive.display()),
            _ => format!("oci:{}", layout.display()),
        };
        let image = match case.from {
            From::Bundle => digest.to_string(),
            From::Registry => format!("{host}/{REPOSITORY}@{digest}"),
            From::Layout | From::Archive => format!("{place}@{digest}"),
        };
        let bundle = match case.bundle {
            Held::Nowhere => None,
            Held::Beside => Some(place.parse()?),
            Held::File => {
                let honest = world.bundles.bytes(case.which, case.at, case.part);
                let stuff = bundle_lie::Stuff {
                    world,
                    which: case.which,
                    part: case.part,
                };
                let told = match (case.lie, case.terms) {
                    (Some(lie), _) => Some(lie.tell(&stuff, case.dice)),
                    (None, Terms::Odd(odd)) => Some(world.bundles.with_header(honest, odd)),
                    _ => None,
                };
                let file = folder.path().join("bundle.json");
                std::fs::write(&file, told.as_deref().unwrap_or(honest))?;
                Some(BundlePlace::File(file))
            }
        };
        Ok(Self {
            folder,
            image,
            bundle,
        })
    }

    fn memory(&self) -> Memory {
        Memory::new(self.folder.path(), false)
    }
}

/// The word of a fault that is found before anything is asked.
fn say_fault(fault: &Fault) -> Result<Got> {
    let report = Report {
        policy: None,
        time: 0,
        outcomes: &[],
        fault: Some(fault),
    };
    let mut json = Vec::new();
    report.write(Format::Json, false, &mut json)?;
    let json: serde_json::Value = serde_json::from_slice(&json)?;
    let exit = report.exit_code();
    ensure!(
        json["exitCode"] == exit && exit == fault.exit_code() && exit != 0,
        "JSON and exit code differ: {exit}, {json}"
    );
    Ok(Got {
        word: Word::of_exit(exit)
            .map_or("nothing", Word::as_str)
            .to_owned(),
        code: fault.code().to_owned(),
    })
}

/// The word of an outcome, which exit code, text and JSON must share.
fn say(outcome: &Outcome) -> Result<Got> {
    let exit = outcome.exit_code();
    let word = Word::of_exit(exit).map_or("nothing", Word::as_str);
    let report = Report {
        policy: None,
        time: 0,
        outcomes: std::slice::from_ref(outcome),
        fault: None,
    };
    let (mut text, mut json) = (Vec::new(), Vec::new());
    report.write(Format::Text, false, &mut text)?;
    report.write(Format::Json, false, &mut json)?;
    let json: serde_json::Value = serde_json::from_slice(&json)?;
    let text = String::from_utf8(text)?;
    let code = json["images"][0]["error"]["code"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let same = json["exitCode"] == exit
        && json["images"][0]["result"] == word
        && (exit == 0) == code.is_empty()
        && text.contains(&format!("RESULT      {word}"))
        && report.exit_code() == exit;
    ensure!(
        same,
        "text, JSON and exit code differ: {exit}, {json}, {text}"
    );
    Ok(Got {
        word: word.to_owned(),
        code,
    })
}
