//! The benchmark's own arithmetic: medians, bad ends, ratios, and where a report goes in a document.

#[path = "../bench/measure.rs"]
#[allow(dead_code, reason = "the benchmark uses the rest")]
mod measure;
#[path = "../bench/report.rs"]
#[allow(dead_code, reason = "the benchmark uses the rest")]
mod report;

use measure::{Measured, Unit};
use report::Row;

#[test]
fn a_median_and_a_bad_end_are_taken_from_the_right_side() {
    let hundred = || (1..=100).rev().map(f64::from).collect::<Vec<_>>();
    let times = Measured::of(hundred(), Unit::Millis).unwrap();
    assert_eq!((times.median, times.bad, times.n), (51.0, 96.0, 100));
    let rates = Measured::of(hundred(), Unit::PerSecond).unwrap();
    assert_eq!((rates.median, rates.bad), (50.0, 5.0));
    let few = Measured::of(vec![3.0, 1.0, 2.0], Unit::Millis).unwrap();
    assert_eq!((few.median, few.bad), (2.0, 3.0));
    assert!(Measured::of(Vec::new(), Unit::Millis).is_err());
    let floor = Measured::of(vec![25.0], Unit::PerSecond).unwrap();
    assert!((rates.over(&floor) - 0.5).abs() < 1e-9 && (floor.over(&rates) - 2.0).abs() < 1e-9);
}

#[test]
fn a_report_goes_between_the_marks_and_says_what_was_not_taken() {
    let taken = Measured::of(vec![0.5], Unit::Millis);
    let rows = [
        Row::figure("quick thing", taken.clone(), "< 1 ms").on("bare", Measured::of(vec![0.25], Unit::Millis).ok()),
        Row::figure("lost thing", Err("no hub runs".to_owned()), ""),
    ];
    let table = report::figures(&rows);
    insta::assert_snapshot!(report::aligned(&table), @"
    what         median    worst 5 %  n    floor, same run  × floor  to reach
    quick thing  0.500 ms  0.500 ms   1    0.250 ms (bare)  2.00     < 1 ms
    lost thing   not taken: no hub runs
    ");
    let document = "# Figures\n\n<!-- figures: begin -->\nold\n<!-- figures: end -->\n\nend\n";
    let replaced = report::replace(document, &table).unwrap();
    assert!(replaced.contains("quick thing") && !replaced.contains("old") && replaced.ends_with("-->\n\nend\n"));
    assert_eq!(report::replace(&replaced, &table).unwrap(), replaced, "a second report changes nothing");
    assert!(report::replace("# Figures\n", &table).unwrap_err().contains("figures: begin"));
}
