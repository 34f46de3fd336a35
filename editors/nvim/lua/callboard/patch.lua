--- Unified diffs, undone on a text: what a file was before. Pure.
local M = {}

--- Returns the lines that a file had before a diff; nil where the text is not what the diff left.
---@param after string[]
---@param diff string a unified diff of one file
---@return string[]?
function M.before(after, diff)
  local lines = vim.split(diff, '\n', { plain = true })
  local before, at, i = {}, 1, 1
  while i <= #lines do
    local start, count = lines[i]:match('^@@ %-%d+,?%d* %+(%d+),?(%d*) @@')
    if start then
      local from = tonumber(start) --[[@as integer]]
      if count == '0' then
        from = from + 1 -- A hunk with no lines after it names the line before.
      end
      while at < from do
        if not after[at] then
          return nil
        end
        table.insert(before, after[at])
        at = at + 1
      end
      i = i + 1
      while i <= #lines and lines[i]:match('^[ +%-\\]') do
        local sign, text = lines[i]:sub(1, 1), lines[i]:sub(2)
        if sign == ' ' or sign == '+' then
          if after[at] ~= text then
            return nil
          end
          at = at + 1
        end
        if sign == ' ' or sign == '-' then
          table.insert(before, text)
        end
        i = i + 1
      end
    else
      i = i + 1
    end
  end
  while after[at] do
    table.insert(before, after[at])
    at = at + 1
  end
  return before
end

return M
