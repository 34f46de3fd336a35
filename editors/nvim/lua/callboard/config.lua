--- Settings: what `setup()` may be told, with defaults, and what is wrong with what it was told.
local M = {}

---@class callboard.Settings
---@field cmd string[] the server and its arguments
---@field channel { layout: 'split'|'vsplit'|'float'|'tab', size: integer, limit: integer, fold: boolean } how the channel opens
---@field notify boolean whether a notification says that something waits for a person
---@field lenses boolean whether Neovim shows the server's lenses in the pages of pause points, beside the buttons
---@field restarts integer how often a server that died is started again within three minutes

---@type callboard.Settings
local defaults = {
  cmd = { 'callboard', 'lsp' },
  channel = { layout = 'vsplit', size = 60, limit = 200, fold = true },
  notify = true,
  lenses = false,
  restarts = 3,
}

---@type callboard.Settings
M.current = vim.deepcopy(defaults)

local layouts = { split = true, vsplit = true, float = true, tab = true }

--- Checks one table against another of defaults: no unknown key, no wrong type.
---@param told table
---@param known table
---@param at string
---@return string?
local function wrong(told, known, at)
  for key, value in pairs(told) do
    local name = at .. tostring(key)
    local default = known[key]
    if default == nil then
      local names = vim.tbl_keys(known)
      table.sort(names)
      return ('there is no setting `%s`; there are %s'):format(name, table.concat(names, ', '))
    elseif type(value) ~= type(default) then
      return ('`%s` must be a %s, not a %s'):format(name, type(default), type(value))
    elseif type(default) == 'table' and not vim.islist(default) then
      local inner = wrong(value, default, name .. '.')
      if inner then
        return inner
      end
    end
  end
end

--- Says what is wrong with settings, in words; nil where nothing is.
---@param told table
---@return string?
function M.problem(told)
  local problem = wrong(told, defaults, '')
  if problem then
    return problem
  end
  local layout = told.channel and told.channel.layout
  if layout and not layouts[layout] then
    return ('`channel.layout` is split, vsplit, float or tab, not %q'):format(layout)
  end
  if told.cmd and (#told.cmd == 0 or type(told.cmd[1]) ~= 'string') then
    return '`cmd` is a list that begins with the program, such as { "callboard", "lsp" }'
  end
end

--- Takes settings over the defaults. What is wrong is said, and then the defaults stand.
---@param told? table
---@return boolean taken
function M.setup(told)
  told = told or {}
  local problem = M.problem(told)
  if problem then
    vim.notify('Callboard: ' .. problem .. ' (see :help callboard-settings)', vim.log.levels.ERROR)
    return false
  end
  M.current = vim.tbl_deep_extend('force', vim.deepcopy(defaults), told)
  return true
end

return M
