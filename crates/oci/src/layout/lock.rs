use std::{
    fs::{File, TryLockError},
    path::Path,
    time::{Duration, Instant},
};

use super::{Layout, MARKER, storage};
use crate::Error;

/// The most time that another writer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// The turn of one writer; given up when dropped, or when the process ends.
#[derive(Debug)]
pub(super) struct Turn {
    _file: File,
}

impl Layout {
    /// Waits for this writer's turn at the index.
    pub(super) fn lock(&self) -> Result<Turn, Error> {
        let file = self.open_file(self.folder()?, Path::new(MARKER), "layout")?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Turn { _file: file }),
                Err(TryLockError::Error(error)) => {
                    return Err(storage(&self.place, "lock the layout", &error));
                }
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(Error::Unavailable {
                        place: self.place.clone(),
                        what: "the lock of the layout".to_owned(),
                        why: "another program holds it".to_owned(),
                    });
                }
                // The system has no lock with a deadline, so the file is asked again.
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}
