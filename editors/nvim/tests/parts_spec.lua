-- Each part by itself, in a real Neovim with the real server: what stands in no other spec.
local it, eq, has, wait = T.it, T.eq, T.has, T.wait

local NOTES = '# Rounds   \n\nStart at the station.\nEnd at the depot. \t\n'

-- Fixes, then asks whether the fix is to be kept, then looks again.
local TIDY = [[
title: Tidy
category: build
description: Fixes what the linter can, and asks.
inputs:
  focus: { type: text, default: "" }
roles:
  fixer: { prefer: [autofix], good-for: fix, access: write }
steps:
  - { id: fix, title: Fix, role: fixer, result: change, paths: '"notes.md"', prompt: Fix it. }
  - { id: keep, title: Keep it?, needs: [fix], pause: { show: fix, message: "Keep this?" } }
  - { id: look, title: Look, needs: [keep], tool: lint, paths: '"notes.md"' }
]]

local function world(files)
  return T.World.new(
    vim.tbl_extend(
      'force',
      { ['notes.md'] = NOTES, ['.callboard/workflows/tidy.yaml'] = TIDY },
      files or {}
    )
  )
end

local callboard = T.callboard

local function session(w)
  return require('callboard.session').at(w.workspace)
end

local function press(keys)
  vim.api.nvim_feedkeys(vim.keycode(keys), 'xt', false)
end

--- Waits for a pause that waits.
local function paused(w, id)
  return wait('the pause ' .. id, function()
    local pause = session(w).store.pauses[id]
    return pause and not pause.answered and pause
  end)
end

--- Waits for the page of a pause in the current window.
local function page(id)
  return wait('the page of ' .. id, function()
    local bufnr = vim.api.nvim_get_current_buf()
    return vim.api.nvim_buf_get_name(bufnr):match('/' .. id .. '%.md$') and bufnr
  end)
end

--- Returns what stands in the lines above a buffer's first one.
local function above(bufnr)
  local lines = {}
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(bufnr, -1, 0, -1, { details = true })) do
    for _, line in ipairs(mark[4].virt_lines or {}) do
      local text = ''
      for _, chunk in ipairs(line) do
        text = text .. chunk[1]
      end
      table.insert(lines, text)
    end
  end
  return table.concat(lines, '\n')
end

local function shows(bufnr, text)
  wait('the buttons say ' .. text, function()
    return above(bufnr):find(text, 1, true)
  end)
end

it('at a pause the files are compared, and what a person changes there is theirs', function()
  local w = world()
  local told = T.told()
  w:edit('notes.md')
  callboard('run tidy')
  paused(w, 'p1')
  wait('the message that leads there', function()
    return vim.iter(told):any(function(one)
      return one.text:find('p1 waits (:Callboard inbox)', 1, true)
    end)
  end)
  callboard('inbox p1')
  local bufnr = page('p1')
  shows(bufnr, 'approve \\a')
  press('\\d')
  wait('diff mode', function()
    return vim.wo.diff and vim.api.nvim_buf_get_name(0) == w.workspace .. '/notes.md'
  end)
  eq(T.text(), '# Rounds\n\nStart at the station.\nEnd at the depot.', 'the file itself')
  has(vim.wo.winbar, 'do takes a change back')
  -- One change is taken back, and that is saved.
  vim.api.nvim_win_set_cursor(0, { 4, 0 })
  press('do')
  eq(T.text(), '# Rounds\n\nStart at the station.\nEnd at the depot. \t')
  vim.cmd('silent write')
  press('<C-w>h')
  eq(T.text(), (NOTES:gsub('\n$', '')), 'what it was before')
  eq(vim.bo.modifiable, false)
  press('q')
  eq(vim.wo.diff, false, 'the comparison is closed')
  require('callboard').decide('approve', { pause = 'p1' })
  wait('the end', function()
    local run = session(w).store.runs.r1
    return run and run.ended
  end)
  eq(w:read('notes.md'), '# Rounds\n\nStart at the station.\nEnd at the depot. \t\n')
  -- The agent's own work is told as it was, and an undo leaves what the person changed since.
  callboard('diff r1')
  wait('the diff', function()
    return vim.bo.filetype == 'diff'
  end)
  has(T.text(), '+End at the depot.')
  has(T.text(), 'notes.md  by @autofix')
  T.stub(vim.fn, 'confirm', function()
    return 1
  end)
  callboard('undo r1')
  wait('what was left', function()
    return vim.iter(told):any(function(one)
      return one.text:find('left: notes.md', 1, true)
    end)
  end)
end)

