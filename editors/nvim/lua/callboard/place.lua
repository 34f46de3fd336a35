--- Places in the code that a message speaks of: `src/lib.rs:12:3`.
local M = {}

--- Finds the place in a text that a column stands in, or the first one. Pure.
---@param text string
---@param column? integer from 1
---@return string? path
---@return integer? line
---@return integer? col
function M.parse(text, column)
  local first
  local from = 1
  while true do
    local start, stop, path, line, col =
      text:find('([%w%._%-/\\~+@]*[%w_%-]%.?[%w_]*):(%d+):?(%d*)', from)
    if not start then
      break
    end
    local number = tonumber(col)
    local place = { path, math.floor(tonumber(line) or 1), number and math.floor(number) }
    if column and column >= start and column <= stop then
      return path, place[2], place[3]
    end
    first = first or place
    from = stop + 1
  end
  if first and not column then
    return first[1], first[2], first[3]
  end
end

--- Returns the place under the cursor, where its file is one of the workspace.
---@param root string
---@return { path: string, line: integer, col: integer? }?
function M.under_cursor(root)
  local column = vim.api.nvim_win_get_cursor(0)[2] + 1
  local path, line, col = M.parse(vim.api.nvim_get_current_line(), column)
  return path and line and M.within(root, path, line, col) or nil
end

--- Returns a place of the workspace; nil where there is no such file, or it lies outside.
---@param root string
---@param path string
---@param line integer
---@param col? integer
---@return { path: string, line: integer, col: integer? }?
function M.within(root, path, line, col)
  local real = vim.uv.fs_realpath(vim.fs.joinpath(root, path))
  local real_root = vim.uv.fs_realpath(root)
  if
    not real
    or not real_root
    or not vim.startswith(real, real_root .. '/')
    or vim.fn.isdirectory(real) == 1
  then
    return nil
  end
  return { path = real, line = line, col = col }
end

--- Opens a place in a window that shows ordinary files.
---@param place { path: string, line: integer, col: integer? }
function M.go(place)
  local win = M.window()
  vim.api.nvim_set_current_win(win)
  vim.cmd("normal! m'")
  vim.cmd.edit(vim.fn.fnameescape(place.path))
  local last = vim.api.nvim_buf_line_count(0)
  vim.api.nvim_win_set_cursor(
    win,
    { math.min(place.line, last), math.max((place.col or 1) - 1, 0) }
  )
  vim.cmd('normal! zv')
end

--- Returns a window of this tab page that shows an ordinary file, and makes one where there is none.
---@return integer win
function M.window()
  local last = vim.fn.win_getid(vim.fn.winnr('#'))
  local wins = vim.api.nvim_tabpage_list_wins(0)
  table.insert(wins, 1, last)
  for _, win in ipairs(wins) do
    if vim.api.nvim_win_is_valid(win) and vim.api.nvim_win_get_config(win).relative == '' then
      local bufnr = vim.api.nvim_win_get_buf(win)
      if vim.bo[bufnr].buftype == '' then
        return win
      end
    end
  end
  vim.cmd('topleft vsplit')
  vim.cmd.enew()
  return vim.api.nvim_get_current_win()
end

return M
