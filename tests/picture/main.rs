//! Draws what a program shows on a terminal as an SVG picture, for the documents.
//!
//! `picture OUT.svg [--size COLSxROWS] [--lines FROM-TO] [--title TEXT] [--cast FILE | -- COMMAND…]`. The command runs on a
//! PTY of that size; the picture is of everything that it printed, or of these lines of it. A recording (asciicast v2) is
//! drawn in the same way. It knows nothing of Callboard.

use std::{
    io::{Read as _, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

mod screen;
mod svg;

/// No picture needs more than this; a program that prints on is cut.
const MOST_BYTES: usize = 16 << 20;

fn main() -> ExitCode {
    match draw(std::env::args().skip(1).collect()) {
        Ok(said) => {
            let _ = writeln!(std::io::stderr(), "{said}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "error: {why}");
            ExitCode::FAILURE
        }
    }
}

/// What is asked for.
struct Wish {
    out: PathBuf,
    columns: u16,
    rows: u16,
    from: usize,
    to: usize,
    title: String,
    cast: Option<PathBuf>,
    command: Vec<String>,
}

fn draw(words: Vec<String>) -> Result<String, String> {
    let wish = read(words)?;
    let bytes = match &wish.cast {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| format!("reading {}: {error}", path.display()))?;
            screen::bytes_of_recording(&text)?
        }
        None => run(&wish)?,
    };
    let lines = screen::lines(&bytes, wish.columns, wish.rows);
    let chosen: Vec<_> = lines.iter().take(wish.to).skip(wish.from.saturating_sub(1)).cloned().collect();
    let picture = svg::picture(&chosen, wish.columns, &wish.title);
    std::fs::write(&wish.out, picture).map_err(|error| format!("writing {}: {error}", wish.out.display()))?;
    Ok(format!("{}: {} of {} lines", wish.out.display(), chosen.len(), lines.len()))
}

fn read(words: Vec<String>) -> Result<Wish, String> {
    let mut wish = Wish {
        out: PathBuf::new(),
        columns: 100,
        rows: 40,
        from: 1,
        to: 100,
        title: String::new(),
        cast: None,
        command: Vec::new(),
    };
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} wants a value"));
        match word.as_str() {
            "--size" => {
                let value = value()?;
                let size = value.split_once('x').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
                (wish.columns, wish.rows) = size.ok_or_else(|| format!("{value} is no size; write it as 100x40"))?;
            }
            "--lines" => {
                let value = value()?;
                let lines = value.split_once('-').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
                (wish.from, wish.to) = lines.ok_or_else(|| format!("{value} is no range; write it as 1-40"))?;
            }
            "--title" => wish.title = value()?,
            "--cast" => wish.cast = Some(value()?.into()),
            "--" => wish.command = words.by_ref().collect(),
            _ if wish.out.as_os_str().is_empty() => wish.out = word.into(),
            other => return Err(format!("{other} is not understood; see the head of tests/picture/main.rs")),
        }
    }
    if wish.out.as_os_str().is_empty() || wish.cast.is_some() != wish.command.is_empty() {
        return Err("say where the picture goes, and then either `--cast FILE` or `-- COMMAND…`".to_owned());
    }
    Ok(wish)
}

/// Runs the command on a PTY and returns all that it printed.
fn run(wish: &Wish) -> Result<Vec<u8>, String> {
    let size = PtySize { rows: wish.rows, cols: wish.columns, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).map_err(|error| format!("opening a terminal: {error}"))?;
    // A path is meant from here; a bare name is looked up.
    let program = std::path::Path::new(&wish.command[0]);
    let program = if program.components().count() > 1 { std::path::absolute(program) } else { Ok(program.to_owned()) };
    let mut command = CommandBuilder::new(program.map_err(|error| format!("finding the program: {error}"))?);
    command.args(&wish.command[1..]);
    command.cwd(std::env::current_dir().map_err(|error| format!("finding the folder: {error}"))?);
    command.env("TERM", "xterm-256color");
    command.env("COLORTERM", "truecolor");
    let mut child = pair.slave.spawn_command(command).map_err(|error| format!("starting the command: {error}"))?;
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().map_err(|error| format!("reading the terminal: {error}"))?;
    // Kept until the end: a writer that is dropped types into the program.
    let writer = pair.master.take_writer().map_err(|error| format!("writing to the terminal: {error}"))?;
    let (mut bytes, mut buffer) = (Vec::new(), [0; 8192]);
    while let Ok(length @ 1..) = reader.read(&mut buffer) {
        if bytes.len() < MOST_BYTES {
            bytes.extend_from_slice(&buffer[..length]);
        }
    }
    let status = child.wait().map_err(|error| format!("waiting for the command: {error}"))?;
    drop(writer);
    if status.success() { Ok(bytes) } else { Err(format!("the command failed ({status}); its picture would mislead")) }
}