it('the buttons follow the page: saved or not, edited or not, answered by whom', function()
  local w = world()
  T.told()
  w:edit('notes.md')
  callboard('run tidy')
  paused(w, 'p1')
  callboard('inbox p1')
  local bufnr = page('p1')
  shows(bufnr, 'approve \\a')
  has(above(bufnr), 'request changes \\c')
  has(above(bufnr), 'compare \\d')
  has(above(bufnr), 'all g<CR>')
  vim.fn.search('2 fixed')
  vim.cmd('normal! A, and it was good')
  shows(bufnr, 'not saved :w')
  vim.cmd('silent write')
  shows(bufnr, 'approve as edited \\a')
  press('\\a')
  wait('the answer', function()
    return session(w).store.pauses.p1.answered
  end)
  shows(bufnr, '✓ p1 edited and approved by ')
end)

it('words below the last line are what is to be changed', function()
  local w = world()
  T.told()
  w:edit('notes.md')
  callboard('run tidy')
  paused(w, 'p1')
  callboard('inbox p1')
  local bufnr = page('p1')
  vim.api.nvim_buf_set_lines(bufnr, -1, -1, false, { 'Keep the last line as it was.' })
  vim.cmd('silent write')
  press('\\c')
  local answered = wait('the answer', function()
    return session(w).store.pauses.p1.answered
  end)
  eq(answered.decision.text, 'Keep the last line as it was.')
  paused(w, 'p2')
end)

it('all answers of a pause are listed, and one is chosen', function()
  local w = world()
  T.told()
  w:edit('notes.md')
  callboard('run tidy')
  paused(w, 'p1')
  callboard('inbox p1')
  page('p1')
  local offered
  T.stub(vim.ui, 'select', function(items, opts, choose)
    offered = vim.tbl_map(opts.format_item, items)
    choose(vim.iter(items):find(function(item)
      return item.decision == 'stop'
    end))
  end)
  press('g<CR>')
  wait('the answer', function()
    return session(w).store.pauses.p1.answered
  end)
  eq(offered, { 'approve', 'edit', 'request changes', 'reject', 'skip', 'stop' })
  eq(session(w).store.pauses.p1.answered.decision.decision, 'stop')
end)

it('a person’s own keys in a page are left alone where they want no maps', function()
  local w = world()
  T.told()
  vim.g.no_callboard_maps = true
  table.insert(T.undo, function()
    vim.g.no_callboard_maps = nil
  end)
  w:edit('notes.md')
  callboard('run tidy')
  paused(w, 'p1')
  callboard('inbox p1')
  local bufnr = page('p1')
  shows(bufnr, 'approve')
  assert(not above(bufnr):find('\\a', 1, true), above(bufnr))
  eq(vim.fn.maparg('\\a', 'n'), '')
  press('<Plug>(callboard-approve)')
  wait('the answer', function()
    return session(w).store.pauses.p1.answered
  end)
end)

it(
  'the lenses are Neovim’s own where they are wanted, by the newer way where there is one',
  function()
    local w = world()
    T.told()
    require('callboard.config').setup({ cmd = w:cmd(), lenses = true })
    w:edit('notes.md')
    callboard('run tidy')
    paused(w, 'p1')
    callboard('inbox p1')
    local bufnr = page('p1')
    wait('the lenses', function()
      return vim.iter(vim.lsp.codelens.get(bufnr)):any(function(lens)
        return lens.command.title == 'Approve'
      end)
    end)
    vim.cmd.bwipeout()
    local asked
    T.stub(vim.lsp.codelens --[[@as table]], 'enable', function(on, filter)
      asked = { on, filter.bufnr }
    end)
    callboard('inbox p1')
    bufnr = page('p1')
    wait('the newer way', function()
      return asked
    end)
    eq(asked, { true, bufnr })
  end
)

