//! The rules of the repository itself, as tests: layout, sizes, who may know whom, words that must not stay, documents
//! that are true.
//!
//! Each rule is a pure function from files to complaints, and each complaint says what to do. `planted` shows that every
//! rule finds what it is there to find.

#[path = "tidy/documents.rs"]
mod documents;
#[path = "tidy/layout.rs"]
mod layout;
#[path = "tidy/paths.rs"]
mod paths;
#[path = "tidy/planted.rs"]
mod planted;
#[path = "tidy/seams.rs"]
mod seams;
#[path = "tidy/tree.rs"]
mod tree;
#[path = "tidy/types.rs"]
mod types;

use tree::repository;

/// Fails with all complaints at once.
#[track_caller]
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n  {}\n", complaints.join("\n  "));
}

#[test]
fn the_top_level_is_the_agreed_one() {
    none(&layout::top_level(&repository()));
}

#[test]
fn files_are_small() {
    none(&layout::sizes(&repository()));
}

#[test]
fn rust_files_begin_by_saying_what_they_own() {
    none(&layout::heads(&repository()));
}

#[test]
fn end_to_end_test_files_are_all_run() {
    none(&layout::forgotten_tests(&repository()));
}

#[test]
fn scripts_stop_at_the_first_failure_and_can_be_run() {
    none(&layout::scripts(&repository()));
}

#[test]
fn nothing_is_left_for_later() {
    none(&layout::leftovers(&repository()));
}

#[test]
fn files_speak_of_no_machine_and_no_registry() {
    none(&layout::machines(&repository()));
}

#[test]
fn only_the_command_line_prints() {
    none(&seams::printing(&repository()));
}

#[test]
fn only_the_edge_knows_tower_lsp() {
    none(&seams::tower_lsp(&repository()));
}

#[test]
fn the_hub_knows_no_leaf() {
    none(&seams::leaves(&repository()));
}

#[test]
fn the_core_asks_no_clock_no_disk_and_no_chance() {
    none(&seams::purity(&repository()));
}

#[test]
fn the_protocol_and_its_document_name_the_same_methods() {
    none(&documents::protocol(&repository()));
}

#[test]
fn each_method_has_its_types() {
    none(&types::complete(&repository()));
}

#[test]
fn the_types_of_the_plugins_are_those_of_the_protocol() {
    none(&types::generated(&repository()));
}

#[test]
fn links_between_documents_lead_somewhere() {
    none(&documents::links(&repository()));
}

#[test]
fn commands_in_documents_are_commands_that_exist() {
    none(&documents::commands(&repository(), &mut documents::help_of_the_binary));
}
