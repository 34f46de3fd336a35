-- The day of design §1 in a real Neovim: the real server, the real tools as agents.
local it, eq, has, wait = T.it, T.eq, T.has, T.wait

local NOTES = '# Rounds   \n\nStart at the station.\nEnd at the depot. \t\n'

local function world(opts)
  return T.World.new({ ['notes.md'] = NOTES }, opts)
end

local callboard = T.callboard

local function session(w)
  return require('callboard.session').at(w.workspace)
end

local function channel_buffer()
  for _, win in ipairs(vim.api.nvim_list_wins()) do
    local bufnr = vim.api.nvim_win_get_buf(win)
    if vim.bo[bufnr].filetype == 'callboard' then
      return bufnr
    end
  end
end

local function lint_fix(w)
  w:edit('notes.md')
  callboard('run review-fix path=notes.md @lint=reviewer @autofix=fixer')
  return wait('the pause', function()
    local pause = session(w).store.pauses.p1
    return pause and not pause.answered and pause
  end)
end

it('a message wakes the agent that it names, and its answer is in the channel', function()
  local w = world()
  T.told()
  w:edit('notes.md')
  callboard('channel')
  local bufnr = wait('the channel', channel_buffer)
  wait('the empty channel says what to do', function()
    return T.text(bufnr):find('Nothing was said here yet', 1, true)
  end)
  callboard('post @lint look at notes.md')
  wait('the answer', function()
    return T.text(bufnr):find('@lint  ', 1, true) and T.text(bufnr):find('2 findings', 1, true)
  end)
  local message = session(w).store.messages.main.m1
  wait('the delivery', function()
    message = session(w).store.messages.main.m1
    return message.deliveries[1].state.is == 'answered'
  end)
end)

it('a review’s findings are diagnostics with quick fixes, and a quickfix list', function()
  local w = world()
  T.told()
  local bufnr = w:edit('notes.md')
  callboard('review @lint')
  local found = wait('two diagnostics', function()
    local all = vim.diagnostic.get(bufnr)
    return #all == 2 and all
  end)
  eq(found[1].source, '@lint')
  callboard('findings')
  wait('the quickfix list', function()
    return #vim.fn.getqflist() == 2
  end)
  eq(vim.fn.getqflist()[1].lnum, 1)
  vim.cmd.cclose()

  -- Neovim's own client lists what can be done, and does it.
  vim.cmd.buffer(bufnr)
  vim.api.nvim_win_set_cursor(0, { 1, 10 })
  T.stub(vim.ui, 'select', function(items, opts, choose)
    for i, item in ipairs(items) do
      if opts.format_item(item):find('Fix f1 with @autofix', 1, true) then
        return choose(item, i)
      end
    end
    error('no fix among ' .. vim.inspect(vim.tbl_map(opts.format_item, items)))
  end)
  vim.lsp.buf.code_action()
  wait('the fix on disk', function()
    return w:read('notes.md') == (NOTES:gsub('Rounds   ', 'Rounds'))
  end)

  -- Another is dismissed, and the reason is kept for the reviewers.
  wait('one diagnostic less', function()
    return #vim.diagnostic.get(bufnr) == 1
  end)
  T.stub(vim.ui, 'select', function(items, opts, choose)
    for i, item in ipairs(items) do
      if opts.format_item(item):find('Dismiss f2', 1, true) then
        return choose(item, i)
      end
    end
    error('no dismissal among ' .. vim.inspect(vim.tbl_map(opts.format_item, items)))
  end)
  local asked
  T.stub(vim.ui, 'input', function(opts, done)
    asked = opts.prompt
    done('it is meant so')
  end)
  vim.api.nvim_win_set_cursor(0, { 4, 17 })
  vim.lsp.buf.code_action()
  wait('no diagnostic left', function()
    return #vim.diagnostic.get(bufnr) == 0
  end)
  has(asked, 'Why is f2 dismissed?')
  has(w:callboard({ 'findings', '--all', '--json' }), 'it is meant so')
  callboard('findings all')
  wait('both in the quickfix list, with what became of them', function()
    local all = vim.fn.getqflist()
    return #all == 2 and all[2].text:find('[dismissed]', 1, true)
  end)
end)

