use std::sync::Mutex;

/// The most notes that are kept of one image: an outsider decides how many things go wrong.
const MAX: usize = 64;

/// What went wrong on the way without deciding anything.
#[derive(Debug, Default)]
pub struct Notes(Mutex<Vec<String>>);

impl Notes {
    /// Adds one line, once.
    pub fn add(&self, note: impl ToString) {
        let note = note.to_string();
        let mut notes = self
            .0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if notes.len() < MAX && !notes.contains(&note) {
            notes.push(note);
        }
    }

    /// The value, or `None` and a note of the error.
    pub fn ok<T, E: ToString>(&self, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(error.to_string())).ok()
    }

    /// The notes, in the order they were made.
    #[must_use]
    pub fn into_lines(self) -> Vec<String> {
        self.0
            .into_inner()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
