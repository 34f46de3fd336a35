//! Every rule finds what it is there to find: an offence is planted, and the complaint must name its file.
//!
//! The offences are put together from halves, so that this file doesn't offend.

use crate::{documents, layout, seams, tree::File};

fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned(), executable: false }
}

#[track_caller]
fn found(complaints: &[String], what: &str) {
    assert!(
        complaints.len() == 1 && complaints[0].contains(what),
        "{what:?} is not the one complaint of {complaints:?}"
    );
}

#[test]
fn layout_rules_find_planted_offences() {
    found(&layout::top_level(&[file("docs/a.md", ""), file("notes.txt", "")]), "notes.txt");
    found(&layout::sizes(&[file("editors/nvim/lua/a.lua", &"\n".repeat(801))]), "a.lua: 801 lines");
    found(
        &layout::sizes(&[file("server/src/a.rs", &"\n".repeat(300)), file("server/src/b.rs", &"\n".repeat(300))]),
        "mean",
    );
    found(&layout::heads(&[file("server/src/a.rs", "//! Owns.\n"), file("server/src/b.rs", "use std::io;\n")]), "b.rs");
    let tests = [file("tests/e2e/main.rs", "mod one;\n"), file("tests/e2e/one.rs", ""), file("tests/e2e/two.rs", "")];
    found(&layout::forgotten_tests(&tests), "mod two;");
    assert_eq!(layout::scripts(&[file("tests/run", "#!/bin/sh\n")]).len(), 2);
}

#[test]
fn words_that_must_not_stay_are_found() {
    let halves = [("// TO", "DO: later"), ("to", "do!()"), ("#[ig", "nore]"), ("/// FIX", "ME"), ("db", "g!(x)")];
    for (first, second) in halves {
        found(&layout::leftovers(&[file("server/src/a.rs", &format!("//! A.\n{first}{second}\n"))]), "a.rs:2");
    }
    let data = format!("//! A.\nlet skipped = word == \"TO{}\";\n", "DO");
    assert_eq!(layout::leftovers(&[file("server/src/a.rs", &data)]), Vec::<String>::new());
    let machines = [
        ("see /ro", "ot/notes"),
        ("cd /wo", "rk/main"),
        ("from https://regis", "try.npmjs.org/x"),
        ("at 192.16", "8.1.7"),
        ("https://artifac", "tory.example/x"),
    ];
    for (first, second) in machines {
        let complaints = layout::machines(&[file("docs/a.md", &format!("{first}{second}\n"))]);
        assert!(!complaints.is_empty(), "{first}{second} stays unseen");
    }
    let harmless = "the work/rest ratio, src/work/a.rs, 1.10.0.2-beta, $HOME/work/x\n";
    assert_eq!(layout::machines(&[file("docs/a.md", harmless)]), Vec::<String>::new());
}

#[test]
fn seams_that_were_crossed_are_found() {
    let print = format!("//! A.\nfn f() {{ eprint{}(\"x\"); }}\n", "ln!");
    found(
        &seams::printing(&[file("server/src/cli/run.rs", &print), file("server/src/hub/a.rs", &print)]),
        "hub/a.rs:2",
    );
    let tower = "use tower_lsp::{Client, LspService};\n";
    found(
        &seams::tower_lsp(&[file("server/src/lsp/backend.rs", tower), file("server/src/store.rs", tower)]),
        "store.rs",
    );
    let leaf = "use crate::{\n    agent::{AgentInfo, driver::Driver},\n    ids::RunId,\n};\n";
    found(&seams::leaves(&[file("server/src/hub/decide.rs", leaf)]), "crate::agent::driver::Driver");
    found(&seams::leaves(&[file("server/src/channel.rs", "fn f() { crate::lsp::go(); }\n")]), "crate::lsp::go");
    for impure in ["use std::{collections::BTreeMap, fs};", "fn f() { Timestamp::now(); }", "async fn f() {}"] {
        let complaints = seams::purity(&[file("server/src/hub/decide.rs", impure)]);
        assert_eq!(complaints.len(), 1, "{impure}: {complaints:?}");
    }
    let tests_may = "fn f() {}\n\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
    assert_eq!(seams::purity(&[file("server/src/hub/decide.rs", tests_may)]), Vec::<String>::new());
}

#[test]
fn untrue_documents_are_found() {
    let code = file("server/src/protocol.rs", "pub const RUN: &str = \"callboard/run\";\n");
    found(&documents::protocol(std::slice::from_ref(&code)), "`callboard/run` is missing");
    let made_up = file("docs/protocol.md", "`callboard/run` and `callboard/fly`\n");
    found(&documents::protocol(&[code, made_up]), "callboard/fly");

    let good = "[a](guide.md#first-steps) [b](../README.md) [c](https://example.org/x) `[d](nowhere.md)`\n";
    let files = [file("docs/a.md", good), file("docs/guide.md", "# First steps\n"), file("README.md", "")];
    assert_eq!(documents::links(&files), Vec::<String>::new());
    found(&documents::links(&[file("docs/a.md", "[a](lost.md)\n")]), "lost.md");
    found(&documents::links(&[file("docs/a.md", "[a](#lost)\n# Kept\n")]), "no heading");

    let mut help = |words: &[&str]| match words {
        [] => Some("Commands:\n  run  Runs\n".to_owned()),
        ["run"] => Some("Usage: callboard run\n  --yes  Approves\n".to_owned()),
        _ => None,
    };
    let mut commands =
        |line: &str| documents::commands(&[file("docs/a.md", &format!("```sh\n{line}\n```\n"))], &mut help);
    assert_eq!(commands("callboard run review-fix --yes \"a --quiet one\"  # all"), Vec::<String>::new());
    found(&commands("callboard fly"), "`callboard fly` is no command");
    found(&commands("callboard run review-fix --fast"), "--fast");
    found(&commands("cargo run --release -- dance"), "dance");
}
