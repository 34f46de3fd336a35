-- The pure parts: tables in, tables out.
local it, eq, has = T.it, T.eq, T.has
local now = 1795354160279

local function message(id, rev, more)
  return vim.tbl_extend('force', {
    item = 'message',
    id = id,
    channel = 'main',
    author = { is = 'person', name = 'ann' },
    at = now,
    text = 'text of ' .. id,
    hops = 0,
    rev = rev,
  }, more or {})
end

it('the newer form of a thing is kept, whatever comes first', function()
  local store = require('callboard.store')
  local s = store.new()
  eq({ store.apply(s, message('m2', 5)) }, { 'message', 'm2' })
  eq({ store.apply(s, message('m10', 6)) }, { 'message', 'm10' })
  eq(
    { store.apply(s, message('m1', 7)) },
    { 'message', 'm1' },
    'an earlier one that is loaded later'
  )
  eq(
    { store.apply(s, message('m2', 4, { text = 'old' })) },
    {},
    'an answer that is older than a feed'
  )
  eq(s.order.main, { 'm1', 'm2', 'm10' }, 'by number, not by letters')
  eq(s.messages.main.m2.text, 'text of m2')
  eq({ store.apply(s, { item = 'something of a newer hub', id = 'x1', rev = 1 }) }, {})
end)

it('what waits and what goes on are told apart from what is over', function()
  local store = require('callboard.store')
  local s = store.new()
  for i, status in ipairs({ 'running', 'approved', 'held', 'failed' }) do
    store.apply(s, { item = 'run', id = 'r' .. i, status = status, rev = i })
  end
  store.apply(s, { item = 'pause', id = 'p1', rev = 1, answered = { by = 'ann' } })
  store.apply(s, { item = 'pause', id = 'p2', rev = 2 })
  local function ids(things)
    return vim.tbl_map(function(thing)
      return thing.id
    end, things)
  end
  eq(ids(store.live(s)), { 'r1', 'r3' })
  eq(ids(store.waiting(s)), { 'p2' })
end)

it('a channel shows threads under their first message, with runs and pauses', function()
  local store, render = require('callboard.store'), require('callboard.render')
  local s = store.new()
  store.apply(s, message('m1', 1, { author = { is = 'operator' }, about = { run = 'r1' } }))
  store.apply(s, message('m2', 2))
  store.apply(
    s,
    message('m3', 3, {
      thread = 'm1',
      author = { is = 'agent', name = 'lint' },
      text = '2 findings\nin two lines',
      about = { run = 'r1', step = 'review' },
    })
  )
  store.apply(
    s,
    message(
      'm4',
      4,
      { thread = 'm1', author = { is = 'operator' }, about = { run = 'r1', pause = 'p1' } }
    )
  )
  store.apply(s, {
    item = 'run',
    id = 'r1',
    rev = 5,
    thread = 'm1',
    title = 'Review–fix loop',
    status = 'waiting',
    turns = 2,
    steps = {
      { id = 'review', status = 'done' },
      { id = 'fix', status = 'running', agent = 'codex', round = 2 },
    },
  })
  store.apply(s, { item = 'pause', id = 'p1', rev = 6, decisions = { 'approve', 'stop' } })
  local cache = {}
  local blocks = render.channel(s, 'main', now, cache)
  local lines = {}
  for _, block in ipairs(blocks) do
    vim.list_extend(lines, block.lines)
  end
  local time = os.date('%H:%M', math.floor(now / 1000))
  eq(lines, {
    'operator  ' .. time,
    '  text of m1',
    '  ◆ r1 Review–fix loop  waiting  round 2 · 2 turns',
    '    ✓ review  ● fix @codex',
    '  │ @lint  ' .. time .. '  review',
    '  │   2 findings',
    '  │   in two lines',
    '  │ operator  ' .. time,
    '  │   text of m4',
    '  │   ◆ p1 approve · stop   <CR> opens it',
    '',
    'ann  ' .. time,
    '  text of m2',
    '',
  })
  local again = render.channel(s, 'main', now, cache)
  for i, block in ipairs(again) do
    assert(rawequal(block, blocks[i]), 'what did not change is not made again')
  end
  store.apply(s, {
    item = 'pause',
    id = 'p1',
    rev = 9,
    decisions = {},
    answered = { by = 'ann', decision = { decision = 'approve' } },
  })
  has(table.concat(render.channel(s, 'main', now, cache)[3].lines, '\n'), '✓ p1 approved by ann')
end)

