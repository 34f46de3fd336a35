//! A channel as a page in an editor without a panel: followed by edits, written in, posted from.

use serde_json::{Value, json};

use crate::support::{
    World,
    editor::{Editor, capabilities, uri},
};

const LINE: &str = "<!-- callboard: write to #main below this line, then post it -->\n";

/// A page as an editor has it.
struct Page {
    uri: String,
    text: String,
    version: i32,
}

impl Page {
    /// Opens the channel as an editor does.
    fn open(editor: &mut Editor) -> Self {
        editor.run("callboard.openChannel", &json!({}));
        let show = editor.question("window/showDocument", "channel-main.md");
        editor.answer(&show, &json!({ "success": true }));
        let uri = show["params"]["uri"].as_str().unwrap().to_owned();
        let text = std::fs::read_to_string(uri.strip_prefix("file://").unwrap()).unwrap();
        editor.open(&uri, &text);
        Self { uri, text, version: 1 }
    }

    fn tell(&mut self, editor: &mut Editor) {
        self.version += 1;
        editor.change(&self.uri, self.version, None, &self.text);
    }

    /// The person writes at the end.
    fn write(&mut self, editor: &mut Editor, text: &str) {
        self.text += text;
        self.tell(editor);
    }

    /// Makes the next edit that the server asks for, if it is bound to what is there; returns whether it was.
    fn edit(&mut self, editor: &mut Editor) -> bool {
        let asked = editor.question("workspace/applyEdit", "channel-main.md");
        let change = &asked["params"]["edit"]["documentChanges"][0];
        let fits = change["textDocument"]["version"] == self.version;
        if fits {
            let edit = &change["edits"][0];
            let (start, end) = (self.byte(&edit["range"]["start"]), self.byte(&edit["range"]["end"]));
            self.text.replace_range(start..end, edit["newText"].as_str().unwrap());
            self.tell(editor);
        }
        editor.answer(&asked, &json!({ "applied": fits }));
        fits
    }

    /// Makes edits until the page is such.
    #[track_caller]
    fn until(&mut self, editor: &mut Editor, says: &str) {
        while !self.text.contains(says) {
            self.edit(editor);
        }
    }

    fn byte(&self, at: &Value) -> usize {
        let line = usize::try_from(at["line"].as_u64().unwrap()).unwrap();
        let start: usize = self.text.split_inclusive('\n').take(line).map(str::len).sum();
        // In units of UTF-16.
        let mut left = at["character"].as_u64().unwrap();
        let mut byte = start;
        for it in self.text[start..].chars() {
            if left == 0 {
                break;
            }
            left -= it.len_utf16() as u64;
            byte += it.len_utf8();
        }
        byte
    }

    fn draft(&self) -> &str {
        self.text.split_once(LINE).expect("the line").1
    }

    /// Asks something of the place behind a text.
    fn ask(&self, editor: &mut Editor, method: &str, behind: &str) -> Value {
        let at = self.text.rfind(behind).unwrap_or_else(|| panic!("{behind:?} is not on the page")) + behind.len();
        let line = self.text[..at].matches('\n').count();
        let start = self.text[..at].rfind('\n').map_or(0, |it| it + 1);
        let character = self.text[start..at].encode_utf16().count();
        let position = json!({ "line": line, "character": character });
        let document = json!({ "uri": self.uri });
        editor.request(
            method,
            &json!({ "textDocument": document, "position": position, "context": { "triggerKind": 1 } }),
        )
    }
}

fn full() -> Value {
    let mut all = capabilities();
    all["workspace"]["applyEdit"] = json!(true);
    all["workspace"]["workspaceEdit"] = json!({ "documentChanges": true });
    all
}

fn labels(items: &Value) -> Vec<&str> {
    items.as_array().expect("items").iter().map(|it| it["label"].as_str().unwrap()).collect()
}

