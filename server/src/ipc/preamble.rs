//! The first bytes of a connection: which protocol, and the token that proves the right to speak.
//!
//! 72 bytes from the client (`CLBD`, the protocol as four bytes with the highest first, 64 hex digits), eight from the hub
//! (a word of four letters, the hub's protocol). After that the language server protocol begins.

use std::{fs, io, path::Path, time::Duration};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::protocol::PROTOCOL;

/// How long a client may take for its preamble.
pub const DEADLINE: Duration = Duration::from_secs(2);

const MAGIC: &[u8; 4] = b"CLBD";
const OK: &[u8; 4] = b"OK!!";
const BAD_TOKEN: &[u8; 4] = b"NO!!";
const OTHER_VERSION: &[u8; 4] = b"VER!";
const FULL: &[u8; 4] = b"FULL";

/// 256 random bits in hex. `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; 64]);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// Makes a new one from the system's random source.
    #[cfg(unix)]
    pub fn new() -> io::Result<Self> {
        let mut bits = [0; 32];
        io::Read::read_exact(&mut fs::File::open("/dev/urandom")?, &mut bits)?;
        let mut hex = [0; 64];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(bits) {
            pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
            pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
        }
        Ok(Self(hex))
    }

    /// Reads one from its file.
    pub fn read(path: &Path) -> io::Result<Self> {
        let bytes = fs::read(path)?;
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, format!("{} is not a token", path.display()));
        Ok(Self(bytes.as_slice().try_into().map_err(|_| wrong())?))
    }

    /// Reads one from its text.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 64] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_hexdigit).then_some(Self(bytes))
    }

    /// Returns it as its file has it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Compares in a time that does not depend on where the two differ.
    pub fn is(&self, other: &[u8]) -> bool {
        other.len() == self.0.len() && self.0.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b)) == 0
    }
}

/// What a hub says to a preamble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Welcome {
    /// Come in.
    Ok,
    /// The token is not the hub's.
    BadToken,
    /// The hub speaks this protocol, not the client's.
    OtherVersion(u32),
    /// The hub has as many clients as it takes.
    Full,
}

impl Welcome {
    fn word(self) -> &'static [u8; 4] {
        match self {
            Self::Ok => OK,
            Self::BadToken => BAD_TOKEN,
            Self::OtherVersion(_) => OTHER_VERSION,
            Self::Full => FULL,
        }
    }
}

/// The client's half. Fails with `UnexpectedEof` where the hub went away.
pub async fn introduce<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, token: &Token) -> io::Result<Welcome> {
    stream.write_all(&preamble(token)).await?;
    stream.flush().await?;
    let (mut word, mut version) = ([0; 4], [0; 4]);
    stream.read_exact(&mut word).await?;
    stream.read_exact(&mut version).await?;
    heard(word, version)
}

/// As [`introduce`], for a program that is too small for a runtime.
pub fn introduce_blocking<S: io::Read + io::Write>(stream: &mut S, token: &Token) -> io::Result<Welcome> {
    stream.write_all(&preamble(token))?;
    stream.flush()?;
    let (mut word, mut version) = ([0; 4], [0; 4]);
    stream.read_exact(&mut word)?;
    stream.read_exact(&mut version)?;
    heard(word, version)
}

fn preamble(token: &Token) -> Vec<u8> {
    [&MAGIC[..], &PROTOCOL.to_be_bytes()[..], token.as_bytes()].concat()
}

fn heard(word: [u8; 4], version: [u8; 4]) -> io::Result<Welcome> {
    match &word {
        OK => Ok(Welcome::Ok),
        BAD_TOKEN => Ok(Welcome::BadToken),
        OTHER_VERSION => Ok(Welcome::OtherVersion(u32::from_be_bytes(version))),
        FULL => Ok(Welcome::Full),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "what answers there is not a hub")),
    }
}

/// The hub's half: reads and answers within `patience`. `full` is said only to one who may know.
pub async fn welcome<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    token: &Token,
    full: bool,
    patience: Duration,
) -> io::Result<Welcome> {
    Ok(welcome_or(stream, token, full, patience, |_| None::<()>).await?.0)
}

/// Does what `welcome` does, and lets those in too whose token `other` knows: what it makes of it is returned.
pub async fn welcome_or<S: AsyncRead + AsyncWrite + Unpin, T>(
    stream: &mut S,
    token: &Token,
    full: bool,
    patience: Duration,
    other: impl FnOnce(&[u8]) -> Option<T>,
) -> io::Result<(Welcome, Option<T>)> {
    let talk = async {
        let mut preamble = [0; 72];
        stream.read_exact(&mut preamble).await?;
        if &preamble[..4] != MAGIC {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the first bytes are not a preamble"));
        }
        let mut known = None;
        let welcome = if preamble[4..8] != PROTOCOL.to_be_bytes() {
            Welcome::OtherVersion(PROTOCOL)
        } else if !token.is(&preamble[8..]) && {
            known = other(&preamble[8..]);
            known.is_none()
        } {
            Welcome::BadToken
        } else if full {
            Welcome::Full
        } else {
            Welcome::Ok
        };
        let mut answer = welcome.word().to_vec();
        answer.extend_from_slice(&PROTOCOL.to_be_bytes());
        stream.write_all(&answer).await?;
        stream.flush().await?;
        Ok((welcome, known))
    };
    tokio::time::timeout(patience, talk)
        .await
        .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "no preamble came in time")))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    async fn meet(sent: &[u8], token: &Token) -> (io::Result<Welcome>, Vec<u8>) {
        let (mut client, mut hub) = tokio::io::duplex(1024);
        client.write_all(sent).await.unwrap();
        let result = welcome(&mut hub, token, false, DEADLINE).await;
        drop(hub);
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        (result, answer)
    }

    #[tokio::test]
    async fn the_right_token_is_let_in_and_a_wrong_one_is_not() {
        let token = Token::new().unwrap();
        assert_ne!(token, Token::new().unwrap());
        assert_eq!(format!("{token:?}"), "Token(…)");
        for (theirs, expect) in [(token.clone(), Welcome::Ok), (Token([b'0'; 64]), Welcome::BadToken)] {
            let (mut client, mut hub) = tokio::io::duplex(1024);
            let (said, heard) =
                tokio::join!(welcome(&mut hub, &token, false, DEADLINE), introduce(&mut client, &theirs));
            assert_eq!((said.unwrap(), heard.unwrap()), (expect, expect));
        }
    }

    #[tokio::test]
    async fn another_protocol_hears_which_one_is_spoken() {
        let token = Token::new().unwrap();
        let mut sent = b"CLBD".to_vec();
        sent.extend(99_u32.to_be_bytes());
        sent.extend(token.as_bytes());
        let (result, answer) = meet(&sent, &token).await;
        assert_eq!(result.unwrap(), Welcome::OtherVersion(PROTOCOL));
        assert_eq!(answer, [&b"VER!"[..], &PROTOCOL.to_be_bytes()].concat());
    }

    #[tokio::test]
    async fn what_is_no_preamble_gets_no_word() {
        let token = Token::new().unwrap();
        let http = b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: a browser that was sent here by a page\r\n\r\n";
        let (result, answer) = meet(http, &token).await;
        assert!(result.is_err());
        assert_eq!(answer, b"");
    }

    #[tokio::test]
    async fn a_silent_client_is_not_waited_for() {
        let token = Token::new().unwrap();
        let (_client, mut hub) = tokio::io::duplex(1024);
        let err = welcome(&mut hub, &token, false, Duration::from_millis(20)).await.unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::TimedOut);
    }
}
