use std::{future::Future, time::Duration};

use seed_chain::SignerFault;

/// Waits for a signer, and no longer than it is given.
pub(super) async fn within<T>(
    signer: &str,
    patience: Duration,
    work: impl Future<Output = Result<T, SignerFault>>,
) -> Result<T, SignerFault> {
    let late = |_| SignerFault::Silent {
        signer: signer.to_owned(),
        seconds: patience.as_secs(),
    };
    tokio::time::timeout(patience, work).await.map_err(late)?
}

/// Runs what may block for ever, as drivers of devices do, on a thread of its own; whoever waits can give up.
#[cfg(any(feature = "ledger", feature = "trezor"))]
pub(super) async fn on_a_thread<T, F>(
    signer: &str,
    work: impl FnOnce() -> F + Send + 'static,
) -> Result<T, SignerFault>
where
    T: Send + 'static,
    F: Future<Output = Result<T, String>>,
{
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let done = match runtime {
            Ok(runtime) => runtime.block_on(work()),
            Err(error) => Err(error.to_string()),
        };
        // Nobody receives it who has given up waiting.
        let _ = sender.send(done);
    });
    let done = receiver.await;
    done.unwrap_or_else(|_| Err("its driver failed".to_owned()))
        .map_err(|why| SignerFault::Unavailable {
            signer: signer.to_owned(),
            why,
        })
}
