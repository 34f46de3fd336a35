//! Measuring: samples, their median and their bad end, and the units they are told in. Pure but for the clock.
//!
//! Medians and 95th percentiles, never means: one pause of a shared machine must not colour a thousand samples.

use std::time::{Duration, Instant};

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds; less is better.
    Millis,
    /// So many a second; more is better.
    PerSecond,
    /// Megabytes (10⁶ bytes) a second; more is better.
    MegabytesPerSecond,
    /// Megabytes (10⁶ bytes); less is better.
    Megabytes,
    /// Percent of one core; less is better.
    Percent,
    /// A ratio; less is better.
    Times,
}

impl Unit {
    /// Returns whether more is better.
    pub fn more_is_better(self) -> bool {
        matches!(self, Self::PerSecond | Self::MegabytesPerSecond)
    }

    /// Returns the number as a person reads it.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Millis if value < 0.1 => format!("{value:.4} ms"),
            Self::Millis if value < 10.0 => format!("{value:.3} ms"),
            Self::Millis => format!("{value:.1} ms"),
            Self::PerSecond => format!("{}/s", grouped(value)),
            Self::MegabytesPerSecond => format!("{value:.1} MB/s"),
            Self::Megabytes => format!("{value:.1} MB"),
            Self::Percent => format!("{value:.2} %"),
            Self::Times => format!("{value:.3}"),
        }
    }
}

/// A measured quantity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Half of the samples are better.
    pub median: f64,
    /// Only one sample in twenty is worse; with fewer than twenty samples, the worst.
    pub bad: f64,
    /// How many samples there were.
    pub n: usize,
    /// What is counted.
    pub unit: Unit,
}

impl Measured {
    /// Sums samples up. Fails where there is none: a figure without a sample is no figure.
    pub fn of(mut samples: Vec<f64>, unit: Unit) -> Result<Self, String> {
        samples.retain(|sample| sample.is_finite());
        if samples.is_empty() {
            return Err("no sample was taken".to_owned());
        }
        samples.sort_by(f64::total_cmp);
        if unit.more_is_better() {
            samples.reverse();
        }
        let n = samples.len();
        let at = |part: usize| samples[(n * part / 100).min(n - 1)];
        Ok(Self { median: at(50), bad: if n < 20 { samples[n - 1] } else { at(95) }, n, unit })
    }

    /// Sums up the bad end of samples: one in a hundred is worse than the first number, none than the second.
    pub fn tail(samples: Vec<f64>, unit: Unit) -> Result<Self, String> {
        let whole = Self::of(samples.clone(), unit)?;
        let mut samples = samples;
        samples.retain(|sample| sample.is_finite());
        samples.sort_by(f64::total_cmp);
        if unit.more_is_better() {
            samples.reverse();
        }
        Ok(Self { median: samples[(whole.n * 99 / 100).min(whole.n - 1)], bad: samples[whole.n - 1], ..whole })
    }

    /// Returns how many times worse this is than a floor: 1 is as good, 2 is twice as slow or half as many.
    pub fn over(&self, floor: &Self) -> f64 {
        if self.unit.more_is_better() { floor.median / self.median } else { self.median / floor.median }
    }
}

/// Times an action `n` times after a tenth as many untimed ones, in milliseconds each.
pub fn each(n: usize, mut action: impl FnMut() -> Result<(), String>) -> Result<Measured, String> {
    for _ in 0..(n / 10).max(1) {
        action()?;
    }
    let mut samples = Vec::with_capacity(n);
    for _ in 0..n {
        let start = Instant::now();
        action()?;
        samples.push(millis(start.elapsed()));
    }
    Measured::of(samples, Unit::Millis)
}

/// Takes a rate `rounds` times: each round does `amount` of something.
pub fn rate(
    rounds: usize,
    amount: f64,
    unit: Unit,
    mut round: impl FnMut() -> Result<Duration, String>,
) -> Result<Measured, String> {
    let rates = (0..rounds).map(|_| Ok(amount / round()?.as_secs_f64())).collect::<Result<_, String>>()?;
    Measured::of(rates, unit)
}

/// A duration in milliseconds.
pub fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// An error of any kind as the sentence that the table shows.
pub fn why(what: &str) -> impl Fn(&dyn std::fmt::Display) -> String {
    move |error| format!("{what}: {error}")
}

fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
