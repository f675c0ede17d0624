//! Tests of the bootstrap chain.
