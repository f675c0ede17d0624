//! One program for all targets; `SEED_FUZZ` names the one.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use seed_fuzz::{Target, target};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("SEED_FUZZ").unwrap_or_default();
    target(&name).unwrap_or_else(|| panic!("SEED_FUZZ={name} is no target"))
});

fuzz_target!(|bytes: &[u8]| {
    let _ = TARGET(bytes);
});
