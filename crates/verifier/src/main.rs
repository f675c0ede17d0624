//! The `seed-verify` command.
fn main() {}
