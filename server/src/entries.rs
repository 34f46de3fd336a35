//! What bytes from outside go through, as one function a kind: `tests/fuzz` calls them with whatever breaks new ground, the tests
//! below with recorded input, cut and put together wrongly. Each holds what must hold of any input, and panics where it does not.
//!
//! Never in a release.

use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::{
    agent::{
        driver::{acp::Acp, app_server::AppServer, lines::Tongue, stream_json},
        terminal::{Size, plain::Plain, screen::Emulator},
    },
    lsp::{
        folder::Folder,
        frame::{FrameReader, frame},
        greeting::{self, First},
        root::{self, OpenFolder},
        roots::{Goes, Roots},
        transport,
    },
    workflow::{
        self,
        language::{Analysis, Kind, World},
    },
};

/// A function that takes any bytes.
pub type Entry = fn(&[u8]);

/// All of them, by name.
pub const ALL: [(&str, Entry); 5] =
    [("frames", frames), ("workflow", workflow), ("screen", screen), ("agents", agents), ("uris", uris)];

/// What an editor sends: frames, the messages in them, and where they go.
pub fn frames(bytes: &[u8]) {
    let bodies = futures(async {
        let mut reader = FrameReader::new(bytes);
        let mut bodies = Vec::new();
        while let Ok(Some(body)) = reader.next().await {
            bodies.push(body);
        }
        bodies
    });
    assert!(bodies.iter().map(Vec::len).sum::<usize>() <= bytes.len(), "more came out than went in");
    let again: Vec<u8> = bodies.iter().flat_map(|it| frame(it)).collect();
    let read = futures(async {
        let mut reader = FrameReader::new(again.as_slice());
        let mut read = Vec::new();
        while let Ok(Some(body)) = reader.next().await {
            read.push(body);
        }
        read
    });
    assert_eq!(read, bodies, "what is written is read again");
    let mut roots = Roots::default();
    for name in ["one", "two"] {
        let folder = OpenFolder { uri: format!("file:///w/{name}"), path: format!("/w/{name}").into() };
        roots.add(folder, vec![format!("/state/{name}").into()]);
    }
    for body in bodies.iter().map(Vec::as_slice).chain(std::iter::once(bytes)) {
        let _ = (root::passing(body), root::root_of(body), root::more_folders(body), root::changed_folders(body));
        let is_message = transport::check(body).is_ok();
        assert!(!is_message || serde_json::from_slice::<Value>(body).is_ok(), "what is no JSON was let through");
        if let First::Greeting(_, answer) | First::Refused(Some(answer)) = greeting::first(body) {
            assert!(serde_json::from_slice::<Value>(&answer).is_ok_and(|it| it.is_object()), "an answer is an object");
        }
        let answer: Value = serde_json::from_slice(&root::refusal(body, "why")).expect("a refusal is JSON");
        assert_eq!(answer["error"]["message"], "why");
        match roots.goes(body) {
            Goes::To(to, _) => assert!(to < 2, "it goes to a root that is none"),
            Goes::All(body) => drop(root::as_own(&body)),
            Goes::Nowhere(_) => {}
        }
        for from in 0..2 {
            let came = roots.comes(from, body.to_vec());
            assert!(!is_message || came.is_none_or(|it| serde_json::from_slice::<Value>(&it).is_ok()));
        }
    }
    for told in roots.narrow(0, "file:///w/one").expect("it is gone") {
        assert!(serde_json::from_slice::<Value>(&told).is_ok_and(|it| it["method"].is_string()));
    }
    for body in &bodies {
        assert!(!matches!(roots.goes(body), Goes::To(0, _)), "it goes to a root that is gone");
    }
}

