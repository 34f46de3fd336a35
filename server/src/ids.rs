//! Names and numbers by which everything in a workspace is called.
//!
//! Numbered ids (`r3`, `p1`, `m12`) are given out by the hub in the order of the journal, so they are the same after a
//! replay; names (`@claude`, `#main`, a step's id) are chosen by people and checked here, once, at the edge.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Why a text is not an id or a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {what}: {rule}")]
pub struct BadName {
    /// The text that was given.
    pub text: String,
    /// What it should have been, with its article ("a run id").
    pub what: &'static str,
    /// The rule it breaks, and how to keep it.
    pub rule: &'static str,
}

macro_rules! numbered_id {
    ($(#[$doc:meta])* $name:ident, $letter:literal, $what:literal, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                text.strip_prefix($letter)
                    .and_then(|digits| digits.parse().ok())
                    .map(Self)
                    .ok_or_else(|| BadName { text: text.to_owned(), what: $what, rule: $rule })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": concat!("^", $letter, "[0-9]+$") })
            }
        }
    };
}

numbered_id!(
    /// One execution of a workflow.
    RunId, "r", "a run id", "write r and a number, as `callboard runs` lists them"
);
numbered_id!(
    /// One pause point that was opened.
    PauseId, "p", "a pause id", "write p and a number, as `callboard inbox` lists them"
);
numbered_id!(
    /// One message of a channel.
    MessageId, "m", "a message id", "write m and a number, as `callboard channel show` lists them"
);
numbered_id!(
    /// One prompt to one agent and its result.
    TurnId, "t", "a turn id", "write t and a number"
);
numbered_id!(
    /// One remark on the code.
    FindingId, "f", "a finding id", "write f and a number, as `callboard findings` lists them"
);

numbered_id!(
    /// One folder in which a step works apart from the developer's files.
    WorktreeId, "w", "a worktree id", "write w and a number, as `callboard worktrees` lists them"
);
numbered_id!(
    /// One permission that is remembered.
    RuleId, "a", "a permission id", "write a and a number, as `callboard permissions list` lists them"
);

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $sigil:literal, $what:literal, $fits:path, $pattern:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Returns the name without its sigil.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($sigil, "{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                let bare = text.strip_prefix($sigil).unwrap_or(text);
                if $fits(bare) {
                    Ok(Self(bare.into()))
                } else {
                    Err(BadName {
                        text: text.to_owned(),
                        what: $what,
                        rule: "use 1 to 64 of a-z, 0-9, '-' and '_', with a letter or digit first",
                    })
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    };
}

name!(
    /// A participant that takes prompts: shown as `@name`, written without the sign in files and on the wire.
    AgentName, "@", "an agent's name", is_name, "^[a-z0-9][a-z0-9_-]{0,63}$"
);
name!(
    /// A channel: shown as `#name`.
    ChannelName, "#", "a channel's name", is_name, "^[a-z0-9][a-z0-9_-]{0,63}$"
);
name!(
    /// A step of a workflow; unique in its file. In a run, `fix[2]` is the step `fix` for the second item of its list, and
    /// `ship/review` is the step `review` of the workflow that the step `ship` does.
    StepId, "", "a step's id", is_step, "^[a-z0-9][a-z0-9_-]{0,63}(/[a-z0-9][a-z0-9_-]{0,63})*(\\[[0-9]+\\])*$"
);
name!(
    /// A part that an agent plays in a workflow. `ship/fixer` is the part of the workflow that the step `ship` does.
    RoleId, "", "a role's id", is_path, "^[a-z0-9][a-z0-9_-]{0,63}(/[a-z0-9][a-z0-9_-]{0,63})*$"
);

/// Returns whether `text` may be a name: what every kind of name has in common.
pub fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|it: char| it.is_ascii_lowercase() || it.is_ascii_digit())
        && text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-' || it == b'_')
}

/// Returns whether `text` is one or several names with `/` between them.
fn is_path(text: &str) -> bool {
    text.split('/').count() <= MOST_PARTS && text.split('/').all(is_name)
}

