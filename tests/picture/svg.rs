//! Styled lines as an SVG picture of a terminal window. Pure.
//!
//! Each span is placed by its column and held to its width, so the picture is right whatever font the viewer has.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use crate::screen::{Colour, Span};

const CELL: f64 = 8.4;
const LINE: f64 = 19.0;
const MARGIN: f64 = 16.0;
const BAR: f64 = 34.0;
const BACKGROUND: &str = "#16181d";
const FOREGROUND: &str = "#d7dae0";

/// The sixteen named colours on a dark ground.
const NAMED: [&str; 16] = [
    "#20232a", "#e5676f", "#7fc77f", "#e0b66a", "#6ea8e8", "#c792dd", "#5fc1c9", "#d7dae0", "#7b8291", "#f28b92",
    "#a2dba2", "#f0cf8e", "#94c2f5", "#dab3ea", "#8bdbe0", "#ffffff",
];

/// Returns the picture. The title stands in the window's bar and is what a reader who can't see is told.
pub fn picture(lines: &[Vec<Span>], columns: u16, title: &str) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a screen has few lines")]
    let height = BAR + lines.len() as f64 * LINE + 1.5 * MARGIN;
    let width = f64::from(columns) * CELL + 2.0 * MARGIN;
    let title = escape(title);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.1} {height:.1}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\">\n\
         <title>{title}</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"9\" fill=\"{BACKGROUND}\"/>\n"
    );
    for (index, colour) in ["#e5676f", "#e0b66a", "#7fc77f"].iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "three dots")]
        let x = MARGIN + 6.0 + index as f64 * 18.0;
        let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"17\" r=\"5.5\" fill=\"{colour}\"/>");
    }
    let _ = write!(
        svg,
        "<g font-family=\"ui-monospace, 'Cascadia Mono', 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"14\" fill=\"{FOREGROUND}\" xml:space=\"preserve\">\n\
         <text x=\"{:.1}\" y=\"22\" fill=\"#7b8291\" text-anchor=\"middle\">{title}</text>\n",
        width / 2.0
    );
    for (row, line) in lines.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "a screen has few lines")]
        let top = BAR + row as f64 * LINE;
        for span in line {
            draw(&mut svg, span, top);
        }
    }
    svg += "</g>\n</svg>\n";
    svg
}

fn draw(svg: &mut String, span: &Span, top: f64) {
    #[expect(clippy::cast_precision_loss, reason = "a screen has few columns")]
    let (x, width) = (MARGIN + span.column as f64 * CELL, span.width as f64 * CELL);
    if span.back != Colour::Own {
        let back = paint(span.back);
        let _ =
            writeln!(svg, "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{LINE}\" fill=\"{back}\"/>");
    }
    if span.text.trim().is_empty() {
        return;
    }
    let mut style = String::new();
    if span.front != Colour::Own {
        let _ = write!(style, " fill=\"{}\"", paint(span.front));
    }
    for (is, text) in [
        (span.bold, " font-weight=\"bold\""),
        (span.dim, " opacity=\"0.6\""),
        (span.italic, " font-style=\"italic\""),
        (span.underline, " text-decoration=\"underline\""),
    ] {
        if is {
            style += text;
        }
    }
    // A viewer that folds spaces would stretch the words around them, so what stands between two of them is placed by itself.
    for (before, words) in apart(&span.text) {
        #[expect(clippy::cast_precision_loss, reason = "a screen has few columns")]
        let (x, width) = (x + before as f64 * CELL, words.width() as f64 * CELL);
        let (text, y) = (escape(words), top + 14.0);
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{width:.1}\" lengthAdjust=\"spacingAndGlyphs\"{style}>{text}</text>"
        );
    }
}

/// Returns the parts of a text between two spaces or more, each with the columns before it.
fn apart(text: &str) -> Vec<(usize, &str)> {
    let mut parts = Vec::new();
    let mut column = 0;
    for part in text.split("  ") {
        let words = part.trim_matches(' ');
        if !words.is_empty() {
            let before = part.len() - part.trim_start_matches(' ').len();
            parts.push((column + before, words));
        }
        column += part.width() + 2;
    }
    parts
}

fn paint(colour: Colour) -> String {
    match colour {
        Colour::Own => FOREGROUND.to_owned(),
        Colour::Index(index @ 0..=15) => NAMED[usize::from(index)].to_owned(),
        // The cube of 6 × 6 × 6, then the greys.
        Colour::Index(index @ 16..=231) => {
            let at = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
            let cube = index - 16;
            format!("#{:02x}{:02x}{:02x}", at(cube / 36), at(cube / 6 % 6), at(cube % 6))
        }
        Colour::Index(index) => {
            let grey = 8 + 10 * (index - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
        Colour::Rgb(red, green, blue) => format!("#{red:02x}{green:02x}{blue:02x}"),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::lines;

    #[test]
    fn text_is_escaped_placed_and_coloured() {
        let svg =
            picture(&lines(b"a<b & \x1b[38;5;196mred\x1b[0m\r\n\x1b[48;2;1;2;3mx\x1b[0m\r\n", 30, 5), 30, "a & b");
        assert!(svg.contains("<title>a &amp; b</title>"), "{svg}");
        assert!(svg.contains("textLength=\"42.0\" lengthAdjust=\"spacingAndGlyphs\">a&lt;b &amp;</text>"), "{svg}");
        assert!(svg.contains("fill=\"#ff0000\">red</text>"), "{svg}");
        assert!(svg.contains("fill=\"#010203\"/>"), "{svg}");
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn words_between_spaces_are_placed_by_themselves() {
        assert_eq!(apart("  a b   c "), [(2, "a b"), (8, "c")]);
        assert_eq!(apart("   "), []);
        assert_eq!(apart("▶ 1  é  x"), [(0, "▶ 1"), (5, "é"), (8, "x")]);
    }

    #[test]
    fn no_control_character_reaches_the_picture() {
        let hostile = b"\x1b]2;title\x07\x1b]52;c;aGk=\x07a\x01\x02\x1b[5mb\xc2\x9b31mc\xff\r\n";
        let svg = picture(&lines(hostile, 30, 5), 30, "x");
        assert!(!svg.chars().any(|letter| letter.is_control() && letter != '\n'), "{svg:?}");
    }
}