it('progress comes by LspProgress, and a map ends the run', function()
  local w = world()
  T.told()
  local titles = {}
  local id = vim.api.nvim_create_autocmd('LspProgress', {
    callback = function(args)
      local value = args.data.params.value
      titles[#titles + 1] = value.kind .. ' ' .. (value.title or value.message or '')
    end,
  })
  table.insert(T.undo, function()
    vim.api.nvim_del_autocmd(id)
  end)
  w:edit('notes.md')
  callboard('run tidy')
  paused(w, 'p1')
  wait('progress', function()
    return table.concat(titles, '\n'):find('begin Tidy', 1, true)
  end)
  press('<Plug>(callboard-cancel)')
  wait('the end', function()
    return session(w).store.runs.r1.status == 'stopped'
  end)
  wait('the end of the progress', function()
    return table.concat(titles, '\n'):find('end ', 1, true)
  end)
end)

it('a range is what is looked at above all, from a command and from Lua', function()
  local w = world()
  T.told()
  w:edit('notes.md')
  vim.cmd('3,4Callboard run tidy')
  wait('the run', function()
    return session(w).store.runs.r1
  end)
  eq(session(w).store.runs.r1.inputs.focus, 'lines 3 to 4 above all')
  local started
  require('callboard').run(
    { 'tidy', inputs = { focus = 'the end' }, roles = { fixer = 'autofix' } },
    function(run)
      started = run
    end
  )
  wait('the second run', function()
    return started and session(w).store.runs[started]
  end)
  eq(session(w).store.runs.r2.inputs.focus, 'the end')
  vim.cmd('1,2Callboard review @lint')
  local review = wait('the review', function()
    return session(w).store.runs.r3
  end)
  has(vim.inspect(review.inputs), 'lines 1')
end)

it(
  'what an agent changes while a person types comes into the buffer, and undo takes it back',
  function()
    local w =
      world({ ['notes.md'] = '# Rounds   \n\nFirst.\n\nStart at the station.\n\nLast.   \n' })
    T.told()
    local bufnr = w:edit('notes.md')
    vim.api.nvim_buf_set_lines(bufnr, 4, 5, false, { 'Start at the depot.' })
    -- What was typed is one step of undo, as it is when Insert mode ends.
    vim.bo[bufnr].undolevels = vim.bo[bufnr].undolevels
    callboard('run tidy')
    wait('the change in the buffer', function()
      return T.text(bufnr) == '# Rounds\n\nFirst.\n\nStart at the depot.\n\nLast.'
    end)
    eq(vim.bo[bufnr].modified, true, 'what was typed is not saved')
    vim.api.nvim_win_set_buf(0, bufnr)
    vim.cmd('silent undo')
    eq(T.text(bufnr), '# Rounds   \n\nFirst.\n\nStart at the depot.\n\nLast.   ')
  end
)

it('a file with nothing of its own is read again when an agent changed it', function()
  local w = world()
  T.told()
  local bufnr = w:edit('notes.md')
  callboard('run tidy')
  wait('the change in the buffer', function()
    return T.text(bufnr) == '# Rounds\n\nStart at the station.\nEnd at the depot.'
  end)
  eq(vim.bo[bufnr].modified, false)
end)

it('what is not saved is saved before a turn where the person set it so', function()
  local w = world()
  w:write('../config/callboard/config.yaml', 'buffers: {before_turn: save}\n')
  T.told()
  local bufnr = w:edit('notes.md')
  vim.api.nvim_buf_set_lines(bufnr, -1, -1, false, { 'Typed.   ' })
  callboard('post @lint look at notes.md')
  wait('the file is saved', function()
    return w:read('notes.md'):find('Typed', 1, true)
  end)
  wait('the answer speaks of it', function()
    for _, message in pairs(session(w).store.messages.main or {}) do
      if message.text:find('3 findings', 1, true) then
        return true
      end
    end
  end)
end)

it('a terminal takes keys and the window’s size', function()
  local w = T.World.new({ ['notes.md'] = NOTES })
  w:write(
    '../config/callboard/agents/ear.sh',
    '#!/bin/sh\nprintf "Which way? "\nread -r way\nsize=$(stty size)\n'
      .. 'printf \'{"kind":"text","text":"heard %s at %s"}\' "$way" "$size" > "$CALLBOARD_RESULT"\n'
  )
  vim.uv.fs_chmod(w.root .. '/config/callboard/agents/ear.sh', 493) -- 0755
  w:write(
    '../config/callboard/agents/ear.yaml',
    'name: ear\ntitle: Listens to its terminal\ndriver: tool\ncommand: [./ear.sh]\n'
  )
  T.told()
  local child = T.child(w:cmd())
  child.there('vim.cmd.edit((...)) vim.cmd("Callboard terminal @ear")', w.workspace .. '/notes.md')
  local function screen()
    return child.there([[return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n')]])
  end
  wait('the terminal', function()
    return child.there('return vim.bo.filetype') == 'callboard-terminal'
  end)
  w:callboard({ 'channel', 'post', '@ear which way?' })
  wait('the question', function()
    return screen():find('Which way?', 1, true)
  end)
  child.there('vim.cmd("resize 12")')
  child.there('vim.cmd("redraw")')
  local size =
    child.there('return { vim.api.nvim_win_get_height(0) - 1, vim.api.nvim_win_get_width(0) }')
  wait('the size has arrived', function()
    local of = child.there('return require("callboard.terminal").of().of')
    return of and of.rows == size[1] and of.columns == size[2]
  end)
  child.types('ileft<CR>')
  local answer = wait('the answer', function()
    return w:callboard({ 'channel', 'show', '--json' }):match('heard [^"]*')
  end)
  eq(answer, ('heard left at %d %d'):format(size[1], size[2]))
end)

it(
  'a terminal of another size is drawn as it fits, and a person who types there decides',
  function()
    local w = T.World.new({ ['notes.md'] = NOTES })
    w:write(
      '../config/callboard/agents/wide.sh',
      "#!/bin/sh\nprintf '%0150d end\\n\\033[1mbold\\033[0m' 7\nread -r way\n"
        .. 'printf \'{"kind":"text","text":"heard %s"}\' "$way" > "$CALLBOARD_RESULT"\n'
    )
    vim.uv.fs_chmod(w.root .. '/config/callboard/agents/wide.sh', 493) -- 0755
    w:write(
      '../config/callboard/agents/wide.yaml',
      'name: wide\ntitle: Prints long lines\ndriver: tool\ncommand: [./wide.sh]\n'
    )
    T.told()
    local one, other = T.child(w:cmd()), T.child(w:cmd())
    for _, child in ipairs({ one, other }) do
      child.there(
        'vim.cmd.edit((...)) vim.cmd("Callboard terminal @wide")',
        w.workspace .. '/notes.md'
      )
      wait('the terminal', function()
        return child.there('return vim.bo.filetype') == 'callboard-terminal'
      end)
    end
    local function lines(child)
      return child.there('return vim.api.nvim_buf_get_lines(0, 0, -1, false)')
    end
    local function size(child)
      return child.there(
        'local of = require("callboard.terminal").of().of return of and of.columns'
      )
    end
    one.there('vim.cmd("vsplit | wincmd l")')
    w:callboard({ 'channel', 'post', '@wide go' })
    wait('its screen in both', function()
      return vim.iter({ one, other }):all(function(child)
        return vim.iter(lines(child)):any(function(line)
          return vim.startswith(line, 'bold')
        end)
      end)
    end)
    -- Who types decides: then the other has a window of another size, and shows the same text in it.
    for _, child in ipairs({ one, other }) do
      child.types('i')
      local width = child.there('return vim.api.nvim_win_get_width(0)')
      wait('the size of the one that types', function()
        return size(one) == width and size(other) == width
      end)
      wait('the same text in both', function()
        local here, there = lines(one), lines(other)
        return table.concat(here):find(('0'):rep(149) .. '7 end', 1, true)
          and table.concat(there):find(('0'):rep(149) .. '7 end', 1, true)
      end)
      child.types('<C-\\><C-n>')
    end
    other.types('iyes<CR>')
    wait('the answer', function()
      return w:callboard({ 'channel', 'show', '--json' }):find('heard yes', 1, true)
    end)
  end
)

it('a newer program takes the place of the one that runs', function()
  local w = world()
  T.told()
  w:edit('notes.md')
  callboard('run tidy')
  paused(w, 'p1')
  local status = vim.json.decode(w:callboard({ 'hub', 'status', '--json' }))
  -- An upgrade: another file under the name that is started, and the old hub ends.
  local newer = w.root .. '/newer'
  assert(vim.uv.fs_copyfile(vim.env.CALLBOARD, newer))
  local before = session(w).client_id
  w:cmd(newer)
  w:callboard({ 'hub', 'stop' })
  wait('another session', function()
    local now = session(w)
    return now and now.client_id ~= before and now.ready and now.store.pauses.p1
  end, 40000)
  local pid = vim.json.decode(w:callboard({ 'hub', 'status', '--json' })).pid
  assert(pid ~= status.pid, 'another hub')
  eq(vim.uv.fs_readlink(('/proc/%d/exe'):format(pid)), vim.uv.fs_realpath(newer))
  require('callboard').decide('approve', { pause = 'p1' })
  wait('the end', function()
    local run = session(w).store.runs.r1
    return run and run.ended
  end)
end)

it('a missing server is said once, whatever is opened', function()
  local w = world({ ['b.md'] = 'b\n' })
  require('callboard.config').setup({ cmd = { 'no-such-callboard', 'lsp' } })
  local told = T.told()
  T.stub(
    vim,
    'notify_once',
    (function()
      local said = {}
      return function(text)
        if not said[text] then
          said[text] = true
          table.insert(told, { text = text })
        end
      end
    end)()
  )
  vim.lsp.enable('callboard')
  table.insert(T.undo, function()
    vim.lsp.enable('callboard', false)
  end)
  vim.cmd.edit(w.workspace .. '/notes.md')
  vim.cmd.edit(w.workspace .. '/b.md')
  vim.wait(300)
  eq(#told, 1, vim.inspect(told))
  has(told[1].text, 'not installed')
  vim.cmd('checkhealth callboard')
  has(T.text(), '`no-such-callboard` is not installed')
end)

it('a channel in two tabs: each window follows, or stays where its reader is', function()
  local w = world()
  T.told()
  w:edit('notes.md')
  for i = 1, 12 do
    w:callboard({ 'channel', 'post', 'message ' .. i })
  end
  callboard('channel tab')
  wait('the channel', function()
    return vim.bo.filetype == 'callboard' and T.text():find('message 12', 1, true)
  end)
  local reader = vim.api.nvim_get_current_win()
  vim.api.nvim_win_set_cursor(reader, { 3, 0 })
  vim.cmd('tabfirst')
  callboard('channel vsplit')
  local follower = wait('the second window', function()
    local win = vim.api.nvim_get_current_win()
    return vim.bo.filetype == 'callboard' and win ~= reader and win
  end)
  eq(#vim.fn.win_findbuf(vim.api.nvim_get_current_buf()), 2)
  vim.cmd('normal! G')
  vim.cmd('wincmd p')
  local where = vim.api.nvim_get_current_win()
  w:callboard({ 'channel', 'post', 'one more' })
  local bufnr = vim.api.nvim_win_get_buf(follower)
  wait('the message', function()
    return T.text(bufnr):find('one more', 1, true)
  end)
  eq(vim.api.nvim_win_get_cursor(follower)[1], vim.api.nvim_buf_line_count(bufnr), 'it follows')
  eq(vim.api.nvim_win_get_cursor(reader), { 3, 0 }, 'the reader’s cursor stays')
  eq(vim.api.nvim_get_current_win(), where, 'the person stays where they are')
end)

it('a channel in a float, closed by its key', function()
  local w = world()
  T.told()
  w:edit('notes.md')
  callboard('channel float')
  wait('the float', function()
    return vim.bo.filetype == 'callboard' and vim.api.nvim_win_get_config(0).relative == 'editor'
  end)
  press('q')
  eq(vim.api.nvim_win_get_config(0).relative, '')
end)

it(
  'threads in which nothing goes on are folded when a channel is opened, and open by a key',
  function()
    local w = world()
    T.told()
    w:edit('notes.md')
    w:callboard({ 'channel', 'post', '@lint look at notes.md' })
    wait('the first thread', function()
      return w:callboard({ 'channel', 'show', '--json' }):find('2 findings', 1, true)
    end)
    callboard('run tidy')
    paused(w, 'p1')
    w:callboard({ 'channel', 'post', 'and something else' })
    callboard('channel')
    local bufnr = wait('the channel', function()
      return vim.bo.filetype == 'callboard' and vim.api.nvim_get_current_buf()
    end)
    local first = wait('the first answer', function()
      for i, line in ipairs(vim.api.nvim_buf_get_lines(bufnr, 0, -1, false)) do
        if line:find('2 findings', 1, true) then
          return i
        end
      end
    end)
    wait('its thread to be folded', function()
      return vim.fn.foldclosed(first) ~= -1
    end)
    has(vim.fn.foldtextresult(first), '▸ 1 answer by @lint')
    local waits = vim.fn.search('◆ p1', 'n')
    assert(waits > 0)
    eq(vim.fn.foldclosed(waits), -1, 'what waits is open')
    vim.api.nvim_win_set_cursor(0, { first, 0 })
    press('zo')
    eq(vim.fn.foldclosed(first), -1)
    -- What comes does not close or open anything.
    press('zM')
    w:callboard({ 'channel', 'post', 'again' })
    wait('the message', function()
      return T.text(bufnr):find('again', 1, true)
    end)
    assert(vim.fn.foldclosed(first) ~= -1)
  end
)

it('names, channels, commands and paths complete by omnifunc, as they are typed', function()
  local w = world()
  T.told()
  local child = T.child(w:cmd())
  child.there('vim.cmd.edit((...)) vim.cmd("Callboard post")', w.workspace .. '/notes.md')
  wait('the composer', function()
    return child.there('return vim.bo.filetype') == 'callboard-compose'
  end)
  --- Types a text and returns the lines that the menu offers to make of it.
  local function offers(keys, text)
    child.types('<Esc>0Di' .. keys)
    local words = {}
    wait('what completes ' .. text, function()
      local menu = child.there([[
        local line, column = vim.api.nvim_get_current_line(), vim.api.nvim_win_get_cursor(0)[2]
        return { vim.fn.complete_info({ 'items', 'pum_visible' }), line, column }
      ]])
      if #menu[1].items == 0 or menu[2] ~= text then
        return false
      end
      local before = menu[2]:sub(1, require('callboard.complete').start(menu[2]))
      words = vim.tbl_map(function(item)
        return before .. item.word
      end, menu[1].items)
      return true
    end, 5000)
    return words
  end
  -- What these begin completes by itself; elsewhere CTRL-X CTRL-O does.
  has(table.concat(offers('ask @', 'ask @'), '\n'), 'ask @autofix')
  has(table.concat(offers('see #', 'see #'), '\n'), 'see #main')
  has(table.concat(offers('/', '/'), '\n'), '/review')
  has(table.concat(offers('look at ./not<C-x><C-o>', 'look at ./not'), '\n'), 'notes.md')
  has(table.concat(offers('see notes.<C-x><C-o>', 'see notes.'), '\n'), 'see notes.md')
  has(table.concat(offers('é @aut<C-x><C-o>', 'é @aut'), '\n'), 'é @autofix')
end)

it('the real vim.secure asks once, and what it was told counts', function()
  local w = T.World.new({ ['notes.md'] = NOTES }, { untrusted = true })
  w:edit('notes.md')
  local told = T.told()
  local asked = 0
  T.stub(vim.fn, 'confirm', function(text)
    asked = asked + 1
    has(text, w.workspace)
    return 4 -- allow
  end)
  callboard('trust')
  wait('the trust', function()
    return told[1]
  end)
  has(told[1].text, 'is trusted now')
  eq(asked, 1)
  callboard('trust')
  wait('the second answer', function()
    return told[2]
  end)
  has(told[2].text, 'is trusted')
  eq(asked, 1, 'it was asked once')
end)

it('the log is opened at its end', function()
  local w = world()
  T.told()
  w:edit('notes.md')
  callboard('log')
  eq(vim.api.nvim_buf_get_name(0), vim.lsp.log.get_filename())
end)

it('agents are listed with their states, those that are there first', function()
  local w = world()
  T.told()
  w:edit('notes.md')
  callboard('agents')
  wait('the list', function()
    return vim.bo.filetype == 'callboard-list' and T.text():find('@tests', 1, true)
  end)
  local text = T.text()
  has(text, '@lint')
  eq(vim.api.nvim_win_get_cursor(0), { 1, 0 })
  assert(not text:find('table:', 1, true), text)
  w:callboard({ 'channel', 'post', '@lint look at notes.md' })
  wait('the state follows', function()
    return T.text():match('@lint%s+idle') or T.text():match('@lint%s+working')
  end)
  vim.fn.search('@lint')
  press('<CR>')
  wait('its terminal', function()
    return vim.bo.filetype == 'callboard-terminal'
  end)
end)

it('the server can be ended, and the next command starts it again', function()
  local w = world()
  T.told()
  w:edit('notes.md')
  callboard('stop')
  wait('its end', function()
    return #vim.lsp.get_clients({ name = 'callboard' }) == 0
  end)
  callboard('runs')
  wait('another', function()
    return vim.bo.filetype == 'callboard-list'
  end)
  callboard('health')
  has(T.text(), 'attached to')
end)
