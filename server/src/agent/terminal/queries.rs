//! What a terminal answers when a program asks it something.
//!
//! Pure. Invariant: Callboard is the only terminal that answers; viewers get frames, in which there are no queries, so
//! no query is answered twice.

/// Returns the answer to a CSI sequence that the screen doesn't know, where it is a question that is answered.
///
/// `cursor` is the row and the column, from 0. The question after the keyboard's protocol (`CSI ? u`) gets no answer,
/// which is the answer "I have none".
pub fn csi(intermediates: [Option<u8>; 2], params: &[&[u16]], end: char, cursor: (u16, u16)) -> Option<String> {
    let first = params.first().and_then(|it| it.first()).copied().unwrap_or(0);
    match (intermediates, end) {
        // Primary device attributes: a VT220 with colour.
        ([None, None], 'c') if first == 0 => Some("\x1b[?62;22c".to_owned()),
        // Status: all well; then where the cursor is.
        ([None, None], 'n') if first == 5 => Some("\x1b[0n".to_owned()),
        ([None, None], 'n') if first == 6 => {
            Some(format!("\x1b[{};{}R", u32::from(cursor.0) + 1, u32::from(cursor.1) + 1))
        }
        // Is a mode set? Synchronized output is known and off; of the others nothing is said.
        ([Some(b'?'), Some(b'$')], 'p') => Some(format!("\x1b[?{first};{}$y", if first == 2026 { 2 } else { 0 })),
        // Name and version.
        ([Some(b'>'), None], 'q') if first == 0 => {
            Some(concat!("\x1bP>|callboard(", env!("CARGO_PKG_VERSION"), ")\x1b\\").to_owned())
        }
        _ => None,
    }
}

/// Returns the answer to an OSC sequence that the screen doesn't know: the colours of text and ground, light on dark.
pub fn osc(params: &[&[u8]]) -> Option<String> {
    match params {
        [b"10", b"?"] => Some("\x1b]10;rgb:d0d0/d0d0/d0d0\x1b\\".to_owned()),
        [b"11", b"?"] => Some("\x1b]11;rgb:1010/1010/1010\x1b\\".to_owned()),
        _ => None,
    }
}
