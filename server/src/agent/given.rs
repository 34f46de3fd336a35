//! What a turn is given beside its words: the parts that its step names, read where the turn is taken.

use std::{path::Path, sync::Arc};

use super::{TurnRequest, runner::RunnerParts};
use crate::{
    config::redact::Redactor,
    workflow::context::{Given, Holds, Piece, fit, numbered},
    workspace::texts::read_inside,
};

/// Returns what is added to a turn's prompt; nothing where its step names nothing.
pub(crate) fn context(request: &TurnRequest, parts: &RunnerParts) -> String {
    if request.context.is_empty() {
        return String::new();
    }
    let given: Vec<Given> = request
        .context
        .iter()
        .map(|it| Given { title: it.title.clone(), text: text(it, &request.cwd, parts) })
        .collect();
    Redactor::of_shapes().redact(&fit(&given, request.budget)).into_owned()
}

fn text(piece: &Piece, cwd: &Path, parts: &RunnerParts) -> Result<String, String> {
    match &piece.holds {
        Holds::Text(text) => Ok(text.clone()),
        Holds::Nothing(why) => Err(why.clone()),
        Holds::Since(tree) => (parts.changes)(tree)
            .and_then(|it| if it.is_empty() { Err("nothing has changed".to_owned()) } else { Ok(it) }),
        Holds::File { path, lines } => {
            // What the developer sees counts, where they have it open (promise 4); in a worktree that is another file.
            let open = (cwd == parts.workspace).then(|| parts.buffers.text(path)).flatten();
            let text: Option<Arc<str>> = open.or_else(|| read_inside(cwd, path).map(Into::into));
            let text = text.ok_or_else(|| "there is no such file, or it is no text, or too long".to_owned())?;
            Ok(match lines {
                Some(lines) => numbered(&text, *lines),
                None => text.to_string(),
            })
        }
    }
}
