//! The forms of Callboard's files beside workflows: settings and agents' profiles, each as its own reader has it.

use std::path::Path;

use crate::{
    agent::catalog::profile::{Origin, Profile},
    config::settings::Settings,
    workflow::language::{Form, Mistake},
};

/// The user's settings.
pub static SETTINGS: Form = Form::new(
    "settings",
    || schemars::schema_for!(Settings).to_value(),
    |text| {
        let wrong = Settings::parse(text, Path::new("config.yaml")).err()?;
        Some(Mistake { line: wrong.line, column: wrong.column, message: wrong.message })
    },
);

/// An agent's profile.
pub static PROFILE: Form = Form::new(
    "profile",
    || schemars::schema_for!(Profile).to_value(),
    |text| {
        let wrong = Profile::read(text, Origin::User).err()?;
        Some(Mistake { line: wrong.line, column: wrong.column, message: wrong.message })
    },
);

#[cfg(test)]
mod tests;
