//! Frames: `Content-Length: N`, an empty line, N bytes. Reads them with limits, and writes them.
//!
//! Knows nothing of what is in a body. Whoever reads frames from a peer reads them here, so that the limits stand once.

use std::io;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};

/// The most bytes that a frame's header may have.
pub const MAX_HEADER: usize = 8 * 1024;

/// The most bytes that a frame's body may have.
pub const MAX_BODY: usize = 64 * 1024 * 1024;

/// Why no further frame can be read: where the next one would begin is not known.
#[derive(Debug, thiserror::Error)]
pub enum FrameFault {
    /// The header has no end within the limit.
    #[error(
        "the frame's header is longer than {MAX_HEADER} bytes; send `Content-Length: N`, an empty line, then N bytes"
    )]
    LongHeader,
    /// The header can't be read.
    #[error("the frame's header is wrong: {why}; send `Content-Length: N`, an empty line, then N bytes")]
    BadHeader {
        /// What is wrong with it.
        why: String,
    },
    /// The body is longer than the limit.
    #[error("the frame has {length} bytes and at most {MAX_BODY} are taken; send less at once")]
    LongBody {
        /// What the header says.
        length: u64,
    },
    /// The input ended inside a frame.
    #[error("the input ended inside a frame")]
    CutOff,
    /// The input can't be read.
    #[error("the input can't be read: {0}")]
    Input(#[from] io::Error),
}

/// Reads frames from a stream of bytes.
pub struct FrameReader<R> {
    input: BufReader<R>,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Makes a reader.
    pub fn new(input: R) -> Self {
        Self { input: BufReader::with_capacity(32 * 1024, input) }
    }

    /// Returns the next frame's body, or `None` where the input ended between two frames.
    ///
    /// Not safe to cancel: a dropped call loses what it has read.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, FrameFault> {
        let Some(length) = self.header().await? else { return Ok(None) };
        if length > MAX_BODY as u64 {
            return Err(FrameFault::LongBody { length });
        }
        // Grows with what really comes: a header that only promises 64 MiB costs nothing.
        let mut body = Vec::with_capacity(usize::try_from(length).unwrap_or(0).min(64 * 1024));
        (&mut self.input).take(length).read_to_end(&mut body).await?;
        if (body.len() as u64) < length { Err(FrameFault::CutOff) } else { Ok(Some(body)) }
    }

    /// Reads a header and returns the length that it gives.
    async fn header(&mut self) -> Result<Option<u64>, FrameFault> {
        let mut length = None;
        let mut read = 0;
        loop {
            let mut line = Vec::new();
            let left = MAX_HEADER + 1 - read;
            read += (&mut self.input).take(left as u64).read_until(b'\n', &mut line).await?;
            if read > MAX_HEADER {
                return Err(FrameFault::LongHeader);
            }
            let Some(line) = line.strip_suffix(b"\n") else {
                return if read == 0 { Ok(None) } else { Err(FrameFault::CutOff) };
            };
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                break;
            }
            if let Some(value) = field(line)? {
                length = Some(value);
            }
        }
        length.map(Some).ok_or_else(|| FrameFault::BadHeader { why: "it has no Content-Length".to_owned() })
    }
}

/// Reads one line of a header; returns its value where it is the length.
fn field(line: &[u8]) -> Result<Option<u64>, FrameFault> {
    let bad = |why: String| FrameFault::BadHeader { why };
    let shown = || String::from_utf8_lossy(&line[..line.len().min(40)]).escape_default().to_string();
    let text = std::str::from_utf8(line).map_err(|_| bad(format!("\"{}\" is not UTF-8", shown())))?;
    let (name, value) = text.split_once(':').ok_or_else(|| bad(format!("\"{}\" has no colon", shown())))?;
    if !name.trim().eq_ignore_ascii_case("content-length") {
        return Ok(None);
    }
    value.trim().parse().map(Some).map_err(|_| bad(format!("\"{}\" gives no length", shown())))
}

/// Returns a body as a frame.
pub fn frame(body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(body.len() + 32);
    whole.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    whole.extend_from_slice(body);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_all(input: &[u8]) -> (Vec<Vec<u8>>, Option<String>) {
        let mut reader = FrameReader::new(input);
        let mut bodies = Vec::new();
        loop {
            match reader.next().await {
                Ok(Some(body)) => bodies.push(body),
                Ok(None) => return (bodies, None),
                Err(fault) => return (bodies, Some(fault.to_string())),
            }
        }
    }

    #[tokio::test]
    async fn frames_come_back_whole_and_in_order() {
        let mut input = frame(b"{}");
        input.extend(b"content-length:3\nX-Other: 1\n\nabc");
        input.extend(frame(b""));
        let (bodies, fault) = read_all(&input).await;
        assert_eq!(bodies, [b"{}".to_vec(), b"abc".to_vec(), Vec::new()]);
        assert_eq!(fault, None);
    }

    #[tokio::test]
    async fn bad_frames_are_named_and_never_waited_for() {
        for (input, says) in [
            (&b"Content-Length: 5\r\n\r\nab"[..], "ended inside"),
            (b"Content-Le", "ended inside"),
            (b"Content-Length: -1\r\n\r\n", "gives no length"),
            (b"Content-Length: 99999999999999999999999\r\n\r\n", "gives no length"),
            (b"Content-Length: 4294967296\r\n\r\n", "at most"),
            (b"Content-Type: x\r\n\r\n", "no Content-Length"),
            (b"\r\n\r\n", "no Content-Length"),
            (b"\xff\xfe: 1\r\n\r\n", "not UTF-8"),
            (b"hello\r\n\r\n", "no colon"),
        ] {
            let (_, fault) = read_all(input).await;
            let fault = fault.unwrap_or_default();
            assert!(fault.contains(says), "{:?} gave {fault:?}", String::from_utf8_lossy(input));
        }
        let (_, fault) = read_all(&vec![b'a'; 10 * MAX_HEADER]).await;
        assert!(fault.unwrap().contains("longer than"));
    }
}
