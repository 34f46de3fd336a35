//! Bytes into the text of a JSON string, fast: runs that need no escape are copied whole.
//!
//! Knows nothing of events or files.

/// Appends the inside of a JSON string. `text` must be UTF-8; the result then is JSON with no control character in it.
pub fn escape_into(out: &mut Vec<u8>, text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut from = 0;
    for (at, &byte) in text.iter().enumerate() {
        if !NEEDS_ESCAPE[usize::from(byte)] {
            continue;
        }
        out.extend_from_slice(&text[from..at]);
        from = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => out.extend_from_slice(&[
                b'\\',
                b'u',
                b'0',
                b'0',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]),
        }
    }
    out.extend_from_slice(&text[from..]);
}

/// Returns how many bytes at the end are the beginning of a character: 0 to 3.
pub fn unfinished_utf8(bytes: &[u8]) -> usize {
    let from = bytes.len().saturating_sub(3);
    for at in (from..bytes.len()).rev() {
        // A leading byte. What follows it is either a whole character, or broken, or the beginning of one.
        if bytes[at] >= 0xc0 {
            let unfinished = std::str::from_utf8(&bytes[at..]).is_err_and(|error| error.error_len().is_none());
            return if unfinished { bytes.len() - at } else { 0 };
        }
        if bytes[at] < 0x80 {
            return 0;
        }
    }
    0
}

// DEL is escaped too: it is a control character, though JSON would let it stand.
const NEEDS_ESCAPE: [bool; 256] = {
    let mut table = [false; 256];
    let mut at = 0;
    while at < 0x20 {
        table[at] = true;
        at += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table[0x7f] = true;
    table
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_unfinished_character_is_told_from_a_broken_one() {
        let cases: [(&[u8], usize); 8] = [
            (b"", 0),
            (b"a", 0),
            ("é".as_bytes(), 0),
            (b"a\xc3", 1),
            (b"\xf0\x9f\x8e", 3),
            (b"\xf0\x9f", 2),
            (b"\xff", 0),
            (b"\xe2\x41", 0),
        ];
        for (bytes, wanted) in cases {
            assert_eq!(unfinished_utf8(bytes), wanted, "{bytes:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_escaped_reads_back(text in "\\PC*|[\\x00-\\x7f]*") {
            let mut out = vec![b'"'];
            escape_into(&mut out, text.as_bytes());
            out.push(b'"');
            prop_assert!(out.iter().all(|it| *it >= 0x20 && *it != 0x7f));
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
