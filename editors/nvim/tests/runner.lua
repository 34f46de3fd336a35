-- Runs specs in a real Neovim: `nvim --clean --headless -l tests/runner.lua SPEC…`. Exits with 1 where one failed.
-- CALLBOARD names the server's binary. Each case gets a workspace, a home and a hub of its own, ended by its pid.
local here = vim.fs.dirname(vim.fn.fnamemodify(debug.getinfo(1, 'S').source:sub(2), ':p'))
vim.opt.runtimepath:prepend(vim.fs.dirname(here))
vim.opt.swapfile = false
-- What this Neovim itself keeps (whom it trusts) is no person's.
vim.env.XDG_STATE_HOME = vim.fn.tempname()
vim.cmd('runtime! plugin/callboard.lua')
vim.cmd('filetype plugin on')

local T = { cases = {}, undo = {}, plugin = vim.fs.dirname(here) }
_G.T = T

--- Registers a case.
function T.it(name, case)
  table.insert(T.cases, { name = name, case = case })
end

--- Fails where two values differ.
function T.eq(got, want, what)
  if not vim.deep_equal(got, want) then
    error(
      ('%s\n  got  %s\n  want %s'):format(what or 'not equal', vim.inspect(got), vim.inspect(want)),
      2
    )
  end
end

--- Fails where a text does not hold another.
function T.has(text, part)
  if not text:find(part, 1, true) then
    error(('%q is not in:\n%s'):format(part, text), 2)
  end
end

--- Waits for a condition, bounded, and returns what it gave.
function T.wait(what, condition, ms)
  local value
  if
    not vim.wait(ms or 60000, function()
      value = condition()
      return value and true or false
    end, 20)
  then
    error('waited in vain for ' .. what .. '\n' .. T.state(), 2)
  end
  return value
end

--- Puts a function in another's place until the case ends.
function T.stub(where, key, with)
  local old = where[key]
  where[key] = with
  table.insert(T.undo, function()
    where[key] = old
  end)
end

--- Takes what Neovim would tell the person; returns the list that it is put in.
function T.told()
  local told = {}
  T.stub(vim, 'notify', function(text, level)
    table.insert(told, { text = text, level = level })
  end)
  return told
end

--- Returns a buffer's text.
function T.text(bufnr)
  return table.concat(vim.api.nvim_buf_get_lines(bufnr or 0, 0, -1, false), '\n')
end

---@type table<string, true> the subcommands that cases ran
T.ran = {}

--- Runs a subcommand as a person types it.
---@param line string
function T.callboard(line)
  T.ran[line:match('^[%a-]+')] = true
  vim.cmd('Callboard ' .. line)
end

--- What is to be seen, for whoever waited in vain.
function T.state()
  local lines = {}
  for _, win in ipairs(vim.api.nvim_list_wins()) do
    local bufnr = vim.api.nvim_win_get_buf(win)
    table.insert(lines, '--- ' .. vim.api.nvim_buf_get_name(bufnr) .. '\n' .. T.text(bufnr))
  end
  return table.concat(lines, '\n')
end

--- Starts another Neovim with the plugin, as a program that is typed into: `there(code, …)` runs Lua in it, `types(keys)` types.
---@param cmd string[] the server
---@return { there: (fun(code: string, ...): any), types: fun(keys: string) }
function T.child(cmd)
  local child = vim.fn.jobstart(
    { vim.v.progpath, '--clean', '--headless', '--embed' },
    { rpc = true }
  )
  table.insert(T.undo, 1, function()
    vim.fn.jobstop(child)
  end)
  local function there(code, ...)
    return vim.rpcrequest(child, 'nvim_exec_lua', code, { ... })
  end
  there(
    [[
      local plugin, cmd = ...
      vim.opt.runtimepath:prepend(plugin)
      vim.opt.swapfile = false
      told = {}
      vim.notify = function(text) table.insert(told, text) end
      vim.cmd('runtime! plugin/callboard.lua')
      require('callboard').setup({ cmd = cmd })
    ]],
    T.plugin,
    cmd
  )
  return {
    there = there,
    types = function(keys)
      vim.rpcrequest(child, 'nvim_input', keys)
    end,
    resize = function(columns, lines)
      vim.rpcrequest(child, 'nvim_ui_try_resize', columns, lines)
    end,
  }
end

local program = assert(vim.env.CALLBOARD, 'CALLBOARD names the binary of the server')

---@class callboard.World a workspace of its own
---@field root string
---@field workspace string
---@field runtime string
---@field env table<string, string>
local World = {}
World.__index = World
T.World = World

--- Makes a workspace with files; trusted unless it is said otherwise.
function World.new(files, opts)
  local root = vim.fn.tempname()
  local world = setmetatable({ root = root, workspace = root .. '/work' }, World)
  -- Of a socket's path there may be little, so the runtime folder is short.
  world.runtime = vim.uv.fs_mkdtemp((vim.uv.os_tmpdir() or '/tmp') .. '/cbXXXXXX')
  world.env = {
    HOME = root .. '/home',
    XDG_CONFIG_HOME = root .. '/config',
    XDG_STATE_HOME = root .. '/state',
    XDG_DATA_HOME = root .. '/data',
    XDG_CACHE_HOME = root .. '/cache',
    XDG_RUNTIME_DIR = world.runtime,
  }
  for _, folder in ipairs({ 'work', 'home', 'config', 'state', 'data', 'cache' }) do
    vim.fn.mkdir(root .. '/' .. folder, 'p')
  end
  vim.fn.mkdir(world.workspace .. '/.callboard', 'p')
  for path, text in pairs(files) do
    world:write(path, text)
  end
  if not (opts and opts.untrusted) then
    world:callboard({ 'trust', '--yes' })
  end
  table.insert(T.undo, function()
    world:finish()
  end)
  require('callboard.config').setup({ cmd = world:cmd() })
  vim.cmd.cd(world.workspace)
  return world
