//! Builds the stages natively and runs their programs.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// No program of the chain may take longer for what the tests give it.
const DEADLINE: Duration = Duration::from_secs(60);

/// Which program builds what from which source: builder, source, result.
const STAGES: [(&str, &str, &str); 8] = [
    ("seed", "seed.hex0", "hex0"),
    ("hex0", "hex1.hex0", "hex1-plain"),
    ("hex1-plain", "hex1.hex1", "hex1"),
    ("hex1", "asm.hex1", "asm-plain"),
    ("asm-plain", "asm.asm", "asm"),
    ("asm", "cc.asm", "cc-plain"),
    ("cc-plain", "cc.bc", "cc-once"),
    ("cc-once", "cc.bc", "cc"),
];

/// The tools that are joined with `lib.bc`, and the project, which is too.
const TOOLS: [(&str, &str); 6] = [
    ("hello", "tools/hello.bc"),
    ("same", "tools/same.bc"),
    ("sha256", "tools/sha256.bc"),
    ("text", "tools/text.bc"),
    ("tree", "tools/tree.bc"),
    ("tally", "project/tally.bc"),
];

/// The folder `examples/bootstrap` of this checkout.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/bootstrap")
}

/// How a program ended and what it wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Exit status, `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error, with replacement characters for what is not UTF-8.
    pub stderr: String,
}

/// All programs of the chain, built from the committed sources in a directory of their own
/// that is removed with this value.
#[derive(Debug)]
pub struct Chain {
    directory: TempDir,
}

impl Chain {
    /// Builds every stage and tool. Panics, as tests do, when one fails to build.
    pub fn build() -> Self {
        let chain = Self {
            directory: tempfile::tempdir().expect("a temporary directory"),
        };
        for (builder, source, result) in STAGES {
            chain.must(builder, &[&folder().join(source), &chain.program(result)]);
        }
        chain.must(
            "cc",
            &[&folder().join("tools/cat.bc"), &chain.program("cat")],
        );
        for (result, source) in TOOLS {
            let joined = chain.path(&format!("{result}.bc"));
            let library = folder().join("tools/lib.bc");
            chain.must("cat", &[&folder().join(source), &library, &joined]);
            chain.must("cc", &[&joined, &chain.program(result)]);
        }
        chain
    }

    /// Path of a built program, or of `seed`, the committed bytes.
    pub fn program(&self, name: &str) -> PathBuf {
        // Not a copy: while one is written, a process started by another test may hold it
        // open, and it could not be run.
        if name == "seed" {
            return folder().join(name);
        }
        self.path(name)
    }

    /// Path for a file of that name next to the programs.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The bytes of a built program.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.program(name)).expect("a built program")
    }

    /// Runs any program to its end, with standard input empty. Panics when it can't be
    /// started or does not end in time.
    pub fn run(&self, program: &Path, args: &[&OsStr]) -> Run {
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} starts: {error}", program.display()));
        let stdout = drain(child.stdout.take());
        let stderr = drain(child.stderr.take());
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child to wait for") {
                break status;
            }
            if start.elapsed() > DEADLINE {
                child.kill().expect("a child to end");
                panic!("{} did not end in time", program.display());
            }
            thread::sleep(Duration::from_micros(300));
        };
        Run {
            code: status.code(),
            stdout: stdout.join().expect("standard output"),
            stderr: String::from_utf8_lossy(&stderr.join().expect("standard error")).into_owned(),
        }
    }

    /// Gives `source` to a stage. The bytes that it made, or else how it ended; never both.
    pub fn translate(&self, stage: &str, source: &[u8]) -> Result<Vec<u8>, Run> {
        let place = tempfile::tempdir().expect("a temporary directory");
        let (from, to) = (place.path().join("source"), place.path().join("program"));
        fs::write(&from, source).expect("a source written");
        let run = self.run(&self.program(stage), &[from.as_ref(), to.as_ref()]);
        if run.code == Some(0) {
            return Ok(fs::read(&to).expect("a program"));
        }
        assert!(
            stage == "seed" || stage == "hex0" || !to.exists(),
            "{stage} left a program behind"
        );
        let name = from.to_string_lossy().into_owned();
        Err(Run {
            stderr: run.stderr.replace(&name, "source"),
            ..run
        })
    }

    /// Compiles and runs a program of the small language with these arguments.
    pub fn execute(&self, source: &str, args: &[&str]) -> Run {
        let place = tempfile::tempdir().expect("a temporary directory");
        let (from, to) = (place.path().join("source.bc"), place.path().join("program"));
        fs::write(&from, source).expect("a source written");
        let built = self.run(&self.program("cc"), &[from.as_ref(), to.as_ref()]);
        assert_eq!(built.code, Some(0), "{}\n{source}", built.stderr);
        let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        self.run(&to, &args)
    }

    fn must(&self, builder: &str, args: &[&Path]) {
        let args: Vec<&OsStr> = args.iter().map(|path| path.as_os_str()).collect();
        let run = self.run(&self.program(builder), &args);
        assert_eq!(run.code, Some(0), "{builder} {args:?}: {}", run.stderr);
    }
}

fn drain<R: Read + Send + 'static>(stream: Option<R>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            stream.read_to_end(&mut bytes).expect("a pipe to read");
        }
        bytes
    })
}