/// Returns whether `text` is a step's id: a path, and for each list around the step which of its items it is for.
fn is_step(text: &str) -> bool {
    let (path, indices) = split_step(text);
    let is_index = |it: &str| !it.is_empty() && it.len() <= 6 && it.bytes().all(|it| it.is_ascii_digit());
    let mut rest = indices;
    for _ in 0..=MOST_PARTS {
        if rest.is_empty() {
            return is_path(path);
        }
        let Some((index, more)) = rest.strip_prefix('[').and_then(|it| it.split_once(']')) else { return false };
        if !is_index(index) {
            return false;
        }
        rest = more;
    }
    false
}

fn split_step(text: &str) -> (&str, &str) {
    text.find('[').map_or((text, ""), |at| text.split_at(at))
}

/// How many workflows may stand in each other, and how many lists around one step, and a few more.
const MOST_PARTS: usize = 16;

impl StepId {
    /// Returns the step for one item of the list around it, counted from 1.
    #[must_use]
    pub fn of_item(&self, number: u32) -> Self {
        Self(format!("{}[{number}]", self.0).into())
    }

    /// Returns the step of the workflow that the step `outer` does.
    #[must_use]
    pub fn inside(&self, outer: &str) -> Self {
        Self(format!("{outer}/{}", self.0).into())
    }

    /// Returns the id as the workflow's file has it, with the steps around it but without items.
    pub fn planned(&self) -> &str {
        split_step(&self.0).0
    }

    /// Returns for which item of each list around it the step is, the outermost first.
    pub fn items(&self) -> Vec<u32> {
        let numbers = split_step(&self.0).1.split(['[', ']']).filter(|it| !it.is_empty());
        numbers.filter_map(|it| it.parse().ok()).collect()
    }

    /// Returns the step that does the workflow in which this one stands: empty for the run's own.
    pub fn scope(&self) -> &str {
        self.planned().rsplit_once('/').map_or("", |it| it.0)
    }
}

/// Milliseconds since the Unix epoch. The core gets it with each event and never asks a clock.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Returns the time of the system's clock. Only the shell calls this, never the core.
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_millisecond())
    }

    /// Returns this time plus `milliseconds`, held at the end of time.
    #[must_use]
    pub fn plus(self, milliseconds: u64) -> Self {
        Self(self.0.saturating_add(i64::try_from(milliseconds).unwrap_or(i64::MAX)))
    }

    /// Returns the milliseconds from `earlier` to this time, 0 where the clock went back.
    pub fn since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_what_they_print() {
        assert_eq!("r12".parse::<RunId>().unwrap(), RunId(12));
        assert_eq!(RunId(12).to_string(), "r12");
        assert!("x12".parse::<RunId>().unwrap_err().to_string().contains("callboard runs"));
        assert!("r".parse::<RunId>().is_err());
    }

    #[test]
    fn a_steps_id_says_in_which_workflow_and_for_which_items_it_is() {
        let id: StepId = "ship/fix[2][11]".parse().unwrap();
        assert_eq!((id.planned(), id.scope(), id.items()), ("ship/fix", "ship", vec![2, 11]));
        assert_eq!("fix".parse::<StepId>().unwrap().inside("ship").of_item(2).of_item(11), id);
        for bad in
            ["", "/a", "a/", "a[", "a[]", "a[x]", "a[1]b", "a]1[", "a[1", "[1]", "a//b", "a[1234567]", &"a/".repeat(40)]
        {
            assert!(bad.parse::<StepId>().is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn names_are_checked_and_take_their_sigil_or_not() {
        assert_eq!("@codex-2".parse::<AgentName>().unwrap(), "codex-2".parse().unwrap());
        for bad in ["", "@", "-a", "Ünï", "a b", "A", &"a".repeat(65)] {
            assert!(bad.parse::<AgentName>().is_err(), "{bad:?} was taken");
        }
    }
}
