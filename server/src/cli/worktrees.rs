//! `callboard worktrees`: the folders in which steps work apart from the developer's files, and the word that lets one go.

use super::{
    fail::{self, Fail},
    lists::{objects, told},
    out::Out,
    render::{Line, Tone, table::table},
    wire::{Wire, ask},
};
use crate::{
    agent::terminal::plain::plain,
    ids::WorktreeId,
    protocol::{Changed, Nothing, RemoveWorktreeParams, WorktreeState, WorktreeView, WorktreesResult, method},
};

/// `callboard worktrees`.
pub async fn list(wire: &mut impl Wire, out: &mut Out) -> Result<i32, Fail> {
    let found: WorktreesResult = ask(wire, method::WORKTREES, &Nothing {}).await?;
    if out.json {
        return objects(out, &found.worktrees);
    }
    out.lines(&shown(&found.worktrees, out.view.width))?;
    Ok(fail::OK)
}

fn shown(worktrees: &[WorktreeView], width: usize) -> Vec<Line> {
    if worktrees.is_empty() {
        return vec![Line::plain("There is no worktree.")];
    }
    let row = |it: &WorktreeView| {
        let (word, tone) = match it.stage {
            WorktreeState::AtWork => ("at work", Tone::Plain),
            WorktreeState::Merging => ("merging", Tone::Plain),
            WorktreeState::Conflict => ("conflict", Tone::Warn),
            WorktreeState::Kept => ("kept", Tone::Warn),
            WorktreeState::Going => ("going", Tone::Faint),
        };
        vec![
            Line::new().with(Tone::Name, it.id.to_string()),
            Line::new().with(tone, word),
            Line::plain(format!("{} of {}", it.step, it.run)),
            Line::plain(plain(&it.folder)),
        ]
    };
    let rows: Vec<_> = worktrees.iter().map(row).collect();
    let mut lines = table(&["worktree", "state", "of", "folder"], &rows, width);
    for it in worktrees.iter().filter(|it| it.stage == WorktreeState::Kept) {
        let remove = format!("callboard worktrees remove {}", it.id);
        lines.push(Line::new());
        lines.push(Line::plain(format!("{} is kept, for {}", it.id, plain(&it.why))));
        lines.push(Line::plain("To let it go with all that is in it: ").with(Tone::Code, remove));
    }
    lines
}

/// `callboard worktrees remove ID`.
pub async fn remove(wire: &mut impl Wire, out: &mut Out, worktree: WorktreeId) -> Result<i32, Fail> {
    let changed: Changed = ask(wire, method::REMOVE_WORKTREE, &RemoveWorktreeParams { worktree }).await?;
    told(out, &changed, &format!("{worktree} is removed."))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::{out::Buffer, wire::fake::Fake};

    #[tokio::test]
    async fn a_kept_worktree_says_why_and_how_it_goes() {
        let kept = json!({
            "id": "w2", "run": "r1", "step": "fix", "stage": "kept", "folder": "/s/w2/work",
            "why": "what was done in it is nowhere else: a.rs",
        });
        let live = json!({ "id": "w3", "run": "r2", "step": "docs", "stage": "atWork", "folder": "/s/w3/work" });
        let mut hub = Fake::default().on(method::WORKTREES, json!({}), json!({ "worktrees": [kept, live], "rev": 9 }));
        let buffer = Buffer::default();
        let mut out = Out::into_buffers(buffer.clone(), Buffer::default(), false, false);
        list(&mut hub, &mut out).await.unwrap();
        insta::assert_snapshot!(buffer.text(), @r"
        worktree  state    of          folder
        w2        kept     fix of r1   /s/w2/work
        w3        at work  docs of r2  /s/w3/work

        w2 is kept, for what was done in it is nowhere else: a.rs
        To let it go with all that is in it: callboard worktrees remove w2
        ");
    }
}
