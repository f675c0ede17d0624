use std::time::Duration;

/// How endpoints are spoken to. [`Options::default`] is right for most.
#[derive(Clone, Debug)]
pub struct Options {
    /// The most time for a connection to stand, TLS included (5 s).
    pub connect_timeout: Duration,
    /// The most time for one request with its whole answer (15 s).
    pub timeout: Duration,
    /// The most bytes of one answer (16 MiB).
    pub max_answer: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
            max_answer: 16 << 20,
        }
    }
}
