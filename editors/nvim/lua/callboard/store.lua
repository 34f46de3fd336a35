--- What is known of a workspace: the newest form of each thing that the hub told of. Pure: tables in, tables out.
---
--- Every thing carries the revision of its last change. An answer may come after a feed that is newer, so the form with the
--- higher revision is kept (docs/protocol.md).
local M = {}

---@class callboard.Store
---@field rev integer
---@field channels table<string, callboard.ChannelView>
---@field messages table<string, table<string, callboard.MessageView>> by channel and id
---@field order table<string, string[]> ids of messages by channel, in their order
---@field runs table<string, callboard.RunView>
---@field pauses table<string, callboard.PauseView>
---@field agents table<string, callboard.AgentView>
---@field findings table<string, callboard.Finding>

---@return callboard.Store
function M.new()
  return {
    rev = 0,
    channels = {},
    messages = {},
    order = {},
    runs = {},
    pauses = {},
    agents = {},
    findings = {},
  }
end

--- Returns the number in an id such as `m12`, by which things are ordered. A name such as `claude-2` has none.
---@param id string
---@return number
function M.number(id)
  return tonumber(id:match('^%a(%d+)$')) or 0
end

--- Keeps a thing where it is newer than what is there.
---@param kept table<string, table>
---@param id string
---@param thing table
---@return boolean changed
local function keep(kept, id, thing)
  local old = kept[id]
  if old and old.rev >= thing.rev then
    return false
  end
  kept[id] = thing
  return true
end

--- Puts an id where it belongs by its number. New ones come last, so that is where the search begins.
---@param ids string[]
---@param id string
local function insert(ids, id)
  local number, at = M.number(id), #ids
  while at > 0 and M.number(ids[at] or '') > number do
    at = at - 1
  end
  table.insert(ids, at + 1, id)
end

---@param store callboard.Store
---@param message table
---@return boolean changed
function M.message(store, message)
  local channel = message.channel
  local kept = store.messages[channel] or {}
  store.messages[channel] = kept
  local known = kept[message.id] ~= nil
  if not keep(kept, message.id, message) then
    return false
  end
  if not known then
    store.order[channel] = store.order[channel] or {}
    insert(store.order[channel], message.id)
  end
  return true
end

local named =
  { channel = 'channels', run = 'runs', pause = 'pauses', agent = 'agents', finding = 'findings' }

--- Takes one item of a feed. Returns what it changed: its kind and its id; nil where it is older than what is known.
---@param store callboard.Store
---@param item table
---@return string? kind
---@return string? id
function M.apply(store, item)
  local kind = item.item
  if kind == 'message' then
    if M.message(store, item) then
      return kind, item.id
    end
    return nil
  end
  local kept = store[named[kind]]
  if not kept then
    return nil -- A newer hub tells of things that this client does not know.
  end
  local id = item.id or item.name or (item.info and item.info.name)
  if id and keep(kept, id, item) then
    return kind, id
  end
end

--- Returns the values of a table in the order of their ids' numbers, or of their names.
---@generic T
---@param things table<string, T>
---@param fits? fun(thing: T): boolean?
---@return T[]
function M.sorted(things, fits)
  local ids = {}
  for id, thing in pairs(things) do
    if not fits or fits(thing) then
      table.insert(ids, id)
    end
  end
  table.sort(ids, function(a, b)
    local x, y = M.number(a), M.number(b)
    if x ~= y then
      return x < y
    end
    return a < b
  end)
  return vim.tbl_map(function(id)
    return things[id]
  end, ids)
end

--- Returns the pauses that wait for an answer, oldest first.
---@param store callboard.Store
---@return callboard.PauseView[]
function M.waiting(store)
  return M.sorted(store.pauses, function(pause)
    return not pause.answered
  end)
end

local ends = { approved = true, done = true, failed = true, rejected = true, stopped = true }

--- Returns whether a run has ended.
---@param run callboard.RunView
---@return boolean
function M.ended(run)
  return ends[run.status] == true
end

--- Returns the runs that have not ended, oldest first.
---@param store callboard.Store
---@return callboard.RunView[]
function M.live(store)
  return M.sorted(store.runs, function(run)
    return not M.ended(run)
  end)
end

return M
