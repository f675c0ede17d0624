//! The one place where keys are opened and made.

mod check;
mod create;
mod error;
mod password;
mod source;

pub use error::KeyError;
pub use source::KeySource;
