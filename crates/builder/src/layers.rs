mod mermaid;
mod subject;
mod tables;
#[cfg(test)]
mod testing;

pub use mermaid::mermaid;
pub use subject::{LayersArgs, PathSize, Subject, read_subject};
pub use tables::{DepthRow, LayerRow, PathRow, Tables};
