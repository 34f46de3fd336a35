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
    agent::{
        catalog::{Catalog, Folder, SharedCatalog, profile::Origin, program::finder},
        terminal::Screens,
    },
    config::{Places, Workspace},
    host::checkpoints::Checkpoints,
    hub::{
        event::{Refusal, RefusalCode},
        timeline::Stretch,
    },
    lsp::{
        buffers::OpenBuffers,
        language::OwnFiles,
        shared::{Offer, Reading, Surroundings, TrustShown},
    },
    protocol::{FileDiff, InputView, RoleView, WorkflowView},
    workflow::{
        self,
        library::{self, Library, Listed, WORKSPACE_FOLDER},
        plan::{Input, InputKind, Plan, Role},
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
    screens: Arc<Screens>,
    buffers: Arc<OpenBuffers>,
}

impl Files {
    /// Makes it; nothing is read yet. What `reload` reads of agents goes into `catalog`.
    pub fn new(
        places: Places,
        workspace: Workspace,
        catalog: SharedCatalog,
        checkpoints: Checkpoints,
        screens: Arc<Screens>,
        buffers: Arc<OpenBuffers>,
    ) -> Self {
        let trust = Trust::new(&places);
        Self { places, workspace, trust, trusted: AtomicBool::new(false), catalog, checkpoints, screens, buffers }
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

impl Files {
    /// Does something with what finds a workflow's text: in what was trusted, else in the library. A nested workflow is found as
    /// one that is run.
    fn with_workflows<T>(
        &self,
        act: impl FnOnce(&dyn Fn(&str) -> Result<String, Refusal>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.require_trust()?;
        // The very bytes that trust was given to: reading the file again might be reading another.
        let files = self.trust.trusted_files(&self.workspace);
        let files = files.map_err(|err| Refusal::new(RefusalCode::Untrusted, err.to_string()))?;
        let library = Library::new(Some(self.places.workflows_dir()));
        act(&|name| {
            let own = format!("{WORKSPACE_FOLDER}/{name}.yaml");
            match files.iter().find(|it| it.path == own) {
                Some(file) => String::from_utf8(file.bytes.clone())
                    .map_err(|_| Refusal::new(RefusalCode::Invalid, format!("{own} is not UTF-8; save it as that"))),
                None => library
                    .find(name)
                    .map(|it| it.text)
                    .map_err(|err| Refusal::new(RefusalCode::NotFound, err.to_string())),
            }
        })
    }
}

/// Reads and checks a workflow's text.
fn checked(name: &str, text: &str, find: &dyn Fn(&str) -> Result<String, Refusal>) -> Result<Arc<Plan>, Refusal> {
    let loaded = workflow::load_among(name, text, &|name| find(name).map_err(|it| it.message));
    match loaded.plan {
        Some(plan) => Ok(Arc::new(plan)),
        None => Err(Refusal::new(RefusalCode::Invalid, problems_of(name, &loaded.problems))),
    }
}

impl Surroundings for Files {
    fn buffers(&self) -> Arc<OpenBuffers> {
        Arc::clone(&self.buffers)
    }

    fn screens(&self) -> Arc<Screens> {
        Arc::clone(&self.screens)
    }

    fn plan(&self, name: &str) -> Result<Arc<Plan>, Refusal> {
        self.with_workflows(|find| {
            let text = find(name)?;
            checked(name, &text, find)
        })
    }

    fn read_plan(&self, name: &str, text: &str) -> Result<Arc<Plan>, Refusal> {
        self.with_workflows(|find| checked(name, text, find))
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

    fn diff(&self, stretches: &[Stretch], whole: bool) -> Result<Vec<FileDiff>, Refusal> {
        self.checkpoints.diff(stretches, whole)
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

    fn own_files(&self) -> OwnFiles {
        OwnFiles {
            workflows: Some(self.places.workflows_dir()),
            agents: Some(self.places.agents_dir()),
            settings: Some(self.places.settings_file()),
        }
    }

    fn profile_file(&self, agent: &str) -> Option<PathBuf> {
        let profile = self.catalog.get().resolve(&agent.parse().ok()?)?.name.clone();
        let own = self.workspace.root.join(AGENTS_FOLDER);
        let folders = [Some(own).filter(|_| self.is_trusted()), Some(self.places.agents_dir())];
        let file = |folder: PathBuf| {
            let mut files = ["yaml", "yml"].iter().map(|it| folder.join(format!("{profile}.{it}")));
            files.find(|it| std::fs::symlink_metadata(it).is_ok_and(|it| it.is_file()))
        };
        folders.into_iter().flatten().find_map(file)
    }

    fn offers(&self) -> Vec<Offer> {
        let trusted = self.status() == TrustStatus::Trusted;
        let library = Library::new(Some(self.places.workflows_dir())).with_workspace(&self.workspace.root, trusted);
        let names = library.list().into_iter().filter(|it| trusted && !it.broken).map(|it| it.name);
        names.filter_map(|it| offer(&*self.plan(&it).ok()?)).collect()
    }

    fn workflows(&self) -> Vec<WorkflowView> {
        let trusted = self.status() == TrustStatus::Trusted;
        let library = Library::new(Some(self.places.workflows_dir())).with_workspace(&self.workspace.root, trusted);
        let plan_of = |name: &str| library.find(name).ok().and_then(|it| library.load(name, &it.text).plan);
        library.list().into_iter().map(|it| view_of(plan_of(&it.name), it)).collect()
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

/// Returns a workflow as clients list it; without a plan it has errors.
fn view_of(plan: Option<Plan>, listed: Listed) -> WorkflowView {
    let (from, path) = match listed.source {
        library::Origin::BuiltIn => ("builtIn", None),
        library::Origin::User(path) => ("user", Some(path)),
        library::Origin::Workspace(path) => ("workspace", Some(path)),
    };
    let input =
        |it: Input| InputView { name: it.name, kind: it.kind, description: it.description, default: it.default };
    let role = |it: Role| RoleView {
        seats: u32::try_from(it.seats.len().max(1)).unwrap_or(1),
        id: it.id,
        description: it.description,
        prefer: it.prefer,
        good_for: it.good_for,
        access: it.access,
    };
    let broken = plan.is_none();
    let (description, inputs, roles) = plan.map_or_else(Default::default, |it| (it.description, it.inputs, it.roles));
    WorkflowView {
        name: listed.name,
        title: listed.title,
        description,
        category: listed.category,
        from: from.to_owned(),
        path: path.map(|it| it.display().to_string()),
        broken,
        inputs: inputs.into_iter().map(input).collect(),
        roles: roles.into_iter().map(role).collect(),
    }
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
