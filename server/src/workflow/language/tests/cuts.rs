//! No feature fails on a file that is cut, or put together wrongly, anywhere.

use std::sync::Arc;

use proptest::prelude::*;

use super::world;
use crate::workflow::{
    language::{Analysis, Kind},
    library::BUILT_IN,
    problem::floor,
};

pub(crate) fn every_feature(kind: Kind, text: &str, offset: usize) {
    let offset = floor(text, offset);
    let analysis = Analysis::new(kind, "cut", Arc::from(text));
    let world = world();
    for item in analysis.complete(offset, &world) {
        assert!(text.get(item.at.clone()).is_some(), "{item:?} is at no characters of {text:?}");
    }
    if let Some(hover) = analysis.hover(offset, &world) {
        assert!(text.get(hover.at.clone()).is_some(), "{hover:?}");
    }
    analysis.definition(offset);
    for found in analysis.references(offset) {
        assert!(text.get(found.at.clone()).is_some(), "{found:?}");
    }
    for edit in analysis.rename(offset, "another").unwrap_or_default() {
        assert!(text.get(edit.at.clone()).is_some(), "{edit:?}");
    }
    for problem in analysis.problems() {
        for edit in analysis.repairs(problem).into_iter().flat_map(|it| it.edits) {
            assert!(text.get(edit.at.clone()).is_some(), "{edit:?}");
        }
    }
    analysis.symbols();
    analysis.folds();
    analysis.start();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_cut_of_a_template_panics(
        template in 0..BUILT_IN.len(),
        ends in proptest::collection::vec((0..20_000_usize, 0..200_usize), 1..4),
        at in 0..20_000_usize,
        put in prop::sample::select(vec!["", "{{ ", "[", "\"", "'", "\n", "\n  - ", "ä", "{% for ", "# ", "|", "\t", ": ", "{"]),
    ) {
        let mut text = BUILT_IN[template].1.to_owned();
        for (start, length) in ends {
            let start = floor(&text, start % (text.len() + 1));
            let end = floor(&text, (start + length).min(text.len()));
            text.replace_range(start..end.max(start), put);
        }
        let offset = floor(&text, at % (text.len() + 1));
        every_feature(Kind::Workflow, &text, offset);
        every_feature(Kind::Workflow, &text[..offset], offset);
    }

    #[test]
    fn no_text_panics(text in "[a-z:\\-\\[\\]{}|>\"'#.%& \n\tä]{0,80}", at in 0..80_usize) {
        every_feature(Kind::Workflow, &text, floor(&text, at.min(text.len())));
    }
}
