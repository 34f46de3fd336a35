//! The files around a hub: trust, the catalogue, workflows. Reads them anew each time it is asked.

use std::{
    fmt::Write as _,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    agent::catalog::{Catalog, Folder, SharedCatalog, profile::Origin, program::finder},
    config::{Places, Workspace},
    host::checkpoints::Checkpoints,
    hub::{
        event::{Refusal, RefusalCode},
        timeline::Stretch,
    },
    lsp::shared::{Offer, Reading, Surroundings, TrustShown},
    protocol::FileDiff,
    workflow::{
        self,
        library::{Library, WORKSPACE_FOLDER},
        plan::{InputKind, Plan},
        problem::Problem,
    },
    workspace::trust::{Trust, TrustError, TrustStatus},
};

/// Where a workspace keeps its own profiles.
const AGENTS_FOLDER: &str = ".callboard/agents";

/// How many problems of a workflow a refusal lists.
const MOST_PROBLEMS: usize = 20;

/// The files of one workspace and its user.
pub struct Files {
    places: Places,
    workspace: Workspace,
    trust: Trust,
    trusted: AtomicBool,
    catalog: SharedCatalog,
    checkpoints: Checkpoints,
}

impl Files {
    /// Makes it; nothing is read yet. What `reload` reads of agents goes into `catalog`.
    pub fn new(places: Places, workspace: Workspace, catalog: SharedCatalog, checkpoints: Checkpoints) -> Self {
        let trust = Trust::new(&places);
        Self { places, workspace, trust, trusted: AtomicBool::new(false), catalog, checkpoints }
    }

    fn status(&self) -> TrustStatus {
        let status = self.trust.status(&self.workspace);
        self.trusted.store(status == TrustStatus::Trusted, Ordering::SeqCst);
        status
    }

    /// Refuses where the workspace is not trusted, or configures something else than was trusted.
    pub fn require_trust(&self) -> Result<(), Refusal> {
        let root = self.workspace.root.display();
        let next = "look at it with `callboard trust --show`, then say `callboard trust`";
        let what = match self.status() {
            TrustStatus::Trusted => return Ok(()),
            TrustStatus::Untrusted => format!("{root} is not trusted, so nothing in it is read or run; {next}"),
            TrustStatus::Changed { what } => {
                format!("what {root} configures changed since it was trusted ({}); {next}", what.join(", "))
            }
        };
        Err(Refusal::new(RefusalCode::Untrusted, what))
    }

    /// Reads the catalogue, the workspace's own profiles too where it is trusted.
    fn read_catalog(&self, trusted: bool) -> Catalog {
        let mut folders = vec![Folder { path: self.places.agents_dir(), origin: Origin::User }];
        if trusted {
            folders.push(Folder { path: self.workspace.root.join(AGENTS_FOLDER), origin: Origin::Workspace });
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let (catalog, problems) = Catalog::load(&folders, &finder(&path, &self.workspace.root));
        for problem in problems {
            tracing::warn!("A profile is left out: {problem}.");
        }
        catalog
    }
}

impl Surroundings for Files {
    fn plan(&self, name: &str) -> Result<Arc<Plan>, Refusal> {
        self.require_trust()?;
        // The very bytes that trust was given to: reading the file again might be reading another.
        let files = self.trust.trusted_files(&self.workspace);
        let files = files.map_err(|err| Refusal::new(RefusalCode::Untrusted, err.to_string()))?;
        let library = Library::new(Some(self.places.workflows_dir()));
        // A nested workflow is found as one that is run: in what was trusted, else in the library.
        let find = |name: &str| {
            let own = format!("{WORKSPACE_FOLDER}/{name}.yaml");
            match files.iter().find(|it| it.path == own) {
                Some(file) => String::from_utf8(file.bytes.clone())
                    .map_err(|_| Refusal::new(RefusalCode::Invalid, format!("{own} is not UTF-8; save it as that"))),
                None => library
                    .find(name)
                    .map(|it| it.text)
                    .map_err(|err| Refusal::new(RefusalCode::NotFound, err.to_string())),
            }
        };
        let text = find(name)?;
        let loaded = workflow::load_among(name, &text, &|name| find(name).map_err(|it| it.message));
        match loaded.plan {
            Some(plan) => Ok(Arc::new(plan)),
            None => Err(Refusal::new(RefusalCode::Invalid, problems_of(name, &loaded.problems))),
        }
    }