#[test]
fn nothing_that_is_being_written_is_lost_and_what_is_posted_is_posted_once() {
    let world = World::with_files(&[("notes.md", "# Notes\n")]);
    let mut editor = Editor::with(&world, &full(), &json!({}));
    let mut other = Editor::start(&world);
    let mut page = Page::open(&mut editor);
    assert!(page.text.starts_with("# #main\n") && page.draft().is_empty(), "{}", page.text);

    // Somebody else speaks in the middle of a word.
    page.write(&mut editor, "What about 😀 the re");
    other.run("callboard.post", &json!({ "text": "Hello from elsewhere, see notes.md:1." }));
    page.until(&mut editor, "Hello from elsewhere");
    assert_eq!(page.draft(), "What about 😀 the re");
    page.write(&mut editor, "lease?");
    assert_eq!(page.draft(), "What about 😀 the release?");

    // An edit that came too late is refused by the client and asked for anew.
    other.run("callboard.post", &json!({ "text": "And again." }));
    let late = editor.question("workspace/applyEdit", "And again");
    page.write(&mut editor, "\nPlease.");
    editor.answer(&late, &json!({ "applied": false }));
    // The refusal wakes nobody by itself; the next thing that happens does.
    page.write(&mut editor, "\n");
    page.until(&mut editor, "And again.");
    assert_eq!(page.draft(), "What about 😀 the release?\nPlease.\n");

    // Posted from the lens, twice by a nervous finger.
    let lenses = editor.lenses(&page.uri);
    let (_, post) = lenses.iter().find(|it| it.0 == "Post to #main").expect("a lens").clone();
    let first = editor.run(post["command"].as_str().unwrap(), &post["arguments"][0]);
    while !page.draft().is_empty() {
        page.edit(&mut editor);
    }
    page.until(&mut editor, "Please.");
    let nothing = editor.refused("callboard.post", &post["arguments"]);
    assert!(nothing.contains("nothing is written below the line"), "{nothing}");
    let said = world.callboard(&["channel", "show", "--json"]).ok("callboard channel show").json();
    let mine: Vec<_> = said.iter().filter(|it| it.to_string().contains("the release?")).collect();
    assert_eq!(mine.len(), 1, "{said:?}");
    assert_eq!(first["message"], "m3");

    // The same as code actions, and an answer in a thread.
    let head = page.text.lines().position(|it| it.starts_with("## m1 ")).expect("the first message");
    editor.act(&page.uri, u32::try_from(head).unwrap(), "Answer m1");
    let show = editor.question("window/showDocument", "channel-main.md");
    editor.answer(&show, &json!({ "success": true }));
    while page.draft().is_empty() {
        page.edit(&mut editor);
    }
    assert_eq!(page.draft(), "m1: ");
    page.write(&mut editor, "Hello to you.");
    editor.act(&page.uri, 0, "Post to #main");
    page.until(&mut editor, "to m1");
    assert!(page.text.contains("  Hello to you.\n"), "a thread is set in: {}", page.text);
    while !page.draft().is_empty() {
        page.edit(&mut editor);
    }

    // Threads are the outline; a message says what became of it; code is one step away.
    let symbols = editor.request("textDocument/documentSymbol", &json!({ "textDocument": { "uri": page.uri } }));
    let first = symbols.as_array().unwrap().iter().find(|it| it["name"].as_str().unwrap().starts_with("m1 ")).unwrap();
    assert!(first["children"][0]["name"].as_str().unwrap().starts_with("m4 "), "{symbols}");
    let links = editor.request("textDocument/documentLink", &json!({ "textDocument": { "uri": page.uri } }));
    let notes = uri(&world.workspace().join("notes.md"));
    assert_eq!(links[0]["target"], format!("{notes}#L1"), "{links}");
    let there = page.ask(&mut editor, "textDocument/definition", "see notes.m");
    assert_eq!((&there["uri"], &there["range"]["start"]["line"]), (&json!(notes), &json!(0)), "{there}");
    other.kill();
}

#[test]
fn a_page_completes_and_takes_commands() {
    let world = World::with_files(&[("notes.md", "# Notes  \n"), ("src/a.md", "a\n")]);
    let mut editor = Editor::with(&world, &full(), &json!({ "prompts": false }));
    let mut page = Page::open(&mut editor);
    page.write(&mut editor, "/");
    let offered = page.ask(&mut editor, "textDocument/completion", "/");
    assert!(labels(&offered).contains(&"/review") && labels(&offered).contains(&"/run"), "{offered}");
    page.write(&mut editor, "review ");
    assert_eq!(labels(&page.ask(&mut editor, "textDocument/completion", "/review ")), ["notes.md", "src/"]);
    page.write(&mut editor, "notes.md @li");
    assert_eq!(labels(&page.ask(&mut editor, "textDocument/completion", "@li")), ["@lint"]);
    page.write(&mut editor, "nt");

    // A panel's composer has the same from a request of its own.
    let items = editor.request("callboard/complete", &json!({ "text": "😀 @li", "cursor": 6 }));
    let item = &items["items"][0];
    assert_eq!((&item["label"], &item["start"], &item["end"]), (&json!("@lint"), &json!(3), &json!(6)), "{items}");

    let started = editor.run("callboard.post", &json!({ "draft": true }));
    assert_eq!(started["run"], "r1", "{started}");
    page.until(&mut editor, "## ");
    editor.progress("end", "");
    while !page.draft().is_empty() {
        page.edit(&mut editor);
    }
    let told = editor.refused("callboard.post", &json!([{ "text": "/reveiw notes.md" }]));
    assert!(told.contains("did you mean /review?"), "{told}");
    let told = editor.refused("callboard.post", &json!([{ "text": "/run review-fix paht=x" }]));
    assert!(told.contains("did you mean `path`?"), "{told}");

    // What was sent is one hover away.
    page.until(&mut editor, " @lint, ");
    let head = page.text.lines().find(|it| it.contains(" @lint, ")).expect("what @lint said").to_owned();
    let said = page.ask(&mut editor, "textDocument/hover", &head).to_string();
    assert!(said.contains("What @lint was sent"), "{said}");
    editor.kill();
}
