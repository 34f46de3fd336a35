//! The tool: one request, one result, one end.

use std::{fs, process::ExitCode, sync::mpsc::channel};

use super::{
    Options, script, tty,
    turn::{End, Memory, Turn},
};

/// Carries out the request's prompt. Its typed result goes to the file that the caller named.
pub fn run(request: &str, result: Option<&str>, options: &Options) -> Result<ExitCode, String> {
    let text = fs::read_to_string(request).map_err(|err| format!("{request}: {err}"))?;
    let request: serde_json::Value = serde_json::from_str(&text).map_err(|err| err.to_string())?;
    let prompt = request["prompt"].as_str().ok_or("the request has no prompt")?;
    tty::print(&format!("fake tool for {}\r\n", request["agent"]));
    let (_sender, keys) = channel();
    let mut memory =
        Memory { result: result.map(str::to_owned), callboard: options.callboard.clone(), ..Memory::default() };
    let mut directives = script::parse(&options.script);
    directives.extend(script::parse(prompt));
    let end = Turn { keys: &keys, memory: &mut memory, resident: false }.run(&directives);
    Ok(match end {
        End::Exit(code) => ExitCode::from(code),
        End::Done | End::Interrupted => ExitCode::SUCCESS,
    })
}
