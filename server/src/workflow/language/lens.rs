//! What can be done with a workflow from its own file: run it, rehearse it, look at its last run.

use std::{collections::BTreeMap, ops::Range};

use serde_json::Value;

use super::{Analysis, Kind};
use crate::workflow::plan::InputKind;

/// What a lens over a workflow needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// Where it stands: the first key of the file.
    pub at: Range<usize>,
    /// What can be told for the person: paths are the whole workspace.
    pub inputs: BTreeMap<String, Value>,
    /// Inputs that only a person can give.
    pub missing: Vec<String>,
}

impl Analysis {
    /// Returns how it is started; `None` where it can't be run as it is written.
    pub fn start(&self) -> Option<Start> {
        let plan = self.runnable.as_ref().filter(|_| self.kind == Kind::Workflow)?;
        let at = self.root.entries().first().map_or(0..0, |it| it.key.clone());
        let (mut inputs, mut missing) = (BTreeMap::new(), Vec::new());
        for input in plan.inputs.iter().filter(|it| it.default.is_none()) {
            if input.kind == InputKind::Path {
                inputs.insert(input.name.clone(), ".".into());
            } else {
                missing.push(input.name.clone());
            }
        }
        Some(Start { at, inputs, missing })
    }
}