end

--- The server with the world's own folders, as a program, so that this Neovim keeps its own. `other` is a newer program that is
--- put in its place.
---@param other? string
---@return string[]
function World:cmd(other)
  local path = self.root .. '/callboard'
  if other or not vim.uv.fs_stat(path) then
    local lines = { '#!/bin/sh' }
    for name, value in pairs(self.env) do
      table.insert(lines, ("export %s='%s'"):format(name, value))
    end
    table.insert(lines, ('exec \'%s\' "$@"'):format(other or program))
    vim.fn.writefile(lines, path)
    vim.uv.fs_chmod(path, 493) -- 0755
  end
  return { path, 'lsp' }
end

function World:write(path, text)
  local full = self.workspace .. '/' .. path
  vim.fn.mkdir(vim.fs.dirname(full), 'p')
  local file = assert(io.open(full, 'wb'))
  file:write(text)
  file:close()
end

function World:read(path)
  local file = assert(io.open(self.workspace .. '/' .. path, 'rb'))
  local text = file:read('*a')
  file:close()
  return text
end

--- Runs the command line beside the editor, as a person in a shell would.
function World:callboard(args)
  local done = vim
    .system(
      vim.list_extend({ program }, args),
      { cwd = self.workspace, env = self.env, text = true, timeout = 60000 }
    )
    :wait()
  if done.code ~= 0 then
    error(
      ('callboard %s: %d\n%s%s'):format(
        table.concat(args, ' '),
        done.code,
        done.stdout,
        done.stderr
      ),
      2
    )
  end
  return done.stdout
end

function World:finish()
  vim
    .system({ program, 'hub', 'stop' }, { cwd = self.workspace, env = self.env, timeout = 20000 })
    :wait()
  vim.fn.delete(self.root, 'rf')
  vim.fn.delete(self.runtime, 'rf')
end

--- Opens a file of the workspace with the server attached.
function World:edit(path)
  vim.cmd.edit(vim.fn.fnameescape(self.workspace .. '/' .. path))
  local bufnr = vim.api.nvim_get_current_buf()
  if #vim.lsp.get_clients({ name = 'callboard' }) == 0 then
    require('callboard.client').start(self.workspace, { bufnr })
  else
    vim.lsp.buf_attach_client(bufnr, vim.lsp.get_clients({ name = 'callboard' })[1].id)
  end
  self:ready()
  return bufnr
end

--- Waits until the first answers are in.
function World:ready()
  return T.wait('the session', function()
    local session = require('callboard.session').at(self.workspace)
    return session and session.ready and session
  end)
end

local function reset()
  for _, client in ipairs(vim.lsp.get_clients()) do
    client:stop(true)
  end
  vim.wait(5000, function()
    return #vim.lsp.get_clients() == 0
  end, 10)
  for i = #T.undo, 1, -1 do
    pcall(T.undo[i])
  end
  T.undo = {}
  vim.cmd('stopinsert')
  for _, win in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(win).relative ~= '' then
      vim.api.nvim_win_close(win, true)
    end
  end
  vim.cmd('silent! tabonly! | silent! only!')
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    pcall(vim.api.nvim_buf_delete, bufnr, { force = true })
  end
  vim.fn.setqflist({})
end

local only = vim.env.ONLY
T.helpers = dofile(here .. '/helpers.lua')
for _, file in ipairs(arg) do
  dofile(file)
end
-- Whether all specs are run, to their last case.
T.all = not only and #arg >= #vim.fn.glob(here .. '/*_spec.lua', true, true)
local passed, failed = 0, 0
for _, case in ipairs(T.cases) do
  if not only or case.name:find(only, 1, true) then
    T.undo = {}
    local began = vim.uv.hrtime()
    vim.v.errmsg = ''
    local ok, why = xpcall(case.case, debug.traceback)
    reset()
    -- What fails in a callback is only printed by Neovim; it is a failure all the same.
    if ok and vim.v.errmsg:find('^Error executing') then
      ok, why = false, vim.v.errmsg
    end
    if ok then
      passed = passed + 1
    else
      failed = failed + 1
    end
    local ms = math.floor((vim.uv.hrtime() - began) / 1e6)
    io.stdout:write(
      ('%s - %s (%d ms)\n%s'):format(
        ok and 'ok' or 'not ok',
        case.name,
        ms,
        ok and '' or why .. '\n'
      )
    )
    io.stdout:flush()
  end
end
io.stdout:write(('%d passed, %d failed\n'):format(passed, failed))
io.stdout:flush()
os.exit(failed == 0 and passed > 0 and 0 or 1)
