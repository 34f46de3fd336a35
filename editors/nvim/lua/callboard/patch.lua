--- Unified diffs with the whole file in them, taken apart into both sides. Pure.
local M = {}

--- Returns what a file was and what it became; a side that does not exist is empty.
---@param diff string a unified diff of one file whose hunks leave nothing out
---@return string[] before
---@return string[] after
function M.sides(diff)
  local before, after = {}, {}
  local within = false
  for _, line in ipairs(vim.split(diff, '\n', { plain = true })) do
    local sign = line:sub(1, 1)
    if line:match('^@@ ') then
      within = true
    elseif within and (sign == ' ' or sign == '-' or sign == '+') then
      if sign ~= '+' then
        table.insert(before, line:sub(2))
      end
      if sign ~= '-' then
        table.insert(after, line:sub(2))
      end
    end
  end
  return before, after
end

return M
