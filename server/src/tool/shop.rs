//! Where a tool works: the root, the search path, and the terminal that people watch.
//!
//! The one place through which programs are found and run. Knows no ecosystem.

use std::{
    ffi::OsString,
    io::{IsTerminal as _, Write},
    path::{Path, PathBuf},
};

use super::{
    Trouble,
    child::{self, Call, Ran, Stream},
    files::{Disk, Files},
    program, text,
};

/// What people see of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    /// Everything.
    All,
    /// Only what is on standard error; standard output is for a parser.
    Err,
    /// Nothing, not even the command line: a question on the way.
    Nothing,
}

/// Where a tool works.
pub struct Shop<'a> {
    /// The root, canonical.
    pub root: PathBuf,
    /// Its files.
    pub files: Disk,
    /// Whether the terminal takes colours.
    pub colour: bool,
    /// Whether people see what programs print on standard output; off where something is run again to check.
    pub loud: bool,
    path: OsString,
    out: &'a mut dyn Write,
}

impl<'a> Shop<'a> {
    /// Opens a shop on a folder.
    pub fn open(root: &Path, out: &'a mut dyn Write) -> Result<Self, Trouble> {
        let root = root
            .canonicalize()
            .ok()
            .filter(|it| it.is_dir())
            .ok_or_else(|| Trouble::Broken(format!("{} is not a folder that can be opened", root.display())))?;
        let path = program::search_path(&std::env::var_os("PATH").unwrap_or_default(), &root);
        let colour = std::env::var_os("NO_COLOR").is_none() && std::io::stdout().is_terminal();
        Ok(Self { files: Disk::new(root.clone()), root, colour, loud: true, path, out })
    }

    /// Shows people a line. Nobody may be watching, so a failure is none.
    pub fn say(&mut self, line: &str) {
        let _ = writeln!(self.out, "{line}");
        let _ = self.out.flush();
    }

    /// Finds a program on the search path, or says what to do about it.
    pub fn program(&self, name: &str, advice: &str) -> Result<PathBuf, Trouble> {
        self.find(name)
            .ok_or_else(|| Trouble::NotInstalled(format!("`{name}` was not found on the search path; {advice}")))
    }

    /// Finds a program on the search path.
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        program::find(name, &self.path, &self.root)
    }

    /// Finds a program that the project itself keeps: `place/name` in `dir` or in a folder above it, up to the root.
    pub fn own_program(&self, dir: &str, place: &str, name: &str) -> Option<PathBuf> {
        let mut dir = dir;
        loop {
            let path = self.root.join(dir).join(place).join(name);
            if program::is_program(&path) {
                return Some(path);
            }
            if dir.is_empty() {
                return None;
            }
            dir = text::parent(dir);
        }
    }

    /// Runs a program in `dir`, shows people its command line and what `echo` lets through, and returns all of it.
    pub fn run(&mut self, dir: &str, program: &Path, args: &[&str], echo: Echo) -> Result<Ran, Trouble> {
        self.run_with(dir, program, args, echo, &mut |_| None)
    }

    /// Runs a program as [`Shop::run`] does; `show` makes of a line of its standard output what people see of it.
    pub fn run_with(
        &mut self,
        dir: &str,
        program: &Path,
        args: &[&str],
        echo: Echo,
        show: &mut dyn FnMut(&str) -> Option<String>,
    ) -> Result<Ran, Trouble> {
        if echo != Echo::Nothing {
            self.say(&format!("$ {}", command_line(&self.root, dir, program, args)));
        }
        let call = Call {
            program: program.to_owned(),
            args: args.iter().map(|it| (*it).to_owned()).collect(),
            cwd: self.root.join(dir),
            path: self.path.clone(),
            env: vec![("NO_COLOR", "1".to_owned()), ("CI", "1".to_owned()), ("PYTHONUNBUFFERED", "1".to_owned())],
        };
        let loud = self.loud;
        let out = &mut *self.out;
        let ran = child::run(&call, &mut |stream, line| {
            let shown = match (stream, echo) {
                (_, Echo::Nothing) => None,
                (Stream::Out, _) if !loud => None,
                (Stream::Out, Echo::Err) => show(line),
                _ => Some(line.to_owned()),
            };
            if let Some(line) = shown {
                let _ = writeln!(out, "{line}");
                let _ = out.flush();
            }
        })?;
        if ran.cut {
            self.say("callboard: it printed more than is kept; what came last was not read");
        }
        Ok(ran)
    }

    /// Returns a path that a program, run in `dir`, printed as a path from the root; `None` where it is outside.
    pub fn path_of(&self, dir: &str, printed: &str) -> Option<String> {
        text::from_root(&self.root.to_string_lossy(), dir, printed)
    }

    /// Returns the text of a file by its path from the root.
    pub fn read(&self, path: &str) -> Option<String> {
        self.files.read(path)
    }
}

/// Returns a command as people read it: the program by its name, or by its place where that is inside the root.
fn command_line(root: &Path, dir: &str, program: &Path, args: &[&str]) -> String {
    let name = match program.strip_prefix(root) {
        Ok(inside) => inside.to_string_lossy().into_owned(),
        Err(_) => program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned(),
    };
    let quoted = args.iter().map(|it| {
        let bare = !it.is_empty() && it.chars().all(|it| it.is_alphanumeric() || "-_./=:,@+%".contains(it));
        if bare { (*it).to_owned() } else { format!("'{it}'") }
    });
    let line = std::iter::once(name).chain(quoted).collect::<Vec<_>>().join(" ");
    if dir.is_empty() { line } else { format!("(cd {dir}) {line}") }
}
