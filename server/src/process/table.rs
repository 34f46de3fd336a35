//! The system's list of processes: `/proc` on Linux, `ps` elsewhere.
//!
//! Reading only. A process that ends while it is being read is left out.

use super::Identity;

/// One process of the system's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which.
    pub identity: Identity,
    /// Who started it, or who took it over as an orphan; 0 where nobody did.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// Its session.
    pub session: u32,
    /// Whether it has ended and only waits for its status to be collected.
    pub zombie: bool,
}

#[cfg(target_os = "linux")]
mod system {
    use std::{fs, sync::OnceLock};

    use super::{Entry, Identity};

    /// Returns what the system says of one process.
    pub fn entry(pid: u32) -> Option<Entry> {
        parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?, boot())
    }

    /// Returns every process that can be seen.
    pub fn entries() -> Vec<Entry> {
        let Ok(folder) = fs::read_dir("/proc") else { return Vec::new() };
        folder.flatten().filter_map(|it| it.file_name().to_str()?.parse().ok()).filter_map(entry).collect()
    }

    /// Reads a line of `/proc/PID/stat`. The name in brackets may hold anything, brackets and spaces too.
    fn parse(stat: &str, boot: &str) -> Option<Entry> {
        let (pid, rest) = stat.split_once(" (")?;
        let fields: Vec<&str> = rest.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at).and_then(|it| it.parse::<u32>().ok()).unwrap_or(0);
        Some(Entry {
            // Field 22 of the whole line, in ticks since the boot.
            identity: Identity { pid: pid.parse().ok()?, started: format!("{}@{boot}", fields.get(19)?) },
            parent: number(1),
            group: number(2),
            session: number(3),
            zombie: matches!(fields.first(), Some(&("Z" | "X" | "x"))),
        })
    }

    fn boot() -> &'static str {
        static BOOT: OnceLock<String> = OnceLock::new();
        BOOT.get_or_init(|| {
            fs::read_to_string("/proc/sys/kernel/random/boot_id")
                .map(|it| it.trim().chars().take(8).collect())
                .unwrap_or_default()
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
            let line = "42 (a) Z 1 (b) S 7 40 39 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 98765 1000 1";
            let entry = parse(line, "boot").unwrap();
            assert_eq!(entry.identity, Identity { pid: 42, started: "98765@boot".to_owned() });
            assert_eq!((entry.parent, entry.group, entry.session, entry.zombie), (7, 40, 39, false));
            assert_eq!(parse("", "boot"), None);
            assert_eq!(parse("42 (x", "boot"), None);
        }
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
mod system {
    use std::process::{Command, Stdio};

    use rustix::process::{Pid, getsid};

    use super::{Entry, Identity};

    /// Returns what the system says of one process.
    pub fn entry(pid: u32) -> Option<Entry> {
        list(&["-p", &pid.to_string()]).into_iter().next()
    }

    /// Returns every process that can be seen.
    pub fn entries() -> Vec<Entry> {
        list(&["-A"])
    }

    fn list(which: &[&str]) -> Vec<Entry> {
        Command::new("/bin/ps")
            .args(which)
            .args(["-o", "pid=,ppid=,pgid=,stat=,lstart="])
            .env_clear()
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .output()
            .map(|it| String::from_utf8_lossy(&it.stdout).lines().filter_map(parse).collect())
            .unwrap_or_default()
    }

    fn parse(line: &str) -> Option<Entry> {
        let mut fields = line.split_ascii_whitespace();
        let pid: u32 = fields.next()?.parse().ok()?;
        let parent = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        let zombie = fields.next()?.starts_with('Z');
        let started = fields.collect::<Vec<_>>().join(" ");
        let session = i32::try_from(pid)
            .ok()
            .and_then(Pid::from_raw)
            .and_then(|it| getsid(Some(it)).ok())
            .map_or(0, |it| it.as_raw_nonzero().get().unsigned_abs());
        Some(Entry { identity: Identity { pid, started }, parent, group, session, zombie })
    }
}

#[cfg(not(unix))]
mod system {
    use super::Entry;

    /// Returns nothing: sessions are a Unix idea.
    pub fn entry(_pid: u32) -> Option<Entry> {
        None
    }

    /// Returns nothing.
    pub fn entries() -> Vec<Entry> {
        Vec::new()
    }
}

pub use system::{entries, entry};
