//! Puts files back: byte for byte, with their modes, never through a link, and never over what is not expected there.
//!
//! Invariant (security row 14): every folder on the way is opened from the one above it and is no link, so what an agent put
//! in the way can't lead out of the work tree. A file is replaced whole: readers see the old one or the new one.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fmt::Write as _,
    fs::File,
    io::{self, Read as _, Write as _},
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Component, Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::{
    fs::{self, AtFlags, FileType, Mode as Bits, OFlags},
    io::Errno,
};
use sha2::{Digest as _, Sha256};

use super::{CheckpointError, Entry, Mode, Store};

/// How many bytes of files are in memory at once, about.
const AT_ONCE: u64 = 32 << 20;

/// A file to put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Where, from the root.
    pub path: PathBuf,
    /// What must be there now.
    pub expect: Option<Entry>,
    /// What is to be there.
    pub want: Option<Entry>,
}

/// A file that is left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// Where.
    pub path: PathBuf,
    /// Why, in words.
    pub why: String,
}

/// What became of the files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// Those that are as wanted now.
    pub files: Vec<PathBuf>,
    /// Those that are left as they are.
    pub clashes: Vec<Clash>,
}

impl Store {
    /// Puts files back. With `force`, whatever is there in the place of what is expected is replaced too.
    pub fn restore(&self, moves: &[Move], force: bool) -> Result<Restored, CheckpointError> {
        let root = fs::open(&self.root, FOLDER, Bits::empty())
            .map_err(|error| self.io("opening the work tree", error.into()))?;
        let mut work = Work { store: self, root, force, done: Restored::default() };
        let (gone, kept): (Vec<&Move>, Vec<&Move>) = moves.iter().partition(|it| it.want.is_none());
        // What is ignored is not ours to remove, and the rules for that are those of the state that is gone back to. A link may
        // stand in the way of one of these files now; it is tried again behind the removals.
        let (rules, others): (Vec<&Move>, Vec<&Move>) =
            kept.into_iter().partition(|it| it.path.file_name() == Some(OsStr::new(".gitignore")));
        let blocked = work.write_all(&rules, true)?;
        let ignored = work.ignored(&gone)?;
        for it in gone {
            if ignored.contains(&it.path) {
                let why = "it is ignored in the state that is gone back to".to_owned();
                work.done.clashes.push(Clash { path: it.path.clone(), why });
            } else {
                let removed = work.remove(it);
                work.note(it, removed);
            }
        }
        work.write_all(&blocked.into_iter().chain(others).collect::<Vec<_>>(), false)?;
        let Work { mut done, .. } = work;
        done.files.sort();
        done.clashes.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(done)
    }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Why a file is left as it is.
enum Left {
    Clash(&'static str),
    System(io::Error),
}

impl From<io::Error> for Left {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<Errno> for Left {
    fn from(error: Errno) -> Self {
        Self::System(error.into())
    }
}

/// What is at a place now.
enum Found {
    Nothing,
    File(Entry, Bits),
    Folder,
    Other,
}

struct Work<'s> {
    store: &'s Store,
    root: OwnedFd,
    force: bool,
    done: Restored,
}

impl Work<'_> {
    fn note(&mut self, it: &Move, came: Result<(), Left>) {
        match came {
            Ok(()) => self.done.files.push(it.path.clone()),
            Err(Left::Clash(why)) => self.done.clashes.push(Clash { path: it.path.clone(), why: why.to_owned() }),
            Err(Left::System(error)) => {
                let why = format!("the system refused it: {error}");
                self.done.clashes.push(Clash { path: it.path.clone(), why });
            }
        }
    }

