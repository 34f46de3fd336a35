--- One workspace as this Neovim sees it: a store that the hub's feed keeps current, and who wants to hear of changes.
local client_of = require('callboard.client')
local config = require('callboard.config')
local store = require('callboard.store')

local M = {}

---@class callboard.Session
---@field client_id integer
---@field root string
---@field store callboard.Store
---@field told table<string, true> pauses that a notification spoke of
---@field ready boolean whether the first answers are in

---@type table<integer, callboard.Session>
local sessions = {}

---@type table<string, fun(session: callboard.Session, changes: table<string, table<string, true>>)>
local listeners = {}

---@type table<integer, fun()[]>
local closing = {}

--- Hears of every change, under a name; a second listener of the name takes the first one's place.
---@param name string
---@param listen? fun(session: callboard.Session, changes: table<string, table<string, true>>)
function M.listen(name, listen)
  listeners[name] = listen
end

---@param session callboard.Session
---@param changes table<string, table<string, true>>
local function tell(session, changes)
  if next(changes) == nil then
    return
  end
  if session.ready and (changes.message or changes.run) then
    require('callboard.disk').read(session.root)
  end
  for name, listen in pairs(listeners) do
    local ok, why = pcall(listen, session, changes)
    if not ok then
      -- One view that fails must not keep the others from what happened.
      listeners[name] = nil
      client_of.say(('%s stopped: %s'):format(name, why), vim.log.levels.ERROR)
    end
  end
  vim.api.nvim_exec_autocmds(
    'User',
    { pattern = 'CallboardChanged', data = { root = session.root, changes = changes } }
  )
  vim.cmd.redrawstatus({ bang = true })
end

--- Says that something waits for a person: once for each pause, and only where that is wanted.
---@param session callboard.Session
---@param changes table<string, table<string, true>>
local function notify(session, changes)
  for id in pairs(changes.pause or {}) do
    local pause = session.store.pauses[id]
    if pause.answered then
      session.told[id] = nil
    elseif not session.told[id] then
      session.told[id] = true
      if config.current.notify then
        client_of.whisper(('%s waits (:Callboard inbox): %s'):format(id, pause.title))
      end
    end
  end
  for id in pairs(changes.run or {}) do
    local run = session.store.runs[id]
    if session.ready and config.current.notify and store.ended(run) and not session.told[id] then
      session.told[id] = true
      local changed = run.changedFiles or 0
      client_of.whisper(
        ('%s %s: %s%s'):format(
          id,
          run.status,
          changed > 0
              and ('%s changed (:Callboard diff %s, :Callboard undo %s) '):format(
                changed == 1 and '1 file' or changed .. ' files',
                id,
                id
              )
            or '',
          run.title
        ),
        run.status == 'failed' and vim.log.levels.WARN or vim.log.levels.INFO
      )
    end
  end
end

--- Takes many things in at once and tells of them together.
---@param session callboard.Session
---@param kind string
---@param things table[]
local function take(session, kind, things)
  local changes = {}
  for _, thing in ipairs(things) do
    thing.item = kind
    local _, id = store.apply(session.store, thing)
    if id then
      changes[kind] = changes[kind] or {}
      changes[kind][id] = true
    end
  end
  notify(session, changes)
  tell(session, changes)
end

--- Begins: subscribes to all that comes from now on, and asks for what is there. In this order nothing falls between.
---@param client vim.lsp.Client
function M.open(client)
  local session = {
    client_id = client.id,
    root = client.root_dir or vim.fn.getcwd(),
    store = store.new(),
    told = {},
    ready = false,
  }
  sessions[client.id] = session
  client_of.request(client, 'callboard/subscribe', {})
  local open = 0
  local function ask(method, params, kind)
    open = open + 1
    local function over()
      open = open - 1
      if open == 0 then
        session.ready = true
        tell(session, { ready = { [session.root] = true } })
      end
    end
    client_of.request(client, method, params, function(answer)
      take(session, kind, answer)
      over()
    end, over)
  end
  -- Runs that ended before this editor came are not news.
  ask('callboard/runs', { live = true }, 'run')
  ask('callboard/inbox', {}, 'pause')
  ask('callboard/agents', {}, 'agent')
  ask('callboard/channels', {}, 'channel')
  ask('callboard/findings', {}, 'finding')
end

--- Takes a feed.
---@param client_id integer
---@param params { rev: integer, items: table[] }
function M.feed(client_id, params)
  local session = sessions[client_id]
  if not session then
    return
  end
  local changes = {}
  for _, item in ipairs(params.items) do
    local kind, id = store.apply(session.store, item)
    if kind and id then
      changes[kind] = changes[kind] or {}
      changes[kind][id] = true
    end
  end
  session.store.rev = math.max(session.store.rev, params.rev)
  notify(session, changes)
  tell(session, changes)
end

--- Adds messages that were asked for.
---@param session callboard.Session
---@param messages table[]
function M.messages(session, messages)
  take(session, 'message', messages)
end

--- Adds runs that were asked for. Those that have ended are no news.
---@param session callboard.Session
---@param runs table[]
function M.runs(session, runs)
  for _, run in ipairs(runs) do
    session.told[run.id] = session.told[run.id] or store.ended(run) or nil
  end
  take(session, 'run', runs)
end

--- Asks for a run that is not among those that go on.
---@param session callboard.Session
---@param client vim.lsp.Client
---@param run string
function M.fetch_run(session, client, run)
  session.told[run] = true
  client_of.request(client, 'callboard/runs', { run = run }, function(answer)
    take(session, 'run', answer)
  end, function() end)
end

--- Ends: the client is gone. What is shown stays, and says that it is of then.
---@param client_id integer
function M.close(client_id)
  local session = sessions[client_id]
  sessions[client_id] = nil
  if session then
    tell(session, { closed = { [session.root] = true } })
  end
  local calls = closing[client_id] or {}
  closing[client_id] = nil
  for _, call in ipairs(calls) do
    call()
  end
end

--- Calls when a client is gone.
---@param client_id integer
---@param call fun()
function M.when_closed(client_id, call)
  closing[client_id] = closing[client_id] or {}
  table.insert(closing[client_id], call)
end

--- Returns the session of a client, or of the current buffer's workspace.
---@param client_id? integer
---@return callboard.Session?
function M.get(client_id)
  if client_id then
    return sessions[client_id]
  end
  local client = client_of.of()
  return client and sessions[client.id]
end

--- Returns the session of a root.
---@param root string
---@return callboard.Session?
function M.at(root)
  for _, session in pairs(sessions) do
    if session.root == root then
      return session
    end
  end
end

--- Calls with the session of the current workspace once its first answers are in.
---@param call fun(session: callboard.Session, client: vim.lsp.Client)
function M.with(call)
  client_of.with(function(client)
    local session = sessions[client.id]
    if not session then
      return
    elseif session.ready then
      return call(session, client)
    end
    local name = 'waiting.' .. client.id .. '.' .. vim.uv.hrtime()
    M.listen(name, function(changed)
      if changed == session and session.ready then
        M.listen(name, nil)
        call(session, client)
      end
    end)
  end)
end

--- A text for the statusline: `▶ 2` for runs that go on, `◆ 1` for what waits for a person.
---@return string
function M.statusline()
  local session = M.get()
  if not session then
    return ''
  end
  local waiting, live = #store.waiting(session.store), #store.live(session.store)
  local parts = {}
  if live > 0 then
    table.insert(parts, '▶ ' .. live)
  end
  if waiting > 0 then
    table.insert(parts, '◆ ' .. waiting)
  end
  return table.concat(parts, ' ')
end

return M
