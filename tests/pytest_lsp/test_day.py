"""A day with Callboard in editors that have no plugin for it, through the specification alone: the client is pytest-lsp's, which checks
each answer against the capabilities that the editor really sends."""

import json
import pathlib
from urllib.parse import unquote, urlparse

import pytest
import pytest_asyncio
from editor import Editor, World, capabilities_of, choose
from lsprotocol import types

# Two faults that a linter of text finds and can fix, one behind a character that counts twice in UTF-16.
NOTES = "# Rounds 😀 at six   \n\nStart at the station.\nEnd at the depot. \t\n"

# What was dismissed is in it again, and is not reported again; one fault more is.
MORE = NOTES.replace("station.\n", "station. \t\n")

EDITORS = ["neovim@0.11", "neovim@0.11, asking", "visual-studio-code@1.65", "emacs@29"]


@pytest.fixture
def world():
    world = World({"notes.md": NOTES})
    yield world
    world.end()


@pytest_asyncio.fixture(params=EDITORS)
async def editor(request, world):
    editor = Editor(world, capabilities_of(request.param))
    await editor.start()
    yield editor
    await editor.end()


async def shown(editor, says, path_said_in):
    """The page that was opened: by `window/showDocument`, or by its path where the editor can't show documents."""
    window = editor.capabilities.window
    if window and window.show_document and window.show_document.support:

        async def look():
            found = [it.uri for it in editor.client.shown_documents if says in it.uri]
            return found and found[-1]

        uri = await editor.until(f"{says} shown", look)
    else:
        assert says in path_said_in, path_said_in
        uri = "file://" + path_said_in.split("The page is ")[1].rstrip(".").removesuffix(".")
    return pathlib.Path(unquote(urlparse(uri).path))


async def progress_that(editor, kind, says):
    async def look():
        for token, reports in editor.client.progress_reports.items():
            for it in reports:
                if getattr(it, "kind", None) == kind and says in str(it):
                    return token
        return None

    return await editor.until(f"a progress {kind} that says {says!r}", look)


@pytest.mark.asyncio
async def test_a_day_through_the_specification_alone(world, editor):
    notes = world.file("notes.md")
    uri = editor.open(notes)

    # Review this file, by code action; its findings are diagnostics on their lines.
    await editor.act(uri, 0, "Review this file with @lint")

    async def two():
        found = await editor.diagnostics(uri)
        return found if len(found) == 2 else None

    both = await editor.until("both findings", two)
    assert [it.range.start.line for it in both] == [0, 3]
    assert {it.source for it in both} == {"@lint"}
    in_utf8 = editor.offered.position_encoding == types.PositionEncodingKind.Utf8
    assert both[0].range.start.character == (20 if in_utf8 else 18)

    # A quick fix that needs a reason, and one that fixes.
    await editor.act(uri, 3, "Dismiss f2…", [both[1]])
    choose(await editor.question("Why is f2 dismissed?"), "It is meant so")

    async def one():
        found = await editor.diagnostics(uri)
        return found if len(found) == 1 else None

    left = await editor.until("one finding", one)
    quick = [it for it in await editor.actions(uri, 0, left) if it.title == "Fix f1 with @autofix"]
    assert quick
    await editor.act(uri, 0, "Fix f1 with @autofix", left)

    async def fixed():
        return "six   \n" not in notes.read_text()

    await editor.until("the fix on the disk", fixed)
    editor.reload(uri, notes)

    async def none():
        return await editor.diagnostics(uri) == []

    await editor.until("no finding", none)
    world.callboard("findings", "--json")

    # A workflow by a command; it waits at a pause point, asked by a message with buttons.
    notes.write_text(MORE)
    editor.reload(uri, notes)
    started = await editor.command(
        "callboard.run",
        {"workflow": "review-fix", "inputs": {"path": "notes.md"}, "roles": {"reviewer": "lint", "fixer": "autofix"}},
    )
    run = started["run"] if isinstance(started, dict) else started.run
    token = await progress_that(editor, "begin", run)
    question = await editor.question(f"in {run} waits for you")
    choose(question, "Open")
    page = await shown(editor, ".md", question[0].message)
    text = page.read_text()

    # The page is edited and saved, and what was saved is approved from its lens.
    page_uri = editor.open(page)
    lenses = await editor.lenses(page_uri)
    assert list(lenses)[:1] == ["Approve"], lenses
    kept = [line for line in text.splitlines() if line.startswith("- [x] **f")]
    assert len(kept) == 2 and "depot" not in text, text
    editor.change(page_uri, text.replace(kept[-1], kept[-1].replace("[x]", "[ ]")))
    editor.save(page_uri, page)
    lenses = await editor.lenses(page_uri)
    assert "Approve as edited" in lenses, lenses
    await editor.press(lenses["Approve as edited"])

    async def ended():
        reports = editor.client.progress_reports.get(token, [])
        return any(getattr(it, "kind", None) == "end" for it in reports)

    await editor.until("the end of the run's progress", ended)
    assert notes.read_text() == MORE.replace("six   \n", "six\n"), "what was struck stays as it is"

    # One action takes back all that the run changed.
    editor.reload(uri, notes)
    await editor.command("callboard.undo", {"run": run})
    assert notes.read_text() == MORE
    editor.reload(uri, notes)
    runs = [json.loads(line) for line in world.callboard("runs", "--json").splitlines()]
    assert [it["status"] for it in runs if it["id"] == run] == ["approved"], runs


@pytest.mark.asyncio
async def test_a_second_editor_settles_what_the_first_was_asked(world, editor):
    """Two clients at once: the first answer wins; from the other the question is taken back, and it is told."""
    other = Editor(world, capabilities_of("visual-studio-code@1.65"))
    await other.start()
    await editor.command(
        "callboard.run",
        {"workflow": "review-fix", "inputs": {"path": "notes.md"}, "roles": {"reviewer": "lint", "fixer": "autofix"}},
    )
    mine = await editor.question("p1 in r1 waits for you")
    theirs = await other.question("p1 in r1 waits for you")
    choose(theirs, "Stop")

    async def told():
        return editor.told("p1 was answered by")

    await editor.until("the word that it was answered", told)

    async def taken_back():
        return mine[1].cancelled()

    await editor.until("the question taken back", taken_back)
    assert world.file("notes.md").read_text() == NOTES
    await other.end()


@pytest.mark.asyncio
async def test_wrong_arguments_are_answered_with_what_to_do(editor):
    from pygls.exceptions import JsonRpcException

    for command, argument, says in [
        ("callboard.run", {}, "workflow"),
        ("callboard.decide", {"pause": "p9", "decision": "approve"}, "no pause p9"),
        ("callboard.nope", {}, "there is no command"),
    ]:
        with pytest.raises(JsonRpcException) as refused:
            await editor.command(command, argument)
        assert says in str(refused.value)
