//! As much of HTTP/1.1 as the programs need: requests in, one JSON document or a stream of events out.
//!
//! Knows nothing of models.

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
};

use serde_json::Value;

/// The largest request that is read.
const MOST: usize = 64 << 20;

pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: HashMap<String, String>,
    pub body: Value,
}

/// Reads the next request of a connection; none where the client is done.
pub fn read(from: &mut BufReader<&TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Err(io::Error::other("no request line"));
    };
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    if headers.get("expect").is_some_and(|it| it.contains("100")) {
        from.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let chunked = headers.get("transfer-encoding").is_some_and(|it| it.contains("chunked"));
    let mut raw = Vec::new();
    if chunked {
        while let Some(length) = chunk_length(from)? {
            take(from, length, &mut raw)?;
            from.read_line(&mut String::new())?;
        }
    } else {
        let length = headers.get("content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
        take(from, length, &mut raw)?;
    }
    let body = serde_json::from_slice(&raw).unwrap_or_else(|_| String::from_utf8_lossy(&raw).into_owned().into());
    Ok(Some(Request { method, path, headers, body: if raw.is_empty() { Value::Null } else { body } }))
}

fn chunk_length(from: &mut impl BufRead) -> io::Result<Option<usize>> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let digits = line.split(';').next().unwrap_or_default().trim();
    let length = usize::from_str_radix(digits, 16).map_err(io::Error::other)?;
    if length == 0 {
        from.read_line(&mut String::new())?;
        return Ok(None);
    }
    Ok(Some(length))
}

fn take(from: &mut impl Read, length: usize, into: &mut Vec<u8>) -> io::Result<()> {
    if into.len() + length > MOST {
        return Err(io::Error::other("the request is too large"));
    }
    let before = into.len();
    into.resize(before + length, 0);
    from.read_exact(&mut into[before..])
}

/// Answers with one document.
pub fn json(to: &mut impl Write, status: u16, value: &Value) -> io::Result<()> {
    // Programs that are refused for a while wait for as long as they are told.
    let wait = if matches!(status, 429 | 503 | 529) { "retry-after: 1\r\n" } else { "" };
    json_with(to, status, wait, value)
}

/// Answers with one document and these headers, each with its line end.
pub fn json_with(to: &mut impl Write, status: u16, headers: &str, value: &Value) -> io::Result<()> {
    let body = if value.is_null() { String::new() } else { value.to_string() };
    write!(
        to,
        "HTTP/1.1 {status} Mock\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    to.flush()
}

/// A stream of events.
pub struct Events<'a> {
    to: &'a mut dyn Write,
}

impl<'a> Events<'a> {
    pub fn begin(to: &'a mut dyn Write) -> io::Result<Self> {
        write!(
            to,
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
             transfer-encoding: chunked\r\n\r\n"
        )?;
        to.flush()?;
        Ok(Self { to })
    }

    /// Sends an event, with a name where its data has a type.
    pub fn send(&mut self, data: &Value) -> io::Result<()> {
        let name = data["type"].as_str().map(|it| format!("event: {it}\n")).unwrap_or_default();
        let text = format!("{name}data: {data}\n\n");
        write!(self.to, "{:x}\r\n{text}\r\n", text.len())?;
        self.to.flush()
    }

    pub fn end(self) -> io::Result<()> {
        write!(self.to, "0\r\n\r\n")?;
        self.to.flush()
    }
}
