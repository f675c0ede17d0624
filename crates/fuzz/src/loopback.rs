//! A server on this machine that says what a target wants said, so that answers take the way they take in production:
//! through the HTTP client, its bounds and its logins.

use std::{
    cell::RefCell,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tokio::runtime::{Builder, Runtime};

/// A client that is given up on, or one that never ends its request, holds a thread no longer than this.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a client asked for.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Path and query.
    pub(crate) target: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// What it is told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Without line ends.
    pub(crate) headers: Vec<(&'static str, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// Status 200 with `body`.
    pub(crate) fn of(kind: &str, body: &[u8]) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type", kind.as_bytes().to_vec())],
            body: body.to_vec(),
        }
    }
}

type Answer = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

/// What is said at the moment, and what was asked since.
struct Stage {
    answer: Answer,
    asked: Vec<Request>,
}

struct Server {
    address: SocketAddr,
    stage: Arc<Mutex<Stage>>,
}

thread_local! {
    /// A server for each thread, so that tests that run at once do not hear each other.
    static SERVER: LazyLock<Server> = LazyLock::new(|| Server::start().expect("a port of this machine"));
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime")
    });
    /// Kept, because a client with its TLS settings takes longer to make than to use.
    static FILE: RefCell<Option<tempfile::TempDir>> = const { RefCell::new(None) };
}

/// `127.0.0.1:PORT` of this thread's server.
pub(crate) fn address() -> String {
    SERVER.with(|server| server.address.to_string())
}

/// Runs `client` against a server that says `answer`, and returns what it says and what was asked of the server.
pub(crate) fn ask<T>(
    answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    client: impl Future<Output = T>,
) -> (T, Vec<Request>) {
    SERVER.with(|server| {
        *server.stage() = Stage {
            answer: Arc::new(answer),
            asked: Vec::new(),
        };
        let result = RUNTIME.with(|runtime| runtime.block_on(client));
        let asked = std::mem::take(&mut server.stage().asked);
        (result, asked)
    })
}

/// A folder of this thread that lasts as long as it does.
pub(crate) fn folder<T>(work: impl FnOnce(&std::path::Path) -> T) -> T {
    FILE.with_borrow_mut(|kept| {
        let folder = kept.get_or_insert_with(|| tempfile::tempdir().expect("a temporary folder"));
        work(folder.path())
    })
}

impl Server {
    fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let stage = Arc::new(Mutex::new(Stage {
            answer: Arc::new(|_| Reply::default()),
            asked: Vec::new(),
        }));
        let server = Self {
            address: listener.local_addr()?,
            stage: Arc::clone(&stage),
        };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let stage = Arc::clone(&stage);
                // A client that hangs up has had what it wanted.
                thread::spawn(move || drop(serve(client, &stage)));
            }
        });
        Ok(server)
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request after the other on one connection.
fn serve(mut client: TcpStream, stage: &Mutex<Stage>) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_nodelay(true)?;
    let mut input = BufReader::new(client.try_clone()?);
    while let Some(request) = read(&mut input)? {
        let answer = {
            let mut stage = stage.lock().unwrap_or_else(PoisonError::into_inner);
            stage.asked.push(request.clone());
            Arc::clone(&stage.answer)
        };
        let reply = answer(&request);
        let mut bytes = format!(
            "HTTP/1.1 {} said\r\ncontent-length: {}\r\n",
            reply.status,
            reply.body.len()
        )
        .into_bytes();
        for (name, value) in &reply.headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend(value.iter().filter(|byte| !b"\r\n\0".contains(byte)));
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&reply.body);
        client.write_all(&bytes)?;
    }
    Ok(())
}

/// The next request of our own client, `None` after the last.
fn read(input: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut authorization, mut length) = (None, 0);
    loop {
        line.clear();
        if input.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => authorization = Some(value.trim().to_owned()),
            "content-length" => length = value.trim().parse().unwrap_or(0),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    Ok(Some(Request {
        target,
        authorization,
        body,
    }))
}
