"""An editor without a plugin: pytest-lsp's client, buffers, and what its user is asked. It knows the specification, and of Callboard
only what the server says."""

import ast
import asyncio
import os
import pathlib
import subprocess
import tempfile

import pytest_lsp
from lsprotocol import types
from pytest_lsp.client import make_test_lsp_client

CALLBOARD = os.environ["CALLBOARD"]
LIMIT = 120


class World:
    """A developer's machine in a temporary folder, with a trusted workspace."""

    def __init__(self, files):
        # A socket's path is held to 104 bytes, so this one is short.
        self.temp = tempfile.TemporaryDirectory(prefix="cb-", dir="/tmp")
        self.root = pathlib.Path(self.temp.name).resolve()
        self.workspace = self.root / "w"
        for folder in ("home", "c", "s", "r", "w/.callboard"):
            (self.root / folder).mkdir(parents=True, mode=0o700)
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root / "home"),
            "USER": "dev",
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "XDG_CONFIG_HOME": str(self.root / "c"),
            "XDG_STATE_HOME": str(self.root / "s"),
            "XDG_RUNTIME_DIR": str(self.root / "r"),
            "TMPDIR": str(self.root),
        }
        for name, text in files.items():
            (self.workspace / name).write_text(text)
        self.callboard("trust", "--yes")

    def callboard(self, *args):
        done = subprocess.run(
            [CALLBOARD, *args],
            cwd=self.workspace,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        assert done.returncode == 0, f"callboard {args}: {done.stdout}{done.stderr}"
        return done.stdout

    def file(self, name):
        return self.workspace / name

    def end(self):
        self.callboard("hub", "stop")
        self.temp.cleanup()


class Editor:
    """A session with the capabilities of a real editor."""

    def __init__(self, world, capabilities):
        self.world = world
        self.capabilities = capabilities
        self.client = make_test_lsp_client()
        self.buffers = {}
        self.asked = asyncio.Queue()
        self.news = asyncio.Event()
        self.offered = None
        client = self.client

        @client.feature(types.WINDOW_SHOW_MESSAGE_REQUEST)
        async def ask(params: types.ShowMessageRequestParams):
            answer = asyncio.get_running_loop().create_future()
            await self.asked.put((params, answer))
            return await answer

        @client.feature(types.WORKSPACE_APPLY_EDIT)
        def apply(params: types.ApplyWorkspaceEditParams):
            return types.ApplyWorkspaceEditResult(applied=self.apply(params.edit))

        @client.feature(types.WORKSPACE_CODE_LENS_REFRESH)
        def refresh(_params):
            self.news.set()

    async def start(self, **options):
        await self.client.start_io(CALLBOARD, "lsp", cwd=self.world.workspace, env=self.world.env)
        params = types.InitializeParams(
            capabilities=self.capabilities,
            root_uri=self.world.workspace.as_uri(),
            initialization_options=options or None,
        )
        self.offered = (await self.client.initialize_session(params)).capabilities

    async def end(self):
        await self.client.shutdown_session()
        assert self.client._server.returncode == 0, "it said goodbye as it should"

    # Buffers.

    def open(self, path):
        uri = path.as_uri()
        self.buffers[uri] = [1, path.read_text()]
        document = types.TextDocumentItem(uri=uri, language_id="markdown", version=1, text=path.read_text())
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=document))
        return uri

    def change(self, uri, text):
        buffer = self.buffers[uri]
        buffer[0] += 1
        buffer[1] = text
        whole = types.TextDocumentContentChangeWholeDocument(text=text)
        document = types.VersionedTextDocumentIdentifier(uri=uri, version=buffer[0])
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(text_document=document, content_changes=[whole])
        )

    def save(self, uri, path):
        path.write_text(self.buffers[uri][1])
        document = types.TextDocumentIdentifier(uri=uri)
        self.client.text_document_did_save(
            types.DidSaveTextDocumentParams(text_document=document, text=self.buffers[uri][1])
        )

    def reload(self, uri, path):
        """What an editor does by itself when a file without unsaved changes is another on the disk."""
        if self.buffers[uri][1] != path.read_text():
            self.change(uri, path.read_text())

    def apply(self, edit):
        changes = edit.document_changes or []
        for change in changes:
            uri, version = change.text_document.uri, change.text_document.version
            if uri not in self.buffers or (version is not None and version != self.buffers[uri][0]):
                return False
            lines = self.buffers[uri][1].splitlines(keepends=True) + [""]
            for one in sorted(change.edits, key=lambda it: (it.range.start.line, it.range.start.character), reverse=True):
                start, end = one.range.start, one.range.end
                before = "".join(lines[: start.line]) + lines[start.line][: start.character]
                after = lines[end.line][end.character :] + "".join(lines[end.line + 1 :])
                lines = (before + one.new_text + after).splitlines(keepends=True) + [""]
            self.change(uri, "".join(lines))
        return True

    # What the server is asked.

    async def command(self, command, argument):
        params = types.ExecuteCommandParams(command=command, arguments=[argument])
        return await self.client.workspace_execute_command_async(params)

    async def actions(self, uri, line, diagnostics=()):
        at = types.Position(line=line, character=0)
        params = types.CodeActionParams(
            text_document=types.TextDocumentIdentifier(uri=uri),
            range=types.Range(start=at, end=at),
            context=types.CodeActionContext(diagnostics=list(diagnostics)),
        )
        return await self.client.text_document_code_action_async(params)

    async def act(self, uri, line, title, diagnostics=()):
        actions = await self.actions(uri, line, diagnostics)
        found = [it for it in actions if it.title == title]
        assert found, f"no {title!r} among {[it.title for it in actions]}"
        return await self.press(command_of(found[0]))

    async def lenses(self, uri):
        params = types.CodeLensParams(text_document=types.TextDocumentIdentifier(uri=uri))
        return {it.command.title: it.command for it in await self.client.text_document_code_lens_async(params) or []}

    async def press(self, command):
        params = types.ExecuteCommandParams(command=command.command, arguments=command.arguments)
        return await self.client.workspace_execute_command_async(params)

    async def diagnostics(self, uri):
        """What it shows: asked for where the server offers that, else what was sent."""
        if self.offered.diagnostic_provider is None:
            return list(self.client.diagnostics.get(uri, []))
        assert not self.client.diagnostics.get(uri), "sent and asked for"
        params = types.DocumentDiagnosticParams(text_document=types.TextDocumentIdentifier(uri=uri))
        return list((await self.client.text_document_diagnostic_async(params)).items)

    # Waits. Each has a name and a bound.

    async def until(self, name, look):
        async def wait():
            while not (found := await look()):
                await asyncio.sleep(0.05)
            return found

        try:
            return await asyncio.wait_for(wait(), LIMIT)
        except TimeoutError:
            raise AssertionError(f"waited {LIMIT} s in vain for {name}") from None

    async def question(self, says):
        """The question that says this; its answer is given by `answer`."""
        kept = []

        async def next_one():
            while True:
                params, answer = await self.asked.get()
                if says in params.message:
                    for it in kept:
                        self.asked.put_nowait(it)
                    return params, answer
                kept.append((params, answer))

        try:
            return await asyncio.wait_for(next_one(), LIMIT)
        except TimeoutError:
            raise AssertionError(f"nobody asked {says!r}") from None

    def told(self, says):
        return any(says in it.message for it in self.client.messages)


def command_of(action):
    """The command of a code action. lsprotocol 2025.0.0 takes an action that has a command for a bare command, and what the
    action's command says for its name."""
    if isinstance(action, types.CodeAction):
        return action.command
    if action.command.startswith("{"):
        said = ast.literal_eval(action.command)
        return types.Command(title=said["title"], command=said["command"], arguments=said.get("arguments"))
    return action


def choose(question, title):
    params, answer = question
    assert title in [it.title for it in params.actions], f"no button {title!r} in {params.actions}"
    answer.set_result(types.MessageActionItem(title=title))


def capabilities_of(editor):
    """What a real editor sends; with `, asking` one that asks for diagnostics and asks again when it is told to, as newer ones do."""
    name, asking = editor.removesuffix(", asking"), editor.endswith(", asking")
    capabilities = pytest_lsp.client_capabilities(name)
    if asking:
        capabilities.text_document.diagnostic = types.DiagnosticClientCapabilities()
        capabilities.workspace.diagnostics = types.DiagnosticWorkspaceClientCapabilities(refresh_support=True)
    return capabilities
