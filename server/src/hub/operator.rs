//! The words of an operator: the moves that an agent in that role makes, and what is known of the part that it was handed.
//!
//! Types, and the reading of moves from an agent's JSON. What a move comes to is `decide/operator.rs`.

use std::{fmt, sync::Arc};

use imbl::Vector;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ids::{AgentName, StepId, TurnId};

/// How many of the last decisions an operator is told of, and a reader sees.
pub const DECISIONS_KEPT: usize = 50;

/// The longest text of a move, in bytes.
pub const MOST_WORDS: usize = 16 * 1024;

/// The moves by name.
pub const MOVES: [&str; 5] = ["assign", "ask", "wait", "pause", "finish"];

/// How many moves one result may have.
const MOST_MOVES: usize = 50;

/// What an operator decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "move", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Move {
    /// A step of its part is to be done, or to be done again.
    Assign {
        /// Which.
        step: StepId,
        /// By whom; whoever plays the step's role where it does not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<AgentName>,
        /// What they are told besides the step's own prompt.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
    },
    /// A person is asked something.
    Ask {
        /// What.
        text: String,
    },
    /// Nothing more until what was assigned is over.
    Wait,
    /// A person is to look before anything else happens.
    Pause {
        /// At what.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
    },
    /// The part is over.
    Finish {
        /// What came of it.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
    },
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Assign { step, agent: Some(agent), .. } => write!(f, "assign {step} to {agent}"),
            Self::Assign { step, .. } => write!(f, "assign {step}"),
            Self::Ask { .. } => f.write_str("ask"),
            Self::Wait => f.write_str("wait"),
            Self::Pause { .. } => f.write_str("pause"),
            Self::Finish { .. } => f.write_str("finish"),
        }
    }
}

impl Move {
    /// Returns its own words.
    pub fn text(&self) -> &str {
        match self {
            Self::Assign { text, .. } | Self::Ask { text } | Self::Pause { text } | Self::Finish { text } => text,
            Self::Wait => "",
        }
    }
}

/// A move, with why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reasoned {
    /// What.
    pub does: Move,
    /// Why.
    pub reason: String,
}

/// What an operator decided, or wanted and was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// In which turn.
    pub turn: TurnId,
    /// The move in words.
    pub what: Arc<str>,
    /// Why; of a refused one why it was refused.
    pub why: Arc<str>,
    /// Whether it was refused.
    pub refused: bool,
}

/// What is known of the part that an operator was handed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Operation {
    /// The moves that count towards the bound.
    pub decisions: u32,
    /// Turns in a row that came to nothing but refusals.
    pub idle_turns: u32,
    /// What was refused in the turn that goes on.
    pub refused: u32,
    /// What was taken in the turn that goes on.
    pub taken: u32,
    /// The last decisions, oldest first.
    pub log: Vector<Arc<Decided>>,
    /// What is to happen when its turn is over.
    pub pending: Option<Move>,
}

/// Reads moves from an agent's result: `{"moves": [{"move": "assign", …, "reason": "…"}]}`. What can't be read is a refusal of
/// its own, so that the other moves count.
pub fn read(value: &Value) -> Vec<Result<Reasoned, (String, String)>> {
    let list = value.get("moves").unwrap_or(value);
    let list = list.as_array().map_or_else(|| std::slice::from_ref(list), Vec::as_slice);
    list.iter().take(MOST_MOVES).map(read_one).collect()
}

/// Reads one move.
pub fn read_one(value: &Value) -> Result<Reasoned, (String, String)> {
    let name = value.get("move").and_then(Value::as_str).unwrap_or("a move").to_owned();
    let refuse = |why: String| Err((name.chars().take(60).collect(), why));
    let Some(fields) = value.as_object() else { return refuse("a move is an object with a `move`".to_owned()) };
    let mut fields = fields.clone();
    let reason = match fields.remove("reason") {
        Some(Value::String(it)) if !it.trim().is_empty() => it.trim().to_owned(),
        _ => return refuse("it has no `reason`; say in a sentence why".to_owned()),
    };
    if let Some(other) = fields.keys().find(|it| !matches!(it.as_str(), "move" | "step" | "agent" | "text"))
        && MOVES.contains(&name.as_str())
    {
        return refuse(format!("{other} is no part of a move; it has `step`, `agent`, `text` and `reason`"));
    }
    match serde_json::from_value::<Move>(Value::Object(fields)) {
        Ok(does) if does.text().len() > MOST_WORDS || reason.len() > MOST_WORDS => {
            refuse(format!("its words are longer than {MOST_WORDS} bytes; say less"))
        }
        Ok(does) => Ok(Reasoned { does, reason }),
        Err(_) if !MOVES.contains(&name.as_str()) => refuse(
            "there is no such move; there are assign, ask, wait, pause and finish. What waits for a person is a person's \
             to answer"
                .to_owned(),
        ),
        Err(err) => refuse(format!("{err}")),
    }
}

/// Returns the JSON Schema of an operator's result. Loose on purpose: a move that may not be is refused with its reason by the
/// core, not by a validator.
pub fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["moves"],
        "properties": { "moves": { "type": "array", "items": { "type": "object", "required": ["move", "reason"] } } },
    })
}
