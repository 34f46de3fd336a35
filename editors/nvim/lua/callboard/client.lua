--- The language client: where a workspace begins, the server's configuration, and one way to reach it.
local config = require('callboard.config')

local M = {}

M.name = 'callboard'

--- What marks a workspace's root. The nearest folder that has one counts, as it does for the server.
---@param name string
---@return boolean
local function marks(name)
  return name == '.callboard' or name == '.git'
end

---@type table<integer, fun(client: vim.lsp.Client)[]> what waits for a client's greeting, by its id
local waiting = {}

---@type table<string, integer[]> when the server of a root was started again, in ms
local restarts = {}

---@type table<integer, true> clients that were asked to end
local ending = {}

--- Says something to the person.
---@param text string
---@param level? integer
function M.say(text, level)
  vim.notify('Callboard: ' .. text, level or vim.log.levels.INFO)
end

--- Says in one line what nobody asked for: a longer text would make the person press a key first.
---@param text string
---@param level? integer
function M.whisper(text, level)
  local room = math.max(vim.v.echospace - #'Callboard: ', 40)
  local line = text:gsub('%s+', ' ')
  if vim.fn.strdisplaywidth(line) > room then
    line = vim.fn.strcharpart(line, 0, room - 1) .. '…'
  end
  M.say(line, level)
end

--- Returns the server and its arguments: what `vim.lsp.config` was told, else the setting.
---@return string[]
local function server()
  local configs = vim.lsp.config --[[@as table<string, any>]]
  local told = (configs[M.name] or {}).cmd
  return type(told) == 'table' and told or config.current.cmd
end

--- Returns the program that would be started, or nil where it is not there.
---@return string?
function M.program()
  local found = vim.fn.exepath(server()[1] or '')
  return found ~= '' and found or nil
end

--- What to do where the server is missing.
function M.missing()
  return (
    'the server `%s` is not installed, or not on the PATH. Install it, or name it: '
    .. 'require("callboard").setup { cmd = { "/path/to/callboard", "lsp" } }'
  ):format(server()[1])
end

--- Returns whether a file is one that Callboard itself keeps for a workspace, such as the page of a pause point. It lies in no
--- workspace, whatever folder is above it, and is attached to the server that had it shown.
---@param name string
---@return boolean
function M.ours(name)
  return name:match('/callboard/[^/]*%-' .. ('%x'):rep(12) .. '/') ~= nil
end

--- Returns the root of the workspace that a buffer's file lies in; nil where it lies in none.
---@param bufnr integer
---@return string?
local function marked(bufnr)
  local name = vim.api.nvim_buf_get_name(bufnr)
  if vim.bo[bufnr].buftype ~= '' or name == '' or M.ours(name) then
    return nil
  end
  return vim.fs.root(name, marks)
end

--- Returns the root of a buffer's workspace; for a buffer without a file that of the current folder.
---@param bufnr integer
---@return string
function M.root(bufnr)
  local here = vim.fn.getcwd()
  return marked(bufnr) or vim.fs.root(here, marks) or here
end

--- Says why a server ended, and starts it again where that may help.
---@param client_id integer
---@param root string
---@param code integer
---@param signal integer
local function ended(client_id, root, code, signal)
  waiting[client_id] = nil
  require('callboard.session').close(client_id)
  local asked = ending[client_id]
  ending[client_id] = nil
  -- 1 is what the server ends with when its client went without a word, and 15 how Neovim ends one that somebody wants ended.
  local wanted = asked or signal == 15 or (signal == 0 and (code == 0 or code == 1 or code == 143))
  if wanted or vim.v.exiting ~= vim.NIL then
    return
  end
  local now = vim.uv.now()
  local recent = vim.tbl_filter(function(at)
    return now - at < 180000
  end, restarts[root] or {})
  if #recent >= config.current.restarts then
    restarts[root] = recent
    M.say(
      ('the server ended with %d, and again after %d starts; look at :Callboard log, then :Callboard restart'):format(
        code,
        #recent
      ),
      vim.log.levels.ERROR
    )
    return
  end
  table.insert(recent, now)
  restarts[root] = recent
  -- Each start waits longer than the one before, so that a server that can't start costs nothing.
  vim.defer_fn(function()
    -- A folder that is gone meanwhile needs no server.
    if not vim.uv.fs_stat(root) then
      return
    end
    local buffers = vim.tbl_filter(function(bufnr)
      return vim.api.nvim_buf_is_loaded(bufnr)
        and vim.bo[bufnr].buftype == ''
        and vim.api.nvim_buf_get_name(bufnr) ~= ''
        and M.root(bufnr) == root
    end, vim.api.nvim_list_bufs())
    M.start(root, buffers)
  end, math.floor(100 * 4 ^ (#recent - 1)))
end

--- The configuration of `lsp/callboard.lua`.
---@return vim.lsp.Config
function M.config()
  return {
    name = M.name,
    -- Read when it is started, so that `setup()` may come later than `vim.lsp.enable`.
    cmd = function(dispatchers, given)
      return vim.lsp.rpc.start(
        config.current.cmd,
        dispatchers,
        { cwd = given and given.root_dir or nil }
      )
    end,
    root_dir = function(bufnr, on_dir)
      -- Only what lies in a workspace is attached by itself: a hub is started for no other folder, unless a person asks for it.
      local root = marked(bufnr)
      if not root then
        return
      end
      if not M.program() then
        vim.notify_once('Callboard: ' .. M.missing(), vim.log.levels.WARN)
        return
      end
      on_dir(root)
    end,
    -- The plugin has an inbox of its own, so the server need not ask by messages.
    init_options = { prompts = false, saves = true },
    -- What a code action or a lens asks for and Neovim does better than a server can.
    commands = {
      ['callboard.trust'] = function()
        require('callboard.trust').ask()
      end,
      ['callboard.openChannel'] = function(command)
        local given = (command.arguments or {})[1] or {}
        if given.draft then
          require('callboard.compose').open({ channel = given.channel, text = given.draft })
        else
          require('callboard.channel').open({ channel = given.channel })
        end
      end,
      ['callboard.openTerminal'] = function(command)
        require('callboard.terminal').open(command.arguments[1].agent)
      end,
      ['callboard.dismissFinding'] = function(command, ctx)
        local client = vim.lsp.get_client_by_id(ctx.client_id)
        if client then
          require('callboard.findings').settle(client, command.arguments[1])
        end
      end,
    },
    handlers = {
      ['callboard/saveBuffers'] = function(_, params)
        return require('callboard.disk').save(params.uris)
      end,
      ['callboard/feed'] = function(_, params, ctx)
        require('callboard.session').feed(ctx.client_id, params)
      end,
      ['callboard/terminalFrame'] = function(_, params, ctx)
        require('callboard.terminal').frame(ctx.client_id, params)
      end,
      ['window/showDocument'] = function(err, params, ctx)
        -- A page belongs beside the code, not in the window of the channel or of an agent.
        if params.takeFocus and vim.bo.buftype ~= '' then
          vim.api.nvim_set_current_win(require('callboard.place').window())
        end
        local answer = vim.lsp.handlers['window/showDocument'](err, params, ctx)
        -- A page lies outside the workspace, so nothing else attaches it.
        local bufnr = vim.uri_to_bufnr(params.uri)
        if vim.api.nvim_buf_is_loaded(bufnr) then
          vim.lsp.buf_attach_client(bufnr, ctx.client_id)
          require('callboard.page').opened(bufnr, ctx.client_id)
        end
        return answer
      end,
    },
    on_init = function(client)
      require('callboard.session').open(client)
      local calls = waiting[client.id] or {}
      waiting[client.id] = nil
      for _, call in ipairs(calls) do
        call(client)
      end
    end,
    on_exit = function(code, signal, client_id)
      local client = vim.lsp.get_client_by_id(client_id)
      local root = client and client.root_dir or vim.fn.getcwd()
      vim.schedule(function()
        ended(client_id, root, code, signal)
      end)
    end,
  }
end

--- Starts the server for a root and attaches buffers to it.
---@param root string
---@param buffers? integer[]
---@return integer? client_id
function M.start(root, buffers)
  if not M.program() then
    M.say(M.missing(), vim.log.levels.ERROR)
    return nil
  end
  local configs = vim.lsp.config --[[@as table<string, any>]]
  local given = configs[M.name] or M.config()
  local merged = vim.tbl_extend('force', given, { name = M.name, root_dir = root }) --[[@as vim.lsp.ClientConfig]]
  local id = vim.lsp.start(merged, { attach = false, silent = true })
  if not id then
    return nil
  end
  for _, bufnr in ipairs(buffers or {}) do
    vim.lsp.buf_attach_client(bufnr, id)
  end
  return id
end

--- Returns the name of a buffer that shows something of a workspace. Two workspaces never share one.
---@param root string
---@param what string
---@return string
function M.buffer_name(root, what)
  return ('callboard://%s/%s'):format(vim.fn.fnamemodify(root, ':~'), what)
end

--- Returns the client of a buffer's workspace, where one runs.
---@param bufnr? integer
---@return vim.lsp.Client?
function M.of(bufnr)
  bufnr = bufnr or vim.api.nvim_get_current_buf()
  local of = vim.b[bufnr].callboard_client
  if of then
    local client = vim.lsp.get_client_by_id(of)
    if client and not client:is_stopped() then
      return client
    end
  end
  local attached = vim.lsp.get_clients({ name = M.name, bufnr = bufnr })[1]
  if attached then
    return attached
  end
  local root = vim.b[bufnr].callboard_root or M.root(bufnr)
  for _, client in ipairs(vim.lsp.get_clients({ name = M.name })) do
    if client.root_dir == root and not client:is_stopped() then
      return client
    end
  end
end

--- Calls with the client of the current workspace, once it has been greeted; starts it where none runs.
---@param call fun(client: vim.lsp.Client)
---@param bufnr? integer
function M.with(call, bufnr)
  bufnr = bufnr or vim.api.nvim_get_current_buf()
  local client = M.of(bufnr)
  local id = client and client.id
  if not id then
    local ordinary = vim.bo[bufnr].buftype == '' and vim.api.nvim_buf_get_name(bufnr) ~= ''
    id = M.start(vim.b[bufnr].callboard_root or M.root(bufnr), ordinary and { bufnr } or {})
    client = id and vim.lsp.get_client_by_id(id)
  end
  if not id or not client then
    return
  end
  if client.initialized then
    call(client)
  else
    waiting[id] = waiting[id] or {}
    table.insert(waiting[id], call)
  end
end

--- Sends a request. `done` gets what came of it; a refusal goes to `failed`, or else to the person.
---@param client vim.lsp.Client
---@param method string
---@param params table
---@param done? fun(result: any)
---@param failed? fun(err: lsp.ResponseError)
function M.request(client, method, params, done, failed)
  -- An empty table is written as a list, which is no params of ours.
  local sent = next(params) == nil and vim.empty_dict() or params
  local ok = client:request(method, sent, function(err, result)
    if err then
      if failed then
        failed(err)
      else
        M.say(err.message, vim.log.levels.ERROR)
      end
    elseif done then
      done(result)
    end
  end)
  if not ok then
    M.say('the server has ended; :Callboard restart starts it', vim.log.levels.ERROR)
  end
end

--- Runs one of the server's commands, as code actions and lenses do.
---@param client vim.lsp.Client
---@param command string
---@param argument table
---@param done? fun(result: any)
---@param failed? fun(err: lsp.ResponseError)
function M.command(client, command, argument, done, failed)
  local given = next(argument) == nil and vim.empty_dict() or argument
  M.request(
    client,
    'workspace/executeCommand',
    { command = command, arguments = { given } },
    done,
    failed
  )
end

--- Ends the server of the current workspace and starts it again. Runs are the hub's and go on.
function M.restart()
  local bufnr = vim.api.nvim_get_current_buf()
  local client = M.of(bufnr)
  local root = client and client.root_dir or M.root(bufnr)
  restarts[root] = nil
  if not client then
    M.start(root, vim.bo[bufnr].buftype == '' and { bufnr } or {})
    return
  end
  local buffers = vim.tbl_keys(client.attached_buffers)
  ending[client.id] = true
  client:stop()
  require('callboard.session').when_closed(client.id, function()
    M.start(root, buffers)
    M.say('the server was started again')
  end)
end

--- Ends the server of the current workspace.
function M.stop()
  local client = M.of()
  if client then
    ending[client.id] = true
    client:stop()
  end
end

return M