it('a hostile text is only text', function()
  local render = require('callboard.render')
  eq(render.lines('a\r\nb\27[31mc\0d\n\n'), { 'a', 'b�[31mc�d' })
  eq(render.line('one\ntwo'), 'one two')
  local long = render.message(message('m1', 1, { text = ('x\n'):rep(5000) }), { now = now })
  assert(#long.lines < 320, 'a long message is cut: ' .. #long.lines)
  has(long.lines[#long.lines], 'more lines')
end)

it('deliveries say how far they are', function()
  local render = require('callboard.render')
  local text, group = render.deliveries({
    { agent = 'codex', state = { is = 'started' } },
    { agent = 'claude', state = { is = 'failed', why = 'not signed in' } },
  })
  eq(text, '● @codex works  ✗ @claude failed: not signed in')
  eq(group, 'CallboardFailed')
end)

it('places are found where they are written', function()
  local parse = require('callboard.place').parse
  eq({ parse('see `src/lib.rs:12:3`, please') }, { 'src/lib.rs', 12, 3 })
  eq({ parse('a.rs:1 and b/c.rs:22', 15) }, { 'b/c.rs', 22, nil })
  eq({ parse('at 12:30 sharp', 1) }, {})
  eq({ parse('nothing here') }, {})
end)

it('a place outside the workspace is none', function()
  local place = require('callboard.place')
  local root = vim.fn.tempname()
  vim.fn.mkdir(root .. '/in', 'p')
  vim.fn.writefile({ 'x' }, root .. '/in/a.lua')
  vim.fn.writefile({ 'x' }, root .. '/out.lua')
  eq(place.within(root .. '/in', 'a.lua', 1) ~= nil, true)
  eq(place.within(root .. '/in', '../out.lua', 1), nil)
  eq(place.within(root .. '/in', 'none.lua', 1), nil)
end)

it('both sides are taken out of a whole diff', function()
  local before, after = require('callboard.patch').sides(
    'diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n one\n-two\n+zwei\n three\n\\ No newline at end of file\n'
  )
  eq(before, { 'one', 'two', 'three' })
  eq(after, { 'one', 'zwei', 'three' })
end)

it('inputs become what the workflow wants', function()
  local value = require('callboard.runs').value
  eq(value('number', '12'), 12)
  eq(value('number', '1.5'), nil)
  eq(value('flag', 'yes'), true)
  eq(value('flag', 'perhaps'), nil)
  eq(value('text', '12'), '12')
end)

it('wrong settings are named, and the defaults stand', function()
  local config = require('callboard.config')
  has(config.problem({ chanel = {} }), 'there is no setting `chanel`')
  has(config.problem({ channel = { layout = 'window' } }), 'split, vsplit, float or tab')
  has(config.problem({ channel = { size = 'wide' } }), '`channel.size` must be a number')
  has(config.problem({ cmd = {} }), '`cmd` is a list')
  local told = T.told()
  local before = vim.deepcopy(config.current)
  eq(config.setup({ notify = 'no' }), false)
  eq(config.current, before)
  has(told[1].text, '`notify` must be a boolean')
end)

it('the words before the cursor begin where a name does', function()
  local start = require('callboard.complete').start
  eq(start('ask @cla'), 4)
  eq(start('see src/li'), 4)
  eq(start('a '), 2)
end)

it('a view changes only what changed, and a reader’s cursor stays', function()
  local view_of = require('callboard.view')
  local view = view_of.make('callboard://test/view', 'callboard')
  vim.api.nvim_win_set_buf(0, view.bufnr)
  local function block(id, ...)
    return {
      id = id,
      lines = { ... },
      marks = { { row = 0, from = 0, to = 1, group = 'Error' } },
      ends = {},
      depth = 0,
    }
  end
  local a, b, c = block('a', 'a1', 'a2'), block('b', 'b1'), block('c', 'c1', 'c2')
  view_of.show(view, { a, b })
  eq(T.text(), 'a1\na2\nb1')
  vim.api.nvim_win_set_cursor(0, { 2, 0 })
  view_of.show(view, { a, b, c })
  eq(vim.api.nvim_win_get_cursor(0), { 2, 0 }, 'who reads is left alone')
  vim.api.nvim_win_set_cursor(0, { 5, 0 })
  local b2 = block('b', 'b1', 'b2', 'b3')
  view_of.show(view, { a, b2, c, block('d', 'd1') })
  eq(T.text(), 'a1\na2\nb1\nb2\nb3\nc1\nc2\nd1')
  eq(vim.api.nvim_win_get_cursor(0), { 8, 0 }, 'who is at the end goes along')
  eq(view_of.index(view, 5), 2)
  eq(view_of.index(view, 8), 4)
  view_of.show(view, { c })
  eq(T.text(), 'c1\nc2')
  eq(vim.bo[view.bufnr].modifiable, false)
  eq(#vim.api.nvim_buf_get_extmarks(view.bufnr, -1, 0, -1, {}), 1, 'no mark of what is gone stays')
end)

it('completion of the command line knows its words', function()
  local complete = require('callboard.command').complete
  eq(complete('re', 'Callboard re', 12), { 'restart', 'resume', 'review' })
  eq(complete('r', 'Callboard decide r', 18), { 'request-changes', 'reject', 'retry' })
  eq(complete('', "'<,'>Callboard decide ", 22)[1], 'approve')
  eq(complete('x', 'Callboard nothing x', 19), {})
end)

it(
  'a screen is drawn in a window of another size: broken where it must be, the cursor in sight',
  function()
    local draw = require('callboard.screen').draw
    local rows = {
      [0] = { { text = 'abcdef' }, { text = 'gh', fg = 1, style = 'b' } },
      [2] = { { text = '漢字x', bg = '#102030' } },
    }
    local cursor = { row = 2, column = 1, visible = true }
    eq(
      draw(rows, cursor, { rows = 9, columns = 5 }):gsub('\27', '^'),
      '^[?25l^[H^[2J^[1;1H^[0mabcde^[0m^[2;1H^[0mf^[0;1;38;5;1mgh^[0m^[3;1H^[0m'
        .. '^[4;1H^[0;48;2;16;32;48m漢字x^[0m^[4;2H^[?25h'
    )
    -- A wide character is not cut, and of a long screen the part with the cursor is shown.
    cursor.column = 4
    eq(
      draw(rows, cursor, { rows = 2, columns = 3 }):gsub('\27', '^'),
      '^[?25l^[H^[2J^[1;1H^[0;48;2;16;32;48m漢^[0m^[2;1H^[0;48;2;16;32;48m字x^[0m^[2;2H^[?25h'
    )
    eq(
      draw({}, { row = 0, column = 0, visible = false }, { rows = 2, columns = 3 }):gsub('\27', '^'),
      '^[?25l^[H^[2J^[1;1H^[0m^[1;1H'
    )
  end
)

it('a text is broken between words', function()
  eq(
    require('callboard.trust').lines('one two three\n\nlonger-than-that x', 8),
    { 'one two', 'three', '', 'longer-than-that', 'x' }
  )
end)

it('agents say what they do, why that is believed, and which files they change', function()
  local agent = {
    info = { name = 'codex', driver = 'app-server', access = 'write' },
    claim = { state = { is = 'working' }, source = 'protocol', why = 'it is on a turn' },
    since = now - 120000,
    files = {
      { path = 'src/a.rs', sign = 'said', since = now, turn = 't1' },
      { path = 'src/b.rs', sign = 'seen', since = now, turn = 't1', with = { 'claude' } },
    },
  }
  local other = {
    info = { name = 'claude', driver = 'stream-json', access = 'read', takeOver = true },
    claim = { state = { is = 'takenOver', by = 'ann' }, source = 'hub', why = '' },
    since = now,
  }
  local blocks = require('callboard.render').agents({ agent, other }, now)
  eq(blocks[1].lines, {
    '● @codex        working for 2 min        app-server, reads and writes',
    '    it is on a turn',
    '    changes src/a.rs',
    '    changes src/b.rs, as does @claude',
  })
  eq(blocks[2].lines, { '◇ @claude       taken over by ann        stream-json, reads' })
end)