it('a pause point is a buffer: edited, saved, approved; then the diff and the undo', function()
  local w = world()
  T.told()
  local pause = lint_fix(w)
  has(pause.title, 'asks for changes')
  eq(require('callboard').statusline(), '▶ 1 ◆ 1')
  T.stub(vim.ui, 'select', function(items, opts, choose)
    has(opts.format_item(items[1]), 'p1')
    choose(items[1], 1)
  end)
  callboard('inbox')
  local page = wait('the page', function()
    local bufnr = vim.api.nvim_get_current_buf()
    return vim.api.nvim_buf_get_name(bufnr):match('/p1%.md$') and bufnr
  end)
  wait('the buttons', function()
    for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(page, -1, 0, -1, { details = true })) do
      local line = mark[4].virt_lines and mark[4].virt_lines[1]
      if
        line
        and vim.iter(line):any(function(part)
          return part[1]:find('approve', 1, true)
        end)
      then
        return true
      end
    end
  end)
  -- What is not saved is not approved.
  local told = T.told()
  local line = wait('the second finding', function()
    for i, text in ipairs(vim.api.nvim_buf_get_lines(page, 0, -1, false)) do
      if text:find('**f2**', 1, true) then
        return i
      end
    end
  end)
  vim.api.nvim_buf_set_lines(page, line - 1, line + 1, false, {})
  callboard('decide approve')
  wait('the refusal', function()
    return vim.iter(told):any(function(one)
      return one.text:find('save', 1, true)
    end)
  end)
  vim.cmd.write()
  callboard('decide approve')
  wait('the end of the run', function()
    local run = session(w).store.runs.r1
    local again = session(w).store.pauses.p2
    if again and not again.answered then
      callboard('decide approve p2')
      vim.wait(300)
    end
    return run and run.ended and run
  end)
  eq(w:read('notes.md'), (NOTES:gsub('Rounds   ', 'Rounds')), 'only what was approved was fixed')

  callboard('diff r1')
  local diff = wait('the diff', function()
    return vim.bo.filetype == 'diff' and vim.api.nvim_get_current_buf()
  end)
  has(T.text(diff), '-# Rounds   ')
  vim.api.nvim_win_set_cursor(0, { 2, 0 })
  vim.api.nvim_feedkeys(vim.keycode('<CR>'), 'x', false)
  wait('diff mode', function()
    return vim.wo.diff and vim.api.nvim_buf_get_name(0):match('notes%.md$')
  end)
  vim.cmd('wincmd h')
  eq(T.text(), (NOTES:gsub('\n$', '')), 'what it was')

  T.stub(vim.fn, 'confirm', function()
    return 1
  end)
  callboard('undo r1')
  wait('the undo', function()
    return w:read('notes.md') == NOTES
  end)
end)

it('an answer in one Neovim, or a shell, settles it in the other', function()
  local w = world()
  T.told()
  lint_fix(w)
  w:callboard({ 'decide', 'p1', 'stop' })
  wait('the answer to arrive', function()
    return session(w).store.pauses.p1.answered
  end)
  eq(require('callboard').statusline(), '')
  local told = T.told()
  require('callboard').decide('approve', { pause = 'p1' })
  wait('who answered', function()
    return vim.iter(told):any(function(one)
      return one.text:find('answered', 1, true)
    end)
  end)
end)

it(
  'the hub is killed in the middle: the pending pause is there again, and can be answered',
  function()
    local w = world()
    T.told()
    lint_fix(w)
    callboard('channel')
    local bufnr = wait('the channel', channel_buffer)
    local before = session(w)
    local pid = vim.json.decode(w:callboard({ 'hub', 'status', '--json' })).pid
    vim.uv.kill(pid, 'sigkill')
    wait('another session', function()
      local now = session(w)
      return now and now ~= before and now.ready and now.store.pauses.p1
    end, 30000)
    wait('the channel to follow it', function()
      return vim.b[bufnr].callboard_client == session(w).client_id
    end)
    require('callboard').decide('stop', { pause = 'p1' })
    wait('the end', function()
      return T.text(bufnr):find('stopped', 1, true)
    end)
  end
)

it('the server can be ended and started again; runs are the hub’s', function()
  local w = world()
  T.told()
  lint_fix(w)
  local before = session(w).client_id
  callboard('restart')
  wait('another server', function()
    local now = session(w)
    return now and now.client_id ~= before and now.ready and now.store.pauses.p1
  end)
  eq(
    #vim.lsp.get_clients({ name = 'callboard', bufnr = vim.fn.bufnr('notes.md') }),
    1,
    'the file is attached again'
  )
end)