/// A workflow file, whole and at a place in it. The first two bytes say where.
pub fn workflow(bytes: &[u8]) {
    let (place, text) = bytes.split_at(bytes.len().min(2));
    let text = String::from_utf8_lossy(text);
    let loaded = workflow::load("any", &text);
    let errors = loaded.problems.iter().any(workflow::problem::Problem::is_error);
    assert!(loaded.plan.is_some() != errors, "a plan or an error, and not both");
    let at = place.iter().fold(0, |it, byte| it * 256 + usize::from(*byte));
    let at = workflow::problem::floor(&text, at % (text.len() + 1));
    let world = World::default();
    let analysis = Analysis::new(Kind::Workflow, "any", text.as_ref().into());
    for item in analysis.complete(at, &world) {
        assert!(text.get(item.at.clone()).is_some(), "{item:?} is at no characters");
    }
    if let Some(hover) = analysis.hover(at, &world) {
        assert!(text.get(hover.at.clone()).is_some(), "{hover:?} is at no characters");
    }
    analysis.definition(at);
    for found in analysis.references(at) {
        assert!(text.get(found.at.clone()).is_some(), "{found:?} is at no characters");
    }
    for edit in analysis.rename(at, "another").unwrap_or_default() {
        assert!(text.get(edit.at.clone()).is_some(), "{edit:?} is at no characters");
    }
    for problem in analysis.problems() {
        for edit in analysis.repairs(problem).into_iter().flat_map(|it| it.edits) {
            assert!(text.get(edit.at.clone()).is_some(), "{edit:?} is at no characters");
        }
    }
    drop((analysis.symbols(), analysis.folds(), analysis.start()));
}

/// What a program prints on a terminal. The first byte says how it is cut.
pub fn screen(bytes: &[u8]) {
    let Some((cut, bytes)) = bytes.split_first() else { return };
    let piece = usize::from(*cut) + 1;
    let size = Size { rows: 12, cols: 40 };
    let mut whole = Emulator::new(size);
    feed(&mut whole, bytes);
    let mut pieces = Emulator::new(size);
    bytes.chunks(piece).for_each(|it| feed(&mut pieces, it));
    assert_eq!(whole.text().rows, pieces.text().rows, "a screen depends on how its bytes come");
    assert_eq!(whole.text().rows.len(), 12);
    assert_eq!(whole.take_answers(), pieces.take_answers());
    whole.resize(Size { rows: 3, cols: 7 });
    feed(&mut whole, bytes);
    drop((whole.joined(), whole.scrollback(100), whole.take_titles()));

    let mut at_once = Plain::default();
    let mut plain = at_once.feed(bytes);
    plain += &at_once.finish();
    let mut cut = Plain::default();
    let mut parts: String = bytes.chunks(piece).map(|it| cut.feed(it)).collect();
    parts += &cut.finish();
    assert_eq!(plain, parts, "what is shown depends on how its bytes come");
    assert!(plain.chars().all(|it| !it.is_control() || it == '\n' || it == '\t'), "{plain:?} has a control in it");
}

fn feed(emulator: &mut Emulator, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let taken = emulator.feed(bytes);
        assert!(taken > 0, "it takes nothing and would be fed for ever");
        bytes = &bytes[taken..];
    }
}

/// Lines of agents that speak by lines, whichever of the protocols they are of.
pub fn agents(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(name) = "any".parse::<crate::ids::AgentName>() else { return };
    let (mut acp, mut server) = (Acp::anew(name.clone()), AppServer::anew(name));
    for tongue in [&mut acp as &mut dyn Speaks, &mut server] {
        tongue.begin();
    }
    for line in text.lines() {
        stream_json::swallow(line);
        acp.hear(line);
        server.hear(line);
    }
    assert!(acp.said().0.len() <= text.len() && server.said().0.len() <= text.len(), "more was said than came");
}

/// A conversation that has begun.
trait Speaks {
    fn begin(&mut self);
}

impl<T: Tongue> Speaks for T {
    fn begin(&mut self) {
        self.initialize();
        let _ = self.initialized(&serde_json::json!({ "protocolVersion": 1, "agentCapabilities": {} }));
        self.opened(&serde_json::json!({ "sessionId": "s", "thread": { "id": "s" } }));
    }
}

/// Addresses of files, as editors write them.
pub fn uris(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let root = PathBuf::from("/w/project");
    let folder = Folder::new(root.clone(), None);
    for line in text.lines() {
        if let Some(path) = folder.path_said(line) {
            let whole = root.join(&path);
            let inside = Path::new(&path).components().all(|it| matches!(it, Component::Normal(_)));
            assert!(inside && whole.starts_with(&root) && whole != root, "{line:?} led to {path:?}");
            let back = folder.uri_said(&path).and_then(|it| folder.path_said(&it));
            assert_eq!(back, Some(path), "{line:?} does not come back");
        }
        if let Some(uri) = folder.uri_said(line) {
            assert!(folder.path_said(&uri).is_some(), "{line:?} leads out by {uri}");
        }
    }
}

