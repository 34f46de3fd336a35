//! Text of agents as text: terminal control taken out, so that no message can write on the developer's screen.

/// Returns `text` without escape sequences and control characters; line feeds and tabs stay, marks that turn or hide text
/// become `�`.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(it) = rest.next() {
        match it {
            '\x1b' => match rest.next() {
                Some('[') => skip_csi(&mut rest),
                Some(']' | 'P' | 'X' | '^' | '_') => skip_string(&mut rest),
                _ => {}
            },
            '\u{9b}' => skip_csi(&mut rest),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut rest),
            '\n' | '\t' => out.push(it),
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}' => out.push('\u{fffd}'),
            it if it.is_control() => {}
            it => out.push(it),
        }
    }
    out
}

fn skip_csi(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(it) = rest.next_if(|it| ('\x20'..='\x7e').contains(it)) {
        if ('\x40'..='\x7e').contains(&it) {
            return;
        }
    }
}

/// Skips to the string's end mark. An unclosed one hides nothing: its line stays.
fn skip_string(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    let mut ahead = rest.clone();
    while let Some(it) = ahead.next() {
        match it {
            '\x07' | '\u{9c}' => {
                *rest = ahead;
                return;
            }
            '\x1b' => {
                ahead.next_if_eq(&'\\');
                *rest = ahead;
                return;
            }
            '\n' => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_is_taken_out_and_text_stays() {
        assert_eq!(plain("a\x1b[31;1mb\x1b[0m\r\n\tc\x07"), "ab\n\tc");
        assert_eq!(plain("\x1b]0;title\x07x\x1b]8;;http://a\x1b\\y\x1b]52;never closed\nz"), "xy52;never closed\nz");
        assert_eq!(plain("a\u{202e}b\u{9b}2Jc"), "a\u{fffd}bc");
    }
}
