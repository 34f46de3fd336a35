//! A client of Callboard's tools as a coding agent has one: it starts `callboard mcp`, greets it, lists and calls.
//!
//! Speaks the Model Context Protocol by hand, a JSON object a line, so that the server is held to the wire and not to a library.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

/// A running server. It ends when its input is closed, which happens with this value.
pub struct Mcp {
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    child: Child,
    next: u64,
}

impl Drop for Mcp {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Mcp {
    /// Starts the server with this program's own environment and these variables, and greets it.
    pub fn start(callboard: &str, variables: &[(String, String)]) -> Result<Self, String> {
        let mut command = Command::new(callboard);
        command
            .args(["mcp"])
            .envs(variables.iter().map(|it| (&it.0, &it.1)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().map_err(|err| format!("{callboard:?} can't be run: {err}"))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("no pipes".to_owned());
        };
        let mut server = Self { input: Some(input), output: BufReader::new(output), child, next: 0 };
        let greeting = json!({
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "fake-agent", "version": "1" },
        });
        server.ask("initialize", &greeting)?;
        server.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
        Ok(server)
    }

    /// Returns the names of the tools.
    pub fn tools(&mut self) -> Result<String, String> {
        let listed = self.ask("tools/list", &json!({}))?;
        let names = listed["tools"].as_array().into_iter().flatten().filter_map(|it| it["name"].as_str());
        Ok(format!("tools: {}", names.collect::<Vec<_>>().join(" ")))
    }

    /// Calls a tool and returns what came of it, on one line.
    pub fn call(&mut self, tool: &str, args: &str) -> Result<String, String> {
        let args: Value = if args.is_empty() { json!({}) } else { parse(args)? };
        let done = self.ask("tools/call", &json!({ "name": tool, "arguments": args }))?;
        let text = done["content"][0]["text"].as_str().unwrap_or("nothing").trim_end().replace('\n', " / ");
        let failed = if done["isError"] == true { " failed" } else { "" };
        Ok(format!("{tool}{failed}: {text}"))
    }

    fn ask(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        self.next += 1;
        let id = self.next;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).map_err(|err| err.to_string())?;
            if read == 0 {
                return Err(format!("the server ended before it answered {method}"));
            }
            let message = parse(&line)?;
            if message["id"] != id {
                continue;
            }
            return match message.get("error") {
                Some(error) => Err(error["message"].as_str().unwrap_or("an error").to_owned()),
                None => Ok(message["result"].clone()),
            };
        }
    }

    fn send(&mut self, message: &Value) -> Result<(), String> {
        let input = self.input.as_mut().ok_or("its input is closed")?;
        writeln!(input, "{message}").and_then(|()| input.flush()).map_err(|err| err.to_string())
    }
}

fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|err| format!("{text:?} is not JSON: {err}"))
}
