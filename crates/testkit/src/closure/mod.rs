//! Synthetic closures: real Nix builds of any shape and size, from the bootstrap's 298 bytes and no network.

mod flake;
mod shape;

use std::collections::BTreeSet;

use serde::Serialize;

pub use flake::write_flake;
pub use shape::{Plan, Shape};

/// The most paths a synthetic closure may have.
pub const MAX_PATHS: usize = 20_000;
/// The most bytes one path may be told to hold.
pub const MAX_SIZE: u64 = 1 << 40;
/// The most references of one path but the last: the builder's command line is bounded.
const MAX_REFERENCES: usize = 8;

/// One store path of a synthetic closure.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Part {
    /// Its name in the store.
    pub name: String,
    /// What its bytes follow from.
    pub number: u64,
    /// How many bytes of them there are.
    pub size: u64,
    /// Which earlier paths it refers to, by position.
    pub references: BTreeSet<usize>,
}

/// A synthetic closure: paths in build order, the last one refers to all that nothing else refers to. The same
/// plan gives the same closure, on every machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Closure {
    parts: Vec<Part>,
}

/// Why a closure cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClosureError {
    /// The plan asks for no path, or for too many.
    #[error("a synthetic closure has 1 to {MAX_PATHS} paths, not {0}")]
    Paths(usize),
    /// A path is to be larger than [`MAX_SIZE`].
    #[error("a path holds at most {MAX_SIZE} bytes, not {0}")]
    Size(u64),
    /// More large paths than paths.
    #[error("{large} large paths do not fit into {paths} paths")]
    Large {
        /// How many large ones were asked for.
        large: usize,
        /// How many paths there are.
        paths: usize,
    },
    /// There is no path at this position.
    #[error("there is no path {position}, only {paths}")]
    Position {
        /// The position, from 0.
        position: usize,
        /// How many paths there are.
        paths: usize,
    },
    /// The flake cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Where.
        path: std::path::PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

impl Closure {
    /// The closure that `plan` describes.
    ///
    /// # Errors
    /// [`ClosureError`] when the plan goes beyond a bound.
    pub fn new(plan: &Plan) -> Result<Self, ClosureError> {
        shape::parts(plan).map(|parts| Self { parts })
    }

    /// Its paths, each after those it refers to. The last one is the application.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Changes the bytes of the path at `position`, as a new version of one recipe would: when it is built
    /// again, it and everything that refers to it have other store paths.
    ///
    /// # Errors
    /// [`ClosureError::Position`] when there is no such path.
    pub fn touch(&mut self, position: usize) -> Result<(), ClosureError> {
        let paths = self.parts.len();
        let part = self
            .parts
            .get_mut(position)
            .ok_or(ClosureError::Position { position, paths })?;
        part.number += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shape() -> impl Strategy<Value = Shape> {
        prop::sample::select(vec![
            Shape::Chain,
            Shape::FanOut,
            Shape::Diamond,
            Shape::Random,
        ])
    }

    /// Every path that the last one leads to.
    fn reached(closure: &Closure) -> BTreeSet<usize> {
        let mut todo = vec![closure.parts().len() - 1];
        let mut found = BTreeSet::new();
        while let Some(position) = todo.pop() {
            if found.insert(position) {
                todo.extend(&closure.parts()[position].references);
            }
        }
        found
    }

    proptest! {
        #[test]
        fn the_last_path_leads_to_all_and_nothing_leads_forward(
            shape in shape(), paths in 1..400_usize, seed: u64,
        ) {
            let plan = Plan { shape, paths, seed, ..Plan::default() };
            let closure = Closure::new(&plan).unwrap();
            prop_assert_eq!(closure.parts().len(), paths);
            prop_assert_eq!(reached(&closure).len(), paths);
            for (position, part) in closure.parts().iter().enumerate() {
                prop_assert!(part.references.iter().all(|other| *other < position));
                prop_assert!(position + 1 == paths || part.references.len() <= MAX_REFERENCES);
                prop_assert!(part.size <= plan.largest);
            }
            prop_assert_eq!(closure, Closure::new(&plan).unwrap());
        }

        #[test]
        fn numbers_differ_and_stay_apart_when_touched(seed: u64, paths in 2..300_usize, at: prop::sample::Index) {
            let plan = Plan { paths, seed, ..Plan::default() };
            let mut closure = Closure::new(&plan).unwrap();
            let before = closure.clone();
            closure.touch(at.index(paths)).unwrap();
            prop_assert_ne!(&before, &closure);
            let numbers: BTreeSet<_> = closure.parts().iter().map(|part| part.number).collect();
            prop_assert_eq!(numbers.len(), paths);
            let names: BTreeSet<_> = closure.parts().iter().map(|part| &part.name).collect();
            prop_assert_eq!(names.len(), paths);
        }
    }

    #[test]
    fn large_paths_have_their_size_and_seeds_differ() {
        let plan = Plan {
            large: vec![50_000_000, 7_000_000],
            ..Plan::default()
        };
        let closure = Closure::new(&plan).unwrap();
        let sizes: Vec<u64> = closure.parts().iter().map(|part| part.size).collect();
        assert!(sizes.contains(&50_000_000) && sizes.contains(&7_000_000));
        let other = Closure::new(&Plan { seed: 1, ..plan }).unwrap();
        assert_ne!(closure, other);
    }

    #[test]
    fn a_chain_is_a_chain_and_a_fan_is_flat() {
        let of = |shape| {
            Closure::new(&Plan {
                shape,
                paths: 10,
                ..Plan::default()
            })
            .unwrap()
        };
        for (position, part) in of(Shape::Chain).parts().iter().enumerate().skip(1) {
            assert_eq!(part.references, BTreeSet::from([position - 1]));
        }
        let fan = of(Shape::FanOut);
        assert_eq!(fan.parts()[9].references, (0..9).collect());
        assert_eq!(fan.parts()[5].references, BTreeSet::from([0]));
        let diamond = of(Shape::Diamond);
        assert_eq!(diamond.parts()[3].references, BTreeSet::from([1, 2]));
    }

    #[test]
    fn refuses_what_goes_beyond_a_bound() {
        let refuse = |plan: Plan| Closure::new(&plan).unwrap_err().to_string();
        let of = |paths| Plan {
            paths,
            ..Plan::default()
        };
        assert!(refuse(of(0)).contains("not 0"));
        assert!(refuse(of(MAX_PATHS + 1)).contains("20001"));
        let large = Plan {
            large: vec![1; 3],
            ..of(2)
        };
        assert!(refuse(large).contains("3 large"));
        let size = Plan {
            large: vec![MAX_SIZE + 1],
            ..of(2)
        };
        assert!(refuse(size).contains("at most"));
        let mut closure = Closure::new(&of(2)).unwrap();
        assert!(closure.touch(2).is_err());
    }
}