/// Runs what only reads memory.
fn futures<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::workflow::library::BUILT_IN;

    const AGENTS: [&str; 3] = [
        include_str!("../../tests/fixtures/agents/acp-gemini.txt"),
        include_str!("../../tests/fixtures/agents/codex-app-server.txt"),
        include_str!("../../tests/fixtures/streams/claude-session.jsonl"),
    ];

    const SESSION: &str = "Content-Length: 52\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"shutdown\",\"a\":[1]}Content-Length: 2\r\nX: y\r\n\r\n{}";

    const URIS: &str = "file:///w/project/src/a%20b.rs\nfile:///w/project/%2e%2e/x\nfile://localhost/w/project/a\nfile:////w/project\nsrc/lib.rs\n../x\nuntitled:1\nfile:///w/project/%252e%252e/a";

    const SCREEN: &str = "\x07\x1b[2J\x1b[1;1Hhello\x1b]0;title\x07\x1b[?2026h\x1b[31mred\x1b[0m\r\n\u{1f600}\u{200b}\x1b[6n\x1b[c\x1b[?1049h\x1b[5;5H\x1b[K\x1bPq\x1b\\tail";

    /// What each is begun with.
    fn seeds(name: &str) -> Vec<Vec<u8>> {
        let without_sides = |text: &str| -> String {
            text.lines()
                .map(|it| format!("{}\n", it.strip_prefix("< ").or(it.strip_prefix("> ")).unwrap_or(it)))
                .collect()
        };
        match name {
            "frames" => vec![SESSION.into()],
            "workflow" => BUILT_IN.iter().map(|it| format!("\0\0{}", it.1).into_bytes()).collect(),
            "screen" => vec![SCREEN.into()],
            "agents" => AGENTS.iter().map(|it| without_sides(it).into_bytes()).collect(),
            _ => vec![URIS.into()],
        }
    }

    /// What once went wrong is tried for ever: `tests/fuzz/found/NAME/*`.
    #[test]
    fn what_was_found_stays_mended() {
        for (name, entry) in ALL {
            for seed in seeds(name) {
                entry(&seed);
            }
            let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/found").join(name);
            for file in std::fs::read_dir(found).into_iter().flatten().flatten() {
                entry(&std::fs::read(file.path()).expect("what was found can be read"));
            }
        }
    }

    /// Writes what each is begun with where `CALLBOARD_WRITE_SEEDS` says, for the fuzzer.
    #[test]
    fn seeds_are_written_where_they_are_wanted() {
        let Some(folder) = std::env::var_os("CALLBOARD_WRITE_SEEDS") else { return };
        for (name, _) in ALL {
            let folder = Path::new(&folder).join(name);
            std::fs::create_dir_all(&folder).expect("a folder for seeds");
            for (number, seed) in seeds(name).iter().enumerate() {
                std::fs::write(folder.join(format!("seed-{number}")), seed).expect("a seed");
            }
        }
    }

    /// A change of bytes: where, how much goes, what comes.
    fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, Vec<u8>)>> {
        let put = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..6),
            prop::sample::select(vec![
                "\n",
                "\r\n\r\n",
                "{",
                "\"",
                "\\u",
                "\u{1b}[",
                "\u{1b}]",
                ": ",
                "- ",
                "%2e",
                "../",
                "99999999999",
                "\u{0}"
            ])
            .prop_map(|it| it.as_bytes().to_vec()),
        ];
        prop::collection::vec((any::<prop::sample::Index>(), 0..40_usize, put), 0..8)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn recorded_input_put_together_wrongly_holds(which in any::<prop::sample::Index>(), changes in changes()) {
            for (name, entry) in ALL {
                let seeds = seeds(name);
                let mut bytes = seeds[which.index(seeds.len())].clone();
                // Of a long one a part, so that all of them take their turn.
                bytes.truncate(6_000);
                for (at, length, put) in &changes {
                    let at = at.index(bytes.len() + 1);
                    let end = (at + length).min(bytes.len());
                    bytes.splice(at..end, put.iter().copied());
                }
                entry(&bytes);
            }
        }

        #[test]
        fn any_bytes_hold(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for (_, entry) in ALL {
                entry(&bytes);
            }
        }
    }
}