it('a missing server is said once, with what to do', function()
  world()
  require('callboard.config').setup({ cmd = { 'no-such-callboard', 'lsp' } })
  local told = T.told()
  callboard('inbox')
  eq(#told, 1)
  has(told[1].text, '`no-such-callboard` is not installed')
  has(told[1].text, 'cmd =')
end)

it('vim.lsp.enable attaches the server to files', function()
  local w = world()
  T.told()
  vim.lsp.enable('callboard')
  table.insert(T.undo, function()
    vim.lsp.enable('callboard', false)
  end)
  vim.cmd.edit(w.workspace .. '/notes.md')
  local client = wait('the client', function()
    return vim.lsp.get_clients({ bufnr = 0, name = 'callboard' })[1]
  end)
  eq(client.root_dir, w.workspace)
  w:ready()
  vim.cmd.split(w.workspace .. '/other.md')
  eq(#vim.lsp.get_clients({ name = 'callboard' }), 1, 'one server a workspace')
end)

it('two workspaces in one Neovim have a server each', function()
  local one = world()
  T.told()
  one:edit('notes.md')
  local other = T.World.new({ ['b.md'] = 'b\n' })
  vim.cmd.tabedit(other.workspace .. '/b.md')
  require('callboard.client').start(other.workspace, { vim.api.nvim_get_current_buf() })
  wait('the second session', function()
    local s = session(other)
    return s and s.ready
  end)
  callboard('post hello from b')
  wait('the message in one', function()
    return (session(other).store.messages.main or {}).m1
  end)
  eq((session(one).store.messages.main or {}).m1, nil, 'and not in the other')
end)

it(
  'an untrusted workspace is trusted by vim.secure, after what it would allow was shown',
  function()
    local w = world({ untrusted = true })
    w:edit('notes.md')
    local told, asked = T.told(), nil
    T.stub(vim.secure, 'read', function(path)
      asked = path
      return nil
    end)
    callboard('trust')
    wait('the answer no', function()
      return asked and told[1]
    end)
    eq(asked, w.workspace)
    has(told[1].text, 'not trusted')
    T.stub(vim.secure, 'read', function()
      return true
    end)
    callboard('trust')
    wait('the answer yes', function()
      return told[2]
    end)
    has(told[2].text, 'is trusted now')
    callboard('run review-fix path=notes.md @lint=reviewer @autofix=fixer')
    wait('a run', function()
      return session(w).store.runs.r1
    end)
  end
)

it('the composer completes, sends, keeps drafts and history', function()
  local w = world()
  T.told()
  w:edit('notes.md')
  callboard('post')
  local bufnr = wait('the composer', function()
    return vim.bo.filetype == 'callboard-compose' and vim.api.nvim_get_current_buf()
  end)
  vim.cmd.stopinsert()
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, { 'ask @li' })
  vim.api.nvim_win_set_cursor(0, { 1, 6 })
  local complete = require('callboard.complete')
  vim.api.nvim_feedkeys('A' .. vim.keycode('<C-x><C-o><C-e>'), 'x', false)
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, { 'ask ' })
  vim.cmd('startinsert!')
  local items = complete.known(session(w), '@li')
  eq(items[1].word, '@lint')
  vim.cmd.stopinsert()
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, { 'first message' })
  vim.cmd.write()
  wait('the message', function()
    return (session(w).store.messages.main or {}).m1
  end)
  wait('the window to close', function()
    return vim.bo.filetype ~= 'callboard-compose'
  end)
  callboard('post')
  wait('the composer again', function()
    return vim.bo.filetype == 'callboard-compose'
  end)
  vim.cmd.stopinsert()
  eq(T.text(), '', 'nothing is left of what was sent')
  vim.api.nvim_buf_set_lines(0, 0, -1, false, { 'a draft' })
  vim.api.nvim_feedkeys(vim.keycode('<C-p>'), 'x', false)
  eq(T.text(), 'first message')
  vim.api.nvim_feedkeys(vim.keycode('<C-n>'), 'x', false)
  eq(T.text(), 'a draft')
  vim.cmd.close()
  callboard('post')
  wait('the composer a third time', function()
    return vim.bo.filetype == 'callboard-compose'
  end)
  eq(T.text(), 'a draft', 'a draft is kept')
  vim.cmd.stopinsert()
end)

