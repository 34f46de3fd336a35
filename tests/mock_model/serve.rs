//! One connection: what is asked for, by its path, and the answer in the dialect in which it was asked.

use std::{
    io::{self, BufReader, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use super::{
    Rule, Seen, Shared, anthropic,
    conversation::{Conversation, Dialect},
    gemini,
    http::{self, Request},
    openai,
    script::{self, Plan},
};

/// How long a piece of a slow text takes.
const PIECE: Duration = Duration::from_millis(250);

/// Serves one client until it goes away.
pub fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = http::read(&mut reader)? {
        if shared.state().ended {
            return Ok(());
        }
        let mut writer = stream;
        answer(&mut writer, shared, &request)?;
        writer.flush()?;
    }
    Ok(())
}

fn answer(stream: &mut &TcpStream, shared: &Shared, request: &Request) -> io::Result<()> {
    let path = request.path.split('?').next().unwrap_or_default();
    match (request.method.as_str(), path) {
        ("GET", "/_mock/requests") => {
            let seen = serde_json::to_value(&shared.state().seen).unwrap_or_default();
            return http::json(stream, 200, &seen);
        }
        ("POST", "/_mock/rules") => {
            return match serde_json::from_value::<Vec<Rule>>(request.body.clone()) {
                Ok(rules) => {
                    shared.state().rules.extend(rules);
                    http::json(stream, 200, &json!({}))
                }
                Err(err) => http::json(stream, 400, &json!({ "error": err.to_string() })),
            };
        }
        ("POST", "/_mock/release") => {
            shared.release();
            return http::json(stream, 200, &json!({}));
        }
        _ => {}
    }
    let conversation = match path {
        _ if request.method != "POST" => None,
        _ if path.ends_with("/messages") => Some(anthropic::read(&request.body)),
        _ if path.ends_with("/responses") => Some(openai::read(&request.body)),
        _ if path.ends_with("enerateContent") => Some(gemini::read(path, &request.body)),
        _ => None,
    };
    let (_open, releases) = shared.see(seen(request, conversation.as_ref()));
    let Some(conversation) = conversation else { return other(stream, request, path) };
    if conversation.dialect == Dialect::Gemini && gemini::is_side_call(&request.body) {
        return gemini::write_side(stream, &conversation);
    }
    let plan = script::plan(&mut shared.state(), &conversation);
    if plan.hang {
        shared.hold(releases);
    }
    if let Some(seconds) = plan.limit {
        let (headers, error) = match conversation.dialect {
            Dialect::Anthropic => anthropic::limit(seconds),
            Dialect::Openai => openai::limit(seconds),
            Dialect::Gemini => (String::new(), gemini::limit(seconds)),
        };
        return http::json_with(stream, 429, &headers, &error);
    }
    if let Some(status) = plan.fail {
        let error = match conversation.dialect {
            Dialect::Anthropic => anthropic::error(status),
            Dialect::Openai => openai::error(status),
            Dialect::Gemini => gemini::error(status),
        };
        return http::json(stream, status, &error);
    }
    let mut reply = Reply { stream, shared, releases, plan: &plan };
    match conversation.dialect {
        Dialect::Anthropic => anthropic::write(stream, &conversation, &mut reply),
        Dialect::Openai => openai::write(stream, &conversation, &mut reply),
        Dialect::Gemini => gemini::write(stream, &conversation, &mut reply),
    }
}

/// Returns the second that comes so many seconds from now.
pub fn second(from_now: u64) -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() + from_now
}

/// What a dialect puts into its own words.
pub struct Reply<'a> {
    stream: &'a TcpStream,
    shared: &'a Shared,
    releases: usize,
    pub plan: &'a Plan,
}

impl Reply<'_> {
    /// Gives the final text in its pieces, each in its time.
    pub fn pieces(&mut self, mut give: impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
        let count = self.plan.slow.as_millis() / PIECE.as_millis();
        for number in 0..count {
            thread::sleep(PIECE);
            give(&format!("({number}) "))?;
        }
        if self.plan.hold || self.plan.drop {
            give("so far ")?;
        }
        if self.plan.drop {
            self.stream.shutdown(Shutdown::Both)?;
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if self.plan.hold {
            self.shared.hold(self.releases);
        }
        give(&self.plan.text)
    }

    /// Returns the whole final text at once.
    pub fn whole(&mut self) -> io::Result<String> {
        let mut text = String::new();
        self.pieces(|it| {
            text.push_str(it);
            Ok(())
        })?;
        Ok(text)
    }
}

/// Answers what is no call of a model.
fn other(stream: &mut &TcpStream, request: &Request, path: &str) -> io::Result<()> {
    match request.method.as_str() {
        "HEAD" => http::json(stream, 200, &Value::Null),
        "GET" if path.contains("/models") => {
            let model = json!({ "id": "mock-model", "object": "model", "type": "model", "display_name": "Mock" });
            http::json(stream, 200, &json!({ "object": "list", "data": [model], "has_more": false, "models": [] }))
        }
        "POST" if path.ends_with("count_tokens") => http::json(stream, 200, &json!({ "input_tokens": 10 })),
        "POST" if path.ends_with("countTokens") => http::json(stream, 200, &json!({ "totalTokens": 10 })),
        _ => http::json(stream, 404, &json!({ "error": { "message": format!("there is no {path} here") } })),
    }
}

fn seen(request: &Request, conversation: Option<&Conversation>) -> Seen {
    Seen {
        method: request.method.clone(),
        path: request.path.clone(),
        headers: request.headers.clone(),
        body: request.body.clone(),
        dialect: conversation.map(|it| it.dialect),
        prompt: conversation.map(|it| it.prompt().to_owned()).unwrap_or_default(),
        messages: conversation.map_or(0, Conversation::messages),
        answered: conversation.map_or(0, |it| it.answers().len()),
        tools: conversation.map(|it| it.tools.iter().map(|it| it.name.clone()).collect()).unwrap_or_default(),
    }
}
