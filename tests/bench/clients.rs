//! Clients of a world's hub, in the bench's own process.

use callboard::{
    client::{Client, target::Engine},
    config::{Places, Workspace},
};

use crate::support::World;

/// Connects a client to the hub of the world's workspace, which is started where there is none. `Places` are read as the program
/// reads them from the world's environment.
pub async fn connect(world: &World) -> Result<Client, String> {
    let folder = |key: &str| match key {
        "XDG_CONFIG_HOME" => Some(world.root().join("c")),
        "XDG_STATE_HOME" => Some(world.root().join("s")),
        "XDG_RUNTIME_DIR" => Some(world.runtime()),
        "HOME" => Some(world.home()),
        _ => None,
    };
    let places = Places::from_vars(|key| folder(key).map(Into::into)).map_err(|error| error.to_string())?;
    let workspace = Workspace::find(&world.workspace()).map_err(|error| error.to_string())?;
    Client::connect(&places, &workspace, Engine::Hub).await.map_err(|error| error.to_string())
}
