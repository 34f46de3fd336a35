-- Pause points in the buffer: their pages, buttons, comparisons and answers.
local it, eq, has, wait = T.it, T.eq, T.has, T.wait
local H = T.helpers
local world, session, press, paused, page, at_pause, above, shows =
  H.world, H.session, H.press, H.paused, H.page, H.at_pause, H.above, H.shows
local NOTES = H.NOTES
local callboard = T.callboard

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
  -- From this side the same is done by `dp`, and taken back by undo in the file.
  vim.api.nvim_win_set_cursor(0, { 1, 0 })
  press('dp')
  press('<C-w>l')
  eq(T.text(), (NOTES:gsub('\n$', '')), 'all is as it was before')
  vim.cmd('silent undo')
  press('<C-w>h')
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
  local bufnr = at_pause(w)
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
  local bufnr = at_pause(w)
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
  at_pause(w)
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
  local bufnr = at_pause(w)
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
    local bufnr = at_pause(w)
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
