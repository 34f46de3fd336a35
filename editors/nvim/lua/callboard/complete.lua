--- Completion of what a message may name: `@agent`, `#channel`, `/command` and paths. The server knows them best; where it
--- can't be asked, what the editor knows of agents and channels does.
local render = require('callboard.render')
local session_of = require('callboard.session')
local store = require('callboard.store')

local M = {}

--- How long the person may wait for the server, in ms.
local PATIENCE = 1000

--- Returns where the word before the cursor begins, from 0. Pure.
---@param before string the line up to the cursor
---@return integer
function M.start(before)
  local at = before:find('[@#/%w%._%-~][%w%._%-/~]*$')
  return (at or #before + 1) - 1
end

--- Returns what the editor itself knows for a word.
---@param session callboard.Session
---@param base string
---@return table[]
function M.known(session, base)
  local items = {}
  local function add(word, menu)
    if vim.startswith(word, base) then
      table.insert(items, { word = word, menu = menu })
    end
  end
  if base:sub(1, 1) == '@' then
    for _, agent in ipairs(store.sorted(session.store.agents)) do
      add(
        '@' .. agent.info.name,
        type(agent.info.missing) == 'string' and 'not installed' or render.state(agent.claim.state)
      )
    end
    add('@all', 'everybody')
    add('@others', 'everybody else')
  elseif base:sub(1, 1) == '#' then
    for _, channel in ipairs(store.sorted(session.store.channels)) do
      add('#' .. channel.name, 'channel')
    end
  end
  return items
end

--- Returns the files of the workspace that a word begins: whoever asks for completion where no sign says what of wants a path.
---@param root string
---@param base string
---@return table[]
function M.files(root, base)
  if base == '' or base:find('^[@#/~]') then
    return {}
  end
  local found = vim.fn.getcompletion(vim.fn.escape(root, ' \\') .. '/' .. base, 'file')
  local given = base:match('^%./') or ''
  return vim.tbl_map(function(path)
    local from_root = vim.fs.relpath(root, path) or path
    return { word = given .. from_root .. (path:sub(-1) == '/' and '/' or ''), menu = 'file' }
  end, found)
end

--- The composer's 'omnifunc'.
---@param findstart integer
---@param base string
---@return integer|table[]
function M.omni(findstart, base)
  local line = vim.api.nvim_get_current_line()
  local column = vim.api.nvim_win_get_cursor(0)[2]
  if findstart == 1 then
    return M.start(line:sub(1, column))
  end
  local session = session_of.get(vim.b.callboard_client)
  local client = session and vim.lsp.get_client_by_id(session.client_id)
  if not session or not client then
    return {}
  end
  -- Vim takes the word out of the line before it asks for what completes it. What stands in lines above counts too.
  local row = vim.api.nvim_win_get_cursor(0)[1] --[[@as integer]]
  local above = vim.api.nvim_buf_get_lines(0, 0, row - 1, false)
  table.insert(above, line:sub(1, column) .. base)
  local text = table.concat(above, '\n')
  local units = client.offset_encoding == 'utf-8' and 'utf-8' or 'utf-16'
  local params = { text = text, cursor = vim.str_utfindex(text, units, #text) }
  local answer = client:request_sync('callboard/complete', params, PATIENCE, 0)
  if not answer or not answer.result then
    return M.known(session, base)
  end
  if #answer.result.items == 0 then
    return M.files(session.root, base)
  end
  return vim.tbl_map(function(item)
    -- What it replaces may begin before the word that Vim completes, or within it.
    local from = vim.str_byteindex(text, units, item.start)
    local kept = text:sub(#text - #base + 1, math.max(from, #text - #base))
    return { word = kept .. item.insert, abbr = item.label, menu = item.detail, dup = 1 }
  end, answer.result.items)
end

return M
