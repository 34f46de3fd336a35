-- The server: missing, replaced, ended, of which folder; trust; the log.
local it, eq, has, wait = T.it, T.eq, T.has, T.wait
local H = T.helpers
local world, session, paused, at_pause, shows = H.world, H.session, H.paused, H.at_pause, H.shows
local NOTES = H.NOTES
local callboard = T.callboard

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

it('no server is started for a page of ours, and the nearest mark is the root', function()
  local w = world()
  -- As where a home is a repository: what Callboard keeps lies below it.
  vim.fn.mkdir(w.root .. '/.git', 'p')
  T.told()
  vim.lsp.enable('callboard')
  table.insert(T.undo, function()
    vim.lsp.enable('callboard', false)
  end)
  local bufnr = at_pause(w)
  shows(bufnr, 'approve')
  vim.wait(300)
  eq(
    vim.tbl_map(function(client)
      return client.root_dir
    end, vim.lsp.get_clients({ name = 'callboard' })),
    { w.workspace }
  )
  -- A file in no workspace is left alone too: there is none above this one but the root of the machine, if that is one.
  local outside = vim.fn.tempname()
  vim.fn.writefile({ 'x' }, outside)
  vim.cmd.edit(outside)
  vim.bo.filetype = 'text'
  vim.wait(300)
  local root = vim.fs.root(outside, function(name)
    return name == '.git' or name == '.callboard'
  end)
  eq(#vim.lsp.get_clients({ name = 'callboard', bufnr = 0 }), root and 1 or 0)
  vim.cmd.enew()
  -- The nearest folder with a mark is the root, whichever mark it is.
  vim.fn.mkdir(w.workspace .. '/inner/.git', 'p')
  vim.fn.mkdir(w.workspace .. '/inner/src', 'p')
  vim.api.nvim_buf_set_name(0, w.workspace .. '/inner/src/a.md')
  eq(require('callboard.client').root(0), w.workspace .. '/inner')
end)

it('the real vim.secure asks once, and what it was told counts', function()
  local w = T.World.new({ ['notes.md'] = NOTES }, { untrusted = true })
  w:edit('notes.md')
  local told = T.told()
  local asked = 0
  T.stub(vim.fn, 'confirm', function(text)
    asked = asked + 1
    has(text, w.workspace)
    -- What would be allowed is to be seen while Neovim asks.
    has(T.state(), 'Callboard would here:')
    return 4 -- allow
  end)
  callboard('trust')
  wait('the trust', function()
    return told[1]
  end)
  has(told[1].text, 'is trusted now')
  eq(asked, 1)
  assert(not T.state():find('Callboard would here:', 1, true), 'and is gone then')
  callboard('trust')
  wait('the second answer', function()
    return told[2]
  end)
  has(told[2].text, 'is trusted')
  eq(asked, 1, 'it was asked once')
end)

it(
  'the code action that trusts a workspace asks vim.secure too, and others open what is Neovim’s own',
  function()
    local w = T.World.new({ ['notes.md'] = NOTES }, { untrusted = true })
    w:edit('notes.md')
    local told, asked = T.told(), nil
    T.stub(vim.secure, 'read', function(path)
      asked = path
      return true
    end)
    T.stub(vim.ui, 'select', function(items, opts, choose)
      for i, item in ipairs(items) do
        if opts.format_item(item):find('Trust this workspace', 1, true) then
          return choose(item, i)
        end
      end
      error('no trust among ' .. vim.inspect(vim.tbl_map(opts.format_item, items)))
    end)
    vim.lsp.buf.code_action()
    wait('the trust', function()
      return vim.iter(told):any(function(one)
        return one.text:find('is trusted now', 1, true)
      end)
    end)
    eq(asked, w.workspace)
    local client = vim.lsp.get_clients({ name = 'callboard' })[1]
    client:exec_cmd({
      title = '',
      command = 'callboard.openChannel',
      arguments = { { draft = '@lint ' } },
    })
    wait('the composer with the draft', function()
      return vim.bo.filetype == 'callboard-compose' and T.text() == '@lint '
    end)
    vim.cmd.stopinsert()
    client:exec_cmd({ title = '', command = 'callboard.openChannel', arguments = { {} } })
    wait('the channel', function()
      return vim.bo.filetype == 'callboard'
    end)
    client:exec_cmd({
      title = '',
      command = 'callboard.openTerminal',
      arguments = { { agent = 'lint' } },
    })
    wait('the terminal', function()
      return vim.bo.filetype == 'callboard-terminal'
    end)
  end
)

it('the log is opened at its end', function()
  local w = world()
  T.told()
  w:edit('notes.md')
  callboard('log')
  eq(vim.api.nvim_buf_get_name(0), vim.lsp.log.get_filename())
end)

it('without setup() what vim.lsp.config says is the server', function()
  local w = world()
  T.told()
  require('callboard.config').setup({ cmd = { 'no-such-callboard' } })
  vim.lsp.config('callboard', { cmd = w:cmd() })
  table.insert(T.undo, function()
    vim.lsp.config('callboard', { cmd = require('callboard.client').config().cmd })
  end)
  vim.cmd.edit(w.workspace .. '/notes.md')
  callboard('runs')
  wait('the list', function()
    return vim.bo.filetype == 'callboard-list'
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
