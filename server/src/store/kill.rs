//! Where tests make the journal's process die or its disk full: at the N-th append, and exactly before, inside or after it.
//!
//! Without the feature `test-support` everything here is nothing, and the environment is not looked at.

#[cfg(all(feature = "test-support", unix))]
pub use armed::Faults;

/// No faults: a release has none.
#[cfg(not(all(feature = "test-support", unix)))]
#[derive(Debug)]
pub struct Faults;

#[cfg(not(all(feature = "test-support", unix)))]
#[allow(clippy::unused_self)]
impl Faults {
    pub fn from_env() -> Result<Self, String> {
        Ok(Self)
    }
    pub fn before(&mut self) {}
    pub fn inside(&self) -> bool {
        false
    }
    pub fn after(&self) {}
}

#[cfg(all(feature = "test-support", unix))]
mod armed {
    use std::ops::RangeInclusive;

    use rustix::process::{Signal, getpid, kill_process};

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Moment {
        Before,
        Inside,
        After,
    }

    /// The faults that the environment asks for, and how many appends this journal has seen.
    #[derive(Debug)]
    pub struct Faults {
        kill: Option<(Moment, u64)>,
        full: Option<RangeInclusive<u64>>,
        append: u64,
    }

    impl Faults {
        /// Reads `CALLBOARD_TEST_KILL` (`before:N`, `inside:N` or `after:N`) and `CALLBOARD_TEST_DISK_FULL` (`N..M`, both included).
        pub fn from_env() -> Result<Self, String> {
            let read = |name| std::env::var(name).ok().filter(|it| !it.is_empty());
            let kill = read("CALLBOARD_TEST_KILL").map(|text| {
                kill_from(&text)
                    .ok_or_else(|| format!("CALLBOARD_TEST_KILL={text} is not `before:N`, `inside:N` or `after:N`"))
            });
            let full = read("CALLBOARD_TEST_DISK_FULL")
                .map(|text| full_from(&text).ok_or_else(|| format!("CALLBOARD_TEST_DISK_FULL={text} is not `N..M`")));
            Ok(Self { kill: kill.transpose()?, full: full.transpose()?, append: 0 })
        }

        /// Counts an append that is about to begin.
        pub fn before(&mut self) {
            self.append += 1;
            self.die_at(Moment::Before);
        }

        /// Says that the first row is in and the transaction still open; returns whether the disk is full now.
        pub fn inside(&self) -> bool {
            self.die_at(Moment::Inside);
            self.full.as_ref().is_some_and(|it| it.contains(&self.append))
        }

        /// Says that the transaction is durable.
        pub fn after(&self) {
            self.die_at(Moment::After);
        }

        fn die_at(&self, moment: Moment) {
            if self.kill == Some((moment, self.append)) {
                // Our own pid, so nothing else can be hit; SIGKILL, so that no handler and no destructor runs.
                let _ = kill_process(getpid(), Signal::KILL);
            }
        }
    }

    fn kill_from(text: &str) -> Option<(Moment, u64)> {
        let (moment, number) = text.split_once(':')?;
        let moment = match moment {
            "before" => Moment::Before,
            "inside" => Moment::Inside,
            "after" => Moment::After,
            _ => return None,
        };
        Some((moment, number.parse().ok().filter(|it| *it > 0)?))
    }

    fn full_from(text: &str) -> Option<RangeInclusive<u64>> {
        let (first, last) = text.split_once("..")?;
        Some(first.parse().ok()?..=last.parse().ok()?)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn faults_are_read_strictly() {
            assert_eq!(kill_from("inside:3"), Some((Moment::Inside, 3)));
            for bad in ["inside", "inside:0", "during:1", "after:x", ":1"] {
                assert_eq!(kill_from(bad), None, "{bad}");
            }
            assert_eq!(full_from("2..4"), Some(2..=4));
            assert_eq!(full_from("2"), None);
        }
    }
}