    /// Writes files, so many at a time that their bytes fit in memory. With `later`, those whose place is blocked are returned
    /// and not counted as clashes.
    fn write_all<'m>(&mut self, moves: &[&'m Move], later: bool) -> Result<Vec<&'m Move>, CheckpointError> {
        let mut blocked = Vec::new();
        let ids: Vec<&str> = moves.iter().filter_map(|it| it.want.as_ref()).map(|it| it.id.as_str()).collect();
        let sizes = self.sizes(&ids)?;
        let mut rest = moves;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |it: &&Move| {
                bytes += it.want.as_ref().and_then(|it| sizes.get(&it.id)).copied().unwrap_or(0);
                bytes <= AT_ONCE
            };
            let count = rest.iter().map(|it| &**it).take_while(fits).count().max(1);
            let (now, after) = rest.split_at(count);
            rest = after;
            let ids: Vec<&str> = now.iter().filter_map(|it| it.want.as_ref()).map(|it| it.id.as_str()).collect();
            let contents = self.contents(&ids)?;
            for it in now {
                let Some(want) = &it.want else { continue };
                let came = match contents.get(&want.id) {
                    Some(content) => self.write(it, want, content),
                    None => Err(Left::Clash("its earlier content is not kept any more")),
                };
                match came {
                    Err(_) if later => blocked.push(*it),
                    came => self.note(it, came),
                }
            }
        }
        Ok(blocked)
    }

    fn sizes(&self, ids: &[&str]) -> Result<HashMap<String, u64>, CheckpointError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let asked = self.store.shadow().input(lines(ids)).run(&["cat-file", "--batch-check"])?.text();
        let size = |line: &str| {
            let mut words = line.split(' ');
            Some((words.next()?.to_owned(), words.nth(1)?.parse().ok()?))
        };
        Ok(asked.lines().filter_map(size).collect())
    }

    fn contents(&self, ids: &[&str]) -> Result<HashMap<String, Vec<u8>>, CheckpointError> {
        let mut contents = HashMap::new();
        if ids.is_empty() {
            return Ok(contents);
        }
        // One file is at most as large as the bound on what is taken in; a line of its own comes on top.
        let most =
            usize::try_from(AT_ONCE + self.store.bounds.file_bytes).unwrap_or(usize::MAX).saturating_add(1 << 20);
        let call = self.store.shadow().input(lines(ids)).most_output(most);
        let printed = call.run(&["cat-file", "--batch"])?.stdout;
        let mut rest = printed.as_slice();
        while let Some(end) = rest.iter().position(|it| *it == b'\n') {
            let head = String::from_utf8_lossy(&rest[..end]).into_owned();
            rest = &rest[end + 1..];
            let words: Vec<&str> = head.split(' ').collect();
            let [id, "blob", size] = words[..] else { continue };
            let Some(content) = size.parse().ok().and_then(|size: usize| rest.get(..size)) else { break };
            contents.insert(id.to_owned(), content.to_vec());
            rest = rest.get(content.len() + 1..).unwrap_or_default();
        }
        Ok(contents)
    }

    /// Returns those of the files to be removed that the work tree's rules ignore, as they are now.
    fn ignored(&self, gone: &[&Move]) -> Result<Vec<PathBuf>, CheckpointError> {
        if gone.is_empty() {
            return Ok(Vec::new());
        }
        let mut input = Vec::new();
        for it in gone.iter().filter(|it| self.parent(&it.path, false).is_ok_and(|it| it.is_some())) {
            input.extend_from_slice(it.path.as_os_str().as_bytes());
            input.push(0);
        }
        let call = self.store.shadow().index(&self.store.index).input(input);
        let asked = call.run_any(&["check-ignore", "-z", "--no-index", "--stdin"])?;
        // 0 is "some", 1 is "none"; where git can't say, nothing is removed.
        if !matches!(asked.code, Some(0 | 1)) {
            return Ok(gone.iter().map(|it| it.path.clone()).collect());
        }
        let paths = asked.stdout.split(|it| *it == 0).filter(|it| !it.is_empty());
        Ok(paths.map(super::path_of).collect())
    }

    /// Opens the folder that a path is in, step by step, and makes what is missing of it where `make` says so.
    fn parent(&self, path: &Path, make: bool) -> Result<Option<OwnedFd>, Left> {
        let mut folder = self.root.try_clone()?;
        let Some(above) = path.parent() else { return Err(Left::Clash("it is no path of a file")) };
        for part in path.components() {
            match part {
                Component::Normal(name) if !name.eq_ignore_ascii_case(".git") => {}
                _ => return Err(Left::Clash("a path like this is never written")),
            }
        }
        for name in above.components().map(Component::as_os_str) {
            folder = match fs::openat(&folder, name, FOLDER, Bits::empty()) {
                Ok(it) => it,
                Err(Errno::NOENT) if !make => return Ok(None),
                Err(Errno::NOENT) => {
                    fs::mkdirat(&folder, name, Bits::from_raw_mode(0o777))?;
                    fs::openat(&folder, name, FOLDER, Bits::empty())?
                }
                Err(Errno::NOTDIR | Errno::LOOP) => {
                    return Err(Left::Clash("a link or a file is where its folder was, and links are not followed"));
                }
                Err(other) => return Err(other.into()),
            };
        }
        Ok(Some(folder))
    }

    /// Refuses what is not as expected, unless that does not matter. Returns what is there.
    fn check(&self, folder: impl AsFd, name: &OsStr, it: &Move) -> Result<Found, Left> {
        let found = look(folder, name)?;
        let as_expected = match (&found, &it.expect) {
            (Found::Nothing, None) => true,
            (Found::File(now, _), Some(expect)) => now == expect,
            _ => false,
        };
        match found {
            Found::Folder => Err(Left::Clash("a folder with other files is there now")),
            Found::Other => Err(Left::Clash("something that is no file is there now")),
            _ if as_expected || self.force => Ok(found),
            _ => Err(Left::Clash("it was changed since by somebody else")),
        }
    }

    fn remove(&self, it: &Move) -> Result<(), Left> {
        let Some(name) = it.path.file_name() else { return Err(Left::Clash("it is no path of a file")) };
        let Some(folder) = self.parent(&it.path, false)? else { return Ok(()) };
        if matches!(self.check(&folder, name, it)?, Found::Nothing) {
            return Ok(());
        }
        fs::unlinkat(&folder, name, AtFlags::empty())?;
        // Folders that have nothing in them any more came with the file, as far as a tree can know.
        for above in it.path.ancestors().skip(1).filter(|it| !it.as_os_str().is_empty()) {
            let (Ok(Some(folder)), Some(name)) = (self.parent(above, false), above.file_name()) else { break };
            if fs::unlinkat(&folder, name, AtFlags::REMOVEDIR).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn write(&self, it: &Move, want: &Entry, content: &[u8]) -> Result<(), Left> {
        let Some(name) = it.path.file_name() else { return Err(Left::Clash("it is no path of a file")) };
        let Some(folder) = self.parent(&it.path, true)? else { return Ok(()) };
        self.check(&folder, name, it)?;
        let temporary = temporary();
        let made = make(&folder, &temporary, want.mode, content, || {
            // Looked at again with the new file ready, so that a change meanwhile has next to no time to be lost in.
            self.check(&folder, name, it)
        });
        let renamed = made.and_then(|()| Ok(fs::renameat(&folder, temporary.as_str(), &folder, name)?));
        if renamed.is_err() {
            let _ = fs::unlinkat(&folder, temporary.as_str(), AtFlags::empty());
        }
        renamed
    }
}

/// Makes a file or link of this content beside its place, with the permissions of the one that it replaces.
fn make(
    folder: &OwnedFd,
    name: &str,
    mode: Mode,
    content: &[u8],
    look_again: impl FnOnce() -> Result<Found, Left>,
) -> Result<(), Left> {
    if mode == Mode::Link {
        fs::symlinkat(OsStr::from_bytes(content), folder, name)?;
        return look_again().map(drop);
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(fs::openat(folder, name, flags, Bits::from_raw_mode(0o666))?);
    file.write_all(content)?;
    let bits = match look_again()? {
        Found::File(_, bits) => bits,
        _ => Bits::from_raw_mode(fs::fstat(&file)?.st_mode),
    };
    let readable = bits.as_raw_mode() & 0o444;
    let plain = bits.as_raw_mode() & 0o666;
    let wanted = if mode == Mode::Program { plain | readable >> 2 } else { plain };
    fs::fchmod(&file, Bits::from_raw_mode(wanted))?;
    Ok(())
}

/// Looks at a place without following a link.
fn look(folder: impl AsFd, name: &OsStr) -> Result<Found, Left> {
    let stat = match fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(Found::Nothing),
        other => other?,
    };
    let bits = Bits::from_raw_mode(stat.st_mode);
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Ok(Found::Folder),
        FileType::Symlink => {
            let target = fs::readlinkat(&folder, name, Vec::new())?;
            let id = id_of(target.as_bytes().len() as u64, target.as_bytes())?;
            // A link has no permissions of its own to hand on.
            Ok(Found::File(Entry { mode: Mode::Link, id }, Bits::from_raw_mode(0o644)))
        }
        FileType::RegularFile => {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let file = File::from(fs::openat(&folder, name, flags, Bits::empty())?);
            let length = file.metadata()?.len();
            let mode = if bits.contains(Bits::XUSR) { Mode::Program } else { Mode::File };
            Ok(Found::File(Entry { mode, id: id_of(length, file)? }, bits))
        }
        _ => Ok(Found::Other),
    }
}

/// Returns the id that git has for these bytes.
fn id_of(length: u64, mut bytes: impl io::Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    hash.update(format!("blob {length}\0"));
    let mut piece = vec![0; 64 << 10];
    let mut bytes = bytes.by_ref().take(length);
    loop {
        match bytes.read(&mut piece)? {
            0 => break,
            count => hash.update(&piece[..count]),
        }
    }
    Ok(hash.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// Returns a name that nobody else has.
fn temporary() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!(".callboard-undo-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn lines(ids: &[&str]) -> Vec<u8> {
    ids.iter().flat_map(|it| [it.as_bytes(), b"\n"]).flatten().copied().collect()
}