    fn reload(&self) -> Result<Reading, Refusal> {
        let mut trusted = self.status() == TrustStatus::Trusted;
        let mut catalog = self.read_catalog(trusted);
        // What was read between two answers that agree is what was trusted, as far as looking twice can tell.
        if trusted && self.status() != TrustStatus::Trusted {
            trusted = false;
            catalog = self.read_catalog(false);
        }
        let agents = catalog.infos();
        self.catalog.set(catalog);
        Ok(Reading { trusted, agents })
    }

    fn diff(&self, stretches: &[Stretch]) -> Result<Vec<FileDiff>, Refusal> {
        self.checkpoints.diff(stretches)
    }

    fn is_trusted(&self) -> bool {
        self.trusted.load(Ordering::SeqCst)
    }

    fn root(&self) -> Option<PathBuf> {
        Some(self.workspace.root.clone())
    }

    fn documents_dir(&self) -> Option<PathBuf> {
        Some(self.places.documents_dir(&self.workspace))
    }

    fn offers(&self) -> Vec<Offer> {
        let trusted = self.status() == TrustStatus::Trusted;
        let library = Library::new(Some(self.places.workflows_dir())).with_workspace(&self.workspace.root, trusted);
        let names = library.list().into_iter().filter(|it| trusted && !it.broken).map(|it| it.name);
        names.filter_map(|it| offer(&*self.plan(&it).ok()?)).collect()
    }

    fn trust_shown(&self) -> Result<TrustShown, Refusal> {
        let shown = self.trust.what_would_be_used(&self.workspace).map_err(|err| distrusted(&err))?;
        let mut text = format!("Callboard would here: {}.", shown.would.join("; "));
        let files: Vec<&str> = shown.files.iter().map(|it| it.path.as_str()).take(10).collect();
        if !files.is_empty() {
            let more = shown.files.len() - files.len();
            let _ = write!(text, " The workspace configures it with {}", files.join(", "));
            if more > 0 {
                let _ = write!(text, ", and {more} more");
            }
            text.push('.');
        }
        Ok(TrustShown { trusted: self.status() == TrustStatus::Trusted, text, digest: shown.digest })
    }

    fn trust(&self, digest: &str) -> Result<(), Refusal> {
        let shown = self.trust.what_would_be_used(&self.workspace).map_err(|err| distrusted(&err))?;
        if shown.digest != digest {
            let message = "the workspace changed after it was shown; look at it again with `callboard trust --show`";
            return Err(Refusal::new(RefusalCode::Changed, message));
        }
        self.trust.grant_shown(&self.workspace, &shown).map_err(|err| distrusted(&err))
    }
}

fn distrusted(err: &TrustError) -> Refusal {
    Refusal::new(RefusalCode::Untrusted, err.to_string())
}

/// Returns a workflow as one that can be started on a file, where it can.
fn offer(plan: &Plan) -> Option<Offer> {
    let mut paths = plan.inputs.iter().filter(|it| it.kind == InputKind::Path);
    let path = paths.next().filter(|_| paths.next().is_none())?;
    let told = plan.inputs.iter().all(|it| it.name == path.name || it.default.is_some());
    told.then(|| Offer { name: plan.name.clone(), title: plan.title.clone(), path: path.name.clone() })
}

/// Says all that is wrong with a workflow.
fn problems_of(name: &str, problems: &[Problem]) -> String {
    let errors: Vec<_> = problems.iter().filter(|it| it.is_error()).collect();
    let mut text = format!("the workflow {name} can't be run:");
    for problem in errors.iter().take(MOST_PROBLEMS) {
        let _ = write!(text, "\n  {problem}");
    }
    if errors.len() > MOST_PROBLEMS {
        let _ = write!(text, "\n  and {} more; see `callboard workflows check`", errors.len() - MOST_PROBLEMS);
    }
    text
}
