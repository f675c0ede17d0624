use std::{fmt, time::Instant};

use serde::Serialize;

/// How often a thing and its reference are timed, one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Rounds {
    /// Rounds that count; one more goes before them.
    pub(crate) rounds: usize,
    /// Calls of the thing in a round.
    pub(crate) calls: u32,
    /// Calls of the reference in a round.
    pub(crate) reference_calls: u32,
}

/// A thing beside its reference, both of one run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Comparison {
    measured: String,
    reference: String,
    /// Median time of one call, in nanoseconds.
    median_ns: f64,
    reference_median_ns: f64,
    /// Median over the rounds of time / reference time.
    pub(crate) ratio: f64,
    rounds: usize,
}

impl Comparison {
    /// Times both by turns: first one, then the other, in the next round the other way about, so that a
    /// machine that slows down or is busy hits both alike.
    pub(crate) fn run(
        [measured, reference]: [&str; 2],
        plan: Rounds,
        mut thing: impl FnMut() -> eyre::Result<()>,
        mut beside: impl FnMut() -> eyre::Result<()>,
    ) -> eyre::Result<Self> {
        let (mut times, mut reference_times, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=plan.rounds {
            let (time, reference_time);
            if round % 2 == 0 {
                time = per_call(plan.calls, &mut thing)?;
                reference_time = per_call(plan.reference_calls, &mut beside)?;
            } else {
                reference_time = per_call(plan.reference_calls, &mut beside)?;
                time = per_call(plan.calls, &mut thing)?;
            }
            // The first round warms caches up.
            if round > 0 {
                times.push(time);
                reference_times.push(reference_time);
                ratios.push(time / reference_time);
            }
        }
        Ok(Self {
            measured: measured.to_owned(),
            reference: reference.to_owned(),
            median_ns: median(times),
            reference_median_ns: median(reference_times),
            ratio: median(ratios),
            rounds: plan.rounds,
        })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<42} {:>10}  {:<38} {:>10} {:>8.2}",
            self.measured,
            duration(self.median_ns),
            self.reference,
            duration(self.reference_median_ns),
            self.ratio
        )
    }
}

/// Nanoseconds of one call, over `calls`.
fn per_call(calls: u32, call: &mut impl FnMut() -> eyre::Result<()>) -> eyre::Result<f64> {
    let start = Instant::now();
    for _ in 0..calls {
        call()?;
    }
    Ok(start.elapsed().as_nanos() as f64 / f64::from(calls))
}

/// The middle value, or the mean of the two; NaN for none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

fn duration(nanoseconds: f64) -> String {
    match nanoseconds {
        ns if ns < 1e4 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.1} µs", ns / 1e3),
        ns => format!("{:.2} ms", ns / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_middle_of_odd_and_even_counts() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn calls_both_in_every_round_and_stops_at_a_failure() {
        let plan = Rounds {
            rounds: 3,
            calls: 2,
            reference_calls: 5,
        };
        let (mut things, mut references) = (0, 0);
        let counted = Comparison::run(
            ["a", "b"],
            plan,
            || {
                things += 1;
                Ok(())
            },
            || {
                references += 1;
                Ok(())
            },
        );
        assert!(counted.is_ok());
        assert_eq!((things, references), (8, 20));
        let failed = Comparison::run(["a", "b"], plan, || Err(eyre::eyre!("broken")), || Ok(()));
        assert!(failed.is_err());
    }

    #[test]
    fn shows_times_in_a_fitting_unit() {
        assert_eq!(duration(125.0), "125 ns");
        assert_eq!(duration(205_000.0), "205.0 µs");
        assert_eq!(duration(7_250_000.0), "7.25 ms");
    }
}
