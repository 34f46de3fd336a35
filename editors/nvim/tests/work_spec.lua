-- Runs, and the files that agents change while they are open.
local it, eq, has, wait = T.it, T.eq, T.has, T.wait
local H = T.helpers
local world, session, press, paused = H.world, H.session, H.press, H.paused
local callboard = T.callboard

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