it('a message’s place is one key away, and what an agent was sent', function()
  local w = world()
  T.told()
  w:edit('notes.md')
  callboard('post look at notes.md:3')
  callboard('channel')
  local bufnr = wait('the channel', channel_buffer)
  wait('the message', function()
    return T.text(bufnr):find('notes.md:3', 1, true)
  end)
  vim.fn.search('notes.md:3')
  vim.api.nvim_feedkeys(vim.keycode('<CR>'), 'x', false)
  wait('the place', function()
    return vim.api.nvim_buf_get_name(0):match('notes%.md$')
      and vim.api.nvim_win_get_cursor(0)[1] == 3
  end)
  callboard('post @lint look at notes.md')
  wait('the answer', function()
    return T.text(bufnr):find('2 findings', 1, true)
  end)
  vim.api.nvim_set_current_win(vim.fn.win_findbuf(bufnr)[1])
  vim.fn.search('2 findings')
  vim.api.nvim_feedkeys('K', 'x', false)
  wait('what was sent', function()
    return T.text():find('What @lint was sent', 1, true)
  end)
end)

it('motions go from message to message and from thread to thread', function()
  local w = world()
  T.told()
  lint_fix(w)
  w:callboard({ 'channel', 'post', 'another thread' })
  callboard('channel')
  local bufnr = wait('the channel', channel_buffer)
  wait('both', function()
    return T.text(bufnr):find('another thread', 1, true) and T.text(bufnr):find('◆ p1', 1, true)
  end)
  vim.api.nvim_win_set_cursor(0, { 1, 0 })
  vim.api.nvim_feedkeys(']t', 'x', false)
  local line = vim.api.nvim_win_get_cursor(0)[1]
  has(vim.api.nvim_buf_get_lines(bufnr, line - 1, line + 1, false)[2], 'another thread')
  vim.api.nvim_feedkeys('[p', 'x', false)
  has(table.concat(require('callboard.view').here().lines, '\n'), '◆ p1')
  vim.api.nvim_feedkeys('[t', 'x', false)
  eq(vim.api.nvim_win_get_cursor(0)[1], 1)
end)

it('an agent’s terminal is shown as it prints', function()
  local w = world()
  T.told()
  w:edit('notes.md')
  callboard('terminal @lint')
  wait('the terminal’s buffer', function()
    return vim.bo.filetype == 'callboard-terminal'
  end)
  local bufnr = vim.api.nvim_get_current_buf()
  w:callboard({ 'channel', 'post', '@lint look at notes.md' })
  wait('what it printed', function()
    return T.text(bufnr):find('notes.md', 1, true)
  end)
end)

it('a run can be paused, resumed and ended from here', function()
  local w = world()
  T.told()
  lint_fix(w)
  callboard('pause r1')
  wait('the hold', function()
    return session(w).store.runs.r1.status == 'held'
  end)
  callboard('resume r1')
  wait('the release', function()
    return session(w).store.runs.r1.status ~= 'held'
  end)
  callboard('runs')
  wait('the list', function()
    return vim.bo.filetype == 'callboard-list' and T.text():find('r1 Review–fix loop', 1, true)
  end)
  callboard('cancel')
  wait('the end, shown in the list', function()
    return T.text():find('stopped', 1, true)
  end)
  callboard('show r1')
  wait('the run', function()
    return T.text():find('**Workflow**: review-fix', 1, true)
  end)
end)

it('health says what is there', function()
  local w = world()
  T.told()
  w:edit('notes.md')
  vim.cmd('checkhealth callboard')
  local text = T.text()
  has(text, 'attached to')
  has(text, '@lint')
  assert(not text:find('ERROR', 1, true), text)
end)

it('two Neovims on one workspace: what one answers is answered in the other', function()
  local w = world()
  T.told()
  local there = T.child(w:cmd()).there
  there(
    [[
      vim.cmd.edit((...))
      vim.cmd('Callboard channel')
    ]],
    w.workspace .. '/notes.md'
  )
  lint_fix(w)
  wait('the pause in the other', function()
    return there([[return require('callboard').statusline()]]) == '▶ 1 ◆ 1'
  end)
  -- Both know it; the second answer is told who was first.
  there([[require('callboard').decide('stop', { pause = 'p1' })]])
  wait('the answer here', function()
    return session(w).store.pauses.p1.answered
  end)
  local told = T.told()
  require('callboard').decide('approve', { pause = 'p1' })
  wait('who was first', function()
    return vim.iter(told):any(function(one)
      return one.text:find('answered', 1, true)
    end)
  end)
  wait('the end in the other’s channel', function()
    return there([[return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n')]]):find(
      'stopped',
      1,
      true
    )
  end)
end)
