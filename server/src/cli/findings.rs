//! `callboard findings …`.

use super::{
    args::{FindingsArgs, SettleCommand},
    fail::{self, Fail},
    lists::{objects, told},
    out::Out,
    render,
    wire::{Wire, ask},
};
use crate::{
    finding::Finding,
    protocol::{Changed, FindingsParams, SettleFindingParams, method},
};

/// Lists findings, or settles one.
pub async fn findings(wire: &mut impl Wire, out: &mut Out, args: &FindingsArgs) -> Result<i32, Fail> {
    let Some(settle) = &args.settle else {
        let params = FindingsParams { run: args.run, all: args.all };
        let found: Vec<Finding> = ask(wire, method::FINDINGS, &params).await?;
        if out.json {
            return objects(out, &found);
        }
        out.lines(&render::finding::findings(&found, out.view.width))?;
        return Ok(fail::OK);
    };
    let (finding, how, reason, said) = match settle {
        SettleCommand::Dismiss { finding, reason } if reason.trim().is_empty() => {
            return Err(Fail::usage(format!(
                "{finding} is not dismissed: reviewers are told the reason, and it is empty"
            )));
        }
        SettleCommand::Dismiss { finding, reason } => (*finding, "dismiss", reason.clone(), "dismissed"),
        SettleCommand::Accept { finding } => (*finding, "accept", String::new(), "accepted"),
        SettleCommand::Reopen { finding } => (*finding, "reopen", String::new(), "open again"),
    };
    let params = SettleFindingParams { finding, how: how.to_owned(), reason };
    let changed: Changed = ask(wire, method::SETTLE_FINDING, &params).await?;
    told(out, &changed, &format!("{finding} is {said}."))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        cli::{
            out::Buffer,
            wire::fake::{Fake, changed},
        },
        ids::FindingId,
    };

    async fn play(hub: &mut Fake, settle: Option<SettleCommand>) -> (Result<i32, Fail>, String) {
        let shown = Buffer::default();
        let mut out = Out::into_buffers(shown.clone(), Buffer::default(), false, false);
        let done = findings(hub, &mut out, &FindingsArgs { all: false, run: None, settle }).await;
        hub.assert_played();
        (done, shown.text())
    }

    #[tokio::test]
    async fn a_finding_is_settled_with_its_reason() {
        let mut hub = Fake::default().on(
            method::SETTLE_FINDING,
            json!({ "finding": "f3", "how": "dismiss", "reason": "a test double" }),
            changed(),
        );
        let dismiss = SettleCommand::Dismiss { finding: FindingId(3), reason: "a test double".to_owned() };
        assert_eq!(play(&mut hub, Some(dismiss)).await, (Ok(0), "f3 is dismissed.\n".to_owned()));
    }

    #[tokio::test]
    async fn a_dismissal_without_a_reason_is_a_usage_error() {
        let dismiss = SettleCommand::Dismiss { finding: FindingId(3), reason: " ".to_owned() };
        assert_eq!(play(&mut Fake::default(), Some(dismiss)).await.0.unwrap_err().exit, fail::USAGE);
    }
}
