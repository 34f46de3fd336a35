//! An agent's terminal in two editors: the same screen as rows and as bytes, keys, sizes, scrollback, and its end.

use serde_json::{Value, json};

use crate::{
    fallen::fake,
    support::{World, editor::Editor},
};

/// What an editor has of a terminal: rows as text, or an emulator that was fed the bytes.
struct Screen {
    editor: Editor,
    rows: Vec<String>,
    emulator: vt100::Parser,
    last: Value,
}

impl Screen {
    fn watch(world: &World, form: &str) -> Self {
        let mut editor = Editor::start(world);
        let answer = editor.request("callboard/watchTerminal", &json!({ "agent": "typist", "form": form }));
        assert_eq!(answer["size"], json!({ "rows": 40, "columns": 120 }), "{answer}");
        Self { editor, rows: Vec::new(), emulator: vt100::Parser::default(), last: Value::Null }
    }

    /// Draws frames until what is shown has this text.
    #[track_caller]
    fn until(&mut self, text: &str) {
        while !self.text().contains(text) {
            self.frame();
        }
    }

    /// Draws frames until the program says that it waits for a prompt.
    #[track_caller]
    fn until_idle(&mut self) {
        while self.last["title"] != "fake: idle" {
            self.frame();
        }
    }

    #[track_caller]
    fn frame(&mut self) -> Value {
        let is_it = |it: &Value| it["method"] == "callboard/terminalFrame";
        let frame = self.editor.wait("a frame", is_it)["params"].take();
        let size = |of: &str| u16::try_from(frame["size"][of].as_u64().unwrap()).unwrap();
        if frame["full"] == true {
            let (rows, columns) = (size("rows").try_into().unwrap(), size("columns").try_into().unwrap());
            self.emulator = vt100::Parser::new(rows, columns, 0);
            self.rows = vec![String::new(); usize::from(size("rows"))];
        }
        self.emulator.process(frame["raw"].as_str().unwrap_or_default().as_bytes());
        for row in frame["rows"].as_array().into_iter().flatten() {
            let text = row["runs"].as_array().unwrap().iter().map(|it| it["text"].as_str().unwrap()).collect();
            self.rows[usize::try_from(row["row"].as_u64().unwrap()).unwrap()] = text;
        }
        self.last = frame.clone();
        frame
    }

    fn text(&self) -> String {
        let drawn = self.emulator.screen().contents();
        let rows = self.rows.join("\n");
        let text = if drawn.trim().is_empty() { &rows } else { &drawn };
        text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }
}

#[test]
fn two_editors_see_one_terminal_and_either_types_into_it() {
    let world = World::with_files(&[("a.txt", "a\n")]);
    fake(&world, "typist", "");
    let (mut rows, mut raw) = (Screen::watch(&world, "rows"), Screen::watch(&world, "raw"));
    assert_eq!(rows.frame()["state"], "absent");
    assert_eq!(raw.frame()["state"], "absent");

    rows.editor.request("callboard/post", &json!({ "text": "@typist [[split größer 漢字]] [[size]]" }));
    for it in [&mut rows, &mut raw] {
        // The prompt names no size, so this is the answer.
        it.until("size 40x120");
        it.until_idle();
        it.until("größer 漢字");
    }
    // Between turns it is the developer's: what is typed here shows there.
    raw.editor.request("callboard/terminalInput", &json!({ "agent": "typist", "text": "a hint" }));
    rows.until("❯ a hint");
    raw.until("❯ a hint");
    assert_eq!(rows.text(), raw.text(), "both forms draw the same screen");
    let paste = json!({ "agent": "typist", "text": " and\n\u{1b}[31mmore", "paste": true });
    rows.editor.request("callboard/terminalInput", &paste);
    // A paste is not submitted, and no control of it arrives.
    rows.until("[31mmore");

    let size = json!({ "agent": "typist", "rows": 12, "columns": 60 });
    rows.editor.request("callboard/terminalResize", &size);
    let resized = |it: &mut Screen| while it.frame()["size"] != json!({ "rows": 12, "columns": 60 }) {};
    resized(&mut rows);
    resized(&mut raw);
    raw.editor
        .request("callboard/terminalInput", &json!({ "agent": "typist", "text": "\u{15}[[flood 1]] [[size]]\r" }));
    rows.until("size 12x60");
    raw.until("size 12x60");

    let lines = |it: &mut Screen, params: Value| it.editor.request("callboard/terminalScrollback", &params);
    let last = lines(&mut rows, json!({ "agent": "typist", "count": 5 }));
    let (first, total) = (last["first"].as_u64().unwrap(), last["total"].as_u64().unwrap());
    assert!(total > 500 && first == total - 5, "{last}");
    let again = lines(&mut raw, json!({ "agent": "typist", "from": first, "count": 2 }));
    assert_eq!(again["lines"].as_array().unwrap()[..], last["lines"].as_array().unwrap()[..2]);
    // The last frame tells of all rows that left, so that nobody asks for what is not new.
    for it in [&rows, &raw] {
        let scrolled = it.last["scrolled"].as_u64().unwrap();
        assert!(scrolled >= total, "{scrolled} rows for {total} lines: {}", it.last);
    }

    // A client without a panel is shown a file.
    let shown = rows.editor.run("callboard.openTerminal", &json!({ "agent": "typist" }));
    let path = shown["uri"].as_str().unwrap().strip_prefix("file://").unwrap().to_owned();
    assert!(std::fs::read_to_string(&path).unwrap().contains("size 12x60"), "{path}");
    let show = rows.editor.question("window/showDocument", "terminal-typist.txt");
    rows.editor.answer(&show, &json!({ "success": true }));

    raw.editor.request("callboard/unwatchTerminal", &json!({ "agent": "typist" }));
    raw.editor.request("callboard/terminalInput", &json!({ "agent": "typist", "text": "/exit\r" }));
    while rows.frame()["state"] != "ended" {}
    let refused = rows.editor.refusal("callboard/terminalInput", &json!({ "agent": "typist", "text": "x" }));
    let why = refused["message"].as_str().unwrap();
    assert!(why.contains("has ended") || why.contains("has no terminal"), "{why}");
}
