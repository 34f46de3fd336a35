//! The mock model as a program, for tests that are not written in Rust and for looking by hand.
//!
//! `mock-model [--port N] [--log FILE]` prints its address as its first line and serves until its input ends, so that it
//! never outlives who started it. It is only ever on loopback.

#[path = "mod.rs"]
mod model;

use std::{
    io::{self, Read as _, Write as _},
    path::PathBuf,
    process::ExitCode,
};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _ = writeln!(io::stderr(), "error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let mut port = 0;
    let mut log = None;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} wants a value"));
        match word.as_str() {
            "--port" => port = value()?.parse().map_err(|err| format!("--port: {err}"))?,
            "--log" => log = Some(PathBuf::from(value()?)),
            _ => return Err(format!("{word} is not known; give --port N or --log FILE")),
        }
    }
    let model = model::MockModel::start(port, log.as_deref()).map_err(|err| format!("it can't listen: {err}"))?;
    let mut out = io::stdout();
    writeln!(out, "{}", model.url()).and_then(|()| out.flush()).map_err(|err| err.to_string())?;
    let mut rest = Vec::new();
    io::stdin().read_to_end(&mut rest).map_err(|err| err.to_string())?;
    Ok(())
}
